"""The embedded suite on PostgreSQL, migrations forward and back on both databases, and dbt's nightly full refresh."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from urllib.parse import urlsplit

import psycopg
import pytest

from catalog.models import ColumnRow, Dataset, DatasetState
from catalog.services import annotating
from catalog.services.catalogs import register_catalog
from tests.conftest import DBT, sync
from tests.homes import ROOT, Home, drop_database, postgres_database

pytestmark = [pytest.mark.server("postgresql"), pytest.mark.slow]


@pytest.mark.parametrize("suite", ["integration", "api", "web"])
def test_the_embedded_suites_hold_on_postgresql(suite):
    """The same tests, run by a pytest of their own with PostgreSQL behind Django."""
    url = postgres_database()
    environment = {**os.environ, "CAIRN_TEST_DATABASE_URL": url, "CI": "true"}
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_CURRENT_TEST"):
        environment.pop(name, None)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            f"tests/{suite}",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
        ],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1_800,
        check=False,
    )
    drop_database(url)
    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout


def python_on(url: str, *arguments: str) -> None:
    """Run Python with a database behind Django's test settings; it must end well."""
    environment = Home(ROOT, url).environment()
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


def migrate(url: str, *arguments: str) -> None:
    python_on(url, "manage.py", "migrate", "-v", "0", *arguments)


@pytest.mark.parametrize("vendor", ["sqlite", "postgresql"])
def test_migrations_go_forward_back_and_forward(vendor, tmp_path):
    url = f"sqlite:///{tmp_path}/m.sqlite3" if vendor == "sqlite" else postgres_database()
    migrate(url)
    for app in ("policy", "detection", "schema_registry", "lineage", "catalog", "access", "journal"):
        migrate(url, app, "zero")
    migrate(url)
    if vendor == "postgresql":
        with psycopg.connect(url) as connection:
            partitioned = {
                row[0] for row in connection.execute("SELECT relname FROM pg_class WHERE relkind = 'p'").fetchall()
            }
        assert partitioned == {
            *("journal_entry", "journal_run", "access_audit"),
            *("lineage_event", "lineage_run", "detection_profile", "detection_check_result"),
        }
        drop_database(url)


def test_days_get_partitions_ahead_and_old_ones_go(tmp_path):
    url = postgres_database()
    migrate(url)
    script = """
import django; django.setup()
from datetime import timedelta
from django.db import connection, transaction
from catalog.journal import clock
from catalog.journal.partitions import Kept, maintain
from catalog.journal.services import Entry, number_entries, publish
kept = Kept("journal_entry", "recorded_at", 30)
now = clock.now()
maintain([kept], now - timedelta(days=40))
with transaction.atomic():
    publish([Entry("a", "changed", "dataset", None)])
maintain([kept], now)
number_entries()
with connection.cursor() as cursor:
    cursor.execute("SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'journal_entry'::regclass")
    names = sorted(row[0] for row in cursor.fetchall())
days = [name for name in names if name != "journal_entry_default"]
# Today's entry was caught by the default partition, so the days ahead begin tomorrow; those of 40 days ago are gone.
assert len(days) == 7 and days[0] > f"journal_entry_{now:%Y%m%d}", names
with connection.cursor() as cursor:
    cursor.execute("SELECT count(*), max(position) FROM journal_entry")
    assert cursor.fetchone() == (1, 1)
"""
    python_on(url, "-c", script)
    drop_database(url)


@pytest.fixture
def shop():
    """A PostgreSQL database of somebody else, and a function that runs SQL in it."""
    url = postgres_database()
    parts = urlsplit(url)

    def run(*statements: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    options = {
        "host": parts.hostname,
        "port": str(parts.port),
        "dbname": parts.path[1:],
        "user": parts.username,
        "sslmode": "disable",
    }
    yield run, options
    drop_database(url)


@pytest.fixture
def dbt_full_refresh(shop, tmp_path):
    """Return a function that has the real dbt rebuild a table from a query, as it does every night."""
    _, options = shop
    project = tmp_path / "dbt"
    (project / "models").mkdir(parents=True)
    (project / "dbt_project.yml").write_text(
        "name: shop\nversion: 1.0.0\nprofile: shop\nmodels:\n  shop:\n    +materialized: table\n"
    )
    output = {**options, "type": "postgres", "pass": "", "schema": "shop", "threads": 1, "port": int(options["port"])}
    (project / "profiles.yml").write_text(json.dumps({"shop": {"target": "t", "outputs": {"t": output}}}))

    def refresh(relation: str, select: str) -> None:
        (project / "models" / f"{relation}.sql").write_text(select)
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
        done = subprocess.run(
            [DBT, "run", "--full-refresh", "--profiles-dir", "."],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:]

    return refresh


@pytest.mark.server("dbt")
@pytest.mark.django_db
def test_owners_and_tags_survive_what_real_tools_do_to_tables(shop, dbt_full_refresh, operator, make_user):
    run, options = shop
    make_user("mara")
    run(
        "CREATE SCHEMA shop",
        "CREATE TABLE shop.raw (id bigint, email text, amount numeric(10,2))",
        "CREATE TABLE shop.other (id bigint)",
    )
    dbt_full_refresh("customers", "SELECT id, email FROM shop.raw")
    register_catalog(caller=operator, name="pg", platform="postgresql", options=options)
    sync(operator, "pg")

    def dataset(name: str) -> Dataset:
        return Dataset.objects.get(qualified_name=f"pg/shop/{name}", holds_name=True)

    key = dataset("customers").uuid
    annotating.add_owner(caller=operator, dataset_uuid=key, owner="user:mara")
    annotating.add_tag(caller=operator, dataset_uuid=key, tag="pii", column="email")
    column = ColumnRow.objects.get(dataset__uuid=key, path="email").uuid

    def must_be_kept(name: str, path: str = "email") -> None:
        row = dataset(name)
        assert (row.uuid, row.state) == (key, DatasetState.LIVE)
        assert row.annotations.filter(aspect="owner", ended_at__isnull=True).exists()
        assert ColumnRow.objects.get(dataset=row, path=path, dropped_at__isnull=True).uuid == column

    dbt_full_refresh("customers", "SELECT id, email, amount FROM shop.raw")
    assert sync(operator, "pg").result["recreated"] == 1
    must_be_kept("customers")

    run("DROP TABLE shop.customers", "CREATE TABLE shop.customers (id bigint, email text)")
    sync(operator, "pg")
    must_be_kept("customers")

    run(
        "BEGIN; ALTER TABLE shop.customers RENAME TO swap; ALTER TABLE shop.other RENAME TO customers;"
        " ALTER TABLE shop.swap RENAME TO other; ALTER TABLE shop.customers ADD COLUMN email text; COMMIT"
    )
    sync(operator, "pg")
    must_be_kept("customers")

    run("ALTER TABLE shop.customers RENAME COLUMN email TO mail")
    sync(operator, "pg")
    must_be_kept("customers", "mail")

    run("ALTER TABLE shop.customers RENAME TO clients")
    assert sync(operator, "pg").result["renamed"] == 1
    must_be_kept("clients", "mail")

    run("CREATE SCHEMA archive", "ALTER TABLE shop.clients SET SCHEMA archive")
    assert sync(operator, "pg").result["renamed"] == 1
    assert Dataset.objects.get(qualified_name="pg/archive/clients").uuid == key
