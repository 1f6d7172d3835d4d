"""Lineage: events over HTTP and behind, beside storing their bytes alone; walks over a million edges; SQL read by column."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT, TOKEN, Server, cpu_of, ms, percentile, report

EVENTS = 1_000
COLUMNS = 10
NODES, EDGES = 100_000, 1_000_000


def event(number: int, *, jobs: int = 50) -> dict[str, Any]:
    """Return an event of about 6 kB: two inputs, an output with a schema and column lineage of ten columns."""
    job = number % jobs
    at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=number)
    names = [f"shop.public.source_{job}_a", f"shop.public.source_{job}_b"]
    facet = {
        "fields": {
            f"column_{n}": {
                "inputFields": [
                    {"namespace": "postgres://db:5432", "name": name, "field": f"field_{n}", "transformations": [{"type": "DIRECT", "subtype": "IDENTITY", "masking": False}]}
                    for name in names
                ]
            }
            for n in range(COLUMNS)
        }
    }  # fmt: skip
    schema = {
        "fields": [{"name": f"column_{n}", "type": "varchar", "description": "What it is."} for n in range(COLUMNS)]
    }
    return {
        "eventType": "COMPLETE",
        "eventTime": at.isoformat(),
        "producer": "https://example.com/bench",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": str(uuid.UUID(int=number + 1))},
        "job": {"namespace": "bench", "name": f"job_{job}"},
        "inputs": [{"namespace": "postgres://db:5432", "name": name, "facets": {"schema": schema}} for name in names],
        "outputs": [{"namespace": "postgres://db:5432", "name": f"shop.public.target_{job}", "facets": {"columnLineage": facet, "schema": schema}}],
    }  # fmt: skip


def _post(server: Server, path: str, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(server.url + path, body, headers), timeout=60).close()


def measure_lineage() -> None:
    """Measure all of it."""
    with tempfile.TemporaryDirectory() as folder:
        _measure_events(Path(folder))
        _measure_walks(Path(folder))
    _measure_sql()


def _measure_events(folder: Path) -> None:
    server = Server(folder / "home", CAIRN_DEMO="0")
    try:
        bodies = [json.dumps(event(number)).encode() for number in range(EVENTS)]
        report("event", bytes=len(bodies[0]))
        pids = server.pids()
        for title, count in (("first events of 50 jobs", 100), ("events, one a request", EVENTS - 100)):
            part = bodies[:100] if count == 100 else bodies[100:]
            cpu, began = cpu_of(pids), time.perf_counter()
            for body in part:
                _post(server, "/api/v1/lineage", body)
            answered = time.perf_counter() - began
            while "cairn_lineage_events_waiting 0.0" not in server.get("/metrics").decode():
                time.sleep(0.05)
            used = (cpu_of(pids) - cpu) / count
            report(
                title,
                per_second=f"{count / answered:.0f}",
                cpu_per_event=ms(used),
                goal="6 ms",
                level_after=f"{time.perf_counter() - began - answered:.1f} s",
            )
        batch = [event(number) for number in range(EVENTS, EVENTS * 2)]
        cpu, began = cpu_of(pids), time.perf_counter()
        for start in range(0, EVENTS, 100):
            _post(server, "/api/v1/lineage/batch", json.dumps(batch[start : start + 100]).encode())
        answered = time.perf_counter() - began
        while "cairn_lineage_events_waiting 0.0" not in server.get("/metrics").decode():
            time.sleep(0.05)
        used = (cpu_of(pids) - cpu) / EVENTS
        report("events, a hundred a batch", per_second=f"{EVENTS / answered:.0f}", cpu_per_event=ms(used))
        cpu, began = cpu_of(pids), time.perf_counter()
        for _ in range(500):
            server.get("/livez")
        report(
            "floor: GET /livez",
            per_second=f"{500 / (time.perf_counter() - began):.0f}",
            cpu_per_request=ms((cpu_of(pids) - cpu) / 500),
        )
    finally:
        server.stop()


WALKS = """
import json, random, sys, time, uuid
from datetime import UTC, datetime, timedelta
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.db import transaction
from catalog import bulk
from benchmarks.lineage import edges
from benchmarks.measure import percentile
from lineage.backends import graph_store, tables
from lineage.domain.walks import Direction, Moment, Node, walk
from lineage.graph.base import RecordsEdges
from lineage.models import Edge, Job
from lineage.services.projecting import record_all
from catalog.journal import clock
now = clock.now()
jobs = [Job.objects.create(digest=uuid.uuid4().bytes, namespace="bench", name=str(n), created_at=now) for n in range(200)]
began, cpu = time.perf_counter(), time.process_time()
names = ("job_id", "upstream", "upstream_column", "downstream", "downstream_column", "subtype", "masking", "origin", "since",
         "until", "last_seen_at", "runs_seen", "runs_missed", "recorded_at")
