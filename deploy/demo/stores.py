"""Builds the demo's stores from its rows: two SQLite databases, an Iceberg lake, a DuckDB file of derived tables, a Hive warehouse."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from deploy.demo.rows import Row, Rows
from deploy.demo.warehouse import build_warehouse

SQL = Path(__file__).parent / "sql"


def build_sqlite(path: Path, schema: str, rows: Rows, tables: Sequence[str]) -> None:
    """Make a SQLite database by its schema's SQL file and fill the tables."""
    with sqlite3.connect(path) as connection:
        connection.executescript((SQL / schema).read_text())
        for table in tables:
            first = rows.tables[table][0]
            connection.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(first))})", rows.tables[table])
        connection.execute("ANALYZE")
    connection.close()


_PLAY = pa.schema(
    [
        pa.field(
            "play_event_id", pa.string(), False, {"doc": "Unique per event; retries of a player carry the same id."}
        ),
        pa.field("profile_id", pa.int64(), True, {"doc": "Who was watching, as in accounts/main/profiles."}),
        pa.field("title_id", pa.int32(), True, {"doc": "What was playing."}),
        pa.field("event_type", pa.string(), True, {"doc": "play, pause, seek or stop."}),
        pa.field("event_time", pa.timestamp("us", "UTC"), True, {"doc": "When the player says it happened."}),
        pa.field("position_ms", pa.int64(), True),
        pa.field(
            "device",
            pa.struct(
                [
                    pa.field("device_id", pa.int64(), True),
                    pa.field("kind", pa.string(), True),
                    pa.field("os", pa.struct([pa.field("name", pa.string()), pa.field("version", pa.string())])),
                ]
            ),
            True,
            {"doc": "What the player runs on."},
        ),
        pa.field("geo", pa.struct([pa.field("country_code", pa.string()), pa.field("network", pa.string())])),
        pa.field("event_day", pa.date32(), True, {"doc": "Day of event_time in UTC; the partition."}),
    ]
)


