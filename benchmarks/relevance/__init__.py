"""
How well search finds: judged queries over the demo and an invented estate of families, clones, backups and shards.

``judged.csv`` has a kind, a query and the dataset that is meant; the floors are what is promised of each kind.
"""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import duckdb

from benchmarks.measure import Server, report
from deploy.demo.generate import generate_duckdb

TABLES = 4_000
# Share of queries whose dataset must be among so many first ones.
FLOORS = {
    "exact": (1.0, 1),
    "qualified": (1.0, 1),
    "words": (1.0, 1),
    "camel": (1.0, 1),
    "typo": (0.98, 10),
    "prefix": (0.95, 10),
    "living": (0.95, 1),
}
CLONES = (
    "{}_backup",
    "{}_bak_20260101",
    "bkp_{}",
    "{}_old",
    "tmp_{}",
    "{}_temp",
    "zz_{}_tmp",
    "{}_copy",
    "{}_copy2",
    "{}_test",
    "{}_dev",
    "{}_archive",
    "{}_deprecated",
    "{}_v1",
    "{}_snapshot_2026_01",
    "{}_20260101",
    "{}_20260201",
    "{}_20260301",
    "{}_2026_04",
    "{}_001",
)


def _judged() -> list[tuple[str, str, str]]:
    with (Path(__file__).parent / "judged.csv").open(newline="") as file:
        return [(row["kind"], row["query"], row["expected"]) for row in csv.DictReader(file)]


def _estate(path: Path) -> None:
    generate_duckdb(path, tables=TABLES, columns=10)
    with duckdb.connect(str(path)) as connection:
        for name in {expected.rpartition("/")[2] for kind, _, expected in _judged() if kind == "living"}:
            for each in (name, *(clone.format(name) for clone in CLONES)):
                connection.execute(
                    f"CREATE TABLE {each} (id INTEGER, {name.split('_')[0]}_id INTEGER, noted_at TIMESTAMP)"
                )


def measure_relevance() -> None:
    """Ask every judged query of a running Cairn; with ELASTICSEARCH_URL of one that searches there."""
    folder = Path(tempfile.mkdtemp(prefix="cairn-bench-"))
    _estate(folder / "estate.duckdb")
    server = Server(folder / "home", ELASTICSEARCH_INDEX="relevance")
    try:
        options = {"path": str(folder / "estate.duckdb")}
        body = {"name": "estate", "platform": "duckdb", "options": options, "sync_every_seconds": None, "test": False}
        server.post("/v1/catalogs", body)
        server.post("/v1/catalogs/estate/syncs", {})
        whole = TABLES + len(CLONES) * 20 + 59
        while json.loads(server.get("/v1/search"))["total"] < whole:
            time.sleep(0.5)
        missed: dict[str, list[str]] = {kind: [] for kind in FLOORS}
        asked = dict.fromkeys(FLOORS, 0)
        for kind, query, expected in _judged():
            found = json.loads(server.get(f"/v1/search?limit=10&q={quote(query)}"))["items"]
            names = [item["qualified_name"] for item in found[: FLOORS[kind][1]]]
            asked[kind] += 1
            if expected not in names:
                missed[kind].append(f"{query!r} gave {names[0] if names else 'nothing'} for {expected}")
        for kind, (floor, first) in FLOORS.items():
            share = 1 - len(missed[kind]) / asked[kind]
            verdict = "" if share >= floor else "  BELOW"
            report(
                f"{kind}: among the first {first}",
                share=f"{share:.1%}{verdict}",
                floor=f"{floor:.0%}",
                queries=asked[kind],
            )
            for said in missed[kind]:
                print(f"    {said}")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
