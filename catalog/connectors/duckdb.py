"""DuckDB files, opened read-only for each call and closed at once, since an open file shuts its owner out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from catalog.connectors.base import (
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
    NotInstalled,
    Option,
    Page,
    PageToken,
    Refused,
    SourceBusy,
    check_options,
    text_option,
)
from catalog.domain.documents import Column, DataFacts, DatasetDocument, ForeignKey
from catalog.domain.names import CaseRule
from catalog.domain.types import map_duckdb

try:
    import duckdb
except ImportError:  # a lean installation
    duckdb = None  # type: ignore[assignment]

_LIST = """
WITH parts AS (
  SELECT schema_name, table_name AS name, string_agg(concat_ws('|', column_name, data_type, is_nullable, column_default, comment),
         chr(10) ORDER BY column_index) AS columns
  FROM duckdb_columns() WHERE database_name = current_database() AND schema_name = $database GROUP BY ALL),
objects AS (
  SELECT schema_name, table_name AS name, 'table' AS kind, sql, comment, estimated_size AS rows FROM duckdb_tables()
  WHERE database_name = current_database() AND schema_name = $database AND NOT temporary AND NOT internal
  UNION ALL
  SELECT schema_name, view_name, 'view', sql, comment, NULL FROM duckdb_views()
  WHERE database_name = current_database() AND schema_name = $database AND NOT temporary AND NOT internal)
SELECT o.name, md5(concat_ws('|', o.kind, o.sql, o.comment, o.rows, p.columns)), o.kind, o.sql, o.comment, o.rows
FROM objects o LEFT JOIN parts p ON p.name = o.name
"""


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
        load_refs=20_000,
    )

    def __init__(self, **options: Any) -> None:
        check_options(options, self.spec)
        self._path = Path(text_option(options, "path", self.spec)).expanduser()
        if duckdb is None:
            raise NotInstalled("DuckDB support is not installed: pip install duckdb")

    @contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        if not self._path.is_file():
            raise InvalidOptions(f"there is no file {self._path}; give the path of a DuckDB database")
        config: dict[str, Any] = {
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "threads": "1",
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
            yield connection
        except duckdb.Error as error:
            raise ConnectorError(f"{self._path}: {str(error).splitlines()[0][:300]}") from error
        finally:
            connection.close()

    def check(self, ctx: Context) -> Health:
        """Open the file and count its schemas."""
        with self._open() as connection:
            schemas = self._schemas(connection)
        return Health(version=f"DuckDB {duckdb.__version__}", databases=len(schemas))

    @staticmethod
    def _schemas(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
        return connection.execute(
            "SELECT schema_name, coalesce(comment, '') FROM duckdb_schemas()"
            " WHERE database_name = current_database() AND (NOT internal OR schema_name = 'main')"
            " AND schema_name NOT IN ('information_schema', 'pg_catalog') ORDER BY 1"
        ).fetchall()

    def list_databases(self, ctx: Context, page: PageToken | None = None) -> Page[DatabaseRef]:
        """Return schemas in name order, all on one page."""
        with self._open() as connection:
            return Page([DatabaseRef(name, comment) for name, comment in self._schemas(connection)])

    def list_datasets(self, ctx: Context, database: str, page: PageToken | None = None) -> Page[DatasetRef]:
        """Return tables and views in name order, each with a digest of its definition and estimated rows."""
        with self._open() as connection:
            if database not in {name for name, _ in self._schemas(connection)}:
                raise NoSuchDatabase(f"{self._path} has no schema '{database}'")
            rows = connection.execute(
                _LIST + " WHERE o.name > $after ORDER BY o.name LIMIT $limit",
                {"database": database, "after": page or "", "limit": ctx.page_size + 1},
            ).fetchall()
        refs = [DatasetRef(database, row[0], digest=row[1]) for row in rows[: ctx.page_size]]
        return Page(refs, refs[-1].name if len(rows) > len(refs) else None)

    def load(self, ctx: Context, refs: Sequence[DatasetRef]) -> Iterator[Loaded | LoadFailure]:
        """Return documents, reading each database's once however many of its datasets are asked for."""
        with self._open() as connection:
            by_database: dict[str, dict[str, Loaded]] = {}
            for ref in refs:
                ctx.check()
                if ref.database not in by_database:
                    names = [other.name for other in refs if other.database == ref.database]
                    by_database[ref.database] = self._load_database(connection, ref.database, names)
                found = by_database[ref.database].get(ref.name)
                yield found or LoadFailure(ref, f"there is no table '{ref.name}' in '{ref.database}'", gone=True)

    def _load_database(
        self, connection: duckdb.DuckDBPyConnection, database: str, names: Sequence[str]
    ) -> dict[str, Loaded]:
        columns: dict[str, list[Column]] = {}
        for table, name, source_type, nullable, default, comment in connection.execute(
            "SELECT table_name, column_name, data_type, is_nullable, column_default, comment FROM duckdb_columns()"
            " WHERE database_name = current_database() AND schema_name = $database AND table_name IN (SELECT unnest($names))"
            " ORDER BY table_name, column_index",
            {"database": database, "names": list(names)},
        ).fetchall():
            mapped = map_duckdb(source_type)
            columns.setdefault(table, []).append(
                Column(name, mapped.type, source_type, mapped.fidelity, bool(nullable), comment or "", default)
            )
        keys: dict[str, tuple[str, ...]] = {}
        foreign: dict[str, list[ForeignKey]] = {}
        for table, kind, own, target, referenced in connection.execute(
            "SELECT table_name, constraint_type, constraint_column_names, referenced_table, referenced_column_names"
            " FROM duckdb_constraints() WHERE database_name = current_database() AND schema_name = $database"
            " AND constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY') ORDER BY table_name, constraint_index",
            {"database": database},
        ).fetchall():
            if kind == "PRIMARY KEY":
                keys[table] = tuple(own)
            else:
                foreign.setdefault(table, []).append(ForeignKey(tuple(own), target, tuple(referenced or ())))
        loaded = {}
        rows = connection.execute(
            _LIST + " WHERE o.name IN (SELECT unnest($names))", {"database": database, "names": list(names)}
        ).fetchall()
        for name, digest, kind, sql, comment, count in rows:
            document = DatasetDocument(
                kind=kind,
                columns=tuple(columns.get(name, ())),
                comment=comment or "",
                primary_key=keys.get(name, ()),
                foreign_keys=tuple(foreign.get(name, ())),
                format="duckdb",
                view_text=sql if kind == "view" else None,
                data=DataFacts(rows=count),
            )
            loaded[name] = Loaded(replace(DatasetRef(database, name), digest=digest), document)
        return loaded

    def close(self) -> None:
        """Do nothing; the file is closed after each call."""
