"""Production's tasks: Celery workers on Redis, processes of their own, killed in mid-run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid

import pytest

from tests.conftest import REDIS_URL
from tests.homes import ROOT, Home, copy_of, drop_database

pytestmark = [pytest.mark.server("postgresql"), pytest.mark.server("redis"), pytest.mark.slow]


@pytest.fixture
def stack(template, tmp_path):
    """A prepared PostgreSQL home whose workers listen to a Redis database of their own."""
    home = copy_of(template, "postgresql", "prepare", tmp_path)
    home.ok("point_to", home.source)
    yield home
    drop_database(home.url)


def environment(home: Home, **more: str) -> dict[str, str]:
    return home.environment(
        DJANGO_SETTINGS_MODULE="tests.servers.redis_settings",
        CELERY_BROKER_URL=f"{REDIS_URL.rsplit('/', 1)[0]}/9",
        **more,
    )


def start(home: Home, *arguments: str, **more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=ROOT, env=environment(home, **more), start_new_session=True
    )


def worker(home: Home, **more: str) -> subprocess.Popen[bytes]:
    name = f"w{uuid.uuid4().hex[:6]}@test"
    return start(
        home,
        "celery",
        "-A",
        "deploy.celery",
        "worker",
        "-Q",
        "write",
        "-c",
        "1",
        "-n",
        name,
        "--without-gossip",
        "--without-mingle",
        "-l",
        "ERROR",
        **more,
    )


def end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_sync_goes_through_redis_and_survives_its_worker(stack):
    stack.ok("change_outside", stack.source)
    pump = start(stack, "deploy.pumping")
    doomed = worker(stack, CAIRN_FAILPOINT="sync.unit_stored")
    second = None
    try:
        stack.ok("ask_for_sync")
        deadline = time.monotonic() + 60
        while not stack.ok("run_states").get("attempts") and time.monotonic() < deadline:
            time.sleep(0.5)
        time.sleep(2)
        end(doomed)
        stack.ok("expire_runs")
        second = worker(stack)
        while stack.ok("run_states")["unfinished"] and time.monotonic() < deadline + 60:
            time.sleep(0.5)
        states = stack.ok("run_states")
        assert states["unfinished"] == 0
        assert states["attempts"] >= 2
    finally:
        for process in filter(None, (pump, doomed, second)):
            if process.poll() is None:
                end(process)
    stack.ok("recover")
    found = stack.ok("check", stack.source)
    assert found["stored"] == found["source"]
    assert found["wrong"] == []
