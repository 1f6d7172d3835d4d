"""PostgreSQL databases: a catalog is one database of a server, its databases are that one's schemas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

import psycopg
from psycopg import sql

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
    RowsRefused,
    SampleMethod,
    SourceUnavailable,
    check_options,
    text_option,
)
from catalog.connectors.rows import arrow_table
from catalog.domain.documents import Column, DataFacts, DatasetDocument, ForeignKey
from catalog.domain.source_types import map_postgresql
from catalog.domain.types import STRING, Fidelity, MappedType

_VISIBLE = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
_KINDS = {"r": "table", "p": "table", "f": "table", "v": "view", "m": "view"}

# Partitions of a partitioned table are its data, not datasets of their own.
_LIST = """
SELECT c.oid::text, c.relname,
  md5(concat_ws('|', c.relkind, c.reltuples, c.relpages, obj_description(c.oid, 'pg_class'),
    CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END, pg_get_partkeydef(c.oid),
    (SELECT string_agg(concat_ws(',', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull,
            pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)), ';' ORDER BY a.attnum)
     FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    (SELECT string_agg(pg_get_constraintdef(k.oid), ';' ORDER BY k.conname)
     FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'f'))))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(database)s AND c.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT c.relispartition
  AND c.relname COLLATE "C" > %(after)s ORDER BY c.relname COLLATE "C" LIMIT %(limit)s
