"""
Changes while many others come: how long until each is searchable, in the graph, judged, and shown; on a Cairn that runs.

CAIRN_URL and CAIRN_TOKEN name it: `make stack`, or one made with `make run`. CAIRN_FLOW_RATE changes a second (50) are sent for CAIRN_FLOW_SECONDS
(300) through two doors, REST and OpenLineage; beside them, one after the other, probes whose way is timed: a tag, a run's event, and a table made in a
source (a file of SQLite, so this runs where Cairn does) from the moment its sync is asked for.
"""

from __future__ import annotations

import itertools
import os
import random
import sqlite3
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import httpx

from benchmarks.measure import ms, percentile, report

RATE = int(os.environ.get("CAIRN_FLOW_RATE") or 50)
SECONDS = float(os.environ.get("CAIRN_FLOW_SECONDS") or 300)
PATIENCE = 60.0
LINEAGE_SHARE = 10
"""One in so many changes is a run's event."""
POLICY = """\
policy: flow-probe
resource: dataset
assert: "!dataset.tags.exists(t, t.startsWith('probe-')) && !dataset.name.startsWith('probe_')"
message: "{dataset.tags}"
examples: {fail: [{dataset: {tags: [probe-1]}}]}
"""


class _Flow:
    """The datasets that are changed, and the clients that change and look."""

    def __init__(self) -> None:
        url, token = os.environ["CAIRN_URL"], os.environ["CAIRN_TOKEN"]
        limits = httpx.Limits(max_connections=32)
        headers = {"Authorization": f"Bearer {token}"}
        self.client = httpx.Client(base_url=url, headers=headers, timeout=PATIENCE, limits=limits)
        items = self.client.get("/v1/datasets?limit=200").raise_for_status().json()["items"]
        self.datasets = [(item["uuid"], item["qualified_name"]) for item in items]
        self.sent = self.failed = 0
        self._lock = threading.Lock()

    def send(self, number: int) -> None:
        """Make one change."""
        if number % LINEAGE_SHARE == 0:
            answer = self.client.post("/api/v1/lineage", json=_event(f"load-{number % 200}"))
        else:
            key, _ = self.datasets[number // 2 % len(self.datasets)]
            method = "PUT" if number % 2 else "DELETE"
            answer = self.client.request(method, f"/v1/datasets/{key}/tags/load-{os.getpid()}")
        with self._lock:
            self.sent += 1
            # To take off a tag that another took off first is no failure.
            self.failed += answer.status_code >= 400 and answer.status_code != 404

    def load(self, stop: threading.Event) -> None:
        """Make changes at the rate until told to stop."""
        with ThreadPoolExecutor(16) as pool:
            began = time.perf_counter()
            for number in itertools.count():
                if stop.is_set():
                    return
                pool.submit(self.send, number)
                time.sleep(max(0.0, began + (number + 1) / RATE - time.perf_counter()))

    def until(self, holds: Callable[[], bool], began: float) -> float:
        """Look until something holds and return how long that took since it was asked for."""
        while not holds():
            if time.perf_counter() - began > PATIENCE:
                return PATIENCE
            time.sleep(0.05)
        return time.perf_counter() - began

    def probe(self, number: int) -> dict[str, float]:
        """Tag a dataset, report a run, and return the seconds until each was seen."""
        key, name = random.choice(self.datasets)
        tag = f"probe-{os.getpid()}-{number}"
        began = time.perf_counter()
        self.client.put(f"/v1/datasets/{key}/tags/{tag}").raise_for_status()

        def found() -> bool:
            items = self.client.get("/v1/search", params={"q": f"tag:{tag}", "limit": 1}).json()["items"]
            return bool(items)

        def judged() -> bool:
            asked = {"dataset": key, "policy": "flow-probe"}
            items = self.client.get("/v1/violations", params=asked).json()["items"]
            return any(tag in item["message"] for item in items)

        times = {"searchable": self.until(found, began), "judged": self.until(judged, began)}
        shown = self.client.get(f"/v1/datasets/{key}/policies").json()["items"]
        assert any(each["policy"] == "flow-probe" and each["verdict"] == "fail" for each in shown), name
        times["shown"] = time.perf_counter() - began
        self.client.delete(f"/v1/datasets/{key}/tags/{tag}")
        began = time.perf_counter()
        self.client.post("/api/v1/lineage", json=_event(tag)).raise_for_status()

        def linked() -> bool:
            found = self.client.get("/v1/datasets", params={"name": f"elsewhere/kafka:%2F%2Fflow/{tag}"})
            if found.status_code != 200:
                return False
            graph = self.client.get(f"/v1/datasets/{found.json()['uuid']}/lineage", params={"depth": 1}).json()
            return len(graph["nodes"]) > 1

        times["in the graph"] = self.until(linked, began)
        return times


class _Source:
    """A database whose tables are made behind Cairn's back."""

    def __init__(self, flow: _Flow, folder: str) -> None:
        self.flow, self.path = flow, f"{folder}/source.db"
        self.name = f"flow-{os.getpid()}"
        self._make("first")
        asked = {"name": self.name, "platform": "sqlite", "options": {"path": self.path}, "sync_every_seconds": None}
        flow.client.post("/v1/catalogs", json=asked).raise_for_status()

    def _make(self, table: str) -> None:
        with closing(sqlite3.connect(self.path)) as source:
            source.execute(f"CREATE TABLE {table} (id INTEGER, email TEXT)")

    def probe(self, number: int) -> dict[str, float]:
        """Make a table, ask for a sync, and return the seconds until it was seen, judged, and versioned as a subject."""
        client, table = self.flow.client, f"probe_{number}"
        name = f"{self.name}/main/{table}"
        self._make(table)
        began = time.perf_counter()
        run = client.post(f"/v1/catalogs/{self.name}/syncs").raise_for_status().json()["run"]

        def found() -> bool:
            items = client.get("/v1/search", params={"q": name, "limit": 1}).json()["items"]
            return bool(items) and items[0]["qualified_name"] == name

        times = {"a source's is searchable": self.flow.until(found, began)}
        key = client.get("/v1/datasets", params={"name": name}).raise_for_status().json()["uuid"]

        def judged() -> bool:
            asked = {"dataset": key, "policy": "flow-probe"}
            return bool(client.get("/v1/violations", params=asked).json()["items"])

        def versioned() -> bool:
            return client.get(f"/v1/datasets/{key}/subject").status_code == 200

        times["a source's is judged"] = self.flow.until(judged, began)
        times["a source's is versioned"] = self.flow.until(versioned, began)
        self.flow.until(lambda: client.get(f"/v1/runs/{run}").json()["state"] not in ("queued", "running"), began)
        return times

    def remove(self) -> None:
        """Take its catalog away."""
        self.flow.client.delete(f"/v1/catalogs/{self.name}")


def _event(name: str) -> dict[str, object]:
    return {
        "eventType": "COMPLETE",
        "eventTime": datetime.now(UTC).isoformat(),
        "producer": "https://example.com/bench",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": str(uuid.uuid4())},
        "job": {"namespace": "bench", "name": name},
        "inputs": [{"namespace": "kafka://flow", "name": "source"}],
        "outputs": [{"namespace": "kafka://flow", "name": name}],
    }


def measure_flow() -> None:
    """Send changes, and time probes meanwhile."""
    if "CAIRN_URL" not in os.environ:
        report("flow", skipped="name a running Cairn with CAIRN_URL and CAIRN_TOKEN")
        return
    flow = _Flow()
    flow.client.post("/v1/policies", json={"text": POLICY}).raise_for_status()
    flow.client.post("/v1/policies/flow-probe/activation", json={"version": 1}).raise_for_status()
    with tempfile.TemporaryDirectory(prefix="cairn-flow-") as folder:
        source = _Source(flow, folder)
        try:
            _measure(flow, source)
        finally:
            source.remove()
            flow.client.delete("/v1/policies/flow-probe/activation")
            for key, _ in flow.datasets:
                flow.client.delete(f"/v1/datasets/{key}/tags/load-{os.getpid()}")


def _measure(flow: _Flow, source: _Source) -> None:
    stop = threading.Event()
    load = threading.Thread(target=flow.load, args=(stop,))
    load.start()
    taken: dict[str, list[float]] = {}
    began = time.perf_counter()
    for number in itertools.count():
        if time.perf_counter() - began > SECONDS:
            break
        for name, seconds in (flow.probe(number) | source.probe(number)).items():
            taken.setdefault(name, []).append(seconds)
        time.sleep(0.2)
    elapsed = time.perf_counter() - began
    stop.set()
    load.join()
    report("changes", a_second=f"{flow.sent / elapsed:.1f}", seconds=f"{elapsed:.0f}", failed=flow.failed)
    for name, times in taken.items():
        report(
            f"until {name}",
            p50=ms(percentile(times, 0.5)),
            p95=ms(percentile(times, 0.95)),
            max=ms(max(times)),
            probes=len(times),
            goal="p95 5 s",
        )
