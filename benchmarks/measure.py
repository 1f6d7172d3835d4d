"""What all measurements share: CPU time of a process and its children, percentiles, a home of their own, a table at the end."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_of(pids: Sequence[int]) -> float:
    """Return the CPU seconds that processes have used so far."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory_of(pids: Sequence[int]) -> float:
    """Return the resident memory of processes in MB."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * resource.getpagesize() / 1e6


def percentile(values: Sequence[float], share: float) -> float:
    """Return a percentile of measurements."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def group_members(group: int) -> list[int]:
    """Return the living processes of a group."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def commands(pids: Sequence[int]) -> dict[int, str]:
    """Return the command lines of processes."""
    return {pid: Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode() for pid in pids}


TOKEN = "benchmark-token"


class Server:
    """A Cairn of its own, started as `make run` does."""

    def __init__(self, home: Path, **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deploy.run"],
            cwd=ROOT,
            env={**os.environ, "CAIRN_HOME": str(home), "PORT": str(self.port), "CAIRN_TOKEN": TOKEN, **environment},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 120
        while True:
            try:
                if self.get("/readyz"):
                    return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.1)

    def get(self, path: str) -> bytes:
        """Return the body of a GET with the token."""
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            body: bytes = answer.read()
            return body

    def post(self, path: str, body: object) -> object:
        """Return the JSON answer of a POST."""
        request = urllib.request.Request(
            self.url + path,
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def put(self, path: str) -> None:
        """Send a PUT without a body."""
        request = urllib.request.Request(self.url + path, method="PUT", headers={"Authorization": f"Bearer {TOKEN}"})
        urllib.request.urlopen(request, timeout=60).close()

    def web_pids(self) -> list[int]:
        """Return the processes that answer requests."""
        return [pid for pid, command in commands(group_members(self.process.pid)).items() if "granian" in command]

    def pids(self) -> list[int]:
        """Return the web and worker processes."""
        found = commands(group_members(self.process.pid))
        return [pid for pid, command in found.items() if "granian" in command or "deploy.worker" in command]

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(timeout=30)


def report(name: str, **figures: object) -> None:
    """Print one measurement as a line."""
    print(f"{name:44} " + "  ".join(f"{key} {value}" for key, value in figures.items()), flush=True)


def ms(seconds: float) -> str:
    """Return seconds as milliseconds for people."""
    return f"{seconds * 1_000:.2f} ms"
