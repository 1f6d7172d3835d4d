"""Quality in our own REST and on its pages: profiles, checks, findings."""

from __future__ import annotations

import re
import sqlite3

import pytest
from django.test import Client

from catalog.access.models import User
from catalog.access.services import create_grant
from catalog.journal import runs
from catalog.models import Dataset
from catalog.services.catalogs import register_catalog, request_sync
from deploy.flow import JOBS
from detection.services.scans import request_due_scans
from tests.conftest import pump, refreshed

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def shop(tmp_path, operator):
    """A catalog whose rows may be read, scanned once."""
    path = tmp_path / "shop.sqlite3"
    with sqlite3.connect(path) as shop:
        shop.execute(f'CREATE TABLE people (id INTEGER, email TEXT, "{HOSTILE}" TEXT)')
        shop.executemany("INSERT INTO people VALUES (?, ?, ?)", [(n, f"p{n}@mail.example", HOSTILE) for n in range(30)])
    shop.close()
    register_catalog(
        caller=operator,
        name="shop",
        platform="sqlite",
        options={"path": str(path)},
        sync_every_seconds=None,
        allows_sampling=True,
    )
    runs.execute(request_sync(caller=operator, name="shop"), jobs=JOBS, holder="test")
    scan()
    return Dataset.objects.get().uuid


def scan():
    pump()
    for run in request_due_scans():
        runs.execute(run, jobs=JOBS, holder="test")
    pump()


@pytest.fixture
def web(api):
    client = Client()
    client.force_login(User.objects.get(username="root"))
    return client


def post(api, address, body):
    return api.post(address, body, content_type="application/json")


def test_quality_by_rest(api, shop):
    found = api.get(f"/v1/datasets/{shop}/quality").json()
    assert (found["profile"]["rows"], found["profile"]["method"], found["error"]) == (30, "all", "")
    assert [column["path"] for column in found["profile"]["columns"]] == ["id", "email", HOSTILE]
    assert found["profile"]["columns"][0]["greatest"] == 29
    (count,) = api.get(f"/v1/datasets/{shop}/row-counts").json()["items"]
    assert (count["rows"], count["total_rows"]) == (30, 30)
    answer = api.post(f"/v1/datasets/{shop}/scans")
    assert (answer.status_code, answer["Location"]) == (202, f"/v1/runs/{answer.json()['run']}")


def test_checks_by_rest(api, shop):
    made = post(api, f"/v1/datasets/{shop}/checks", {"kind": "uniqueness", "column": "id", "severity": "high"})
    assert (made.status_code, made.json()["title"], made.json()["status"]) == (201, "id has each value once", "")
    post(api, f"/v1/datasets/{shop}/checks", {"kind": "row_count", "arguments": {"greatest": 5}})
    scan()
    found = api.get("/v1/checks?status=fail").json()["items"]
    assert [(check["title"], check["observed"]) for check in found] == [("It has 5 or less rows", "30 rows")]
    first = api.get("/v1/checks?limit=1").json()
    assert api.get(f"/v1/checks?limit=1&cursor={first['next']}").json()["items"][0]["uuid"] == made.json()["uuid"]
    address = made["Location"]
    assert [result["status"] for result in api.get(f"{address}/results").json()["items"]] == ["pass"]
    assert api.delete(address).status_code == 204
    assert api.get(address).json()["type"] == "/docs/errors#no-such-check"
    for body, said in (
        ({"kind": "range", "column": "id"}, "give least, greatest, or both"),
        ({"kind": "nothing"}, "nothing"),
        ({"kind": "completeness", "column": "gone"}, "has no column 'gone'"),
    ):
        refused = post(api, f"/v1/datasets/{shop}/checks", body)
        assert refused.status_code in (400, 404)
        assert said in str(refused.json())
    for address, status in (
        ("/v1/checks?status=x", 400),
        ("/v1/checks?cursor=x", 400),
        ("/v1/findings?dataset=x", 400),
    ):
        assert api.get(address).status_code == status


