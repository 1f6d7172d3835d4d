"""What all tests share: fresh processes' memories, callers, catalogs over the memory connector, and skips that count."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from catalog.access.principals import Caller, Principal, forget, principal_for_user, system_principal
from catalog.access.services import create_user
from catalog.domain.documents import Column, DatasetDocument
from catalog.domain.operations import CreateTable, DropTable, Operation
from catalog.domain.types import parse_type
from catalog.journal import runs
from catalog.journal import selectors as journal

POSTGRES_URL = os.environ.get("CAIRN_TEST_POSTGRES_URL", "")
REDIS_URL = os.environ.get("CAIRN_TEST_REDIS_URL", "")
DBT = os.environ.get("CAIRN_TEST_DBT", "")
CHROMIUM = os.environ.get("CAIRN_TEST_CHROMIUM", "")
HIVE_URI = os.environ.get("CAIRN_TEST_HIVE_URI", "")
HIVE_POSTGRES_URI = os.environ.get("CAIRN_TEST_HIVE_POSTGRES_URI", "")
HIVE_DATABASE_URL = os.environ.get("CAIRN_TEST_HIVE_DATABASE_URL", "")
ICEBERG_REST_URI = os.environ.get("CAIRN_TEST_ICEBERG_REST_URI", "")
SPARK = os.environ.get("CAIRN_TEST_SPARK", "")
"""Spark's Python and the jar that teaches it Iceberg, with a comma between."""
ELASTICSEARCH_URL = os.environ.get("CAIRN_TEST_ELASTICSEARCH_URL", "")
OPENSEARCH_URL = os.environ.get("CAIRN_TEST_OPENSEARCH_URL", "")
NEO4J_URL = os.environ.get("CAIRN_TEST_NEO4J_URL", "")
STACK = os.environ.get("CAIRN_TEST_STACK", "")
"""The home of the stack that `deploy/local/stack` runs."""
_PROGRAMS = (
    ("stack", STACK),
    ("neo4j", NEO4J_URL),
    ("spark", SPARK),
    ("elasticsearch", ELASTICSEARCH_URL),
    ("opensearch", OPENSEARCH_URL),
    ("iceberg-rest", ICEBERG_REST_URI),
    ("hive", HIVE_URI and HIVE_POSTGRES_URI and HIVE_DATABASE_URL),
    ("postgresql", POSTGRES_URL),
    ("redis", REDIS_URL),
    ("dbt", DBT),
    ("chromium", CHROMIUM),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say loudly which servers are missing; `make test` starts them all."""
    for item in items:
        wanted = {mark.args[0] for mark in item.iter_markers("server") if mark.args}
        for name, place in _PROGRAMS:
            if name in wanted and not place:
                item.add_marker(
                    pytest.mark.skip(reason=f"{name.upper()} IS NOT THERE: this was NOT checked; `make test` starts it")
                )


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a run on CI in which anything was skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", [])) if reporter else 0
    if os.environ.get("CI") == "true" and skipped and not hasattr(session.config, "workerinput"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Keep autovacuum off tables of tests: they commit nothing, so it tells the planner of ten thousand rows that there are none."""
    from django.db import connection

    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
                )
                for (table,) in cursor.fetchall():
                    cursor.execute(f'ALTER TABLE "{table}" SET (autovacuum_enabled = false)')


@pytest.fixture(autouse=True)
def _fresh_memories() -> Iterator[None]:
    """Forget principals and empty the process-wide search index and memory connector."""
    from catalog import backends
    from catalog.connectors import memory

    forget()
    backends._search_index.cache_clear()
    memory._spaces.clear()
    yield
    forget()


@pytest.fixture
def operator() -> Caller:
    """A caller that may do everything."""
    return Caller(system_principal("test"), "test")


@pytest.fixture
def make_user(db: None, operator: Caller) -> Callable[..., Principal]:
    """Return a function that creates a user and returns its principal, as it is at the time of asking."""

    def make(username: str, **more: Any) -> Principal:
        user = create_user(caller=operator, username=username, password=None, **more)
        principal = principal_for_user(user.pk)
        assert principal is not None
        return principal

    return make


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    """Have playwright start the chromium that the machine has, without its calls home."""
    return {
        "executable_path": CHROMIUM,
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
    }


def refreshed(principal: Principal) -> Principal:
    """Return the principal with the grants it has now."""
    forget()
    assert principal.user_id is not None
    found = principal_for_user(principal.user_id)
    assert found is not None
    return found


def document(columns: Mapping[str, str] | None = None, **more: Any) -> DatasetDocument:
    """Return a table's document from column names and canonical types."""
    given = {"id": "long", "name": "string"} if columns is None else columns
    made = tuple(Column(name, parse_type(kind), kind) for name, kind in given.items())
    return DatasetDocument("table", made, **more)


class Source:
    """A catalog over the memory connector, and its source as an outsider changes it."""

    def __init__(self, caller: Caller, name: str, **register: Any) -> None:
        from catalog.connectors.memory import MemoryConnector
        from catalog.services.catalogs import register_catalog

        self.caller = caller
        self.name = name
        self.space = f"{name}-{uuid.uuid4().hex[:6]}"
        self.connector = MemoryConnector(space=self.space)
        register_catalog(caller=caller, name=name, platform="memory", options={"space": self.space}, **register)

    def does(self, *operations: Operation) -> None:
        """Change the source behind the catalog's back."""
        from catalog.connectors.base import Context

        for operation in operations:
            self.connector.apply(Context.within(5), operation)

    def creates(self, table: str, columns: Mapping[str, str] | None = None, database: str = "db", **more: Any) -> None:
        """Make a table at the source."""
        self.does(CreateTable(database, table, document(columns, **more)))

    def drops(self, table: str, database: str = "db") -> None:
        """Drop a table at the source."""
        self.does(DropTable(database, table))

    def sync(self) -> journal.RunView:
        """Sync the catalog in this process and return how the run ended."""
        return sync(self.caller, self.name)

    def id_of(self, table: str, database: str = "db") -> uuid.UUID:
        """Return the dataset's id by its name now."""
        from catalog.selectors import get_dataset_by_name

        return get_dataset_by_name(name=f"{self.name}/{database}/{table}", principal=self.caller.principal).uuid


def sync(caller: Caller, name: str) -> journal.RunView:
    """Sync a catalog in this process and return how the run ended."""
    from catalog.services.catalogs import request_sync
    from catalog.sync.engine import run_sync

    run = request_sync(caller=caller, name=name)
    runs.execute(run, jobs={"sync": run_sync}, holder="test")
    return journal.get_run(run)


@pytest.fixture
def source(db: None, operator: Caller) -> Source:
    """A catalog named ``mem`` over an empty memory source."""
    return Source(operator, "mem")


def pump() -> None:
    """Move the journal in this process until nothing is left to move."""
    from catalog.journal.projections import advance
    from catalog.journal.services import number_entries
    from deploy.flow import PROJECTIONS

    for _ in range(50):
        moved = number_entries()
        moved += advance(PROJECTIONS, holder="test")
        if not moved:
            return
    raise AssertionError("the journal does not come to rest")
