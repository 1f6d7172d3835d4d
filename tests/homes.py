"""Databases of crash tests: files or PostgreSQL databases that child processes share, copied from one prepared template."""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

POSTGRES_URL = os.environ.get("CAIRN_TEST_POSTGRES_URL", "")

ROOT = Path(__file__).resolve().parent.parent
CHILD_SECONDS = 300


def postgres_database(template: str | None = None) -> str:
    """Create a database on the test server and return its address."""
    name = f"crash_{uuid.uuid4().hex[:10]}"
    with psycopg.connect(POSTGRES_URL, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
    return urlsplit(POSTGRES_URL)._replace(path=f"/{name}").geturl()


def drop_database(url: str) -> None:
    """Drop a database of the test server, whoever is still connected."""
    with psycopg.connect(POSTGRES_URL, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {urlsplit(url).path[1:]} WITH (FORCE)")


class Forks:
    """The process that forks children of crash tests; it ends when its input does."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.forks"],
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "deploy.settings.test", "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, arguments: Sequence[str], url: str, failpoint: str) -> subprocess.CompletedProcess[str]:
        """Run a child to its end and return what became of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            asked = {"arguments": arguments, "url": url, "failpoint": failpoint, "folder": folder}
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            if not select.select([self._process.stdout], [], [], CHILD_SECONDS)[0]:
                self._process.kill()
                _forks.cache_clear()
                raise subprocess.TimeoutExpired(list(arguments), CHILD_SECONDS)
            code = int(self._process.stdout.readline())
            said = [Path(folder, name).read_text() for name in ("stdout", "stderr")]
        return subprocess.CompletedProcess(list(arguments), code, *said)

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=10)


@functools.cache
def _forks() -> Forks:
    made = Forks()
    atexit.register(made.close)
    return made


class Home:
    """A folder and a database that several processes work on."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.source = str(folder / "source.json")

    def environment(self, **more: str) -> dict[str, str]:
        """Return what a child process is started with."""
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "deploy.settings.test",
            "CAIRN_TEST_DATABASE_URL": self.url,
            "PYTHONPATH": str(ROOT),
            **more,
        }

    def command(self, *arguments: str) -> list[str]:
        """Return the command of a child."""
        return [sys.executable, "-m", "tests.crash.child", *arguments]

    def run(self, *arguments: str, failpoint: str = "") -> subprocess.CompletedProcess[str]:
        """Run a child to its end, forked from one that has imported everything, and return what became of it."""
        return _forks().run(arguments, self.url, failpoint)

    def ok(self, *arguments: str) -> dict[str, object]:
        """Run a child that must end well, and return what it printed."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else {}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], tuple[Path, str]]:
    """Return a function that gives the folder and database of a prepared template, made once a session."""
    made: dict[tuple[str, str], tuple[Path, str]] = {}

    def get(vendor: str, action: str) -> tuple[Path, str]:
        if (vendor, action) not in made:
            folder = tmp_path_factory.mktemp(f"template-{vendor}")
            url = f"sqlite:///{folder}/cairn.sqlite3" if vendor == "sqlite" else postgres_database()
            home = Home(folder, url)
            home.ok(action, *([home.source] if action == "prepare" else []))
            made[vendor, action] = (folder, url)
        return made[vendor, action]

    return get


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server("postgresql"))])
def vendor(request: pytest.FixtureRequest) -> str:
    """Both databases."""
    return str(request.param)


def copy_of(template, vendor: str, action: str, tmp_path: Path) -> Home:
    """Return a home that is a copy of a template; its source file is told of by its old path, so that is kept."""
    folder, url = template(vendor, action)
    for path in folder.iterdir():
        shutil.copy(path, tmp_path / path.name)
    if vendor == "sqlite":
        return Home(tmp_path, f"sqlite:///{tmp_path}/cairn.sqlite3")
    return Home(tmp_path, postgres_database(template=urlsplit(url).path[1:]))


@pytest.fixture
def home(template, vendor, tmp_path):
    """A prepared home whose catalog reads a source file of its own."""
    made = copy_of(template, vendor, "prepare", tmp_path)
    made.ok("point_to", made.source)
    yield made
    if vendor == "postgresql":
        drop_database(made.url)


@pytest.fixture
def subjects(template, vendor, tmp_path):
    """A home with datasets for writers of the journal."""
    made = copy_of(template, vendor, "prepare_subjects", tmp_path)
    yield made
    if vendor == "postgresql":
        drop_database(made.url)
