"""A source that keeps a log of changes is read only where the log says that something happened, and never less than that."""

from __future__ import annotations

import sqlite3

import pytest

from catalog import selectors
from catalog.access.models import User
from catalog.access.services import create_user
from catalog.connectors.base import LoadFailure
from catalog.connectors.hive import HiveConnector
from catalog.models import Catalog, Dataset
from catalog.services import annotating, catalogs
from deploy.demo.hive import HiveFile
from tests.conftest import sync

pytestmark = pytest.mark.django_db

COLUMNS = [("id", "bigint", ""), ("name", "string", "")]


@pytest.fixture
def hive(tmp_path, operator):
    """A metastore in a file, registered and synced."""
    hive = HiveFile(tmp_path / "metastore.db", created=1_790_000_000)
    hive.create_database("shop", "", "file:/warehouse/shop")
    for name in ("orders", "customers", "lines"):
        hive.create_table("shop", name, COLUMNS, location=f"file:/warehouse/shop/{name}")
    catalogs.register_catalog(
        caller=operator,
        name="hms",
        platform="hive",
        options={"database_url": f"sqlite:///{tmp_path}/metastore.db"},
        sync_every_seconds=None,
    )
    assert sync(operator, "hms").result["created"] == 3
    yield hive
    hive.close()


def read(run):
    """Return how many datasets a run read again, and how many of them had changed."""
    return run.progress["steps"]["comparing"]["changed"], run.result.get("changed", 0)


def test_what_the_log_does_not_name_is_not_read_again(hive, operator):
    assert read(sync(operator, "hms")) == (0, 0)
    hive.add_column("shop", "orders", "at", "timestamp")
    assert read(sync(operator, "hms")) == (1, 1)
    assert read(sync(operator, "hms")) == (0, 0)


def test_a_log_with_a_gap_means_that_all_are_read(hive, operator, tmp_path):
    hive.add_column("shop", "orders", "at", "timestamp")
    hive.add_column("shop", "lines", "at", "timestamp")
    with sqlite3.connect(tmp_path / "metastore.db") as connection:
        connection.execute(
            'DELETE FROM "NOTIFICATION_LOG" WHERE "EVENT_ID" <= (SELECT max("EVENT_ID") - 1 FROM "NOTIFICATION_LOG")'
        )
    connection.close()
    assert read(sync(operator, "hms")) == (3, 2)


def test_what_could_not_be_read_is_read_at_the_next_sync_though_nothing_happened(hive, operator, monkeypatch):
    hive.add_column("shop", "orders", "at", "timestamp")
    with monkeypatch.context() as broken:
        broken.setattr(
            HiveConnector, "load", lambda self, ctx, refs: (LoadFailure(ref, "its storage is corrupt") for ref in refs)
        )
        assert sync(operator, "hms").result["failures"] == 1
    assert Dataset.objects.get(name="orders").stale_reason
    assert read(sync(operator, "hms")) == (1, 1)
    assert not Dataset.objects.get(name="orders").stale_reason


def test_other_options_are_another_log(hive, operator, tmp_path):
    assert Catalog.objects.get().source_token
    catalogs.update_catalog(
        caller=operator, name="hms", changes={}, options={"database_url": f"sqlite:///{tmp_path}/metastore.db"}
    )
    assert read(sync(operator, "hms")) == (3, 0)


def test_renames_and_re_creations_keep_what_people_said(hive, operator):
    key = selectors.get_dataset_by_name(name="hms/shop/orders", principal=operator.principal).uuid
    annotating.add_tag(caller=operator, dataset_uuid=key, tag="tier-1")
    hive.rename_table("shop", "orders", "purchases")
    assert sync(operator, "hms").result["renamed"] == 1
    assert selectors.get_dataset_by_name(name="hms/shop/purchases", principal=operator.principal).uuid == key
    hive.drop_table("shop", "purchases")
    hive.create_table("shop", "purchases", COLUMNS, location="file:/warehouse/shop/purchases_2")
    assert sync(operator, "hms").result["recreated"] == 1
    again = selectors.get_dataset_by_name(name="hms/shop/purchases", principal=operator.principal)
    assert again.uuid == key
    assert b"tier-1" in again.body


def test_a_table_of_10_000_columns_and_40_levels_lands_beside_the_others_and_is_shown(hive, operator, client):
    kind = "int"
    for level in range(40):
        kind = f"struct<level{level}:{kind}>"
    columns = [(f"c{number}", "bigint", "") for number in range(9_999)]
    hive.create_table("shop", "wide", [*columns, ("deep", kind, "")], location="file:/warehouse/shop/wide")
    hive.create_table("shop", "broken", [("a", "struct<b:", "")], location="file:/warehouse/shop/broken")
    hive.create_table("shop", "fine", COLUMNS, location="file:/warehouse/shop/fine")
    run = sync(operator, "hms")
    assert run.state == "done"
    assert run.result["created"] >= 2
    create_user(caller=operator, username="root", password="long enough word", operator=True)
    client.force_login(User.objects.get(username="root"))
    for address in ("/datasets/hms/shop/wide", "/datasets/hms/shop/wide?column=level39", "/catalogs/hms"):
        assert client.get(address).status_code == 200
    whole = client.get("/v1/datasets?name=hms/shop/wide").json()
    assert len(whole["columns"]) == 10_000 + 40
    assert Dataset.objects.filter(qualified_name="hms/shop/fine").exists()
