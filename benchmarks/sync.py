"""Syncs: PostgreSQL with 2,000 tables beside reading them alone; a large merge beside a small writer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.measure import ROOT, ms, percentile, report

CHILD = """
import json, os, resource, sys, time
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from catalog.access.principals import Caller, system_principal
from catalog.connectors.base import Context, collect
from catalog.journal import runs, selectors
from catalog.models import Catalog
from catalog.selectors import open_connector
from catalog.services.catalogs import register_catalog, request_sync
from catalog.sync.engine import run_sync
me = Caller(system_principal("bench"), "bench")
platform, options = sys.argv[1], json.loads(sys.argv[2])
register_catalog(caller=me, name="big", platform=platform, options=options, sync_every_seconds=None, test=False)
connector = open_connector(Catalog.objects.get())
began, cpu = time.perf_counter(), time.process_time()
count = 0
for database in collect(lambda page: connector.list_databases(Context.within(600), page)):
    refs = collect(lambda page: connector.list_datasets(Context.within(600), database.name, page))
    count += len([1 for answer in connector.load(Context.within(600), refs)])
print(json.dumps(["floor", count, time.perf_counter() - began, time.process_time() - cpu]), flush=True)
connector.close()
for name in ("first", "unchanged"):
    began, cpu = time.perf_counter(), time.process_time()
    run = request_sync(caller=me, name="big")
    runs.execute(run, jobs={"sync": run_sync}, holder="bench")
    view = selectors.get_run(run)
    assert view.state == "done", view.error
    print(json.dumps([name, view.result["listed"], time.perf_counter() - began, time.process_time() - cpu]), flush=True)
print(json.dumps(["memory", 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000, 0]), flush=True)
"""

TITLES = {"floor": "reading the source alone (floor)", "first": "first sync", "unchanged": "sync, nothing changed"}


def run_sync_child(title: str, platform: str, options: dict[str, str], database: str) -> None:
    """Read a source alone, sync it into a new database, and sync it again, in a process of its own; report each."""
    import json

    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "deploy.settings.test", "CAIRN_TEST_DATABASE_URL": database}
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, platform, json.dumps(options)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    for line in child.stdout:
        name, count, wall, cpu = json.loads(line)
        if name == "memory":
            report(f"{title}: peak memory", resident=f"{wall:.0f} MB")
        else:
            report(
                f"{title}: {TITLES[name]}",
                tables=f"{count:,}",
                wall=f"{wall:.2f} s",
                cpu_per_table=ms(cpu / max(count, 1)),
            )
    if child.wait():
        raise SystemExit(f"{title} failed")


def measure_postgresql() -> None:
    """2,000 tables × 20 columns in 20 schemas of a real server."""
    import psycopg

    url = os.environ.get("CAIRN_TEST_POSTGRES_URL")
    if not url:
        report("postgresql", skipped="set CAIRN_TEST_POSTGRES_URL; deploy/local/postgres start gives one")
        return
    name = f"bench_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
    parts = urlsplit(url)
    folder = Path(tempfile.mkdtemp(prefix="cairn-bench-"))
    try:
        with psycopg.connect(parts._replace(path=f"/{name}").geturl(), autocommit=True) as connection:
            for schema in range(20):
                statements = [f"CREATE SCHEMA s{schema}"]
                columns = ", ".join(
                    f"c{number} {('bigint', 'text', 'numeric(10,2)', 'timestamptz')[number % 4]}"
                    for number in range(20)
                )
                statements += [f"CREATE TABLE s{schema}.t{number} ({columns})" for number in range(100)]
                connection.execute(";".join(statements))
        options = {
            "host": str(parts.hostname),
            "port": str(parts.port),
            "dbname": name,
            "user": str(parts.username),
            "sslmode": "disable",
        }
        run_sync_child("PostgreSQL, 2,000 × 20, into SQLite", "postgresql", options, f"sqlite:///{folder}/c.sqlite3")
    finally:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        shutil.rmtree(folder, ignore_errors=True)


def measure_generated() -> None:
    """100,000 tables × 12 columns of a generated DuckDB file."""
    from deploy.demo.generate import generate_duckdb

    folder = Path(tempfile.mkdtemp(prefix="cairn-bench-"))
    try:
        generate_duckdb(folder / "big.duckdb", tables=100_000, columns=12)
        run_sync_child(
            "generated, 100,000 × 12, into SQLite",
            "duckdb",
            {"path": str(folder / "big.duckdb")},
            f"sqlite:///{folder}/c.sqlite3",
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


WRITER = """
import sys, time
import django; django.setup()
from catalog.access.principals import Caller, system_principal
from catalog.services.identity import observe
me = Caller(system_principal("bench"), "bench")
end = time.monotonic() + float(sys.argv[1])
number = 0
while time.monotonic() < end:
    began = time.perf_counter()
    observe(caller=me, qualified_name=f"big/main/stub_{number}")
    print(time.perf_counter() - began, flush=True)
    number += 1
    time.sleep(0.02)
"""


def measure_waiting_writer() -> None:
    """How long a one-row write waits on SQLite while a merge of 20,000 tables goes on."""
    import json

    from deploy.demo.generate import generate_duckdb

    folder = Path(tempfile.mkdtemp(prefix="cairn-bench-"))
    try:
        generate_duckdb(folder / "big.duckdb", tables=20_000, columns=12)
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "deploy.settings.test",
            "CAIRN_TEST_DATABASE_URL": f"sqlite:///{folder}/c.sqlite3",
        }
        arguments = [sys.executable, "-c", CHILD, "duckdb", json.dumps({"path": str(folder / "big.duckdb")})]
        merge = subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        assert merge.stdout is not None
        merge.stdout.readline()  # the floor is read; the merge begins
        writer = subprocess.run(
            [sys.executable, "-c", WRITER, "8"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        merge.communicate()
        waits = [float(line) for line in writer.stdout.split()]
        report(
            "one-row write during a merge, SQLite",
            p50=ms(percentile(waits, 0.5)),
            p95=ms(percentile(waits, 0.95)),
            max=ms(max(waits)),
            writes=len(waits),
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
