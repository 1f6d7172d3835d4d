"""Policies in our own REST and on their pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from catalog.access.models import User
from catalog.journal import runs
from catalog.journal.models import Run
from catalog.services import annotating
from deploy.flow import JOBS
from tests.conftest import pump

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>"
OWNED = f"""\
policy: owned
title: "{HOSTILE}"
resource: dataset
assert: dataset.owners.size() > 0 && dataset.name != 'x'
message: "{{dataset.name}} has no owner {HOSTILE}"
examples: {{pass: [{{dataset: {{owners: ["user:mara"]}}}}], fail: [{{dataset: {{owners: []}}}}]}}
"""


def post(client, address, body=None):
    return client.post(address, body or {}, content_type="application/json")


def work() -> None:
    pump()
    for run in list(Run.objects.filter(state="queued").values_list("uuid", flat=True)):
        runs.execute(run, jobs=JOBS, holder="test")
    pump()


@pytest.fixture
def shop(source):
    source.creates("orders", {"id": "long", HOSTILE: "string"})
    source.creates("lines", {"id": "long"})
    source.sync()
    work()
    return source


@pytest.fixture
def web(api):
    client = Client()
    client.force_login(User.objects.get(username="root"))
    return client


@pytest.fixture
def owned(api, shop):
    post(api, "/v1/policies", {"text": OWNED})
    assert post(api, "/v1/policies/owned/activation", {"version": 1}).status_code == 202
    work()
    return shop


def test_policies_by_rest(api, owned):
    (found,) = api.get("/v1/policies").json()["items"]
    assert (found["slug"], found["state"], found["counts"], found["open_violations"]) == (
        "owned",
        "active",
        {"fail": 2},
        2,
    )
    assert api.get("/v1/policies/owned").json()["text"] == OWNED
    saved = post(api, "/v1/policies", {"text": OWNED.replace("'x'", "'y'")})
    assert (saved.status_code, saved.json()) == (201, {"slug": "owned", "version": 2})
    first = api.get("/v1/policies/owned/versions?limit=1").json()
    assert [each["number"] for each in first["items"]] == [2]
    last = api.get(f"/v1/policies/owned/versions?limit=1&cursor={first['next']}").json()
    assert ([each["number"] for each in last["items"]], last["next"]) == ([1], None)
    assert api.delete("/v1/policies/owned/activation").status_code == 202
    work()
    assert api.get("/v1/violations").json()["items"] == []
    assert len(api.get("/v1/violations?resolved=true").json()["items"]) == 2
    assert post(api, "/v1/policy-runs").status_code == 202
    facts = {each["name"] for each in api.get("/v1/policy-facts?resource=column").json()["items"]}
    assert {"column.findings", "dataset.owners", "now"} <= facts


def test_policies_are_paged_by_name(api, web, owned):
    for name in ("zebra", "amber"):
        post(api, "/v1/policies", {"text": OWNED.replace("policy: owned", f"policy: {name}")})
    first = api.get("/v1/policies?limit=2").json()
    assert [each["slug"] for each in first["items"]] == ["amber", "owned"]
    last = api.get(f"/v1/policies?limit=2&cursor={first['next']}").json()
    assert ([each["slug"] for each in last["items"]], last["next"]) == (["zebra"], None)
    shown = web.get("/policies?after=owned").content.decode()
    assert "/policies/zebra" in shown
    assert "/policies/amber" not in shown


def test_a_policy_beyond_those_offered_stays_chosen(api, web, owned, monkeypatch):
    post(api, "/v1/policies", {"text": OWNED.replace("policy: owned", "policy: amber")})
    monkeypatch.setattr("policy.web.views.CHOICES", 1)
    assert '<option value="owned" selected>' in web.get("/violations?policy=owned").content.decode()
    shown = web.get("/violations?policy=amber").content.decode()
    assert shown.count('<option value="amber" selected>') == 1


def test_what_cannot_work_is_told_by_rest(api, shop):
    refused = post(api, "/v1/policies", {"text": "policy: x\nresource: dataset\nassert: dataset.nothing"})
    assert (refused.status_code, refused.json()["type"]) == (422, "/docs/errors#invalid-policy")
    assert "line 3" in refused.json()["detail"]
    found = post(api, "/v1/policy-checks", {"text": "policy: [x"}).json()
    assert (found["is_sound"], bool(found["problem"])) == (False, True)
    post(api, "/v1/policies", {"text": "policy: x\nresource: dataset\nassert: 'true'"})
    unsound = post(api, "/v1/policies/x/activation", {"version": 1})
    assert (unsound.status_code, unsound.json()["type"]) == (409, "/docs/errors#policy-not-sound")
    for address, status in (
        ("/v1/policies/none", 404),
        ("/v1/policies/none/versions", 404),
        ("/v1/violations?verdict=x", 400),
        ("/v1/violations?resolved=maybe", 400),
        ("/v1/violations?resolved=True", 200),
        ("/v1/violations?cursor=x", 400),
        ("/v1/violations?dataset=x", 400),
        ("/v1/violations/12345678-1234-1234-1234-123456789abc", 404),
        ("/v1/policy-facts?resource=house", 400),
    ):
        assert api.get(address).status_code == status, address
    assert post(api, "/v1/policies/x/activation", {"version": 9}).status_code == 404
    assert post(api, "/v1/policy-dry-runs", {"text": ""}).status_code == 400
    assert post(api, "/v1/policy-dry-runs", {"text": "x"}).status_code == 422


def test_violations_and_waivers_by_rest(api, owned):
    first = api.get("/v1/violations?limit=1").json()
    second = api.get(f"/v1/violations?limit=1&cursor={first['next']}").json()
    names = {first["items"][0]["qualified_name"], second["items"][0]["qualified_name"]}
    assert names == {"mem/db/orders", "mem/db/lines"}
    violation = first["items"][0]
    assert [part["holds"] for part in violation["explanation"]] == [False, False, True]
    until = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    address = f"/v1/violations/{violation['uuid']}"
    assert post(api, f"{address}/waiver", {"reason": "x", "expires_at": "2020-01-01T00:00:00Z"}).status_code == 400
    waiver = post(api, f"{address}/waiver", {"reason": "soon", "expires_at": until}).json()["waiver"]
    work()
    assert api.get(address).json()["verdict"] == "waived"
    of = api.get(f"/v1/datasets/{violation['dataset_uuid']}/policies").json()["items"]
    assert (of[0]["verdict"], of[0]["waiver"]["reason"]) == ("waived", "soon")
    assert api.delete(f"/v1/waivers/{waiver}").status_code == 204
    assert api.delete(f"/v1/waivers/{waiver}").status_code == 404


def test_a_dry_run_by_rest(api, owned):
    found = post(api, "/v1/policy-dry-runs", {"text": OWNED.replace("> 0", "> -1")}).json()
    assert (found["changes"], found["looked_at"], found["datasets"]) == ({"newly_passing": 2}, 2, 2)


def test_the_editor_lints_tries_saves_and_activates(web, api, shop):
    page = web.get("/policies").content.decode()
    assert "Tables have an owner" in page
    started = web.post("/policies", {"starter": "tables-have-an-owner"})
    assert started["Location"] == "/policies/tables-have-an-owner?version=1&dry=1"
    page = web.get(started["Location"]).content.decode()
    assert "2 examples come out as they say." in page
    assert "newly failing" in page
    assert "mem/" in page
    tried = web.post("/policies/new", {"action": "dry_run", "text": OWNED})
    page = tried.content.decode()
    assert tried.status_code == 200
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    wrong = web.post("/policies/new", {"action": "save", "text": "policy: x\nresource: dataset\nassert: dataset.nme"})
    assert wrong.status_code == 400
    assert "Line 3" in wrong.content.decode()
    assert "dataset.nme" in wrong.content.decode()
    saved = web.post("/policies/new", {"action": "save", "text": OWNED.replace("\n", "\r\n")})
    assert saved["Location"] == "/policies/owned?version=1&dry=1"
    assert api.get("/v1/policies/owned").json()["text"] == OWNED
    assert web.post("/policies/owned?version=1", {"action": "activate", "text": OWNED}).status_code == 302
    work()
    page = web.get("/policies/owned").content.decode()
    assert "Violations" in page
    assert HOSTILE not in page
    assert web.post("/policies/owned", {"action": "retire", "text": OWNED}).status_code == 302
    work()
    assert "Retired" in web.get("/policies/owned").content.decode()


def test_pages_of_violations(web, api, owned, operator):
    page = web.get("/violations").content.decode()
    assert "Nobody" in page
    assert HOSTILE not in page
    violation = api.get("/v1/violations").json()["items"][0]
    address = f"/violations/{violation['uuid']}"
    assert "dataset.owners.size() &gt; 0" in web.get(address).content.decode()
    assert web.post(address, {"until": "x", "reason": "y"}).status_code == 400
    assert web.post(address, {"until": "2020-01-01", "reason": "y"}).status_code == 400
    until = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    assert web.post(address, {"until": until, "reason": "soon gone"}).status_code == 302
    work()
    page = web.get(address).content.decode()
    assert "soon gone" in page
    waiver = page.partition('name="waiver" value="')[2].partition('"')[0]
    assert web.post(address, {"action": "end", "waiver": waiver}).status_code == 302
    work()
    page = web.get("/policies/of/mem/db/orders").content.decode()
    assert "1 violation" in page
    annotating.add_tag(caller=operator, dataset_uuid=owned.id_of("orders"), tag="x")
    assert "46 violations" not in web.get("/").content.decode()
    assert "2 violations of policies" in web.get("/").content.decode()
    for gone in ("/policies/none", "/violations/12345678-1234-1234-1234-123456789abc", "/policies/of/mem/db/none"):
        assert web.get(gone).status_code == 404


def test_readers_see_policies_and_write_none(owned, make_user):
    make_user("mara")
    client = Client()
    client.force_login(User.objects.get(username="mara"))
    page = client.get("/policies/owned").content.decode()
    assert "readonly" in page
    assert "Nothing that you may know violates it" in page
    assert client.get("/policies/new").status_code == 403
    assert client.post("/policies/owned", {"action": "retire", "text": OWNED}).status_code == 403
    assert client.post("/policies", {"starter": "tables-have-an-owner"}).status_code == 403
    assert "Nothing violates a policy" in client.get("/violations").content.decode()
