"""A real Elasticsearch behind a whole catalog: killed while it is written to, it comes back and holds what the tables hold."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from catalog import backends
from catalog.domain.query import parse_query
from catalog.journal.models import ProjectionCursor
from catalog.search.elasticsearch import ElasticsearchIndex
from catalog.services import finding
from tests.conftest import pump
from tests.homes import ROOT

pytestmark = [pytest.mark.django_db, pytest.mark.server("elasticsearch"), pytest.mark.slow]
TABLES = 2_500
SCRIPT = ROOT / "deploy" / "local" / "elasticsearch"


class Victim:
    """A second Elasticsearch, which a test may kill."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            # The transport's port is a hundred further on.
            port = 30_000 + probe.getsockname()[1] % 20_000
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {
            **os.environ,
            "CAIRN_COPY": f"-killed-{os.getpid()}",
            "CAIRN_ELASTICSEARCH_PORT": str(port),
            "ELASTICSEARCH_HEAP": "256m",
        }

    def _do(self, verb: str) -> None:
        subprocess.run([SCRIPT, verb], env=self._environment, check=True, capture_output=True, timeout=200)

    def start(self) -> None:
        self._do("start")

    def stop(self) -> None:
        self._do("stop")

    def remove(self) -> None:
        """Delete what it left, wherever a server of this account runs."""
        name = f"elasticsearch{self._environment['CAIRN_COPY']}"
        for folder in (
            os.environ.get("SERVERS_RUN", "/var/tmp/cairn-servers"),
            os.environ.get("SERVERS_HOME", str(Path.home() / ".cache" / "cairn-servers")),
        ):
            shutil.rmtree(Path(folder) / name, ignore_errors=True)

    def kill(self) -> None:
        """Kill it without a word, and wait until its port is closed."""
        for path in Path("/proc").iterdir():
            try:
                command = (path / "cmdline").read_bytes() if path.name.isdigit() else b""
            except OSError:
                continue
            if (
                b"org.elasticsearch.bootstrap.Elasticsearch" in command
                and self._environment["CAIRN_COPY"].encode() in command
            ):
                os.kill(int(path.name), signal.SIGKILL)
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", int(self.url.rpartition(":")[2]))) != 0:
                    return
            time.sleep(0.05)


@pytest.fixture
def victim():
    victim = Victim()
    victim.start()
    yield victim
    victim.stop()
    victim.remove()


def find(principal, text):
    return finding.search(query=parse_query(text), principal=principal, limit=5)


def test_a_server_killed_in_mid_bulk_delays_and_loses_nothing(victim, settings, source, operator, monkeypatch):
    settings.SEARCH_INDEX = {
        "BACKEND": "catalog.search.elasticsearch.ElasticsearchIndex",
        "OPTIONS": {"url": victim.url},
    }
    backends._search_index.cache_clear()
    source.creates("first")
    source.sync()
    pump()
    assert find(operator.principal, "first").stale_reason is None
    assert backends.search_index().count() == 1
    for number in range(TABLES):
        source.creates(f"table_{number}")

    def killing(self, documents, index, actions=ElasticsearchIndex._actions):
        for number, action in enumerate(actions(self, documents, index)):
            if number == 250:  # two parts of a batch are written, the third is on its way
                victim.kill()
            yield action

    with monkeypatch.context() as patched:
        patched.setattr(ElasticsearchIndex, "_actions", killing)
        patched.setattr("catalog.search.elasticsearch.BULK_DOCUMENTS", 100)
        source.sync()
        pump()
    cursor = ProjectionCursor.objects.get(name="search")
    assert cursor.failing_since is not None
    found = find(operator.principal, "table_7")
    assert found.stale_reason == "found by name only: Elasticsearch does not answer"
    assert found.items[0].summary.name == "table_7"

    victim.start()
    backends._search_index.cache_clear()
    index = backends.search_index()
    # It may have kept nothing of the index that it was writing; whatever it kept, the tables are what it comes to hold.
    for _ in range(5):
        pump()
        if ProjectionCursor.objects.get(name="search").failing_since is None:
            break
        time.sleep(1)
    assert index.count() == TABLES + 1
    found = find(operator.principal, f"table_{TABLES - 1}")
    assert (found.stale_reason, found.items[0].summary.name) == (None, f"table_{TABLES - 1}")
