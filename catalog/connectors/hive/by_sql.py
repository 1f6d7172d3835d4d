"""A metastore read straight from its own database, by plain joins that every version since 2.3 understands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from sqlalchemy import BindParameter, Connection, bindparam, create_engine
from sqlalchemy import text as sql
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from catalog.connectors.base import (
    ConnectorError,
    Context,
    DatabaseRef,
    InvalidOptions,
    NoSuchTable,
    Partition,
    Refused,
    SourceUnavailable,
)
from catalog.connectors.hive.tables import HiveTable, TableName, formats, moment
from catalog.domain.partitions import Bounds, values_of

CONNECT_SECONDS = 3

_TABLES = """
SELECT t."TBL_ID", t."TBL_NAME", t."TBL_TYPE", t."OWNER", t."VIEW_EXPANDED_TEXT", t."VIEW_ORIGINAL_TEXT",
       t."CREATE_TIME", s."CD_ID", s."SERDE_ID", s."LOCATION", s."INPUT_FORMAT", s."OUTPUT_FORMAT", z."SLIB"
FROM "DBS" d JOIN "TBLS" t ON t."DB_ID" = d."DB_ID"
LEFT JOIN "SDS" s ON s."SD_ID" = t."SD_ID" LEFT JOIN "SERDES" z ON z."SERDE_ID" = s."SERDE_ID"
WHERE d."NAME" = :database AND t."TBL_NAME" IN :names
"""
_COLUMNS = """
SELECT "CD_ID", "COLUMN_NAME", "TYPE_NAME", "COMMENT" FROM "COLUMNS_V2" WHERE "CD_ID" IN :keys ORDER BY "CD_ID", "INTEGER_IDX"
"""
_KEYS = """
SELECT "TBL_ID", "PKEY_NAME", "PKEY_TYPE", "PKEY_COMMENT" FROM "PARTITION_KEYS" WHERE "TBL_ID" IN :keys
ORDER BY "TBL_ID", "INTEGER_IDX"
"""
_TABLE_PARAMETERS = 'SELECT "TBL_ID", "PARAM_KEY", "PARAM_VALUE" FROM "TABLE_PARAMS" WHERE "TBL_ID" IN :keys'
_SERIALIZER_PARAMETERS = 'SELECT "SERDE_ID", "PARAM_KEY", "PARAM_VALUE" FROM "SERDE_PARAMS" WHERE "SERDE_ID" IN :keys'


_TABLE_KEY = """
SELECT t."TBL_ID" FROM "DBS" d JOIN "TBLS" t ON t."DB_ID" = d."DB_ID" WHERE d."NAME" = :database AND t."TBL_NAME" = :table
"""
_PARTITIONS = """
SELECT p."PART_ID", p."PART_NAME", p."CREATE_TIME", s."LOCATION", s."INPUT_FORMAT", s."OUTPUT_FORMAT", z."SLIB"
FROM "DBS" d JOIN "TBLS" t ON t."DB_ID" = d."DB_ID" JOIN "PARTITIONS" p ON p."TBL_ID" = t."TBL_ID"
LEFT JOIN "SDS" s ON s."SD_ID" = p."SD_ID" LEFT JOIN "SERDES" z ON z."SERDE_ID" = s."SERDE_ID"
WHERE d."NAME" = :database AND t."TBL_NAME" = :table AND p."PART_NAME" IN :names
"""
_PARTITION_PARAMETERS = 'SELECT "PART_ID", "PARAM_KEY", "PARAM_VALUE" FROM "PARTITION_PARAMS" WHERE "PART_ID" IN :keys'


class SQLMetastore:
    """One connection to the metastore's database, read only."""

    def __init__(self, url: str) -> None:
        scheme, path = urlsplit(url).scheme, url.partition("sqlite:///")[2]
        if scheme == "sqlite":
            if not Path(path).is_file():
                raise InvalidOptions("the SQLite file of the metastore does not exist; check the option 'database_url'")
            url, arguments = f"sqlite:///file:{quote(path)}?mode=ro&uri=true", {}
        elif scheme in ("postgresql", "postgres"):
            url = "postgresql+psycopg://" + url.partition("://")[2]
            arguments = {"connect_timeout": CONNECT_SECONDS, "options": "-c default_transaction_read_only=on"}
        else:
            raise InvalidOptions("the option 'database_url' must begin with postgresql:// or sqlite:///")
        try:
            self._engine = create_engine(url, poolclass=NullPool, connect_args=arguments)
        except (ArgumentError, ValueError) as error:
            raise InvalidOptions("the option 'database_url' is not an address that can be read") from error
        self._connection: Connection | None = None

    @contextmanager
    def _open(self, ctx: Context) -> Iterator[Connection]:
        ctx.check()
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            if self._engine.dialect.name == "postgresql":
                self._connection.execute(sql(f"SET statement_timeout = {max(1, int(ctx.remaining_seconds * 1_000))}"))
            yield self._connection
            self._connection.rollback()
            if self._engine.dialect.name == "sqlite":
                self.close()  # another file may take its place, and opening costs next to nothing
        except SQLAlchemyError as error:
            self.close()
            raise _as_ours(error) from error

    def _rows(self, connection: Connection, statement: str, **values: Any) -> Sequence[Any]:
        lists: list[BindParameter[Any]] = [
            bindparam(name, expanding=True) for name, value in values.items() if isinstance(value, list)
        ]
        return connection.execute(sql(statement).bindparams(*lists), values).fetchall()

    def version(self, ctx: Context) -> str:
        """Return the version of the metastore's layout."""
        with self._open(ctx) as connection:
            rows = self._rows(connection, 'SELECT "SCHEMA_VERSION" FROM "VERSION"')
        return f"Hive metastore's database, version {rows[0][0] if rows else 'unknown'}"

    def databases(self, ctx: Context) -> Sequence[DatabaseRef]:
        """Return databases with their comments and parameters."""
        with self._open(ctx) as connection:
            rows = self._rows(connection, 'SELECT "DB_ID", "NAME", "DESC", "DB_LOCATION_URI" FROM "DBS"')
            parameters = _by_key(
                self._rows(connection, 'SELECT "DB_ID", "PARAM_KEY", "PARAM_VALUE" FROM "DATABASE_PARAMS"')
            )
        return [
            DatabaseRef(name, comment or "", dict(parameters.get(key, ())), location or None)
            for key, name, comment, location in rows
        ]

    def table_names(self, ctx: Context, database: str) -> Sequence[str] | None:
        """Return names; they are sorted by whoever asks, for databases sort by other rules."""
        with self._open(ctx) as connection:
            rows = self._rows(connection, 'SELECT "DB_ID" FROM "DBS" WHERE "NAME" = :name', name=database)
            if not rows:
                return None
            names = self._rows(connection, 'SELECT "TBL_NAME" FROM "TBLS" WHERE "DB_ID" = :key', key=rows[0][0])
        return [name for (name,) in names]

    def tables(self, ctx: Context, database: str, names: Sequence[str]) -> Iterable[HiveTable]:
        """Return tables, by five statements for all of them."""
        with self._open(ctx) as connection:
            rows = self._rows(connection, _TABLES, database=database, names=list(names))
            tables = [row[0] for row in rows]
            lists = list({row[7] for row in rows if row[7] is not None})
            serializers = list({row[8] for row in rows if row[8] is not None})
            columns = _by_key(self._rows(connection, _COLUMNS, keys=lists))
            partition_keys = _by_key(self._rows(connection, _KEYS, keys=tables))
            parameters = _by_key(self._rows(connection, _TABLE_PARAMETERS, keys=tables))
            serializer_parameters = _by_key(self._rows(connection, _SERIALIZER_PARAMETERS, keys=serializers))
        for key, name, kind, owner, expanded, original, created, cd, serde, *described in rows:
            location, input_format, output_format, serializer = described
            yield HiveTable(
                database=database,
                name=name,
                kind=kind or "",
                owner=owner or "",
                source_id=f"table {key}",
                columns=[
                    (column, source_type or "", comment or "") for column, source_type, comment in columns.get(cd, ())
                ],
                partition_keys=[
                    (k, source_type or "", comment or "") for k, source_type, comment in partition_keys.get(key, ())
                ],
                parameters={name: value or "" for name, value in parameters.get(key, ())},
                location=location or None,
                input_format=input_format or "",
                output_format=output_format or "",
                serializer=serializer or "",
                serializer_parameters={name: value or "" for name, value in serializer_parameters.get(serde, ())},
                view_text=expanded or original or None,
                created_at=moment(created),
            )

    def last_event(self, ctx: Context) -> int | None:
        """Return the newest event's number, None where the layout has no log."""
        try:
            with self._open(ctx) as connection:
                rows = self._rows(connection, 'SELECT max("NEXT_EVENT_ID") FROM "NOTIFICATION_SEQUENCE"')
        except Refused:
            return None
        return None if not rows or rows[0][0] is None else int(rows[0][0]) - 1

    def events(self, ctx: Context, after: int, limit: int) -> Iterable[tuple[int, str, str]]:
        """Return events without their messages, which may have megabytes each."""
        with self._open(ctx) as connection:
            rows = self._rows(
                connection,
                'SELECT "EVENT_ID", "DB_NAME", "TBL_NAME" FROM "NOTIFICATION_LOG" WHERE "EVENT_ID" > :after'
                ' ORDER BY "EVENT_ID" LIMIT :limit',
                after=after,
                limit=limit,
            )
        return [(int(number), (database or "").lower(), (table or "").lower()) for number, database, table in rows]

    def partition_names(
        self, ctx: Context, table: TableName, bounds: Mapping[int, Bounds], after: str, limit: int
    ) -> Sequence[str]:
        """Return names, with what is sure of their values asked of the database."""
        with self._open(ctx) as connection:
            rows = self._rows(connection, _TABLE_KEY, database=table.database, table=table.table)
            if not rows:
                raise NoSuchTable(f"there is no table '{table.table}' in '{table.database}'")
            # Names compare by their bytes here; databases sort by other rules unless they are told.
            order = f'"PART_NAME"{self._bytewise}'
            conditions, values = self._within(bounds)
            names = self._rows(
                connection,
                f'SELECT p."PART_NAME" FROM "PARTITIONS" p WHERE p."TBL_ID" = :key AND p.{order} > :after{conditions}'
                f" ORDER BY p.{order} LIMIT :limit",
                key=rows[0][0],
                after=after,
                limit=limit,
                **values,
            )
        return [name for (name,) in names]

    @property
    def _bytewise(self) -> str:
        return ' COLLATE "C"' if self._engine.dialect.name == "postgresql" else ""

    def _within(self, bounds: Mapping[int, Bounds]) -> tuple[str, dict[str, Any]]:
        conditions = ""
        values: dict[str, Any] = {}
        value = f'v."PART_KEY_VAL"{self._bytewise}'
        for index, bound in bounds.items():
            tests = []
            if bound.among is not None:
                values |= {f"among_{index}": sorted(bound.among)}
                tests.append(f"{value} IN :among_{index}")
            if bound.least is not None:
                values |= {f"least_{index}": bound.least}
                tests.append(f"{value} >= :least_{index}")
            if bound.most is not None:
                values |= {f"most_{index}": bound.most}
                tests.append(f"{value} <= :most_{index}")
            conditions += (
                f' AND EXISTS (SELECT 1 FROM "PARTITION_KEY_VALS" v WHERE v."PART_ID" = p."PART_ID"'
                f' AND v."INTEGER_IDX" = {index} AND {" AND ".join(tests)})'
            )
        return conditions, values

    def partitions(self, ctx: Context, table: TableName, names: Sequence[str]) -> Iterable[Partition]:
        """Return partitions by their names."""
        with self._open(ctx) as connection:
            rows = self._rows(connection, _PARTITIONS, database=table.database, table=table.table, names=list(names))
            parameters = _by_key(self._rows(connection, _PARTITION_PARAMETERS, keys=[row[0] for row in rows]))
        for key, name, created, location, *described in rows:
            yield Partition(
                name,
                values_of(name),
                location or None,
                {parameter: value or "" for parameter, value in parameters.get(key, ())},
                moment(created),
                formats(*described),
            )

    def close(self) -> None:
        """Close the connection; the next question opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _by_key(rows: Sequence[Any]) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {}
    for key, *values in rows:
        found.setdefault(key, []).append(tuple(values))
    return found


# The first whose words a driver's message holds; its own texts may hold an address with a password.
_ANSWERS: Sequence[tuple[tuple[str, ...], type[ConnectorError], str]] = (
    (("no such table",), Refused, "the database holds no Hive metastore, or one of another version"),
    (("relation", "does not exist"), Refused, "the database holds no Hive metastore, or one of another version"),
    (("permission denied",), Refused, "the user may not read the metastore's tables"),
    (("password",), Refused, "the metastore's database refused the user or the password; give others"),
    (("does not exist",), Refused, "the server has no such database or user; check the option 'database_url'"),
    (("file is not a database",), Refused, "the file of the option 'database_url' is not a SQLite database"),
    (("statement timeout",), SourceUnavailable, "the metastore's database did not answer in time"),
)


def _as_ours(error: SQLAlchemyError) -> ConnectorError:
    """Return the connector's error for a driver's."""
    said = str(error.orig) if isinstance(error, DBAPIError) else ""
    for words, kind, text in _ANSWERS:
        if all(word in said for word in words):
            return kind(text)
    if isinstance(error, OperationalError):
        return SourceUnavailable("the metastore's database does not answer; check host and port")
    return ConnectorError(f"the metastore's database failed: {type(error).__name__}")
