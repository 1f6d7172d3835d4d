"""Makes large sources of invented tables, seeded, to see how things go with much."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import duckdb

SUBJECTS = [
    "account",
    "customer",
    "device",
    "event",
    "invoice",
    "label",
    "license",
    "order",
    "payment",
    "player",
    "playback",
    "profile",
    "rating",
    "region",
    "report",
    "revenue",
    "session",
    "shipment",
    "stream",
    "subscription",
    "ticket",
    "title",
    "trial",
    "usage",
    "user",
    "view",
]
QUALIFIERS = [
    "active",
    "archived",
    "current",
    "daily",
    "dim",
    "fact",
    "hourly",
    "latest",
    "monthly",
    "new",
    "open",
    "raw",
    "stg",
    "summary",
    "total",
    "weekly",
]
COLUMNS = [
    "amount_cents",
    "channel",
    "city",
    "code",
    "comment",
    "country",
    "created_at",
    "currency",
    "description",
    "duration_ms",
    "email",
    "ended_at",
    "is_active",
    "kind",
    "label",
    "language",
    "name",
    "note",
    "owner",
    "percent",
    "phone",
    "priority",
    "quantity",
    "reason",
    "score",
    "source",
    "started_at",
    "state",
    "status",
    "title",
    "updated_at",
    "url",
    "version",
]
TABLES_A_CALL = 500
TYPES = ("INTEGER", "VARCHAR", "DOUBLE", "TIMESTAMP", "BIGINT", "DECIMAL(12,2)", "BOOLEAN")


def table_names(count: int, seed: int = 7) -> Iterator[str]:
    """Return distinct names such as ``fact_customer_order_17``."""
    dice = random.Random(seed)
    for number in range(count):
        yield f"{dice.choice(QUALIFIERS)}_{dice.choice(SUBJECTS)}_{dice.choice(SUBJECTS)}_{number}"


def generate_duckdb(path: Path, *, tables: int, columns: int, seed: int = 7) -> None:
    """Make a DuckDB file with that many empty tables, replacing one that is there. (SQLite makes tables in quadratic time.)"""
    dice = random.Random(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    connection = duckdb.connect(str(path))
    connection.execute("BEGIN")
    statements = []
    for name in table_names(tables, seed):
        chosen = [f"{name.split('_')[1]}_id", *dice.sample(COLUMNS, min(columns - 1, len(COLUMNS)))]
        chosen += [f"extra_{number}" for number in range(len(chosen), columns)]
        statements.append(f"CREATE TABLE {name} ({', '.join(f'{column} {dice.choice(TYPES)}' for column in chosen)})")
        if len(statements) == TABLES_A_CALL:
            connection.execute(";".join(statements))
            statements = []
    if statements:
        connection.execute(";".join(statements))
    connection.execute("COMMIT")
    connection.close()
