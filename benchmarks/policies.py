"""Judging 100,000 datasets: a dry run of one rule, a run of one, and of twenty; each in a process of its own, beside only reading them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import ROOT, report

TABLES = int(os.environ.get("TABLES") or 100_000)
SETUP = """
import sys, time
import django; django.setup()
from django.core.management import call_command
from catalog.access.principals import Caller, system_principal
from catalog.journal import runs
from catalog.services.catalogs import register_catalog, request_sync
from deploy.flow import JOBS
me = Caller(system_principal("bench"), "bench")
call_command("migrate", verbosity=0)
register_catalog(caller=me, name="big", platform="duckdb", options={"path": sys.argv[1]}, sync_every_seconds=None)
runs.execute(request_sync(caller=me, name="big"), jobs=JOBS, holder="bench")
"""
CHILD = """
import re, sys, time
import django; django.setup()
from catalog.access.principals import Caller, system_principal
from catalog.journal import runs
from catalog.selectors.bodies import iterate_bodies
from deploy.flow import JOBS
from policy.selectors.dry_runs import dry_run
from policy.services import policies
me = Caller(system_principal("bench"), "bench")
def told(name, began):
    wall, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
    print(f"{name}|{wall:.1f}|{cpu:.1f}|{peak()}", flush=True)
def peak():
    # Of this program alone: what getrusage tells begins with that of whoever started it.
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024
def now():
    return time.perf_counter(), time.process_time()
began, place, count = now(), 0, 0
while True:
    bodies, place = iterate_bodies(after=place)
    if not bodies:
        break
    count += sum(1 for _ in bodies)
told(f"only reading {count:,} bodies", began)
def text(number, must="dataset.owners.size() > 0 || dataset.name != 'x'"):
    return f'policy: p{number}\\nresource: dataset\\nassert: "{must}"\\nexamples: {{fail: [{{dataset: {{name: x}}}}]}}'
began = now()
found = dry_run(principal=me.principal, text=text(0), seconds=600)
told(f"dry run of one rule over {found.looked_at:,}", began)
def run(slug):
    began = now()
    run = policies.request_judging(caller=me, slug=slug)
    runs.execute(run, jobs=JOBS, holder="bench")
    return began
for number in range(20):
    slug, version = policies.save_policy(caller=me, text=text(number))
    policies.activate(caller=me, slug=slug, number=version)
told("run of one rule, all passing", run("p0"))
told("run of twenty rules, all passing", run(""))
slug, version = policies.save_policy(caller=me, text=text("fails", "dataset.name == 'x'").replace("name: x", "name: y"))
policies.activate(caller=me, slug=slug, number=version)
told("run of one rule that all break", run(slug))
told("the same again", run(slug))
"""


def measure_policies() -> None:
    """Measure on SQLite."""
    from deploy.demo.generate import generate_duckdb

    folder = Path(tempfile.mkdtemp(prefix="cairn-bench-"))
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "deploy.settings.test",
        "CAIRN_TEST_DATABASE_URL": f"sqlite:///{folder}/c.sqlite3",
    }
    try:
        generate_duckdb(folder / "big.duckdb", tables=TABLES, columns=12)
        setup = [sys.executable, "-c", SETUP, str(folder / "big.duckdb")]
        subprocess.run(setup, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        child = [sys.executable, "-c", CHILD]
        with subprocess.Popen(child, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                name, wall, cpu, rss = line.strip().split("|")
                report(name, wall_s=wall, cpu_s=cpu, rss_mb=rss, goal="10 s for one rule")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