"""

_LOAD = """
SELECT n.nspname, c.relname, c.oid::text, c.relkind, c.reltuples, c.relpages,
  obj_description(c.oid, 'pg_class'), CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
  pg_get_partkeydef(c.oid),
  (SELECT json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod), t.typtype,
          CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
          NOT a.attnotnull, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum), a.attnum) ORDER BY a.attnum)
   FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
   LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  (SELECT json_agg(json_build_array(k.contype, fn.nspname, f.relname,
          (SELECT json_agg(x.attname ORDER BY u.at) FROM unnest(k.conkey) WITH ORDINALITY u(num, at)
           JOIN pg_attribute x ON x.attrelid = k.conrelid AND x.attnum = u.num),
          (SELECT json_agg(x.attname ORDER BY u.at) FROM unnest(k.confkey) WITH ORDINALITY u(num, at)
           JOIN pg_attribute x ON x.attrelid = k.confrelid AND x.attnum = u.num)) ORDER BY k.conname)
   FROM pg_constraint k LEFT JOIN pg_class f ON f.oid = k.confrelid LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace
   WHERE k.conrelid = c.oid AND k.contype IN ('p', 'f'))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN unnest(%(databases)s::text[], %(names)s::text[]) AS w(nspname, relname)
  ON w.nspname = n.nspname AND w.relname = c.relname
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm')
"""


_SAMPLED = """
SELECT c.relkind, CASE WHEN c.relkind = 'p'
    THEN (SELECT sum(greatest(p.reltuples, 0)) FROM pg_partition_tree(c.oid) t JOIN pg_class p ON p.oid = t.relid WHERE t.isleaf)
    ELSE c.reltuples END,
  (SELECT json_agg(json_build_array(a.attname, CASE
     WHEN a.atttypid::regtype::text IN ('smallint', 'integer', 'bigint', 'boolean', 'real', 'double precision') THEN 'plain'
     WHEN a.atttypid::regtype::text IN ('date', 'timestamp without time zone', 'timestamp with time zone') THEN 'time'
     WHEN a.atttypid::regtype::text = 'bytea' THEN 'bytes' ELSE 'text' END) ORDER BY a.attnum)
   FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(database)s AND c.relname = %(name)s AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
"""


class PostgreSQLConnector:
    """A database of a PostgreSQL server, 12 or newer. A table's source id is its oid, a column's its attnum."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        platform="postgresql",
        title="PostgreSQL",
        icon="relational",
        options=(
            Option("host", "Host", "Name or address of the server.", required=True, placeholder="db.internal"),
            Option("port", "Port", "Where the server listens.", default="5432"),
            Option("dbname", "Database", "The server's database; its schemas become Cairn's databases.", required=True),
            Option("user", "User", "Needs to read the system catalogs only.", required=True),
            Option(
                "password",
                "Password",
                "Stored encrypted, or give a reference such as env:BILLING_PASSWORD.",
                secret=True,
            ),
            Option("sslmode", "TLS", "disable, prefer, require, verify-ca or verify-full.", default="prefer"),
        ),
        keeps_open=True,
    )

    def __init__(self, **options: Any) -> None:
        check_options(options, self.spec)
        self._host = text_option(options, "host", self.spec)
        port = str(options.get("port") or "5432")
        if not port.isdigit() or not 0 < int(port) < 65_536:
            raise InvalidOptions(f"port {port!r} is not a number from 1 to 65535")
        self._arguments: dict[str, Any] = {
            "host": self._host,
            "port": int(port),
            "dbname": text_option(options, "dbname", self.spec),
            "user": text_option(options, "user", self.spec),
            "password": str(options.get("password") or ""),
            "sslmode": str(options.get("sslmode") or "prefer"),
            "connect_timeout": 3,
            "application_name": "cairn",
        }
        self._where = f"{self._host}:{port}/{self._arguments['dbname']}"
        self._connection: psycopg.Connection[Any] | None = None

    @contextmanager
    def _open(self, ctx: Context) -> Iterator[psycopg.Connection[Any]]:
        ctx.check()
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(**self._arguments, autocommit=True)
                self._connection.execute("SET default_transaction_read_only = on")
            self._connection.execute(f"SET statement_timeout = {max(1, int(ctx.remaining_seconds * 1_000))}")
            yield self._connection
        except psycopg.errors.QueryCanceled as error:
            raise SourceUnavailable(f"{self._where} did not answer in time") from error
        except psycopg.errors.InsufficientPrivilege as error:
            raise Refused(f"{self._where} refused: the user may not read its system catalogs") from error
        except psycopg.OperationalError as error:
            self.close()
            text = str(error)
            if "authentication failed" in text or "no password supplied" in text:
                raise Refused(f"{self._where} refused the user or the password; give others") from error
            if "does not exist" in text:
                raise Refused(f"{self._where}: the server has no such database or user") from error
            raise SourceUnavailable(
                f"{self._where} does not answer; check host and port, and that the server lets this machine in"
            ) from error
        except (psycopg.ProgrammingError, psycopg.DataError) as error:
            raise ConnectorError(f"{self._where}: {type(error).__name__} while reading the system catalogs") from error

    def check(self, ctx: Context) -> Health:
        """Connect and return the server's version."""
        with self._open(ctx) as connection:
            version = connection.execute("SHOW server_version").fetchone()
            count = connection.execute(f"SELECT count(*) FROM pg_namespace n WHERE {_VISIBLE}").fetchone()
        return Health(version=f"PostgreSQL {version[0] if version else ''}", databases=count[0] if count else 0)

    def list_databases(self, ctx: Context, page: PageToken | None = None) -> Page[DatabaseRef]:
        """Return schemas in name order, without the system's."""
        with self._open(ctx) as connection:
            rows = connection.execute(
                f"SELECT n.nspname, obj_description(n.oid, 'pg_namespace') FROM pg_namespace n WHERE {_VISIBLE}"
                ' AND n.nspname COLLATE "C" > %s ORDER BY n.nspname COLLATE "C" LIMIT %s',
                [page or "", ctx.page_size + 1],
            ).fetchall()
        refs = [DatabaseRef(name, comment or "") for name, comment in rows[: ctx.page_size]]
        return Page(refs, refs[-1].name if len(rows) > len(refs) else None)

    def list_datasets(self, ctx: Context, database: str, page: PageToken | None = None) -> Page[DatasetRef]:
        """Return tables and views in name order with oid and a digest that the server computes."""
        with self._open(ctx) as connection:
            rows = connection.execute(
                _LIST, {"database": database, "after": page or "", "limit": ctx.page_size + 1}
            ).fetchall()
            if (
                not rows
                and not connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [database]).fetchone()
            ):
                raise NoSuchDatabase(f"{self._where} has no schema '{database}'")
        refs = [DatasetRef(database, name, oid, digest) for oid, name, digest in rows[: ctx.page_size]]
        return Page(refs, refs[-1].name if len(rows) > len(refs) else None)

    def load(self, ctx: Context, refs: Sequence[DatasetRef]) -> Iterator[Loaded | LoadFailure]:
        """Return documents by one query a batch of 500."""
        for start in range(0, len(refs), 500):
            part = refs[start : start + 500]
            with self._open(ctx) as connection:
                rows = connection.execute(
                    _LOAD, {"databases": [ref.database for ref in part], "names": [ref.name for ref in part]}
                ).fetchall()
            found = {(row[0], row[1]): row for row in rows}
            for ref in part:
                row = found.get((ref.database, ref.name))
                if row is None:
                    yield LoadFailure(ref, f"there is no table '{ref.name}' in '{ref.database}'", gone=True)
                else:
                    yield Loaded(replace(ref, source_id=row[2]), _document(row))

    def sample(self, ctx: Context, ref: DatasetRef, *, limit: int, newest_of: Sequence[str] = ()) -> RowSample:
        """Return the whole table if it is small, else blocks drawn at random; of views and foreign tables, the first rows."""
        with self._open(ctx) as connection:
            found = connection.execute(_SAMPLED, {"database": ref.database, "name": ref.name}).fetchone()
            if found is None:
                raise NoSuchTable(f"there is no table '{ref.name}' in '{ref.database}'")
            kind, estimate, described = found
            names = [name for name, _ in described or ()]
            chosen = sql.SQL(", ").join(_cut(name, category) for name, category in described or ())
            select = sql.SQL("SELECT {} FROM {}").format(chosen, sql.Identifier(ref.database, ref.name))
            newest = {}
            try:
                rows = connection.execute(sql.SQL("{} LIMIT {}").format(select, sql.Literal(limit + 1))).fetchall()
                method, total, is_exact = SampleMethod.ALL, len(rows), True
                if len(rows) > limit:
                    rows, method, total = rows[:limit], SampleMethod.FIRST, int(estimate)
                    is_exact = False
                    if kind in ("r", "p", "m") and estimate > limit:
                        share = min(100.0, 120.0 * limit / estimate)
                        drawn = sql.SQL("{} TABLESAMPLE SYSTEM ({}) REPEATABLE ({}) LIMIT {}").format(
                            select, sql.Literal(share), sql.Literal(SAMPLE_SEED), sql.Literal(limit)
                        )
                        rows, method = connection.execute(drawn).fetchall() or rows, SampleMethod.BLOCKS
                for name in newest_of:
                    if name in names:
                        newest[name] = self._newest(connection, ref, name)
            except psycopg.errors.InsufficientPrivilege as error:
                raise RowsRefused(
                    f"{self._where} refused: the user may not read '{ref.database}.{ref.name}'"
                ) from error
            except psycopg.OperationalError:
                raise
            except psycopg.Error as error:  # whose text may hold a value
                words = f"{self._where}: rows of '{ref.database}.{ref.name}' could not be made ({type(error).__name__})"
                raise ConnectorError(words) from None
        return RowSample(arrow_table(names, rows), method, total if total >= 0 else None, is_exact, newest)

    @staticmethod
    def _newest(connection: psycopg.Connection[Any], ref: DatasetRef, name: str) -> Any:
        """Return the greatest value of a column as text."""
        asked = sql.SQL("SELECT max({})::text FROM {}").format(
            sql.Identifier(name), sql.Identifier(ref.database, ref.name)
        )
        found = connection.execute(asked).fetchone()
        return found[0] if found else None

    def close(self) -> None:
        """Close the connection, if one is open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _cut(name: str, category: str) -> sql.Composable:
    """Return what reads a column: numbers that Python has and truth as they are, the rest as texts without the end of long ones."""
    column = sql.Identifier(name)
    if category == "plain":
        return column
    if category == "time":  # infinity is no time, and Python has none before the year 1
        finite = sql.SQL("CASE WHEN isfinite({}) THEN {}::text END")
        return finite.format(column, column)
    if category == "bytes":
        return sql.SQL("CASE WHEN {} IS NOT NULL THEN true END").format(column)
    return sql.SQL("left({}::text, {})").format(column, sql.Literal(SAMPLED_CHARACTERS))


def _map(source_type: str, type_kind: str, base_type: str | None) -> MappedType:
    if type_kind == "e":
        return MappedType(STRING, Fidelity.WIDENED)
    if base_type is not None:
        mapped = map_postgresql(base_type)
        return MappedType(mapped.type, Fidelity.WIDENED if mapped.fidelity is Fidelity.EXACT else mapped.fidelity)
    return map_postgresql(source_type)


def _document(row: Any) -> DatasetDocument:
    (database, _, _, relation_kind, tuples, pages, comment, view_text, partition_key, columns, constraints) = row
    parsed = []
    for name, source_type, type_kind, base_type, nullable, default, column_comment, number in columns or ():
        mapped = _map(source_type, type_kind, base_type)
        parsed.append(
            Column(name, mapped.type, source_type, mapped.fidelity, nullable, column_comment or "", default, number)
        )
    primary_key: tuple[str, ...] = ()
    foreign_keys = []
    for kind, target_database, target, own, referenced in constraints or ():
        if kind == "p":
            primary_key = tuple(own)
        else:
            other = None if target_database == database else target_database
            foreign_keys.append(ForeignKey(tuple(own), target, tuple(referenced), other))
    is_view = relation_kind == "v"
    return DatasetDocument(
        kind=_KINDS[relation_kind],
        columns=tuple(parsed),
        comment=comment or "",
        primary_key=primary_key,
        foreign_keys=tuple(foreign_keys),
        partitioning=(partition_key,) if partition_key else (),
        format={"m": "materialized view", "f": "foreign table"}.get(relation_kind, "postgresql"),
        view_text=view_text,
        # The planner's estimates: -1 until the table was analysed.
        data=DataFacts(
            rows=None if is_view or tuples < 0 else int(tuples), size_bytes=None if is_view else int(pages) * 8_192
        ),
    )
