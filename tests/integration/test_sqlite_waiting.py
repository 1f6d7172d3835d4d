"""SQLite's write lock is waited for fairly: in transactions and by single statements alike."""

from __future__ import annotations

import sqlite3
import threading
import time

import pytest
from django.db import OperationalError, connections

from deploy.settings.base import database_from
from deploy.sqlite3 import base

pytestmark = pytest.mark.django_db  # pytest lets nothing touch a connection without it


@pytest.fixture
def other(tmp_path):
    """A connection of Django's to a file of its own, and the file."""
    path = tmp_path / "wait.sqlite3"
    settings = {**connections.databases["default"], **database_from(f"sqlite:///{path}"), "TIME_ZONE": None}
    made = base.DatabaseWrapper(settings, alias="waiting")
    with made.cursor() as cursor:
        cursor.execute("CREATE TABLE t (n INTEGER)")
    yield made, path
    made.close()


def hold(path, seconds, gap=0.004, held=0.03):
    """Take and give back the write lock again and again, as a merge does."""
    holder = sqlite3.connect(path, isolation_level=None, timeout=30)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        holder.execute("BEGIN IMMEDIATE")
        holder.execute("INSERT INTO t VALUES (0)")
        time.sleep(held)
        holder.execute("COMMIT")
        time.sleep(gap)
    holder.close()


@pytest.mark.parametrize("way", ["statement", "transaction"])
def test_a_small_write_gets_through_beside_a_merge(other, way):
    made, path = other
    merge = threading.Thread(target=hold, args=(path, 3))
    merge.start()
    written = 0
    while merge.is_alive():
        if way == "statement":
            with made.cursor() as cursor:
                cursor.execute("INSERT INTO t VALUES (1)")
        else:
            made.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
            with made.cursor() as cursor:
                cursor.execute("INSERT INTO t VALUES (1)")
            made.commit()
            made.set_autocommit(True)
        written += 1
        time.sleep(0.01)
    merge.join()
    assert written > 10
    with made.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM t WHERE n = 1")
        assert cursor.fetchone() == (written,)


def test_patience_ends_with_an_error(other):
    made, path = other
    made.settings_dict["OPTIONS"]["timeout"] = 0.05
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="locked"), made.cursor() as cursor:
        cursor.execute("INSERT INTO t VALUES (1)")
    holder.close()
