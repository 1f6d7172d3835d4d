"""`make run`: starts full, says how to get in, ends wholly at Ctrl-C, refuses a second one on the same home."""

from __future__ import annotations

import json
import sqlite3
import time
import urllib.request

import pytest

from tests.browser.conftest import free_port, group_members

pytestmark = pytest.mark.slow


def ask(running, path, *, token, body=None):
    request = urllib.request.Request(running.url + path, data=json.dumps(body).encode() if body is not None else None)
    request.add_header("Authorization", f"Bearer {token}")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def credentials(home):
    return dict(line.split("=", 1) for line in (home / "credentials").read_text().splitlines())


def test_a_home_starts_full_stops_wholly_and_starts_again(start, tmp_path):
    running = start(tmp_path / "home")
    running.wait_ready()
    assert (running.home / "credentials").stat().st_mode & 0o777 == 0o600
    known = credentials(running.home)
    deadline = time.monotonic() + 15
    while running.log.read_text().count("API token") == 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert known["token"] in running.log.read_text()
    assert running.code("/v1/me") == 401
    assert len(ask(running, "/v1/datasets?limit=200", token=known["token"])["items"]) >= 40
    platforms = {catalog["platform"] for catalog in ask(running, "/v1/catalogs", token=known["token"])["items"]}
    assert platforms == {"sqlite", "duckdb", "iceberg", "hive"}
    second = start(tmp_path / "home")
    assert second.process.wait(timeout=30) == 1
    assert "is running on" in second.log.read_text()
    assert len(group_members(running.process.pid)) >= 3
    running.interrupt()
    again = start(tmp_path / "home")
    again.wait_ready()
    assert credentials(again.home)["token"] == known["token"]
    again.interrupt()


def test_ctrl_c_ends_a_long_task_too_and_the_next_start_finishes_it(start, tmp_path):
    source = tmp_path / "big.db"
    with sqlite3.connect(source) as connection:
        for number in range(6_000):
            connection.execute(
                f"CREATE TABLE t{number} (a INTEGER, b TEXT, c REAL, d TEXT, e TEXT, f TEXT, g TEXT, h TEXT)"
            )
    connection.close()
    running = start(tmp_path / "home", CAIRN_DEMO="0", CAIRN_TOKEN="known-token")
    running.wait_ready()
    ask(
        running,
        "/v1/catalogs",
        token="known-token",
        body={"name": "big", "platform": "sqlite", "options": {"path": str(source)}},
    )
    deadline = time.monotonic() + 30
    while not ask(running, "/v1/runs?state=running", token="known-token")["items"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ask(running, "/v1/runs?state=running", token="known-token")["items"]
    running.interrupt()
    again = start(tmp_path / "home", CAIRN_DEMO="0", CAIRN_TOKEN="known-token")
    again.wait_ready()
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        runs = ask(again, "/v1/runs?kind=sync", token="known-token")["items"]
        if all(run["state"] == "done" for run in runs):
            break
        time.sleep(0.5)
    assert [run["state"] for run in runs] == ["done"]
    assert ask(again, "/v1/catalogs/big", token="known-token")["datasets"] == 6_000
    again.interrupt()


def test_an_open_home_refuses_other_addresses(start, tmp_path):
    running = start(tmp_path / "home", CAIRN_OPEN="1", HOST="0.0.0.0")
    assert running.process.wait(timeout=30) != 0
    assert "refuses to listen" in running.log.read_text()


def test_a_port_in_use_is_named(start, tmp_path):
    import socket

    port = free_port()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        running = start(tmp_path / "home", port=port)
        assert running.process.wait(timeout=30) == 1
    assert f"port {port} on 127.0.0.1 is in use" in running.log.read_text()
