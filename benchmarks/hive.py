"""Hive: 10,000 tables through Thrift and from the metastore's database; filters over 100,000 partitions of one table."""

from __future__ import annotations

import datetime
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import psycopg

from benchmarks.measure import ms, percentile, report
from benchmarks.sync import run_sync_child
from catalog.connectors.base import Context, DatasetRef
from catalog.connectors.hive import HiveConnector
from catalog.domain.partitions import Key, parse_partition_filter

TABLES, COLUMNS, DATABASES, PARTITIONS = 10_000, 20, 10, 100_000
FIRST = 500_000_000
"""Keys that a metastore of tests does not reach."""
TYPES = ("bigint", "string", "double", "timestamp")
FILTERS = (
    "day = '2024-03-05' and country = 'c07'",
    "day between '2024-03-05' and '2024-03-09'",
    "country like 'c0%' and day >= '2025-05-01'",
    "",
)


def measure_hive() -> None:
    """Fill the test's metastore by its database, measure, and empty it again."""
    url, uri = os.environ.get("CAIRN_TEST_HIVE_DATABASE_URL"), os.environ.get("CAIRN_TEST_HIVE_POSTGRES_URI")
    if not url or not uri:
        report(
            "hive", skipped="set CAIRN_TEST_HIVE_DATABASE_URL and _POSTGRES_URI; deploy/local/hive-metastore-postgres"
        )
        return
    folder = Path(tempfile.mkdtemp(prefix="cairn-bench-"))
    with psycopg.connect(url, autocommit=True) as connection:
        _empty(connection)
        _fill(connection)
        try:
            for way, options in (("SQL", {"database_url": url}), ("Thrift", {"uri": uri})):
                title = f"Hive by {way}, {TABLES:,} × {COLUMNS}, into SQLite"
                run_sync_child(title, "hive", options, f"sqlite:///{folder}/{way}.sqlite3")
                _measure_filters(way, options)
        finally:
            _empty(connection)
            shutil.rmtree(folder, ignore_errors=True)


def _measure_filters(way: str, options: dict[str, str]) -> None:
    keys = [Key("day", "date"), Key("country", "string")]
    connector = HiveConnector(**options)
    for text in FILTERS:
        wanted = parse_partition_filter(text, keys) if text else None
        walls, cpu = [], time.process_time()
        for _ in range(10):
            began = time.perf_counter()
            ctx, ref = Context.within(60, page_size=100), DatasetRef("bench1", "t1")
            connector.partitions(ctx, ref, connector.partition_names(ctx, ref, wanted).items)
            walls.append(time.perf_counter() - began)
        spent = (time.process_time() - cpu) / len(walls)
        report(
            f"{PARTITIONS:,} partitions by {way}, {text or 'no filter'}",
            p50=ms(percentile(walls, 0.5)),
            p95=ms(percentile(walls, 0.95)),
            cpu=ms(spent),
        )
    connector.close()


def _fill(connection: psycopg.Connection) -> None:
    tables = range(FIRST, FIRST + TABLES)
    parquet = "org.apache.hadoop.hive.ql.io.parquet."
    _copy(
        connection,
        "DBS",
        "DB_ID DB_LOCATION_URI NAME CTLG_NAME",
        ((FIRST + d, f"file:/w/{d}", f"bench{d}", "hive") for d in range(DATABASES)),
    )
    _copy(connection, "CDS", "CD_ID", ((t,) for t in tables))
    _copy(connection, "SERDES", "SERDE_ID SLIB", ((t, f"{parquet}serde.ParquetHiveSerDe") for t in tables))
    _copy(
        connection,
        "SDS",
        "SD_ID CD_ID SERDE_ID INPUT_FORMAT LOCATION NUM_BUCKETS IS_COMPRESSED IS_STOREDASSUBDIRECTORIES",
        ((t, t, t, f"{parquet}MapredParquetInputFormat", f"file:/w/{t}", -1, False, False) for t in tables),
    )
    _copy(
        connection,
        "COLUMNS_V2",
        "CD_ID COLUMN_NAME TYPE_NAME INTEGER_IDX",
        ((t, f"c{number}", TYPES[number % len(TYPES)], number) for t in tables for number in range(COLUMNS)),
    )
    _copy(
        connection,
        "TBLS",
        "TBL_ID CREATE_TIME DB_ID LAST_ACCESS_TIME OWNER RETENTION SD_ID TBL_NAME TBL_TYPE IS_REWRITE_ENABLED",
        (
            (t, 1_790_000_000, FIRST + t % DATABASES, 0, "bench", 0, t, f"t{t - FIRST}", "EXTERNAL_TABLE", False)
            for t in tables
        ),
    )
    _copy(
        connection,
        "TABLE_PARAMS",
        "TBL_ID PARAM_KEY PARAM_VALUE",
        ((t, key, value) for t in tables for key, value in (("EXTERNAL", "TRUE"), ("numRows", "10"))),
    )
    _copy(
        connection,
        "PARTITION_KEYS",
        "TBL_ID PKEY_NAME PKEY_TYPE INTEGER_IDX",
        (
            (t, name, kind, at)
            for t in tables
            for at, (name, kind) in enumerate((("day", "date"), ("country", "string")))
        ),
    )
    first_day = datetime.date(2020, 1, 1)
    values = [
        (FIRST + n, str(first_day + datetime.timedelta(days=n // 50)), f"c{n % 50:02}") for n in range(PARTITIONS)
    ]
    _copy(
        connection,
        "PARTITIONS",
        "PART_ID CREATE_TIME LAST_ACCESS_TIME PART_NAME SD_ID TBL_ID",
        ((key, 1_790_000_000, 0, f"day={day}/country={country}", FIRST + 1, FIRST + 1) for key, day, country in values),
    )
    _copy(
        connection,
        "PARTITION_KEY_VALS",
        "PART_ID PART_KEY_VAL INTEGER_IDX",
        ((key, value, at) for key, *both in values for at, value in enumerate(both)),
    )
    connection.execute("ANALYZE")


def _copy(connection: psycopg.Connection, table: str, columns: str, rows: Iterable[Sequence[object]]) -> None:
    names = ", ".join(f'"{name}"' for name in columns.split())
    with connection.cursor() as cursor, cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(row)


def _empty(connection: psycopg.Connection) -> None:
    for table, key in (
        ("PARTITION_KEY_VALS", "PART_ID"),
        ("PARTITIONS", "PART_ID"),
        ("PARTITION_KEYS", "TBL_ID"),
        ("TABLE_PARAMS", "TBL_ID"),
        ("TBLS", "TBL_ID"),
        ("COLUMNS_V2", "CD_ID"),
        ("SDS", "SD_ID"),
        ("SERDES", "SERDE_ID"),
        ("CDS", "CD_ID"),
        ("DBS", "DB_ID"),
    ):
        connection.execute(f'DELETE FROM "{table}" WHERE "{key}" >= {FIRST}')
