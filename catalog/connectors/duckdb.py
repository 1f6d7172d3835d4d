"""
DuckDB files, opened read-only, read whole and closed at once: an open file shuts its owner out, and opening one reads it all.

A listing works on what was read at its beginning, so that a file of many schemas is opened once and not once for each.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import orjson

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
    NotInstalled,
    Option,
    Page,
    PageToken,
    Refused,
    RowSample,
    SampleMethod,
    SourceBusy,
    SourceUnavailable,
    check_options,
    page_of_names,
    quoted,
    text_option,
)
from catalog.domain.documents import Column, DataFacts, DatasetDocument, ForeignKey
from catalog.domain.names import CaseRule
from catalog.domain.source_types import map_duckdb

try:
    import duckdb
except ImportError:  # a lean installation
    duckdb = None  # type: ignore[assignment]

_SCHEMAS = """
SELECT schema_name, coalesce(comment, '') FROM duckdb_schemas()
WHERE database_name = current_database() AND (NOT internal OR schema_name = 'main')
AND schema_name NOT IN ('information_schema', 'pg_catalog') ORDER BY schema_name
"""
_OBJECTS = """
WITH columns AS (
  SELECT schema_name, table_name AS name, to_json(list([column_name, data_type, is_nullable::VARCHAR, column_default, comment]
         ORDER BY column_index))::VARCHAR AS columns
  FROM duckdb_columns() WHERE database_name = current_database() GROUP BY ALL),
objects AS (
  SELECT schema_name, table_name AS name, NULL AS view_text, comment, estimated_size AS rows FROM duckdb_tables()
  WHERE database_name = current_database() AND NOT temporary AND NOT internal
  UNION ALL
  SELECT schema_name, view_name, sql, comment, NULL FROM duckdb_views()
  WHERE database_name = current_database() AND NOT temporary AND NOT internal)
