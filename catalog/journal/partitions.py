"""Append-only tables by day: partitioned on PostgreSQL from their first migration, trimmed by age everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.migrations.operations.base import Operation

DAYS_AHEAD = 7
ROWS_A_TRANSACTION = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """
    An append-only table, the time its rows are told apart by, and how long they are kept.

    ``key`` is its primary key where it is no table by day: such tables hold keys that must be unique over all days.
    """

    table: str
    column: str
    days: int
    key: str | None = None


class PartitionByDay(Operation):
    """
    Turn a table that was just created, and is empty, into one partitioned by day. On other databases nothing is done.

    The primary key gains the time column, which PostgreSQL asks of every unique index of a partitioned table.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, table: str, column: str) -> None:
        self.table = table
        self.column = column

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Leave the models as they are."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Replace the table by a partitioned one with the same columns, checks and indexes."""
        if schema_editor.connection.vendor != "postgresql":
            return
        table, column = self.table, self.column
        schema_editor.deferred_sql = self._run_deferred(schema_editor)
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(
                "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = %s"
                " AND indexname <> %s",
                [table, f"{table}_pkey"],
            )
            indexes = [row[0] for row in cursor.fetchall()]
            cursor.execute(f'ALTER TABLE "{table}" RENAME TO "{table}_plain"')
            cursor.execute(
                f'CREATE TABLE "{table}" (LIKE "{table}_plain" INCLUDING DEFAULTS INCLUDING IDENTITY'
                f' INCLUDING CONSTRAINTS) PARTITION BY RANGE ("{column}")'
            )
            cursor.execute(f'DROP TABLE "{table}_plain"')
            cursor.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_pkey" PRIMARY KEY (id, "{column}")')
            for statement in indexes:
                cursor.execute(statement)
            cursor.execute(f'CREATE TABLE "{table}_default" PARTITION OF "{table}" DEFAULT')

    def _run_deferred(self, schema_editor: Any) -> list[Any]:
        # Indexes of the table wait in the editor; they must exist before they can be copied.
        mine = [statement for statement in schema_editor.deferred_sql if statement.references_table(self.table)]
        for statement in mine:
            schema_editor.execute(statement, None)
        return [statement for statement in schema_editor.deferred_sql if statement not in mine]

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Do nothing: the operation that created the table drops it with its partitions."""

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Return what a migration file writes down."""
        return (self.__class__.__name__, [], {"table": self.table, "column": self.column})

    def describe(self) -> str:
        """Return the sentence that ``migrate`` may print."""
        return f"Partition {self.table} by day of {self.column}"


def maintain(tables: Iterable[Kept], now: datetime) -> dict[str, int]:
    """Make the next days' partitions and drop what is older than it is kept; return rows or partitions dropped a table."""
    return {kept.table: _maintain(kept, now) for kept in tables}


def _maintain(kept: Kept, now: datetime) -> int:
    oldest = now - timedelta(days=kept.days)
    if connection.vendor == "postgresql" and kept.key is None:
        dropped = _maintain_partitions(kept, now.date(), oldest.date())
        return dropped + _delete_rows(f"{kept.table}_default", kept.column, "id", oldest)
    return _delete_rows(kept.table, kept.column, kept.key or "id", oldest)


def _maintain_partitions(kept: Kept, today: date, oldest: date) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = %s::regclass",
            [kept.table],
        )
        existing = {row[0] for row in cursor.fetchall()}
        for ahead in range(DAYS_AHEAD + 1):
            day = today + timedelta(days=ahead)
            name = f"{kept.table}_{day:%Y%m%d}"
            if name in existing:
                continue
            bounds = [datetime(d.year, d.month, d.day, tzinfo=UTC) for d in (day, day + timedelta(days=1))]
            cursor.execute(
                f'SELECT 1 FROM "{kept.table}_default" WHERE "{kept.column}" >= %s AND "{kept.column}" < %s LIMIT 1',
                bounds,
            )
            if cursor.fetchone() is None:  # rows already caught by the default partition stay there
                literals = [bound.isoformat() for bound in bounds]
                cursor.execute(
                    f'CREATE TABLE IF NOT EXISTS "{name}" PARTITION OF "{kept.table}"'
                    f" FOR VALUES FROM ('{literals[0]}') TO ('{literals[1]}')"
                )
        dropped = 0
        for name in sorted(existing):
            suffix = name.removeprefix(f"{kept.table}_")
            if suffix.isdigit() and suffix < f"{oldest:%Y%m%d}":
                cursor.execute(f'DROP TABLE "{name}"')
                dropped += 1
    return dropped


def _delete_rows(table: str, column: str, key: str, oldest: datetime) -> int:
    deleted = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f'DELETE FROM "{table}" WHERE "{key}" IN (SELECT "{key}" FROM "{table}" WHERE "{column}" < %s LIMIT %s)',
                [oldest, ROWS_A_TRANSACTION],
            )
            count = int(cursor.rowcount)
        deleted += count
        if count < ROWS_A_TRANSACTION:
            return deleted
