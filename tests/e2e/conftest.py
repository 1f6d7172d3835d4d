"""The stack as `make stack` runs it, asked from outside: over HTTP, by command line, in a browser, and by what Spark does beneath it."""

from __future__ import annotations

import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import pytest

from benchmarks.measure import commands, group_members
from deploy.demo.spark import Spark
from deploy.home import read_credentials
from tests.conftest import HIVE_POSTGRES_URI, ICEBERG_REST_URI, SPARK, STACK

T = TypeVar("T")


def eventually(look: Callable[[], T], *, seconds: float = 60, what: str = "it") -> T:
    """Look until something true is seen, and return it."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"{what} did not come about within {seconds:.0f} s"
        time.sleep(0.2)
    return seen


class NotThere(Exception):
    """The stack answers that there is no such thing."""


class Stack:
    """A running stack: where it is, how to get in, and its processes."""

    def __init__(self, home: Path) -> None:
        self.credentials = read_credentials(home)
        self.url = self.credentials["url"]
        found = re.search(r"process (\d+)", (home / "lock").read_text())
        assert found is not None, "the home's lock names its process"
        self.supervisor = int(found[1])

    def ask(self, path: str, body: Any = None, *, method: str | None = None) -> Any:
        """Ask over REST with the operator's token and return the answer."""
        request = urllib.request.Request(
            self.url + quote(path, safe="/?&=:,"),
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {self.credentials['token']}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            if error.code == 404:
                raise NotThere(path) from error
            raise AssertionError(f"{path}: {error.code} {error.read().decode()[:500]}") from error

    def versions(self, subject: str) -> list[int]:
        """Return the versions of a subject of the registry, none while there is no such subject."""
        try:
            return list(self.ask(subject))
        except NotThere:
            return []

    def find(self, name: str) -> Any:
        """Return a dataset by its name, or None."""
        try:
            return self.ask(f"/v1/datasets?name={name}")
        except NotThere:
            return None

    def has_catalog(self, name: str) -> bool:
        """Return whether there is a catalog of a name."""
        try:
            return bool(self.ask(f"/v1/catalogs/{name}"))
        except NotThere:
            return False

    def hits(self, query: str) -> list[str]:
        """Return the names that a search finds."""
        return [item["qualified_name"] for item in self.ask(f"/v1/search?q={query}")["items"]]

    def connects(self, name: str, platform: str, options: dict[str, str], **more: Any) -> None:
        """Connect a source, and remove the catalog of that name first if an earlier run left it."""
        self.removes(name)
        self.ask("/v1/catalogs", {"name": name, "platform": platform, "options": options, **more})

    def removes(self, name: str) -> None:
        """Remove a catalog, if it is there, and wait until it is gone."""
        if self.has_catalog(name):
            self.ask(f"/v1/catalogs/{name}", method="DELETE")
            eventually(lambda: not self.has_catalog(name), what=f"the removal of {name}")

    def syncs(self, name: str) -> None:
        """Sync a catalog by its workers, and wait for it."""
        run = self.ask(f"/v1/catalogs/{name}/syncs", {})["run"]
        ended = eventually(lambda: self.ended(run), what=f"the sync of {name}")
        assert ended["state"] == "done", ended

    def ended(self, run: str) -> Any:
        """Return a run once it has ended."""
        found = self.ask(f"/v1/runs/{run}")
        return found if found["state"] not in ("queued", "running") else None

    def processes(self, mark: str) -> list[int]:
        """Return the stack's processes whose command has a mark in it."""
        return [pid for pid, line in commands(group_members(self.supervisor)).items() if mark in line]


@pytest.fixture(scope="session")
def stack() -> Stack:
    """The stack that runs."""
    return Stack(Path(STACK))


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    """Spark on the stack's metastore and its Iceberg catalog, with databases of its own in both."""
    python, jar = SPARK.split(",")
    folder = tmp_path_factory.mktemp("spark")
    spark = Spark(python=python, jar=jar, hive=HIVE_POSTGRES_URI, iceberg=ICEBERG_REST_URI, folder=folder)
    for catalog in ("spark_catalog", "ice"):
        spark.does(f"CREATE DATABASE {catalog}.{database()}")
    yield spark
    for catalog in ("spark_catalog", "ice"):
        for table in spark.does(f"SHOW TABLES IN {catalog}.{database()}"):
            spark.does(f"DROP TABLE {catalog}.{database()}.{table['tableName']}")
        spark.does(f"DROP DATABASE {catalog}.{database()}")
    spark.stop()


def database() -> str:
    """Return the name of the database that this test process has to itself."""
    return f"e2e_{os.getpid()}"
