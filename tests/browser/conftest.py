"""A real Cairn, started as `make run` starts it, full of the demo; and Debian's chromium to look at it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.measure import commands, group_members
from tests.homes import ROOT


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Running:
    """A running Cairn: its address, process, home and log."""

    url: str
    process: subprocess.Popen[bytes]
    home: Path
    log: Path

    def code(self, path: str) -> int:
        """Return the status of a GET, 0 where nothing answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def wait_ready(self, seconds: float = 60) -> float:
        """Wait until it is ready and return how long that took."""
        began = time.monotonic()
        while self.code("/readyz") != 200:
            if self.process.poll() is not None or time.monotonic() - began > seconds:
                raise AssertionError(f"Cairn did not get ready:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.1)
        return time.monotonic() - began

    def interrupt(self) -> float:
        """Press Ctrl-C, as a terminal does to the whole group, and return how long it took until nothing was left."""
        began = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        while time.monotonic() - began < 20:
            self.process.poll()
            if not group_members(self.process.pid):
                self.process.wait()
                return time.monotonic() - began
            time.sleep(0.05)
        left = "\n".join(commands(group_members(self.process.pid)).values())
        os.killpg(self.process.pid, signal.SIGKILL)
        raise AssertionError(f"Ctrl-C left processes:\n{left}\n{self.log.read_text()[-3000:]}")


@contextmanager
def client_after(
    cairn: Running, kind: str, is_ready: Callable[[httpx.Client], bool] = lambda _: True
) -> Iterator[httpx.Client]:
    """Give a client of the running demo once a run of a kind is done, and what it brings is there."""
    with httpx.Client(
        base_url=cairn.url, headers={"Authorization": "Bearer browser-tests-token"}, timeout=30
    ) as client:
        deadline = time.monotonic() + 120
        while True:
            runs = {run["kind"]: run for run in client.get("/v1/runs?limit=200").json()["items"]}
            found = runs.get(kind, {})
            if found.get("state") == "done" and is_ready(client):
                break
            assert found.get("state") != "failed", found
            assert time.monotonic() < deadline, found
            time.sleep(0.3)
        yield client


def start_cairn(home: Path, *, port: int | None = None, **environment: str) -> Running:
    """Start Cairn in a process group of its own."""
    port = port or free_port()
    home.mkdir(parents=True, exist_ok=True)
    log = home.parent / f"{home.name}.log"
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CAIRN_", "DJANGO_", "DATABASE_", "PYTEST"))
    }
    with log.open("ab") as out:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from deploy.run import main; raise SystemExit(main())",
            ],
            cwd=ROOT,
            env={**inherited, "CAIRN_HOME": str(home), "PORT": str(port), **environment},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    return Running(f"http://127.0.0.1:{port}", process, home, log)


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    """Return a function that starts a Cairn; what a failed test leaves of it is killed."""
    started: list[Running] = []

    def begin(home: Path, **more: Any) -> Running:
        started.append(start_cairn(home, **more))
        return started[-1]

    yield begin
    for running in started:
        if group_members(running.process.pid):
            os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()


@pytest.fixture(scope="session")
def cairn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A Cairn with the demo, open to everybody on this machine."""
    running = start_cairn(tmp_path_factory.mktemp("cairn") / "home", CAIRN_OPEN="1", CAIRN_TOKEN="browser-tests-token")
    running.wait_ready()
    deadline = time.monotonic() + 30
    while "customer" not in page_text(running, "/search?q=customer") and time.monotonic() < deadline:
        time.sleep(0.2)
    yield running
    running.interrupt()


def page_text(running: Running, path: str) -> str:
    """Return the text of a page's results."""
    with urllib.request.urlopen(running.url + path, timeout=5) as answer:
        return " ".join(re.findall(r'class="name"[^>]*>(.*?)</a>', answer.read().decode()))