def test_findings_by_rest(api, shop):
    (found,) = api.get("/v1/findings?status=suggested").json()["items"]
    assert (found["type"], found["column"], found["seen"]) == ("email", "email", 30)
    assert api.get("/v1/findings?type=iban").json()["items"] == []
    address = f"/v1/datasets/{shop}/findings/{found['uuid']}"
    assert post(api, address, {"decision": "maybe"}).status_code == 400
    assert post(api, address, {"decision": "accepted"}).status_code == 200
    assert post(api, address, {"decision": "accepted"}).json()["type"] == "/docs/errors#no-such-claim"
    column = api.get(f"/v1/datasets/{shop}").json()["columns"][1]
    assert (column["tags"], column["findings"][0]["status"]) == (["pii"], "accepted")
    assert api.get("/v1/search?q=finding:email").json()["facets"]["finding"] == [{"value": "email", "count": 1}]


def test_findings_need_the_attention_of_those_who_may_decide(shop, operator, make_user):
    for role, is_asked in (("reader", False), ("editor", False), ("steward", True)):
        user = make_user(f"the-{role}")
        create_grant(caller=operator, role=role, pattern="shop/**", username=f"the-{role}")
        pump()
        refreshed(user)
        client = Client()
        client.force_login(User.objects.get(pk=user.user_id))
        assert ("1 column seems to hold" in client.get("/").content.decode()) is is_asked
        assert "30 of 30 values" in client.get("/findings").content.decode()


def test_the_quality_page_decides_and_adds(web, api, shop):
    address = "/quality/shop/main/people"
    page = web.get(address).content.decode()
    assert "30 of 30 values, and its name" in page
    assert HOSTILE not in page
    finding = api.get("/v1/findings").json()["items"][0]["uuid"]
    told = web.get("/datasets/shop/main/people?tab=history").content.decode()
    assert "Finding of email: email, suggested" in told
    assert "detector email/1" in told
    assert 'value="undo"' not in told  # it is decided about, under Quality
    assert web.post(address, {"action": "rejected", "finding": finding}).status_code == 302
    assert "rejected: not so" in web.get(address).content.decode()
    added = {"action": "add_check", "kind": "range", "column": "id", "least": "0", "greatest": "10", "share": "99.5"}
    assert web.post(address, added).status_code == 302
    assert "id is 0 to 10, in 99.5% of rows" in web.get(address).content.decode()
    scan()
    page = web.get(address).content.decode()
    assert "19 of 30 rows outside (63.3%)" in page
    assert "19 of 30 rows outside (63.3%)" in web.get("/checks").content.decode()
    assert "id is 0 to 10, in 99.5% of rows: 19 of 30" in web.get("/").content.decode()
    check = api.get("/v1/checks").json()["items"][0]["uuid"]
    assert web.post(address, {"action": "remove_check", "check": check}).status_code == 302
    assert "No checks" in web.get(address).content.decode()


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"action": "add_check", "kind": "range", "column": "id"}, "give least, greatest, or both"),
        ({"action": "add_check", "kind": "freshness", "column": "id", "hours": "x"}, "&#x27;x&#x27; is no number"),
        ({"action": "add_check", "kind": "completeness", "column": "gone"}, "has no column"),
        ({"action": "remove_check", "check": "x"}, "load the page anew"),
        ({"action": "accepted", "finding": "12345678-1234-1234-1234-123456789abc"}, "may have been decided"),
        ({"action": "explode"}, "there is no action"),
    ],
)
def test_what_a_form_gets_wrong_is_said_and_kept(web, shop, form, said):
    answer = web.post("/quality/shop/main/people", form)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert said in page
    if form.get("column") == "gone":
        assert 'value="gone"' in page


def test_pages_where_nothing_is_known_say_what_to_do(web, operator, source):
    source.creates("plain", {"id": "long"})
    source.sync()
    assert "No check fails" in web.get("/checks").content.decode()
    assert "Nothing waits for a decision" in web.get("/findings").content.decode()
    page = web.get("/quality/mem/db/plain").content.decode()
    assert "No checks" in page
    assert re.search(r'<textarea[^>]*name="values"[^>]*></textarea>', page)
    scan()
    assert "Its rows are not read." in web.get("/quality/mem/db/plain").content.decode()
    assert web.get("/quality/mem/db/gone").status_code == 404


def test_a_catalog_s_settings_say_whether_rows_are_read(web, api, shop):
    page = web.get("/catalogs/shop").content.decode()
    assert 'name="allows_sampling" value="on" checked' in page
    web.post("/catalogs/shop", {"action": "settings", "sync_every_seconds": "", "drop_limit_ratio": "0.2"})
    assert api.get("/v1/catalogs/shop").json()["allows_sampling"] is False
    scan()
    assert api.get(f"/v1/datasets/{shop}/quality").json()["profile"] is None