SELECT schema_name, name, view_text, comment, rows, coalesce(columns, '[]') FROM objects
LEFT JOIN columns USING (schema_name, name) ORDER BY name
"""
_CONSTRAINTS = """
SELECT schema_name, table_name, constraint_type, constraint_column_names, referenced_table, referenced_column_names
FROM duckdb_constraints() WHERE database_name = current_database()
AND constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY') ORDER BY table_name, constraint_index
"""


def _cut(name: str, kind: str) -> str:
    """Return what reads a column without the rest of long texts; of bytes, whether there are any."""
    column = quoted(name)
    if kind == "VARCHAR":
        return f"left({column}, {SAMPLED_CHARACTERS}) AS {column}"
    return f"CASE WHEN {column} IS NOT NULL THEN true END AS {column}" if kind in ("BLOB", "BIT") else column


@contextmanager
def _stopped_at(connection: duckdb.DuckDBPyConnection, ctx: Context) -> Iterator[None]:
    """Interrupt what is asked when the context's time is over."""
    ctx.check()
    timer = threading.Timer(ctx.remaining_seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    except duckdb.InterruptException as error:
        raise SourceUnavailable("the file was not read in time") from error
    except duckdb.Error as error:  # whose text may hold a value
        raise ConnectorError(f"its rows could not be made ({type(error).__name__})") from None
    finally:
        timer.cancel()


@dataclass(slots=True)
class _Table:
    """A table or view as the file describes it; ``columns`` is JSON, for there may be very many."""

    view_text: str | None
    comment: str | None
    rows: int | None
    columns: str
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()

    def digest(self) -> str:
        """Return a digest of all that is described."""
        return hashlib.md5(repr(self).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()

    def document(self) -> DatasetDocument:
        """Return the description in canonical form."""
        return DatasetDocument(
            kind="table" if self.view_text is None else "view",
            columns=tuple(_column(*column) for column in orjson.loads(self.columns)),
            comment=self.comment or "",
            primary_key=self.primary_key,
            foreign_keys=self.foreign_keys,
            format="duckdb",
            view_text=self.view_text,
            data=DataFacts(rows=self.rows),
        )


def _column(name: str, source_type: str, nullable: str, default: str | None, comment: str | None) -> Column:
    mapped = map_duckdb(source_type)
    return Column(name, mapped.type, source_type, mapped.fidelity, nullable == "true", comment or "", default)


@dataclass(frozen=True, slots=True)
class _Schema:
    comment: str
    tables: dict[str, _Table] = field(default_factory=dict)


class DuckDBConnector:
    """One DuckDB file: a catalog whose databases are its schemas. DuckDB keeps no lasting ids of tables."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        platform="duckdb",
        title="DuckDB",
        icon="files",
        options=(
            Option(
                "path",
                "File",
                "The database file, on the machine that runs Cairn.",
                required=True,
                placeholder="/data/analytics.duckdb",
            ),
        ),
        case_rule=CaseRule.FOLDS,
        list_refs=100_000,
    )

    def __init__(self, **options: Any) -> None:
        check_options(options, self.spec)
        self._path = Path(text_option(options, "path", self.spec)).expanduser()
        if duckdb is None:
            raise NotInstalled("DuckDB support is not installed: pip install duckdb")
        self._listing: dict[str, _Schema] | None = None

    @contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        if not self._path.is_file():
            raise InvalidOptions(f"there is no file {self._path}; give the path of a DuckDB database")
        config: dict[str, Any] = {
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "threads": "1",
            # A file may hold views that read other files.
            "enable_external_access": "false",
        }
        try:
            connection = duckdb.connect(str(self._path), read_only=True, config=config)
        except duckdb.IOException as error:
            if "lock" in str(error).lower():
                raise SourceBusy(
                    f"{self._path} is open in another process, and DuckDB lets only one in; close it there or try later"
                ) from error
            raise Refused(f"{self._path} is not a DuckDB database that this version can read") from error
        except duckdb.Error as error:
            if "different configuration" in str(error):
                raise SourceBusy(f"{self._path} is open for writing in this process; try later") from error
            raise Refused(f"{self._path} could not be opened: {type(error).__name__}") from error
        try:
            # It takes a program given by -c for a person at a prompt, and draws on its output.
            connection.execute("SET enable_progress_bar = false")
            yield connection
        except duckdb.Error as error:
            raise ConnectorError(f"{self._path}: {str(error).splitlines()[0][:300]}") from error
        finally:
            connection.close()

    def check(self, ctx: Context) -> Health:
        """Open the file and count its schemas."""
        with self._open() as connection:
            schemas = connection.execute(_SCHEMAS).fetchall()
        return Health(version=f"DuckDB {duckdb.__version__}", databases=len(schemas))

    def _read(self) -> dict[str, _Schema]:
        """Return all schemas in name order, with their tables in name order."""
        with self._open() as connection:
            schemas = {name: _Schema(comment) for name, comment in connection.execute(_SCHEMAS).fetchall()}
            for schema, name, *described in connection.execute(_OBJECTS).fetchall():
                if schema in schemas:
                    schemas[schema].tables[name] = _Table(*described)
            for schema, name, kind, own, target, referenced in connection.execute(_CONSTRAINTS).fetchall():
                table = schemas[schema].tables.get(name) if schema in schemas else None
                if table is None:
                    continue
                if kind == "PRIMARY KEY":
                    table.primary_key = tuple(own)
                else:
                    table.foreign_keys += (ForeignKey(tuple(own), target, tuple(referenced or ())),)
        return schemas

    def list_databases(self, ctx: Context, page: PageToken | None = None) -> Page[DatabaseRef]:
        """Return schemas in name order, all on one page. What follows answers from what was read here."""
        self._listing = self._read()
        return Page([DatabaseRef(name, schema.comment) for name, schema in self._listing.items()])

    def list_datasets(self, ctx: Context, database: str, page: PageToken | None = None) -> Page[DatasetRef]:
        """Return tables and views in name order, each with a digest of its definition and estimated rows."""
        schema = (self._listing or self._read()).get(database)
        if schema is None:
            raise NoSuchDatabase(f"{self._path} has no schema '{database}'")
        shown = page_of_names(schema.tables, ctx, page)
        refs = [DatasetRef(database, name, digest=schema.tables[name].digest()) for name in shown.items]
        return Page(refs, shown.next)

    def load(self, ctx: Context, refs: Sequence[DatasetRef]) -> Iterator[Loaded | LoadFailure]:
        """Return documents in the order asked for."""
        schemas = self._listing or self._read()
        for ref in refs:
            ctx.check()
            schema = schemas.get(ref.database)
            table = schema.tables.get(ref.name) if schema else None
            if table is None:
                yield LoadFailure(ref, f"there is no table '{ref.name}' in '{ref.database}'", gone=True)
            else:
                yield Loaded(replace(ref, digest=table.digest()), table.document())

    def sample(self, ctx: Context, ref: DatasetRef, *, limit: int, newest_of: Sequence[str] = ()) -> RowSample:
        """Return the whole table if it is small, else rows drawn at random; of views, the first rows."""
        with self._open() as connection, _stopped_at(connection, ctx):
            name = f"{quoted(ref.database)}.{quoted(ref.name)}"
            try:
                described = connection.execute(f"DESCRIBE {name}").fetchall()
            except duckdb.CatalogException as error:
                raise NoSuchTable(f"there is no table '{ref.name}' in '{ref.database}'") from error
            chosen = ", ".join(_cut(column, kind) for column, kind, *_ in described)
            is_view = connection.execute(
                "SELECT 1 FROM duckdb_views() WHERE schema_name = ? AND view_name = ?", [ref.database, ref.name]
            ).fetchall()
            rows: Any = connection.sql(f"SELECT {chosen} FROM {name} LIMIT {limit + 1}").to_arrow_table()
            method, total = SampleMethod.ALL, rows.num_rows
            if total > limit:
                ((total,),) = connection.execute(f"SELECT count(*) FROM {name}").fetchall()
                method = SampleMethod.FIRST if is_view else SampleMethod.RESERVOIR
                reservoir = f"USING SAMPLE reservoir({limit} ROWS) REPEATABLE ({SAMPLE_SEED})"
                drawn = f"LIMIT {limit}" if is_view else reservoir
                rows = connection.sql(f"SELECT {chosen} FROM {name} {drawn}").to_arrow_table()
            newest = {}
            for column in {column for column, *_ in described}.intersection(newest_of):
                asked = f"SELECT max({quoted(column)})::VARCHAR FROM {name}"
                ((newest[column],),) = connection.execute(asked).fetchall()
        return RowSample(rows, method, total, newest=newest)

    def close(self) -> None:
        """Forget what was read; the file is closed already."""
        self._listing = None