def _table(schema: pa.Schema, rows: Sequence[Row]) -> pa.Table:
    columns = [[_value(row[at], field.type) for row in rows] for at, field in enumerate(schema)]
    return pa.Table.from_arrays([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def _value(value: Any, kind: pa.DataType) -> Any:
    if pa.types.is_struct(kind) and value is not None:
        return {part.name: _value(item, part.type) for part, item in zip(kind, value, strict=False)}
    return value


_LAKE: dict[str, tuple[str, pa.Schema, str]] = {
    "content.titles": (
        "titles",
        pa.schema(
            [
                pa.field("title_id", pa.int32(), False),
                ("name", pa.string()),
                ("kind", pa.string()),
                ("genre", pa.string()),
                ("year", pa.int32()),
                ("minutes", pa.int32()),
                ("countries", pa.list_(pa.string())),
            ]
        ),
        "Films and series that Northlight may show, one row each.",
    ),
    "content.episodes": (
        "episodes",
        pa.schema(
            [
                ("episode_id", pa.int32()),
                ("title_id", pa.int32()),
                ("season", pa.int32()),
                ("number", pa.int32()),
                ("minutes", pa.int32()),
            ]
        ),
        "Episodes of series.",
    ),
    "content.people": (
        "people",
        pa.schema([("person_id", pa.int32()), ("full_name", pa.string()), ("country", pa.string())]),
        "Cast and crew.",
    ),
    "content.credits": (
        "credits",
        pa.schema([("title_id", pa.int32()), ("person_id", pa.int32()), ("role", pa.string())]),
        "Who did what in a title.",
    ),
    "content.licenses": (
        "licenses",
        pa.schema(
            [
                ("license_id", pa.int32()),
                ("title_id", pa.int32()),
                ("country", pa.string()),
                ("starts_on", pa.date32()),
                ("ends_on", pa.date32()),
                ("fee_eur", pa.int32()),
            ]
        ),
        "Where and until when a title may be shown.",
    ),
    "events.search_events": (
        "search_events",
        pa.schema(
            [
                ("search_id", pa.string()),
                ("profile_id", pa.int64()),
                ("query", pa.string()),
                ("results", pa.int32()),
                ("searched_at", pa.timestamp("us", "UTC")),
            ]
        ),
        "What people typed into the search box of the players.",
    ),
    "events.ad_impressions": (
        "ad_impressions",
        pa.schema(
            [
                ("impression_id", pa.int64()),
                ("profile_id", pa.int64()),
                ("slot", pa.string()),
                ("seconds", pa.int32()),
                ("shown_at", pa.timestamp("us", "UTC")),
            ]
        ),
        "Advertisements shown, as the partner reports them every night.",
    ),
    "events.ratings": (
        "ratings",
        pa.schema(
            [
                ("profile_id", pa.int64()),
                ("title_id", pa.int32()),
                ("stars", pa.int32()),
                ("rated_at", pa.timestamp("us", "UTC")),
            ]
        ),
        "Stars that profiles gave to titles.",
    ),
}


def build_lake(folder: Path, rows: Rows) -> dict[str, pa.Table]:
    """Make the Iceberg warehouse and return its tables as they are at the end."""
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.transforms import IdentityTransform

    warehouse = folder / "lake"
    warehouse.mkdir()
    catalog = SqlCatalog("lake", uri=f"sqlite:///{folder}/lake.sqlite3", warehouse=f"file://{warehouse}")
    for namespace, comment in (
        ("events", "What players and partners report, as it comes."),
        ("content", "The catalog of titles and the rights to show them."),
        ("playback", "Sessions and quality, made from events."),
    ):
        catalog.create_namespace(namespace, {"comment": comment})
    made: dict[str, pa.Table] = {}
    for name, (source, schema, comment) in _LAKE.items():
        arrow = _table(schema, rows.tables[source])
        table = catalog.create_table(name, schema=schema, properties={"comment": comment})
        table.append(arrow)
        made[name] = arrow
    arrow = _table(_PLAY, sorted(rows.tables["play_events"], key=lambda row: row[4]))
    table = catalog.create_table(
        "events.play_events",
        schema=_PLAY,
        properties={
            "comment": "One row per play, pause, seek and stop event, as sent by players.",
            "write.format.default": "parquet",
        },
    )
    with table.update_spec() as spec:
        spec.add_field("event_day", IdentityTransform(), "event_day")
    third = len(arrow) // 3
    table.append(arrow.slice(0, third))
    table.append(arrow.slice(third, 2 * third))
    made["events.play_events"] = arrow
    relation = _session_source(arrow).sql((SQL / "lake_playback_sessions.sql").read_text())
    assert relation is not None, "a SELECT gives a relation"
    sessions: pa.Table = relation.to_arrow_table()
    table = catalog.create_table(
        "playback.sessions",
        schema=sessions.schema,
        properties={"comment": "One row per viewing session: first play to last stop of a profile, title and day."},
    )
    table.append(sessions)
    made["playback.sessions"] = sessions
    catalog.engine.dispose()
    return made


def evolve_lake(folder: Path) -> None:
    """Do to the lake what happens in its life: a new player release sends more, and a load of it arrives."""
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.types import BooleanType, StringType

    catalog = SqlCatalog("lake", uri=f"sqlite:///{folder}/lake.sqlite3", warehouse=f"file://{folder}/lake")
    table = catalog.load_table("events.play_events")
    with table.update_schema() as update:
        update.add_column("app_version", StringType(), "Version of the player; sent since the spring release.")
        update.add_column("is_offline", BooleanType())
    last = table.scan(limit=2_000, selected_fields=tuple(field.name for field in _PLAY)).to_arrow().slice(0, 2_000)
    last = last.append_column("app_version", pa.array(["8.2.1"] * len(last), pa.string()))
    table.append(last.append_column("is_offline", pa.array([False] * len(last), pa.bool_())))
    titles = catalog.load_table("content.titles")
    with titles.update_schema() as update:
        update.rename_column("minutes", "runtime_minutes")
        update.update_column("genre", doc="One of eight; see the content guide.")
    catalog.engine.dispose()


def _session_source(plays: pa.Table) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.register("play_events_rows", plays)
    connection.execute(
        "ATTACH ':memory:' AS lake; CREATE SCHEMA lake.events; CREATE TABLE lake.events.play_events AS FROM play_events_rows"
    )
    return connection


def join_stores(path: Path, sqlite: dict[str, Path], lake: dict[str, pa.Table]) -> duckdb.DuckDBPyConnection:
    """Open a new DuckDB file with all other stores attached under their catalogs' names."""
    connection = duckdb.connect(str(path), config={"threads": "2"})
    for catalog, source in sqlite.items():
        connection.execute(f"ATTACH ':memory:' AS {catalog}")
        _copy_sqlite(connection, catalog, source)
    connection.execute("ATTACH ':memory:' AS lake")
    for name, table in lake.items():
        schema, _, short = name.partition(".")
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS lake.{schema}")
        connection.register("rows_now", table)
        connection.execute(f"CREATE TABLE lake.{schema}.{short} AS FROM rows_now")
        connection.unregister("rows_now")
    return connection


def build_analytics(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the derived tables by running their SQL files, in order."""
    for file in sorted(SQL.glob("analytics_*.sql")):
        connection.execute(file.read_text())
    connection.execute("CHECKPOINT analytics")


def _copy_sqlite(connection: duckdb.DuckDBPyConnection, catalog: str, file: Path) -> None:
    with sqlite3.connect(file) as source:
        names = [
            row[0]
            for row in source.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        ]
        for name in names:
            cursor = source.execute(f"SELECT * FROM {name}")
            titles = [part[0] for part in cursor.description]
            columns = list(zip(*cursor.fetchall(), strict=True))
            connection.register("rows_now", pa.table({t: list(c) for t, c in zip(titles, columns, strict=True)}))
            connection.execute(f"CREATE TABLE {catalog}.main.{name} AS FROM rows_now")
            connection.unregister("rows_now")
    source.close()


def build_stores(folder: Path, now: datetime) -> dict[str, dict[str, Any]]:
    """Build everything in an empty folder; return platform and options of each catalog to register."""
    from deploy.demo.rows import make_rows

    rows = make_rows(now)
    accounts, billing = folder / "accounts.sqlite3", folder / "billing.sqlite3"
    build_sqlite(
        accounts, "accounts.sql", rows, ("customers", "profiles", "devices", "addresses", "consents", "support_tickets")
    )
    build_sqlite(
        billing,
        "billing.sql",
        rows,
        ("plans", "subscriptions", "invoices", "invoice_lines", "payments", "payment_methods", "refunds"),
    )
    lake = build_lake(folder, rows)
    analytics = folder / "analytics.duckdb"
    connection = join_stores(analytics, {"accounts": accounts, "billing": billing}, lake)
    build_analytics(connection)
    build_warehouse(connection, folder, created=int(now.timestamp()) - 900 * 86_400)
    connection.close()
    return {
        "accounts": {
            "platform": "sqlite",
            "options": {"path": str(accounts)},
            "description": "Customers, their profiles and devices.",
        },
        "billing": {
            "platform": "sqlite",
            "options": {"path": str(billing)},
            "description": "Plans, subscriptions, invoices and payments.",
        },
        "lake": {
            "platform": "iceberg",
            "options": {
                "uri": f"sqlite:///{folder}/lake.sqlite3",
                "warehouse": f"file://{folder}/lake",
                "catalog_name": "lake",
            },
            "description": "Events and content, in Iceberg.",
        },
        "analytics": {
            "platform": "duckdb",
            "options": {"path": str(analytics)},
            "description": "Staging and marts, built every night.",
        },
        "warehouse": {
            "platform": "hive",
            "options": {
                "database_url": f"sqlite:///{folder}/metastore.sqlite3",
                "rows_below": f"file:{folder}/warehouse",
            },
            "description": "The warehouse of the first years, in Hive.",
        },
    }