chunk = []
def write(rows):
    with transaction.atomic():
        bulk.insert(Edge, names, rows)
for number, (up, down, closed) in enumerate(edges()):
    since = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number % 100_000)
    chunk.append((jobs[number % 200].pk, up, "", down, "", "", False, "openlineage", since, since if closed else None, since, 1, 0, now))
    if len(chunk) == 20_000:
        write(chunk); chunk = []
write(chunk)
print(json.dumps(["load", time.perf_counter() - began, time.process_time() - cpu]), flush=True)
stores = {"tables": tables()}
if isinstance(graph_store(), RecordsEdges):
    began = time.perf_counter()
    record_all()
    print(json.dumps(["record", time.perf_counter() - began, 0]), flush=True)
    stores["neo4j"] = graph_store()
random.seed(5)
starts = [Node(uuid.UUID(int=random.randrange(1, 100_001))) for _ in range(200)]
for name, store in stores.items():
    for direction in Direction:
        for moment in (Moment(), Moment(as_of=datetime(2026, 2, 1, tzinfo=UTC))):
            for cap in (200, 1_000):
                taken, cpu, found = [], time.process_time(), 0
                for start in starts:
                    began = time.perf_counter()
                    answer = walk(start, direction, neighbours=lambda n, w: store.neighbours(n, w, moment), known=list, depth=5, cap=cap)
                    taken.append(time.perf_counter() - began)
                    found += len(answer.nodes)
                cpu = (time.process_time() - cpu) / len(starts)
                title = f"cap {cap}, {name} {direction}{' as of' if moment.as_of else ''}"
                print(json.dumps([title, percentile(taken, 0.5), percentile(taken, 0.95), cpu, found / len(starts)]), flush=True)
"""


def edges() -> Any:
    """Yield a million edges among 100,000 datasets: 70 % to near parents, 30 % to popular ones, a fifth closed."""
    chosen = random.Random(7)
    for _ in range(EDGES):
        child = chosen.randrange(2, NODES + 1)
        if chosen.random() < 0.7:
            parent = max(1, child - int(chosen.paretovariate(0.8)))
        else:
            parent = 1 + int((child - 1) * chosen.random() ** 6)
        yield uuid.UUID(int=parent), uuid.UUID(int=child), chosen.random() < 0.2


def _measure_walks(folder: Path) -> None:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "deploy.settings.test",
        "CAIRN_TEST_DATABASE_URL": f"sqlite:///{folder}/edges.sqlite3",
    }
    with subprocess.Popen(
        [sys.executable, "-c", WALKS], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            name, *figures = json.loads(line)
            if name in ("load", "record"):
                report(f"1,000,000 edges: {name}", seconds=f"{figures[0]:.1f}", per_second=f"{EDGES / figures[0]:.0f}")
            else:
                half, most, cpu, nodes = figures
                report(
                    f"depth 5, {name}",
                    p50=ms(half),
                    p95=ms(most),
                    cpu=ms(cpu),
                    nodes=f"{nodes:.0f}",
                    goal="10 ms",
                )
    assert child.returncode == 0


def _measure_sql() -> None:
    from deploy.demo.reporter import units
    from lineage.domain.sql import statements_lineage

    texts = [unit.sql for unit in units()]
    taken = []
    for _ in range(5):
        for text in texts:
            began = time.process_time()
            statements_lineage(text, dialect="duckdb", schemas=lambda names: {})
            taken.append(time.process_time() - began)
    report(
        "the demo's SQL by column",
        statements=len(texts),
        cpu_p50=ms(percentile(taken, 0.5)),
        cpu_p95=ms(percentile(taken, 0.95)),
    )
