"""SQLite files, opened read-only."""

from __future__ import annotations

import hashlib
import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from catalog.connectors.base import (
    SAMPLE_SEED,
    SAMPLED_CHARACTERS,
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
    Refused,
    RowSample,
    SampleMethod,
    SourceBusy,
    SourceUnavailable,
    check_options,
    quoted,
    text_option,
)
from catalog.connectors.rows import arrow_table
from catalog.domain.documents import Column, DataFacts, DatasetDocument, ForeignKey
from catalog.domain.names import CaseRule
from catalog.domain.source_types import map_sqlite

DATABASE = "main"
SAMPLED_PLACES = 100
"""From how many places of a large table rows are taken."""


def _cut(name: str) -> str:
    """Return what reads a column without the rest of long texts."""
    column = quoted(name)
    return f"CASE WHEN typeof({column}) IN ('text', 'blob') THEN substr({column}, 1, {SAMPLED_CHARACTERS}) ELSE {column} END"


class SQLiteConnector:
    """One SQLite file: a catalog with the one database ``main``. SQLite keeps no lasting ids of tables."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        platform="sqlite",
        title="SQLite",
        icon="relational",
        options=(
            Option(
                "path",
                "File",
                "The database file, on the machine that runs Cairn.",
                required=True,
                placeholder="/data/app.sqlite3",
            ),
        ),
        case_rule=CaseRule.FOLDS,
    )

    def __init__(self, **options: Any) -> None:
        check_options(options, self.spec)
        self._path = Path(text_option(options, "path", self.spec)).expanduser()
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def _open(self, ctx: Context) -> Iterator[sqlite3.Connection]:
        """Give the connection; it stays open until :meth:`close`, since each opening reads the whole schema and none holds a lock."""
        if not self._path.is_file():
            raise InvalidOptions(f"there is no file {self._path}; give the path of a SQLite database")
        try:
            if self._connection is None:
                self._connection = self._connect(ctx)
            connection = self._connection
            connection.set_progress_handler(lambda: ctx.remaining_seconds <= 0.001 or ctx.is_cancelled(), 10_000)
            yield connection
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise SourceBusy(f"{self._path} is locked by another process; trying later helps") from error
            if "interrupted" in str(error):
                raise SourceUnavailable("the file was not read in time") from error
            if "unable to open" in str(error):
                raise Refused(f"{self._path} could not be opened: {error}") from error
            raise ConnectorError(f"{self._path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise Refused(f"{self._path} is not a readable SQLite database: {error}") from error

    def _connect(self, ctx: Context) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(str(self._path.absolute()))}?mode=ro",
            uri=True,
            timeout=min(5.0, ctx.remaining_seconds),
            check_same_thread=False,
        )
        # SQLite keeps any bytes as text; what is not UTF-8 must not hide the rest.
        connection.text_factory = lambda raw: raw.decode(errors="replace")
        return connection

    def check(self, ctx: Context) -> Health:
        """Open the file and count its tables."""
        with self._open(ctx) as connection:
            (tables,) = connection.execute(
                "SELECT count(*) FROM sqlite_master WHERE type IN ('table', 'view')"
            ).fetchone()
        return Health(version=f"SQLite {sqlite3.sqlite_version}", databases=1, notes=[f"{tables} tables and views"])

    def list_databases(self, ctx: Context, page: PageToken | None = None) -> Page[DatabaseRef]:
        """Return ``main``."""
        with self._open(ctx) as connection:
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
        return Page([DatabaseRef(DATABASE)])

    def list_datasets(self, ctx: Context, database: str, page: PageToken | None = None) -> Page[DatasetRef]:
        """Return tables and views in name order, each with a digest of its SQL; a view's follows the whole schema."""
        self._check_database(database)
        with self._open(ctx) as connection:
            (schema_version,) = connection.execute("PRAGMA schema_version").fetchone()
            facts = self._row_counts(connection)
            rows = connection.execute(
                "SELECT name, type, sql FROM sqlite_master WHERE type IN ('table', 'view')"
                " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name > ? ORDER BY name LIMIT ?",
                (page or "", ctx.page_size + 1),
            ).fetchall()
        refs = []
        for name, kind, sql in rows[: ctx.page_size]:
            seed = f"{kind}|{sql}|{schema_version if kind == 'view' else ''}|{facts.get(name)}"
            refs.append(DatasetRef(database, name, digest=hashlib.sha256(seed.encode()).hexdigest()[:32]))
        return Page(refs, refs[-1].name if len(rows) > len(refs) else None)

    def load(self, ctx: Context, refs: Sequence[DatasetRef]) -> Iterator[Loaded | LoadFailure]:
        """Return documents; views of tables that are gone are failures."""
        with self._open(ctx) as connection:
            facts = self._row_counts(connection)
            for ref in refs:
                ctx.check()
                try:
                    yield self._load(connection, ref, facts.get(ref.name))
                except sqlite3.OperationalError as error:
                    if "locked" in str(error) or "interrupted" in str(error):
                        raise
                    yield LoadFailure(ref, str(error))

    def _load(self, connection: sqlite3.Connection, ref: DatasetRef, rows: int | None) -> Loaded | LoadFailure:
        found = connection.execute(
            "SELECT type, sql FROM sqlite_master WHERE name = ? AND type IN ('table', 'view')", (ref.name,)
        ).fetchone()
        if ref.database != DATABASE or found is None:
            return LoadFailure(ref, f"there is no table '{ref.name}' in '{ref.database}'", gone=True)
        kind, sql = found
        columns = []
        keys: list[tuple[int, str]] = []
        for name, source_type, not_null, default, key, hidden in connection.execute(
            'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)', (ref.name,)
        ):
            if hidden == 1:
                continue
            mapped = map_sqlite(source_type)
            columns.append(
                Column(name, mapped.type, source_type, mapped.fidelity, nullable=not not_null, default=default)
            )
            if key:
                keys.append((key, name))
        document = DatasetDocument(
            kind=kind,
            columns=tuple(columns),
            primary_key=tuple(name for _, name in sorted(keys)),
            foreign_keys=tuple(self._foreign_keys(connection, ref.name)),
            format="sqlite",
            view_text=sql if kind == "view" else None,
            data=DataFacts(rows=rows),
        )
        return Loaded(ref, document)

    def sample(self, ctx: Context, ref: DatasetRef, *, limit: int, newest_of: Sequence[str] = ()) -> RowSample:
        """Return the whole table if it is small, else runs of rows at places drawn at random; of views, the first rows."""
        self._check_database(ref.database)
        ctx.check()
        with self._open(ctx) as connection:
            kind = connection.execute(
                "SELECT type FROM sqlite_master WHERE name = ? AND type IN ('table', 'view')", (ref.name,)
            ).fetchone()
            if kind is None:
                raise NoSuchTable(f"there is no table '{ref.name}' in '{ref.database}'")
            columns = [
                name
                for name, hidden in connection.execute(
                    "SELECT name, hidden FROM pragma_table_xinfo(?)", (ref.name,)
                ).fetchall()
                if hidden != 1
            ]
            table = quoted(ref.name)
            chosen = ", ".join(_cut(name) for name in columns)
            rows = connection.execute(f"SELECT {chosen} FROM {table} LIMIT ?", (limit + 1,)).fetchall()
            method, total = SampleMethod.ALL, len(rows)
            if len(rows) > limit:
                (total,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
                found = None if kind == ("view",) else self._blocks(connection, table, chosen, limit)
                method = SampleMethod.FIRST if found is None else SampleMethod.BLOCKS
                rows = rows[:limit] if found is None else found
            newest = {}
            for name in newest_of:
                if name in columns:
                    (newest[name],) = connection.execute(f"SELECT max({quoted(name)}) FROM {table}").fetchone()
        return RowSample(arrow_table(columns, rows), method, total, newest=newest)

    @staticmethod
    def _blocks(connection: sqlite3.Connection, table: str, columns: str, limit: int) -> list[Any] | None:
        """Return rows from many places of a table, None if it has no row numbers to go by."""
        try:
            least, most = connection.execute(f"SELECT min(rowid), max(rowid) FROM {table}").fetchone()
        except sqlite3.OperationalError:
            return None  # WITHOUT ROWID
        size = max(1, limit // SAMPLED_PLACES)
        dice = random.Random(SAMPLE_SEED)
        width = most - least + 1
        found: list[Any] = []
        behind = least
        # One place in each stretch of the numbers, so that no row is taken twice.
        for at in range(SAMPLED_PLACES):
            start = max(behind, least + int((at + dice.random()) * width / SAMPLED_PLACES))
            part = connection.execute(
                f"SELECT {columns}, rowid FROM {table} WHERE rowid >= ? ORDER BY rowid LIMIT ?",
                (start, size),
            ).fetchall()
            found += [row[:-1] for row in part]
            behind = part[-1][-1] + 1 if part else behind
        return found[:limit]

    @staticmethod
    def _foreign_keys(connection: sqlite3.Connection, table: str) -> Iterator[ForeignKey]:
        keys: dict[int, list[tuple[str, str, str | None]]] = {}
        for number, target, column, referenced in connection.execute(
            'SELECT id, "table", "from", "to" FROM pragma_foreign_key_list(?) ORDER BY id, seq', (table,)
        ):
            keys.setdefault(number, []).append((target, column, referenced))
        for parts in keys.values():
            yield ForeignKey(
                columns=tuple(column for _, column, _ in parts),
                table=parts[0][0],
                referenced_columns=tuple(referenced for _, _, referenced in parts if referenced is not None),
            )

    @staticmethod
    def _row_counts(connection: sqlite3.Connection) -> dict[str, int]:
        """Return what ANALYZE counted; counting here would read whole tables."""
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").fetchone():
            return {}
        counts: dict[str, int] = {}
        for table, stat in connection.execute("SELECT tbl, stat FROM sqlite_stat1"):
            first = str(stat or "").split(" ")[0]
            if first.isdigit():
                counts[table] = max(int(first), counts.get(table, 0))
        return counts

    @staticmethod
    def _check_database(database: str) -> None:
        if database != DATABASE:
            raise NoSuchDatabase(f"a SQLite file has the one database '{DATABASE}', not '{database}'")

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
