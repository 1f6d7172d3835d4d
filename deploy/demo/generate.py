"""Makes large sources of invented tables, seeded, to see how things go with much."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

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
TYPES = ("INTEGER", "TEXT", "REAL", "TIMESTAMP", "VARCHAR(40)", "DECIMAL(12,2)", "BOOLEAN")


def table_names(count: int, seed: int = 7) -> Iterator[str]:
    """Return distinct names such as ``fact_customer_order_17``."""
    dice = random.Random(seed)
    for number in range(count):
        yield f"{dice.choice(QUALIFIERS)}_{dice.choice(SUBJECTS)}_{dice.choice(SUBJECTS)}_{number}"


def generate_sqlite(path: Path, *, tables: int, columns: int, seed: int = 7) -> None:
    """Make a SQLite file with that many empty tables, replacing one that is there."""
    dice = random.Random(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("BEGIN")
    for name in table_names(tables, seed):
        chosen = [f"{name.split('_')[1]}_id"] + [
            f"{column}{'' if at < len(COLUMNS) else at}"
            for at, column in enumerate(dice.sample(COLUMNS * (columns // len(COLUMNS) + 1), columns - 1))
        ]
        unique = list(dict.fromkeys(chosen))
        while len(unique) < columns:
            unique.append(f"extra_{len(unique)}")
        connection.execute(f"CREATE TABLE {name} ({', '.join(f'{column} {dice.choice(TYPES)}' for column in unique)})")
    connection.commit()
    connection.close()
