"""Requests over HTTP: a dataset, a page, a search over 100,000 datasets; beside `/livez`, which does nothing, as the floor."""

from __future__ import annotations

import http.client
import json
import random
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import TOKEN, Server, cpu_of, memory_of, ms, percentile, report


def ask(
    server: Server, paths: Sequence[str], seconds: float, *, statuses: Sequence[int] = (200,)
) -> tuple[int, float, list[float]]:
    """Ask for paths in turn over one connection; return how many, the servers' CPU seconds, and the wall time of each."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    times: list[float] = []
    pids = server.web_pids()
    before, end = cpu_of(pids), time.perf_counter() + seconds
    count = 0
    while time.perf_counter() < end:
        began = time.perf_counter()
        connection.request("GET", paths[count % len(paths)], headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        times.append(time.perf_counter() - began)
        if answer.status not in statuses:
            raise SystemExit(f"{paths[count % len(paths)]} answered {answer.status}: {body[:200]!r}")
        count += 1
    return count, cpu_of(pids) - before, times


def tell(name: str, server: Server, paths: Sequence[str], seconds: float = 6) -> None:
    ask(server, paths, 1)
    count, cpu, times = ask(server, paths, seconds)
    report(
        name,
        cpu=ms(cpu / count),
        per_cpu_second=f"{count / cpu:,.0f}",
        p50=ms(percentile(times, 0.5)),
        p95=ms(percentile(times, 0.95)),
        requests=count,
    )


def measure_http() -> None:
    """GET of a dataset with a token, home and other pages, memory of the processes, on the demo."""
    folder = Path(tempfile.mkdtemp(prefix="cairn-bench-"))
    server = Server(folder / "home")
    try:
        time.sleep(5)
        items = json.loads(server.get("/v1/datasets?limit=200"))["items"]
        keys = [item["uuid"] for item in items]
        tell("livez (floor)", server, ["/livez"])
        tell("GET dataset by id", server, [f"/v1/datasets/{key}" for key in keys])
        tell("GET dataset by name", server, [f"/v1/datasets?name={item['qualified_name']}" for item in items])
        live = "/mds/v1/catalog/warehouse/database/{}/table/{}"
        tables = [
            live.format(*item["qualified_name"].split("/")[1:])
            for item in items
            if item["platform"] == "hive" and item["kind"] == "table"
        ]
        tell("Metacat GET table, the copy", server, [f"{table}?freshness=cached" for table in tables])
        tell("Metacat GET table, live", server, tables)
        tell("search, four facets, the demo", server, ["/v1/search?q=customer", "/v1/search?q=play+events"])
        tell("home page", server, ["/"])
        tell("dataset page", server, ["/datasets/lake/events/play_events"])
        tell("search page", server, ["/search?q=customer"])
        report("memory of web and worker", resident=f"{memory_of(server.pids()):.0f} MB")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _tell_pages(server: Server, names: Sequence[str]) -> None:
    """Each page beside 100,000 datasets, 1,000 users, 200 bookmarks and 100 views; no page may take 300 ms."""
    for number in range(1_000):
        server.post("/v1/users", {"username": f"user{number}", "display_name": f"User {number}"})
    for number in range(100):
        server.post("/v1/views", {"name": f"View {number}", "query": f"customer {number}", "is_shared": True})
    for name in names:
        key = json.loads(server.get(f"/v1/datasets?name={name}"))["uuid"]
        server.put(f"/v1/datasets/{key}/bookmark")
        server.put(f"/v1/datasets/{key}/tags/pii")
        server.put(f"/v1/datasets/{key}/owners/user:admin")
    dataset = f"/datasets/{names[0]}"
    database = names[0].split("/")[1]
    pages = {
        "home": "/",
        "all datasets": "/search",
        "search": "/search?q=customer",
        "search, a common word": "/search?q=id",
        "search, a facet": "/search?q=customer+tag:pii",
        "search that finds nothing": "/search?q=zzzz+tag:pi",
        "search, page 500": "/search?q=customer&offset=9980",
        "palette": "/palette?q=cust",
        "dataset": dataset,
        "dataset, versions": f"{dataset}?tab=versions",
        "dataset, history": f"{dataset}?tab=history",
        "dataset that is not there": f"{dataset}_x",
        "catalog": "/catalogs/big",
        "database": f"/catalogs/big/database?name={database}",
        "bookmarks": "/bookmarks",
        "views": "/views",
        "runs": "/runs",
        "users": "/users",
        "access": "/access",
        "audit": "/audit",
        "system": "/system",
        "settings": "/settings",
    }
    worst = 0.0
    for name, address in pages.items():
        count, cpu, times = _ask_page(server, address)
        slow = percentile(times, 0.95)
        worst = max(worst, slow)
        report(f"page: {name}", cpu=ms(cpu / count), p50=ms(percentile(times, 0.5)), p95=ms(slow), requests=count)
    report("the slowest page's p95 (goal 300 ms)", p95=ms(worst))


def _ask_page(server: Server, address: str) -> tuple[int, float, list[float]]:
    ask(server, [address], 0.5, statuses=(200, 404))
    return ask(server, [address], 2, statuses=(200, 404))


def measure_search() -> None:
    """Sync of 100,000 generated tables into a running Cairn, then search over them."""
    from deploy.demo.generate import generate_duckdb

    folder = Path(tempfile.mkdtemp(prefix="cairn-bench-"))
    generate_duckdb(folder / "big.duckdb", tables=100_000, columns=12)
    server = Server(folder / "home", CAIRN_DEMO="0")
    try:
        began = time.monotonic()
        options = {"path": str(folder / "big.duckdb")}
        server.post(
            "/v1/catalogs",
            {"name": "big", "platform": "duckdb", "options": options, "sync_every_seconds": None, "test": False},
        )
        server.post("/v1/catalogs/big/syncs", {})
        while True:
            run = json.loads(server.get("/v1/runs?kind=sync"))["items"][0]
            if run["state"] not in ("queued", "running"):
                break
            time.sleep(0.5)
        synced = time.monotonic() - began
        report("sync of 100,000 tables, running server", wall=f"{synced:.1f} s", state=run["state"])
        while json.loads(server.get("/v1/search"))["total"] < 100_000:
            time.sleep(0.5)
        report("… all of them searchable", wall=f"{time.monotonic() - began:.1f} s")
        dice = random.Random(3)
        words = [
            "customer",
            "order",
            "playback",
            "revenue",
            "session",
            "ticket",
            "daily",
            "active",
            "amount",
            "email",
            "region",
            "latest",
        ]
        queries = [f"/v1/search?q={'+'.join(dice.sample(words, dice.randint(1, 3)))}" for _ in range(200)]
        tell("search, four facets, 100,000 datasets", server, queries, 15)
        names = [item["qualified_name"] for item in json.loads(server.get("/v1/datasets?limit=200"))["items"]]
        tell("search for an exact name", server, [f"/v1/search?q={name.split('/')[-1]}" for name in names], 8)
        _tell_pages(server, names)
        tell("GET dataset by id, 100,000 datasets", server, [f"/v1/datasets?name={name}" for name in names])
        report("memory of web and worker, 100,000 datasets", resident=f"{memory_of(server.pids()):.0f} MB")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
