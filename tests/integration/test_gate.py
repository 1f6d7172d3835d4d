"""The gate as a matrix: every door × role × dataset. What may not be known shows nowhere: answers, counts, facets, errors."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from django.test import Client

from catalog.access import gate, principals
from catalog.access.models import ApiToken, AuditRecord, Grant
from catalog.access.principals import Caller, NoSuchPrincipal
from catalog.access.services import (
    create_grant,
    create_restriction,
    create_team,
    create_token,
    revoke_grant,
    revoke_restriction,
    revoke_token,
)
from catalog.journal import runs
from catalog.models import Dataset
from catalog.selectors import catalogs
from catalog.services import annotating
from deploy.flow import JOBS
from detection.services.checks import add_check
from detection.services.scans import request_due_scans
from policy.services.policies import activate, save_policy
from tests.conftest import Source, pump, refreshed

pytestmark = pytest.mark.django_db
SECRET = "zirconium"
"""A word that stands in every part of the hidden dataset; where it shows, something leaks."""


EVERYTHING = """\
policy: everything-is-owned
resource: dataset
assert: dataset.owners.size() > 5
message: "{dataset.qualified_name} has too few owners"
examples: {fail: [{dataset: {owners: []}}]}
"""


@pytest.fixture
def estate(operator, make_user):
    """Three datasets: open, details-only-by-grant, and hidden; users with every role on each."""
    source = Source(operator, "shop")
    source.creates("open_orders", {"id": "long", "open_column": "string"})
    source.creates("closed_orders", {"id": "long", "cobalt_column": "string"}, comment="Seen by all.")
    hidden = Source(operator, f"{SECRET}cat")
    hidden.creates(
        f"{SECRET}_table",
        {f"{SECRET}_column": "string", f"{SECRET}_email": "string"},
        database=f"{SECRET}_db",
        comment=f"{SECRET} text",
    )
    source.sync()
    hidden.sync()
    owner = make_user(f"{SECRET}-owner")
    key = hidden.id_of(f"{SECRET}_table", f"{SECRET}_db")
    annotating.add_owner(caller=operator, dataset_uuid=key, owner=owner.handle)
    annotating.add_tag(caller=operator, dataset_uuid=key, tag=f"{SECRET}-tag")
    annotating.add_tag(caller=operator, dataset_uuid=source.id_of("closed_orders"), tag="cobalt-tag")
    create_restriction(caller=operator, pattern=f"{SECRET}cat/**")
    create_grant(caller=operator, role="reader", pattern="shop/db/open_*")
    users = {"nobody": make_user("nobody")}
    for role in ("discoverer", "reader", "editor", "steward", "admin"):
        make_user(role)
        create_grant(caller=operator, role=role, pattern="shop/**", username=role)
    make_user("insider")
    create_grant(caller=operator, role="discoverer", pattern=f"{SECRET}cat/**", username="insider")
    make_user("teammate")
    create_team(caller=operator, name="inside", members=["teammate"])
    create_grant(caller=operator, role="reader", pattern=f"{SECRET}cat/**", team="inside")
    add_check(caller=operator, dataset_uuid=key, kind="uniqueness", column=f"{SECRET}_column", arguments={})
    slug, number = save_policy(caller=operator, text=EVERYTHING)
    judging = activate(caller=operator, slug=slug, number=number)
    pump()
    runs.execute(judging, jobs=JOBS, holder="test")
    for run in request_due_scans():
        runs.execute(run, jobs=JOBS, holder="test")
    pump()
    from catalog.access.models import User
    from catalog.access.principals import principal_for_user

    for user in User.objects.all():
        users[user.username] = refreshed(principal_for_user(user.pk))
    return {
        "source": source,
        "hidden": key,
        "closed": source.id_of("closed_orders"),
        "open": source.id_of("open_orders"),
        "users": users,
    }


def client_of(principal, operator):
    """Return a client that sends a token of the principal."""
    _, secret = create_token(caller=operator, user_id=principal.user_id, name="t", expires_at=None)
    return Client(headers={"Authorization": f"Bearer {secret}"})


def doors(estate):
    """Return addresses of every door that might speak of a dataset."""
    hidden = estate["hidden"]
    name = f"{SECRET}cat/{SECRET}_db/{SECRET}_table"
    return [
        "/v1/catalogs",
        f"/v1/catalogs/{SECRET}cat",
        f"/v1/catalogs/{SECRET}cat/databases",
        "/v1/datasets?limit=200",
        f"/v1/datasets?catalog={SECRET}cat",
        f"/v1/datasets?name={name}",
        f"/v1/datasets/{hidden}",
        f"/v1/datasets/{hidden}/columns",
        f"/v1/datasets/{hidden}/partitions",
        f"/v1/datasets/{hidden}/snapshots",
        f"/v1/datasets/{hidden}/versions",
        f"/v1/datasets/{hidden}/versions/1",
        f"/v1/datasets/{hidden}/claims",
        "/v1/search",
        f"/v1/search?q={SECRET}",
        f"/v1/search?q=column:{SECRET}_column",
        f"/v1/search?q=tag:{SECRET}-tag",
        f"/v1/search?q=owner:{SECRET}-owner",
        "/v1/changes?after=0&limit=200",
        "/registry/subjects?subjectPrefix=:.tables:",
        "/registry/schemas?subjectPrefix=:.tables:",
        f"/registry/subjects/:.tables:{name}/versions",
        f"/registry/subjects/:.tables:{name}/versions/latest",
        f"/registry/config/:.tables:{name}",
        "/registry/schemas/ids/3?subject=:.tables:",
        "/v1/subjects?context=.tables",
        f"/v1/subjects/versions?subject=:.tables:{name}",
        f"/v1/datasets/{hidden}/subject",
        f"/subject/{name}",
        "/schemas?where=.tables",
        f"/v1/datasets/{hidden}/quality",
        f"/v1/datasets/{hidden}/row-counts",
        "/v1/checks",
        "/v1/findings",
        f"/v1/findings?dataset={hidden}",
        f"/quality/{name}",
        "/findings",
        "/checks?status=all",
        "/v1/search?q=finding:email",
        "/v1/policies",
        "/v1/violations",
        f"/v1/violations?dataset={hidden}",
        f"/v1/datasets/{hidden}/policies",
        "/policies",
        "/policies/everything-is-owned",
        f"/policies/of/{name}",
        "/violations",
        "/violations?owner=-",
        "/v1/bookmarks",
        "/v1/views",
        "/v1/audit",
        "/",
        "/search",
        f"/search?q={SECRET}",
        f"/datasets/{name}",
        f"/catalogs/{SECRET}cat",
        f"/catalogs/{SECRET}cat/database?name={SECRET}_db",
        f"/palette?q={SECRET}",
        "/audit",
        f"/datasets/shop/db/{SECRET}_tabl",
        "/mds/v1/catalog",
        f"/mds/v1/catalog/{SECRET}cat",
        f"/mds/v1/catalog/{SECRET}cat/database/{SECRET}_db",
        f"/mds/v1/catalog/{SECRET}cat/database/{SECRET}_db/table/{SECRET}_table",
        f"/mds/v1/catalog/{SECRET}cat/database/{SECRET}_db/table/{SECRET}_table?freshness=cached",
        f"/mds/v1/catalog/{SECRET}cat/database/{SECRET}_db/table/{SECRET}_other",
        f"/mds/v1/partition/catalog/{SECRET}cat/database/{SECRET}_db/table/{SECRET}_table/count",
        "/mds/v1/metadata/definition/list",
        f"/mds/v1/metadata/searchByOwners?owner={SECRET}-owner",
        "/mds/v1/tag/tags",
        "/mds/v1/tag/list",
        f"/mds/v1/tag/search?tag={SECRET}",
    ]


def leaks(answer, address):
    """Return whether an answer says the word more often than its own address made it."""
    text = answer.content.decode().lower()
    return text.count(SECRET) > 0 and any(
        f"{SECRET}{part}" in text.replace(address.lower(), "") for part in ("_column", " text", "-tag")
    )


@pytest.mark.parametrize("user", ["nobody", "discoverer", "reader", "editor", "steward", "admin"])
def test_what_is_hidden_shows_at_no_door(estate, operator, user):
    client = client_of(estate["users"][user], operator)
    for address in doors(estate):
        answer = client.get(address)
        asked_for = SECRET in address or str(estate["hidden"]) in address
        assert answer.status_code in (200, 404), (address, answer.status_code)
        text = answer.content.decode().lower()
        if not asked_for:
            assert SECRET not in text, address
        assert not leaks(answer, address), address
        if f"/{estate['hidden']}" in address or ("name=" in address and SECRET in address):
            assert answer.status_code == 404, address


@pytest.mark.parametrize("user", ["nobody", "discoverer", "admin"])
def test_the_hidden_and_the_absent_are_answered_alike(estate, operator, user):
    client = client_of(estate["users"][user], operator)
    absent = "12345678-1234-1234-1234-123456789abc"
    for pattern in (
        "/v1/datasets/{}",
        "/v1/datasets/{}/columns",
        "/v1/datasets/{}/partitions",
        "/v1/datasets/{}/claims",
    ):
        hidden, gone = client.get(pattern.format(estate["hidden"])), client.get(pattern.format(absent))
        assert hidden.status_code == gone.status_code == 404
        assert hidden.content.replace(str(estate["hidden"]).encode(), b"") == gone.content.replace(absent.encode(), b"")


def test_counts_leave_out_what_is_hidden(estate, operator):
    answer = client_of(estate["users"]["reader"], operator).get("/v1/search").json()
    assert answer["total"] == 2
    assert answer["facets"]["catalog"] == [{"value": "shop", "count": 2}]
    assert client_of(estate["users"]["insider"], operator).get("/v1/search").json()["total"] == 3


def test_whoever_may_only_discover_sees_name_owner_and_description(estate, operator):
    client = client_of(estate["users"]["nobody"], operator)
    body = client.get(f"/v1/datasets/{estate['closed']}").json()
    assert body["restricted"] is True
    assert body["description"]["text"] == "Seen by all."
    assert "columns" not in body
    assert "tags" not in body
    for part in ("columns", "partitions", "snapshots", "versions", "claims", "quality", "row-counts", "policies"):
        assert client.get(f"/v1/datasets/{estate['closed']}/{part}").status_code == 403
    for freshness in ("live", "cached"):
        address = f"/mds/v1/catalog/shop/database/db/table/closed_orders?freshness={freshness}"
        assert client.get(address).status_code == client.head(address).status_code == 403
    assert client.get("/mds/v1/catalog/shop/database/db").json()["tables"] == ["closed_orders", "open_orders"]
    assert client.get("/mds/v1/tag/tags").json() == []
    for role, names in (("nobody", ["open_orders"]), ("reader", ["closed_orders", "open_orders"])):
        found = client_of(estate["users"][role], operator).get("/v1/subjects?context=.tables").json()["items"]
        assert [each["subject"].rpartition("/")[2] for each in found] == names
    assert client.post("/mds/v1/resolver", {"uri": "file:/"}, content_type="application/json").json()["tables"] == []
    for address in ("/v1/search?q=column:cobalt_column", "/v1/search?q=tag:cobalt-tag", "/v1/search?q=cobalt"):
        assert client.get(address).json()["total"] == 0, address
    assert "cobalt" not in client.get("/v1/search").content.decode()
    assert "cobalt" not in client.get("/datasets/shop/db/closed_orders").content.decode()
    assert "cobalt" not in client.get("/v1/changes?after=0&limit=200").content.decode()


def test_a_grant_to_everyone_opens_details(estate, operator):
    body = client_of(estate["users"]["nobody"], operator).get(f"/v1/datasets/{estate['open']}").json()
    assert [column["name"] for column in body["columns"]] == ["id", "open_column"]


MAY = {
    "read": {"reader", "editor", "steward", "admin"},
    "tag": {"editor", "steward", "admin"},
    "check": {"editor", "steward", "admin"},
    "scan": {"editor", "steward", "admin"},
    "decide": {"steward", "admin"},
    "write a policy": {"steward", "admin"},
    "try a policy": {"steward", "admin"},
    "merge": {"steward", "admin"},
    "alter": {"admin"},
}


@pytest.mark.parametrize("user", ["nobody", "discoverer", "reader", "editor", "steward", "admin"])
def test_each_role_may_what_it_says_and_no_more(estate, operator, user):
    client = client_of(estate["users"][user], operator)
    closed = estate["closed"]
    requests = {
        "read": lambda: client.get(f"/v1/datasets/{closed}/columns"),
        "tag": lambda: client.put(f"/v1/datasets/{closed}/tags/x"),
        "check": lambda: client.post(
            f"/v1/datasets/{closed}/checks",
            {"kind": "row_count", "arguments": {"least": 1}},
            content_type="application/json",
        ),
        "scan": lambda: client.post(f"/v1/datasets/{closed}/scans"),
        "decide": lambda: client.post(
            f"/v1/datasets/{closed}/findings/{closed}", {"decision": "accepted"}, content_type="application/json"
        ),
        "write a policy": lambda: client.post("/v1/policies", {"text": EVERYTHING}, content_type="application/json"),
        "try a policy": lambda: client.post(
            "/v1/policy-dry-runs", {"text": EVERYTHING}, content_type="application/json"
        ),
        "merge": lambda: client.post(
            f"/v1/datasets/{closed}/merge", {"survivor": str(estate["open"])}, content_type="application/json"
        ),
        "alter": lambda: client.post(
            "/v1/catalogs/shop/operations",
            {"operation": "drop_column", "database": "db", "table": "closed_orders", "column": "id"},
            content_type="application/json",
        ),
    }
    for what, request in requests.items():
        status = request().status_code
        if user in MAY[what]:
            assert status in (200, 201, 202, 204, 404, 409), (what, status)
        else:
            assert status == 403, (what, status)


OPERATORS_ONLY = [
    ("post", "/v1/catalogs"),
    ("post", "/v1/connection-checks"),
    ("post", "/v1/catalogs/shop/syncs"),
    ("patch", "/v1/catalogs/shop"),
    ("delete", "/v1/catalogs/shop"),
    ("get", "/v1/runs"),
    ("get", "/v1/users"),
    ("post", "/v1/users"),
    ("post", "/v1/teams"),
    ("get", "/v1/teams"),
    ("patch", "/v1/teams/inside"),
    ("get", "/v1/users/insider"),
    ("patch", "/v1/users/insider"),
    ("put", "/v1/users/insider/password"),
    ("get", "/v1/grants"),
    ("post", "/v1/grants"),
    ("post", "/v1/restrictions"),
    ("get", "/connect"),
    ("get", "/runs"),
    ("get", "/access"),
    ("get", "/users"),
    ("get", "/users/insider"),
    ("get", "/teams/inside"),
    ("get", "/system"),
]
BODIES = {
    "/v1/catalogs": {"name": "x", "platform": "memory"},
    "/v1/connection-checks": {"platform": "memory"},
    "/v1/users": {"username": "eve"},
    "/v1/teams": {"name": "evil"},
    "/v1/grants": {"role": "admin", "pattern": "**", "user": "admin"},
    "/v1/restrictions": {"pattern": "shop/**"},
    "/v1/catalogs/shop": {"description": "x"},
    "/v1/users/insider": {"active": False},
    "/v1/users/insider/password": {"password": "a long enough word"},
    "/v1/teams/inside": {"members": ["discoverer"]},
}


@pytest.mark.parametrize(("method", "address"), OPERATORS_ONLY)
def test_operating_is_for_operators(estate, operator, method, address):
    client = client_of(estate["users"]["admin"], operator)
    answer = client.generic(
        method.upper(), address, orjson.dumps(BODIES.get(address, {})), content_type="application/json"
    )
    assert answer.status_code == 403


def test_a_restriction_hides_at_once_and_lifting_it_shows_again(estate, operator):
    client = client_of(estate["users"]["reader"], operator)
    address = f"/v1/datasets/{estate['closed']}"
    assert client.get(address).status_code == 200
    stranger = client_of(estate["users"]["insider"], operator)
    assert stranger.get(address).status_code == 200
    restriction = create_restriction(caller=operator, pattern="shop/db/closed*")
    pump()
    refreshed(estate["users"]["insider"])
    assert stranger.get(address).status_code == 404
    assert client.get(address).status_code == 200
    assert revoke_restriction(caller=operator, restriction_uuid=restriction.uuid) == "shop/db/closed*"
    refreshed(estate["users"]["insider"])
    assert stranger.get(address).status_code == 200
    with pytest.raises(NoSuchPrincipal):
        revoke_restriction(caller=operator, restriction_uuid=restriction.uuid)
    told = AuditRecord.objects.filter(subject="shop/db/closed*").order_by("pk").values_list("action", flat=True)
    assert list(told) == ["restriction.created", "restriction.lifted"]


def test_a_dataset_made_after_a_restriction_is_hidden_from_the_start(estate, operator):
    source = estate["source"]
    create_restriction(caller=operator, pattern="shop/db/later*")
    source.creates("later_table")
    source.sync()
    refreshed(estate["users"]["insider"])
    assert (
        client_of(estate["users"]["insider"], operator).get("/v1/datasets?name=shop/db/later_table").status_code == 404
    )


def test_what_was_looked_up_while_grants_changed_is_not_believed(estate, operator, make_user, monkeypatch):
    grant = create_grant(caller=operator, role="editor", pattern="shop/**", username=make_user("mara").handle[5:])
    pump()
    key = principals.principal_for_name("mara").user_id
    principals.forget()
    build = principals._build

    def slowly(user):
        built = build(user)
        monkeypatch.setattr(principals, "_build", build)
        # Another thread takes the grant back and is seen to, before this one has stored what it read.
        revoke_grant(caller=operator, grant_uuid=grant.uuid)
        principals.principal_for_name("somebody")
        return built

    monkeypatch.setattr(principals, "_build", slowly)
    assert gate.may_anywhere(principals.principal_for_user(key), gate.EDIT)
    assert not gate.may_anywhere(principals.principal_for_user(key), gate.EDIT)


def test_without_any_grant_to_everyone_nothing_is_discovered(estate, operator):
    Grant.objects.filter(user__isnull=True, team__isnull=True).delete()
    refreshed(estate["users"]["nobody"])
    assert client_of(estate["users"]["nobody"], operator).get("/v1/search").json()["total"] == 0


def test_a_revoked_token_and_an_ended_user_are_nobody(estate, operator):
    from catalog.access.models import User
    from catalog.access.principals import forget
    from catalog.access.services import raise_generation

    reader = estate["users"]["reader"]
    token, secret = create_token(caller=operator, user_id=reader.user_id, name="t2", expires_at=None)
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    assert client.get("/v1/me").status_code == 200
    revoke_token(caller=Caller(reader, "test"), token_uuid=token.uuid)
    forget()
    assert client.get("/v1/me").status_code == 401
    client = client_of(reader, operator)
    User.objects.filter(pk=reader.user_id).update(is_active=False)
    raise_generation()
    forget()
    assert client.get("/v1/me").status_code == 401


def test_when_a_token_was_used_is_written_down_now_and_then(estate, operator):
    token, secret = create_token(caller=operator, user_id=estate["users"]["reader"].user_id, name="t", expires_at=None)
    client = Client(headers={"Authorization": f"Bearer {secret}"})

    def used():
        principals.forget()
        assert client.get("/v1/me").status_code == 200
        return ApiToken.objects.get(pk=token.pk).last_used_at

    first = used()
    assert first is not None
    assert used() == first
    before = first - timedelta(minutes=11)
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=before)
    assert used() > before


@pytest.mark.parametrize(
    "address", ["/v1/me", "/v1/datasets", "/v1/search", "/v1/openapi.json", "/metrics", "/v1/changes"]
)
def test_programs_without_a_token_are_told_how_to_sign_in(db, address):
    answer = Client().get(address)
    assert answer.status_code == 401
    assert "Bearer" in answer.content.decode()


@pytest.mark.parametrize("address", ["/", "/search?q=x", "/datasets/a/b/c", "/tokens", "/runs", "/connect"])
def test_people_who_are_not_signed_in_are_sent_to_sign_in_and_back(db, address):
    answer = Client().get(address)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login?next=")


def test_every_dataset_has_one_class_and_classes_follow_patterns(estate):
    assert not Dataset.objects.filter(access_class__isnull=True).exists()
    shop = Dataset.objects.get(name="open_orders").access_class
    assert {row.pattern for row in shop.patterns.all()} == {"**", "shop/**", "shop/db/open_*"}


def test_very_many_datasets_are_counted_now_and_then_for_each_by_what_they_reach(
    source, operator, make_user, monkeypatch
):
    monkeypatch.setattr(catalogs, "_counts", catalogs._Counts())
    monkeypatch.setattr(catalogs, "VERY_MANY", 2)

    def counted(principal) -> list[tuple[str, int]]:
        return [(view.name, view.datasets) for view in catalogs.list_catalogs(principal=principal)]

    create_restriction(caller=operator, pattern="mem/**")
    source.creates("a", {"id": "long"})
    source.creates("b", {"id": "long"})
    source.sync()
    mara = make_user("mara")
    assert (counted(operator.principal), counted(mara)) == ([("mem", 2)], [])
    source.creates("c", {"id": "long"})
    source.sync()
    assert (counted(operator.principal), counted(mara)) == ([("mem", 2)], [])
    monkeypatch.setattr(catalogs, "COUNTED_SECONDS", 0.0)
    assert counted(operator.principal) == [("mem", 3)]


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/v1/me",
        "/v1/datasets",
        "/v1/search?q=open",
        "/v1/violations",
        "/v1/changes",
        "/mds/v1/catalog",
        "/registry/subjects",
        "/api/v1/lineage",
        "/graphql?query={search(query:%22open%22){total}}",
    ],
)
def test_what_is_answered_to_somebody_is_kept_by_no_cache_of_others(estate, operator, address):
    answer = client_of(estate["users"]["reader"], operator).get(address)
    kept = answer.headers.get("Cache-Control", "")
    assert "private" in kept or "no-store" in kept, kept
