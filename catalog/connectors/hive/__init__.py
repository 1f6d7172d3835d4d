"""Hive metastores, asked through Thrift or read straight from their database, which is several times faster."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Protocol

from catalog.connectors.base import (
    SAMPLE_SEED,
    Changes,
    ConnectorError,
    ConnectorSpec,
    Context,
    DatabaseRef,
    DatasetRef,
    Health,
    InvalidOptions,
    Loaded,
    LoadFailure,
    NoSuchDatabase,
    NoSuchTable,
    Option,
    Page,
    PageToken,
    Partition,
    Refused,
    RowSample,
    SourceUnavailable,
    check_options,
    page_of_names,
)
from catalog.connectors.hive.sampling import SAMPLED_PARTITIONS, HiveSample, places
from catalog.connectors.hive.tables import HiveTable, TableName
from catalog.domain.names import CaseRule
from catalog.domain.partitions import Bounds, PartitionFilter, values_of

MAX_EVENTS = 100_000
"""Past so many events since the last sync, everything is read anew."""
NAMES_A_CALL = 20_000
PARTITIONS_A_CALL = 2_000


class Metastore(Protocol):
    """One way to a metastore."""

    def version(self, ctx: Context) -> str:
        """Return what answered."""

    def databases(self, ctx: Context) -> Sequence[DatabaseRef]:
        """Return all databases."""

    def table_names(self, ctx: Context, database: str) -> Sequence[str] | None:
        """Return the names of tables and views, None if there is no such database."""

    def tables(self, ctx: Context, database: str, names: Sequence[str]) -> Iterable[HiveTable | LoadFailure]:
        """Return those of the named tables that are there, in any order."""

    def last_event(self, ctx: Context) -> int | None:
        """Return the number of the newest event, None where no events are kept."""

    def events(self, ctx: Context, after: int, limit: int) -> Iterable[tuple[int, str, str]]:
        """Return number, database and table of the events behind a number, in order, at most ``limit``."""

    def partition_names(
        self, ctx: Context, table: TableName, bounds: Mapping[int, Bounds], after: str, limit: int
    ) -> Sequence[str]:
        """
        Return names behind a name, in order, at most ``limit``; partitions out of bounds may be left out.

        :raises NoSuchTable: if there is no such table.
        """

    def partitions(self, ctx: Context, table: TableName, names: Sequence[str]) -> Iterable[Partition]:
        """Return the named partitions, in any order."""

    def close(self) -> None:
        """Let go of the source."""


class HiveConnector:
    """A Hive metastore, version 2.3 or newer. In its database a table keeps its TBL_ID; through Thrift, its time of creation."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        platform="hive",
        title="Hive",
        icon="hive",
        options=(
            Option("uri", "Thrift address", "Where the metastore listens.", placeholder="thrift://metastore:9083"),
            Option(
                "database_url",
                "Or its database",
                "Read the metastore's own database instead, several times faster: PostgreSQL, or SQLite in the same layout.",
                secret=True,
                placeholder="postgresql://reader:password@host/metastore",
            ),
            Option(
                "rows_below",
                "Where rows may be read",
                "Locations, apart by commas: where sampling is allowed, files of tables are read below them and nowhere else."
                " Parquet, ORC, text, CSV and JSON, on this machine or in S3 by the credentials of the environment.",
                placeholder="s3://lake/warehouse",
            ),
        ),
        case_rule=CaseRule.FOLDS,
        list_refs=100_000,
        load_refs=500,
        keeps_open=True,
    )

    def __init__(self, **options: Any) -> None:
        check_options(options, self.spec)
        uri = str(options.get("uri") or "").strip()
        database_url = str(options.get("database_url") or "").strip()
        if bool(uri) == bool(database_url):
            raise InvalidOptions(
                "hive needs one of the options 'uri' (thrift://HOST:PORT) and 'database_url', not both"
            )
        try:
            self._rows_below = places(str(options.get("rows_below") or ""))
        except Refused as error:
            raise InvalidOptions(f"'rows_below': {error}") from None
        self._metastore = _by_thrift(uri) if uri else _by_sql(database_url)

    def check(self, ctx: Context) -> Health:
        """Reach the metastore, and say whether it keeps a log of changes."""
        version = self._metastore.version(ctx)
        databases = len(self._metastore.databases(ctx))
        notes: tuple[str, ...] = ()
        if self._metastore.last_event(ctx) is None:
            notes = ("It keeps no events (DbNotificationListener), so that every sync reads every table.",)
        return Health(version, databases, notes)

    def list_databases(self, ctx: Context, page: PageToken | None = None) -> Page[DatabaseRef]:
        """Return databases in name order, all on one page."""
        return Page(sorted(self._metastore.databases(ctx), key=lambda ref: ref.name))

    def list_datasets(self, ctx: Context, database: str, page: PageToken | None = None) -> Page[DatasetRef]:
        """Return tables and views in name order, without digests: :meth:`changes` says what to read again."""
        names = self._metastore.table_names(ctx, database)
        if names is None:
            raise NoSuchDatabase(f"the metastore has no database '{database}'")
        shown = page_of_names(names, ctx, page)
        return Page([DatasetRef(database, name) for name in shown.items], shown.next)

    def load(self, ctx: Context, refs: Sequence[DatasetRef]) -> Iterator[Loaded | LoadFailure]:
        """Return documents, a batch of each database in one call."""
        by_database: dict[str, list[str]] = {}
        for ref in refs:
            by_database.setdefault(ref.database, []).append(ref.name)
        answers: dict[tuple[str, str], Loaded | LoadFailure] = {}
        for database, names in by_database.items():
            for start in range(0, len(names), self.spec.load_refs):
                ctx.check()
                part = names[start : start + self.spec.load_refs]
                for table in self._metastore.tables(ctx, database, part):
                    answer = table.loaded() if isinstance(table, HiveTable) else table
                    answers[database, answer.ref.name] = answer
        for ref in refs:
            gone = LoadFailure(ref, f"there is no table '{ref.name}' in '{ref.database}'", gone=True)
            yield answers.get((ref.database, ref.name), gone)

    def changes(self, ctx: Context, since: str | None) -> Changes | None:
        """Return what the metastore's events name; they are trimmed after a time, and a gap says that they are."""
        last = self._metastore.last_event(ctx)
        if not last:  # without a listener the number stays at nought
            return None
        after = int(since) if since and since.isdigit() else None
        touched = None
        if after is not None:
            try:
                touched = self._touched(ctx, after, last)
            except SourceUnavailable:
                raise
            except ConnectorError:  # a server that counts events and does not tell them
                touched = None
        return Changes(str(last), touched)

    def _touched(self, ctx: Context, after: int, last: int) -> Mapping[str, frozenset[str]] | None:
        if not after <= last <= after + MAX_EVENTS:
            return None
        touched: dict[str, set[str]] = {}
        expected = after + 1
        for number, database, table in self._metastore.events(ctx, after, MAX_EVENTS):
            if number != expected:
                return None
            expected += 1
            touched.setdefault(database, set()).add(table)
        if expected <= last:
            return None
        return {database: frozenset(names) for database, names in touched.items()}

    def partition_names(
        self, ctx: Context, ref: DatasetRef, wanted: PartitionFilter | None, page: PageToken | None = None
    ) -> Page[str]:
        """Return names; as many are asked of the metastore at once as a filter may need to fill a page."""
        table = TableName(ref.database, ref.name)
        picked: list[str] = []
        after = page or ""
        asked = NAMES_A_CALL if wanted else ctx.page_size + 1
        while len(picked) <= ctx.page_size:
            names = self._metastore.partition_names(ctx, table, wanted.bounds if wanted else {}, after, asked)
            picked += [name for name in names if wanted is None or wanted.wants(name)]
            if len(names) < asked:
                break
            after = names[-1]
        shown = picked[: ctx.page_size]
        return Page(shown, shown[-1] if len(picked) > len(shown) else None)

    def partitions(self, ctx: Context, ref: DatasetRef, names: Sequence[str]) -> Sequence[Partition]:
        """Return partitions, a batch in one call."""
        table = TableName(ref.database, ref.name)
        found: dict[str, Partition] = {}
        for start in range(0, len(names), PARTITIONS_A_CALL):
            part = names[start : start + PARTITIONS_A_CALL]
            found |= {partition.name: partition for partition in self._metastore.partitions(ctx, table, part)}
        return [found[name] for name in names if name in found]

    def sample(self, ctx: Context, ref: DatasetRef, *, limit: int, newest_of: Sequence[str] = ()) -> RowSample:
        """Return all rows if they are few, else those of files of partitions drawn at random."""
        table = next(iter(self._metastore.tables(ctx, ref.database, [ref.name])), None)
        if table is None:
            raise NoSuchTable(f"there is no table '{ref.name}' in '{ref.database}'")
        if isinstance(table, LoadFailure):
            raise ConnectorError(table.reason)
        sample = HiveSample(ctx, table, self._rows_below)
        if not table.partition_keys:
            return sample.draw((), is_whole=True, limit=limit, newest_of=newest_of)
        names = self._metastore.partition_names(ctx, TableName(ref.database, ref.name), {}, "", NAMES_A_CALL)
        drawn, is_whole = names, len(names) <= SAMPLED_PARTITIONS
        if not is_whole:
            drawn = sorted(random.Random(SAMPLE_SEED).sample(names, SAMPLED_PARTITIONS))
        partitions = self.partitions(ctx, ref, drawn)  # in order, so that the same sample is drawn again
        found = sample.draw(partitions, is_whole=is_whole, limit=limit, newest_of=newest_of)
        if len(names) == NAMES_A_CALL:
            return found  # there may be more, and the newest among them
        return replace(found, newest={**found.newest, **_newest_keys(table, names, newest_of)})

    def close(self) -> None:
        """Close the connection."""
        self._metastore.close()


def _newest_keys(table: HiveTable, names: Sequence[str], newest_of: Sequence[str]) -> dict[str, str]:
    """Return the greatest values of partition keys, as the texts that they are."""
    keys = {name: at for at, (name, _, _) in enumerate(table.partition_keys) if name in newest_of}
    values = [values_of(name) for name in names] if keys else []
    told = {key: [found for value in values if (found := value[at]) is not None] for key, at in keys.items()}
    return {key: max(found) for key, found in told.items() if found}


def _by_thrift(uri: str) -> Metastore:
    from catalog.connectors.hive.by_thrift import ThriftMetastore

    return ThriftMetastore(uri)


def _by_sql(url: str) -> Metastore:
    from catalog.connectors.hive.by_sql import SQLMetastore

    return SQLMetastore(url)
