"""Partitions over REST: read from the source when asked, by pages and filters, refused with reasons."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from catalog.services import catalogs
from deploy.demo.hive import HiveFile
from tests.conftest import sync

pytestmark = pytest.mark.django_db


@pytest.fixture
def table(tmp_path, operator, api):
    """The address of a table with 50 partitions, and its metastore."""
    hive = HiveFile(tmp_path / "metastore.db", created=1_790_000_000)
    hive.create_database("logs", "", "file:/w/logs")
    keys = [("day", "date", ""), ("hour", "int", "")]
    hive.create_table("logs", "lines", [("line", "string", "")], partition_keys=keys, location="file:/w/logs/lines")
    hive.create_table("logs", "plain", [("line", "string", "")], location="file:/w/logs/plain")
    for number in range(50):
        values = (f"2026-11-{number // 10 + 1:02}", str(number % 10))
        hive.add_partition("logs", "lines", ["day", "hour"], values, location=f"file:/w/logs/lines/{number}")
    options = {"database_url": f"sqlite:///{tmp_path}/metastore.db"}
    catalogs.register_catalog(caller=operator, name="hms", platform="hive", options=options, sync_every_seconds=None)
    sync(operator, "hms")

    def address(name, **params):
        uuid = api.get(f"/v1/datasets?name=hms/logs/{name}").json()["uuid"]
        return f"/v1/datasets/{uuid}/partitions?" + "&".join(f"{k}={quote(str(v))}" for k, v in params.items())

    yield address
    hive.close()


def test_partitions_come_in_pages_and_by_filters(api, table, tmp_path):
    names, cursor = [], ""
    while cursor is not None:
        answer = api.get(table("lines", limit=20, cursor=cursor)).json()
        names += [item["name"] for item in answer["items"]]
        cursor = answer["next"]
    assert len(names) == len(set(names)) == 50
    answer = api.get(table("lines", filter="DAY = '2026-11-02' and (hour < 2 or hour = 9)")).json()
    assert [item["values"] for item in answer["items"]] == [["2026-11-02", hour] for hour in ("0", "1", "9")]
    assert answer["items"][0]["location"] == "file:/w/logs/lines/10"
    assert answer["next"] is None


@pytest.mark.parametrize(
    ("name", "text", "status", "kind", "words"),
    [
        ("lines", "week = 1", 400, "invalid-filter", "its partition keys are: day, hour"),
        ("lines", "day = ", 400, "invalid-filter", "ends where"),
        ("lines", "x" * 20_000, 400, "invalid-filter", "at most 10000 characters"),
        ("plain", "", 409, "unsupported", "is not partitioned"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_the_reason(api, table, name, text, status, kind, words):
    answer = api.get(table(name, filter=text))
    assert (answer.status_code, answer.json()["type"]) == (status, f"/docs/errors#{kind}")
    assert words in answer.json()["detail"]


def test_a_source_without_partitions_says_so_and_one_that_is_gone_is_unavailable(api, source, table, tmp_path):
    source.creates("orders")
    source.sync()
    answer = api.get(f"/v1/datasets/{source.id_of('orders')}/partitions")
    assert (answer.status_code, answer.json()["detail"]) == (409, "'mem/db/orders' is not partitioned")
    (tmp_path / "metastore.db").unlink()
    answer = api.get(table("lines"))
    assert answer.status_code == 400
    assert "does not exist" in answer.json()["detail"]
