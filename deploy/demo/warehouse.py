"""The demo's old warehouse: Parquet files in folders by partition, and a Hive metastore in a SQLite file that names them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

import duckdb

from deploy.demo.hive import HiveFile

SQL = Path(__file__).parent / "sql" / "warehouse"
DATABASES = {
    "raw": "What machines and partners deliver, untouched.",
    "legacy": "Tables of the first years; reports still read them.",
    "reports": "What is mailed and printed.",
}
VIEWS = {
    "reports.top_genres": (
        "Genres by plays, ever.",
        [("genre", "string", ""), ("plays", "bigint", "")],
        "SELECT t.genre, sum(p.plays) AS plays FROM legacy.plays_daily p JOIN legacy.dim_title t ON t.title_id = p.title_id GROUP BY t.genre",
    ),
    "reports.active_profiles": (
        "Profiles that watched in the last week.",
        [("profile_id", "bigint", "")],
        "SELECT DISTINCT profile_id FROM raw.player_logs WHERE `action` = 'play'",
    ),
}

_HIVE_TYPES = {
    "BOOLEAN": "boolean",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "HUGEINT": "bigint",
    "DOUBLE": "double",
    "VARCHAR": "string",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}


def build_warehouse(connection: duckdb.DuckDBPyConnection, folder: Path, *, created: int) -> None:
    """
    Run the warehouse's SQL files over the attached stores, write what they give as Parquet, and name it in the metastore.

    A file begins with comments that say the table's comment and what it is partitioned by.
    """
    hive = HiveFile(folder / "metastore.sqlite3", created=created)
    for database, comment in DATABASES.items():
        hive.create_database(database, comment, f"file:{folder}/warehouse/{database}")
    for file in sorted(SQL.glob("*.sql")):
        _build_table(connection, hive, file, folder / "warehouse")
    for name, (comment, columns, text) in VIEWS.items():
        database, _, view = name.partition(".")
        hive.create_table(database, view, columns, comment=comment, view_text=text)
    hive.close()


def _build_table(connection: duckdb.DuckDBPyConnection, hive: HiveFile, file: Path, warehouse: Path) -> None:
    database, _, table = file.stem.partition(".")
    folder, sql = warehouse / database / table, file.read_text()
    stated = dict(line[3:].split(": ", 1) for line in sql.splitlines() if line.startswith("-- "))
    keys = [key.strip() for key in stated.get("partitioned by", "").split(",") if key.strip()]
    folder.mkdir(parents=True)
    connection.execute(f"CREATE TEMP TABLE made AS {sql}")
    by = f", PARTITION_BY ({', '.join(keys)})" if keys else ""
    target = folder if keys else folder / "part-0.parquet"
    connection.execute(f"COPY made TO '{target}' (FORMAT parquet{by})")
    described = {name: _hive_type(str(kind)) for name, kind, *_ in connection.execute("DESCRIBE made").fetchall()}
    (rows,) = connection.execute("SELECT count(*) FROM made").fetchone() or (0,)
    counted = {}
    if keys:
        counted = {
            tuple(str(value) for value in row[:-1]): int(row[-1])
            for row in connection.execute(f"SELECT {', '.join(keys)}, count(*) FROM made GROUP BY ALL").fetchall()
        }
    connection.execute("DROP TABLE made")
    hive.create_table(
        database,
        table,
        [(name, kind, "") for name, kind in described.items() if name not in keys],
        partition_keys=[(key, described[key], "") for key in keys],
        location=f"file:{folder}",
        comment=stated["comment"],
        parameters={"numRows": str(rows), "EXTERNAL": "TRUE", **_sizes(folder)},
    )
    for path in sorted(folder.glob("/".join("*=*" for _ in keys))) if keys else ():
        values = tuple(unquote(part.partition("=")[2]) for part in path.relative_to(folder).parts)
        parameters = {"numRows": str(counted[values]), **_sizes(path)}
        hive.add_partition(
            database, table, keys, values, location=f"file:{path}", parameters=parameters, created=_begins(values[0])
        )


def _begins(value: str) -> int | None:
    """Return when a day begins, in seconds: its partition is made then. None for what is no day."""
    try:
        return int(datetime.fromisoformat(f"{value}T00:00+00:00").timestamp())
    except ValueError:
        return None


def _sizes(folder: Path) -> Mapping[str, str]:
    files = list(folder.rglob("*.parquet"))
    return {"numFiles": str(len(files)), "totalSize": str(sum(file.stat().st_size for file in files))}


def _hive_type(kind: str) -> str:
    if kind.endswith("[]"):
        return f"array<{_hive_type(kind[:-2])}>"
    if kind.startswith("STRUCT("):
        parts = (part.split(" ", 1) for part in kind[len("STRUCT(") : -1].split(", "))
        fields = [name.strip('"') + ":" + _hive_type(of) for name, of in parts]  # DuckDB quotes its own words
        return f"struct<{','.join(fields)}>"
    if kind.startswith("DECIMAL("):
        return kind.lower()
    return _HIVE_TYPES[kind]
