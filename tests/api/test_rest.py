"""The native REST as its clients see it: pages, validators, refusals; one error shape for every producer."""

from __future__ import annotations

import sqlite3
import uuid

import orjson
import pytest
from django.test import Client

from catalog.access.models import User
from deploy.demo.hive import HiveFile
from tests.conftest import pump

pytestmark = pytest.mark.django_db


def send(client, method, address, body=None, **headers):
    return client.generic(
        method,
        address,
        orjson.dumps(body) if body is not None else b"",
        content_type="application/json",
        headers=headers,
    )


@pytest.fixture
def estate(source):
    for number in range(7):
        source.creates(f"table_{number}", {"id": "long", "email": "string"})
    source.sync()
    pump()
    return source


@pytest.fixture
def full(api, estate):
    """Five of everything that lists are of."""
    for number in range(5):
        send(api, "POST", "/v1/users", {"username": f"user{number}"})
        send(api, "POST", "/v1/teams", {"name": f"team{number}"})
        send(api, "POST", "/v1/views", {"name": f"View {number}", "query": "table"})
        send(api, "PUT", f"/v1/datasets/{estate.id_of(f'table_{number}')}/bookmark")
        send(api, "POST", "/v1/grants", {"role": "reader", "pattern": "mem/**", "user": f"user{number}"})
        send(api, "POST", "/v1/restrictions", {"pattern": f"other{number}/**"})
    return estate


def walk(client, address):
    """Follow the cursors of a list and return all items."""
    items, cursor = [], ""
    for _ in range(100):
        answer = client.get(f"{address}{'&' if '?' in address else '?'}limit=2&cursor={cursor}").json()
        items += answer["items"]
        cursor = answer["next"]
        if cursor is None:
            return items
    raise AssertionError("the list does not end")


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("/v1/datasets", "qualified_name"),
        ("/v1/search?q=table", "qualified_name"),
        ("/v1/search", "qualified_name"),
        ("/v1/audit", "number"),
        ("/v1/runs", "number"),
        ("/v1/catalogs/mem/databases", "name"),
        ("/v1/grants", "uuid"),
        ("/v1/restrictions", "pattern"),
        ("/v1/users", "username"),
        ("/v1/teams", "name"),
        ("/v1/views", "name"),
        ("/v1/bookmarks", "qualified_name"),
    ],
)
def test_pages_join_to_the_whole_list_each_item_once(api, full, address, key):
    keys = [item[key] for item in walk(api, address)]
    assert len(keys) == len(set(keys)) > (0 if address in ("/v1/runs", "/v1/catalogs/mem/databases") else 4)
    whole = api.get(f"{address}{'&' if '?' in address else '?'}limit=200").json()
    assert len(whole["items"]) == len(keys)


def test_a_dataset_is_served_by_id_and_by_name_with_a_validator(api, estate):
    key = estate.id_of("table_1")
    by_id, by_name = api.get(f"/v1/datasets/{key}"), api.get("/v1/datasets?name=mem/db/table_1")
    assert by_id.content == by_name.content
    assert by_id["Content-Type"] == "application/json"
    again = api.get(f"/v1/datasets/{key}", headers={"If-None-Match": by_id["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    send(api, "PUT", f"/v1/datasets/{key}/tags/pii")
    changed = api.get(f"/v1/datasets/{key}", headers={"If-None-Match": by_id["ETag"]})
    assert changed.status_code == 200
    assert changed.json()["tags"] == ["pii"]


def test_a_source_is_registered_synced_and_found(api, tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE parcels (id INTEGER)")
    connection.close()
    made = send(api, "POST", "/v1/catalogs", {"name": "shop", "platform": "sqlite", "options": {"path": str(path)}})
    assert (made.status_code, made["Location"]) == (201, "/v1/catalogs/shop")
    started = send(api, "POST", "/v1/catalogs/shop/syncs")
    assert started.status_code == 202
    from catalog.journal import runs
    from catalog.sync.engine import run_sync

    runs.execute(uuid.UUID(started.json()["run"]), jobs={"sync": run_sync}, holder="t")
    run = api.get(started["Location"]).json()
    assert (run["state"], run["result"]["created"]) == ("done", 1)
    units = api.get(f"{started['Location']}/units?limit=1").json()
    assert (units["items"][0]["database"], units["next"]) == ("main", None)
    pump()
    assert api.get("/v1/search?q=parcels").json()["items"][0]["qualified_name"] == "shop/main/parcels"


def test_datasets_are_listed_by_database_of_one_catalog_or_all(api, estate):
    estate.creates("apart", {"id": "long"}, database="other")
    estate.sync()

    def listed(query: str) -> list[str]:
        return [each["qualified_name"] for each in api.get(f"/v1/datasets?{query}").json()["items"]]

    assert listed("database=other") == listed("catalog=mem&database=other") == ["mem/other/apart"]
    assert "mem/other/apart" in listed("catalog=mem")
    assert "mem/other/apart" not in listed("database=db")


def test_a_sync_is_asked_for_once_for_one_key(api, estate):
    from catalog.journal import runs
    from catalog.sync.engine import run_sync

    def ask(name, key):
        return send(api, "POST", f"/v1/catalogs/{name}/syncs", **{"Idempotency-Key": key})

    first = ask("mem", "k1").json()["run"]
    # The one that waits is this one's too, and stays so when it has ended.
    assert ask("mem", "k2").json()["run"] == first
    runs.execute(uuid.UUID(first), jobs={"sync": run_sync}, holder="t")
    assert [ask("mem", key).json()["run"] for key in ("k1", "k2")] == [first, first]
    assert ask("mem", "k3").json()["run"] != first
    send(api, "POST", "/v1/catalogs", {"name": "other", "platform": "memory"})
    refused = ask("other", "k1")
    assert (refused.status_code, refused.json()["type"]) == (422, "/docs/errors#idempotency-key-reused")


def test_a_lost_key_hides_no_catalog(api, settings):
    body = {"name": "pg", "platform": "postgresql", "test": False}
    body["options"] = {"host": "localhost", "dbname": "d", "user": "u", "password": "hunter2"}
    send(api, "POST", "/v1/catalogs", body)
    settings.SECRET_KEY = "another key"
    assert api.get("/v1/catalogs").json()["items"][0]["secret_options"] == []
    assert api.get("/v1/catalogs/pg").status_code == 200


def test_secrets_are_never_shown(api, monkeypatch):
    body = {"name": "pg", "platform": "postgresql", "test": False}
    body["options"] = {"host": "localhost", "dbname": "d", "user": "u", "password": "hunter2"}
    made = send(api, "POST", "/v1/catalogs", body)
    assert made.status_code == 201
    assert made.json()["secret_options"] == ["password"]
    lake = {"name": "lake", "platform": "iceberg", "options": {"uri": "sqlite:////not/there.db"}, "test": False}
    assert send(api, "POST", "/v1/catalogs", lake).json()["secret_options"] == ["uri"]
    for address in ("/v1/catalogs", "/v1/catalogs/pg", "/v1/audit", "/v1/changes?after=0", "/catalogs/pg"):
        assert "hunter2" not in api.get(address).content.decode(), address
    from catalog.models import Catalog

    assert b"hunter2" not in bytes(Catalog.objects.get(name="pg").secrets)
    send(
        api,
        "PATCH",
        "/v1/catalogs/pg",
        {"options": {"host": "localhost", "dbname": "d", "user": "u", "password": "env:PG_PASSWORD"}, "test": False},
    )
    assert api.get("/v1/catalogs/pg").json()["options"]["password"] == "env:PG_PASSWORD"


def test_a_definition_is_changed_once_for_one_key(api, estate):
    body = {
        "operation": "add_column",
        "database": "db",
        "table": "table_1",
        "new_column": {"name": "total", "type": "decimal(10,2)"},
    }
    first = send(api, "POST", "/v1/catalogs/mem/operations", body, **{"Idempotency-Key": "k1"})
    again = send(api, "POST", "/v1/catalogs/mem/operations", body, **{"Idempotency-Key": "k1"})
    assert (first.status_code, first.json()) == (200, again.json())
    assert api.get(f"/v1/intents/{first.json()['intent']}").json()["state"] == "closed"
    key = first.json()["dataset_uuid"]
    assert [c["what"] for c in api.get(f"/v1/datasets/{key}/diff?from=1").json()["changes"]] == ["column_added"]
    assert "total" in [c["name"] for c in api.get(f"/v1/datasets/{key}/versions/2").json()["columns"]]


def test_metadata_is_written_read_and_undone(api, estate):
    key = estate.id_of("table_1")
    send(api, "PATCH", f"/v1/datasets/{key}", {"description": "Text."})
    send(api, "PUT", f"/v1/datasets/{key}/owners/user:root")
    send(api, "PUT", f"/v1/datasets/{key}/properties/sla", {"value": "1h"})
    tagged = send(api, "PUT", f"/v1/datasets/{key}/tags/pii?column=email")
    body = api.get(f"/v1/datasets/{key}").json()
    assert (body["description"]["author"], body["owners"], body["properties"]) == (
        "user:root",
        ["user:root"],
        {"sla": "1h"},
    )
    send(api, "POST", f"/v1/datasets/{key}/claims/{tagged.json()['claim']}/undo")
    assert api.get(f"/v1/datasets/{key}").json()["columns"][1]["tags"] == []
    claims = api.get(f"/v1/datasets/{key}/claims").json()["items"]
    assert {claim["aspect"] for claim in claims} == {"description", "owner", "property", "tag"}
    address, paged = f"/v1/datasets/{key}/claims?limit=1", []
    while address:
        answer = api.get(address).json()
        paged += answer["items"]
        address = answer["next"] and f"/v1/datasets/{key}/claims?limit=1&cursor={answer['next']}"
    assert paged == claims


def test_the_journal_can_be_followed(api, estate):
    first = api.get("/v1/changes?after=0&limit=5").json()
    rest = api.get(f"/v1/changes?after={first['position']}&limit=200").json()
    positions = [item["position"] for item in first["items"] + rest["items"]]
    assert positions == list(range(1, len(positions) + 1))
    assert api.get(f"/v1/changes?after={rest['position']}").json() == {"items": [], "position": rest["position"]}


def test_tokens_are_made_shown_once_and_revoked(api):
    made = send(api, "POST", "/v1/tokens", {"name": "nightly", "days": 30}).json()
    other = Client(headers={"Authorization": f"Bearer {made['secret']}"})
    assert other.get("/v1/me").json()["handle"] == "user:root"
    listed = api.get("/v1/tokens").content.decode()
    assert "nightly" in listed
    assert made["secret"] not in listed
    assert send(api, "DELETE", f"/v1/tokens/{made['uuid']}").status_code == 204
    from catalog.access.principals import forget

    forget()
    assert other.get("/v1/me").status_code == 401


ID = "12345678-1234-1234-1234-123456789abc"
REFUSALS = [
    ("GET", f"/v1/datasets/{ID}", None, 404, "no-such-dataset"),
    ("GET", "/v1/datasets?name=mem/db/tabel_1", None, 404, "no-such-dataset"),
    ("GET", "/v1/datasets?name=a//b", None, 400, "invalid-name"),
    ("GET", "/v1/datasets?name=%ff", None, 404, "no-such-dataset"),
    ("GET", "/v1/datasets?state=odd", None, 400, "invalid-parameter"),
    ("GET", "/v1/datasets?limit=0", None, 400, "invalid-parameter"),
    ("GET", "/v1/datasets?nmae=mem/db/table_1", None, 400, "invalid-parameter"),
    ("GET", "/v1/datasets?name=mem/db/table_1&fromat=json", None, 400, "invalid-parameter"),
    ("GET", f"/v1/datasets/{ID}?format=json", None, 400, "invalid-parameter"),
    ("GET", "/v1/me?format=xml", None, 400, "invalid-parameter"),
    ("POST", "/v1/teams?dry_run=true", {"name": "x"}, 400, "invalid-parameter"),
    ("GET", "/v1/runs?state=gone", None, 400, "invalid-parameter"),
    ("GET", "/v1/jobs?state=DONE", None, 400, "invalid-parameter"),
    ("GET", f"/v1/datasets/{ID}/claims?current=maybe", None, 400, "invalid-parameter"),
    ("GET", f"/v1/datasets/{ID}/claims?cursor=x", None, 400, "invalid-cursor"),
    ("GET", "/v1/datasets?limit=99999999999999999999", None, 400, "invalid-parameter"),
    ("GET", "/v1/datasets?cursor=!!!", None, 400, "invalid-cursor"),
    ("GET", "/v1/search?cursor=WyJkYXRhc2V0cyIsIngiXQ", None, 400, "invalid-cursor"),
    (
        "GET",
        "/v1/search?cursor=WyJzZWFyY2giLDk5OTk5OTk5OTk5OV0",
        None,
        400,
        "invalid-cursor",
    ),  # ["search",999999999999]
    ("GET", "/v1/search?q=ownr:x", None, 400, "invalid-query"),
    ("GET", f"/v1/search?q={'x' * 1001}", None, 400, "invalid-query"),
    ("GET", "/v1/catalogs/gone", None, 404, "no-such-catalog"),
    ("GET", f"/v1/runs/{ID}", None, 404, "no-such-run"),
    ("GET", f"/v1/intents/{ID}", None, 404, "no-such-intent"),
    ("GET", "/v1/audit?subject=x", None, 400, "invalid-parameter"),
    ("GET", "/v1/changes?after=-1", None, 400, "invalid-parameter"),
    ("GET", "/v1/nothing", None, 404, "not-found"),
    ("DELETE", "/v1/me", None, 405, "method-not-allowed"),
    ("POST", "/v1/catalogs", {}, 400, "invalid-request"),
    ("POST", "/v1/catalogs", {"name": "x", "platform": "oracle"}, 400, "unknown-platform"),
    ("POST", "/v1/catalogs", {"name": "a/b", "platform": "memory"}, 400, "invalid-name"),
    ("POST", "/v1/catalogs", {"name": "mem", "platform": "memory"}, 409, "catalog-exists"),
    ("POST", "/v1/catalogs", {"name": "x", "platform": "memory", "nme": 1}, 400, "invalid-request"),
    (
        "POST",
        "/v1/catalogs",
        {"name": "x", "platform": "sqlite", "options": {"path": "/nowhere"}},
        400,
        "invalid-options",
    ),
    ("POST", "/v1/catalogs", {"name": "x", "platform": "sqlite", "options": {"pth": "/x"}}, 400, "invalid-options"),
    (
        "POST",
        "/v1/catalogs",
        {"name": "x", "platform": "sqlite", "options": {"path": {"a": 1}}},
        400,
        "invalid-catalog",
    ),
    (
        "POST",
        "/v1/catalogs",
        {
            "name": "x",
            "platform": "postgresql",
            "options": {"host": "127.0.0.1", "port": "1", "dbname": "d", "user": "u"},
        },
        503,
        "source-unavailable",
    ),
    (
        "POST",
        "/v1/catalogs",
        {"name": "x", "platform": "postgresql", "options": {"host": "169.254.169.254", "dbname": "d", "user": "u"}},
        400,
        "invalid-catalog",
    ),
    (
        "POST",
        "/v1/catalogs/mem/operations",
        {"operation": "add_column", "database": "db", "table": "table_1"},
        400,
        "invalid-parameter",
    ),
    (
        "POST",
        "/v1/catalogs/mem/operations",
        {"operation": "create_table", "database": "db", "table": "t", "columns": [{"name": "a", "type": "nope"}]},
        400,
        "invalid-type",
    ),
    (
        "POST",
        "/v1/catalogs/mem/operations",
        {"operation": "drop_table", "database": "db", "table": "gone"},
        404,
        "no-such-dataset",
    ),
    (
        "POST",
        "/v1/catalogs/mem/operations",
        {"operation": "drop_table", "database": "db", "table": "table_1", "expected_version": 99},
        409,
        "version-conflict",
    ),
    ("POST", "/v1/grants", {"role": "king", "pattern": "**"}, 400, "invalid-request"),
    ("POST", "/v1/grants", {"role": "reader", "pattern": "a/**/b"}, 400, "invalid-name"),
    ("POST", "/v1/grants", {"role": "reader", "pattern": "**", "user": "nobody"}, 404, "no-such-principal"),
    ("POST", "/v1/users", {"username": "UPPER"}, 400, "invalid-access"),
    ("POST", "/v1/users", {"username": "x", "password": "short"}, 400, "invalid-access"),
    ("POST", "/v1/tokens", {"name": " "}, 400, "invalid-request"),
    ("POST", f"/v1/holds/{ID}", {"drop": True}, 404, "no-such-hold"),
    ("DELETE", f"/v1/tokens/{ID}", None, 404, "no-such-principal"),
]


@pytest.mark.parametrize(("method", "address", "body", "status", "kind"), REFUSALS)
def test_every_refusal_has_one_shape_and_says_what_was_asked(api, estate, method, address, body, status, kind):
    answer = send(api, method, address, body)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), answer.content
    problem = answer.json()
    assert problem["type"] == f"/docs/errors#{kind}"
    assert problem["status"] == status
    assert len(problem["detail"]) > 10
    assert "Traceback" not in problem["detail"]


def test_what_an_address_may_be_asked_is_said_where_it_is_asked_something_else(api, estate):
    assert api.get("/v1/violations?statsu=fail").json()["detail"] == (
        "'statsu' is no query parameter of this address; there are cursor, dataset, limit, owner, policy, resolved, verdict"
    )
    assert api.get(f"/v1/datasets/{ID}?a").json()["detail"].endswith("of this address; there are none")
    assert api.head("/v1/me?a=b").status_code == 400


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff", b"{'a':1}", b'{"name": NaN}', b"null"])
def test_bodies_that_are_no_json_objects_are_refused(api, body):
    answer = api.generic("POST", "/v1/catalogs", body, content_type="application/json")
    assert (answer.status_code, answer.json()["status"]) == (400, 400)


def test_a_body_of_another_kind_is_refused(api):
    assert (
        api.generic("POST", "/v1/catalogs", b"a=1", content_type="application/x-www-form-urlencoded").status_code == 415
    )


def test_a_body_that_is_too_large_is_refused(api):
    answer = api.generic(
        "POST", "/v1/catalogs", b'{"name": "' + b"x" * 3_000_000 + b'"}', content_type="application/json"
    )
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "address", ["/v1/search?q=a%00b", "/v1/datasets?name=a%00b", "/datasets/a%00b", "/v1/catalogs/a%00"]
)
def test_nul_characters_are_refused(api, address):
    assert api.get(address).status_code in (400, 404)


def test_a_session_needs_the_csrf_token_and_a_bearer_token_does_not(api, db):
    user = User.objects.get(username="root")
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.get("/v1/me").status_code == 200
    answer = client.post("/v1/tokens", {"name": "x"}, content_type="application/json")
    assert (answer.status_code, answer.json()["type"]) == (403, "/docs/errors#csrf")


@pytest.mark.parametrize("door", ["/v1/tokens", "/graphql", "/registry/subjects/s/versions", "/api/v1/lineage"])
def test_an_open_home_takes_what_no_page_of_another_site_can_send(api, settings, door):
    body, client = {"name": "x"}, Client(enforce_csrf_checks=True)
    assert client.post(door, body, content_type="application/json").status_code == 401
    settings.CAIRN_OPEN = True
    assert client.post(door, body, content_type="application/json").status_code not in (401, 403)
    for simple in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        assert client.post(door, '{"name": "x"}', content_type=simple).status_code in (401, 403)


@pytest.mark.parametrize(
    "address", ["/", "/v1/me", "/mds/v1/catalog", "/registry/subjects", "/graphql?query={__typename}", "/login"]
)
def test_a_host_that_is_not_ours_is_told_so(api, settings, address):
    settings.ALLOWED_HOSTS, settings.CAIRN_OPEN = ["localhost"], True
    client = Client()
    assert client.get(address, headers={"host": "localhost:8000"}).status_code not in (400, 401, 403)
    for host in ("rebound.example", "rebound.example:8000", "127.0.0.1.rebound.example", "<b>", ""):
        answer = client.get(address, headers={"host": host})
        assert answer.status_code == 400
        assert "CAIRN_ALLOWED_HOSTS" in answer.content.decode()
    assert client.get("/livez", headers={"host": "10.0.0.7:8000"}).status_code == 200


def test_an_open_home_changes_and_deletes_without_a_token(api, settings):
    settings.CAIRN_OPEN = True
    client = Client(enforce_csrf_checks=True)
    made = client.post("/v1/tokens", {"name": "x"}, content_type="application/json").json()
    assert client.delete(f"/v1/tokens/{made['uuid']}").status_code == 204


def test_a_fault_shows_no_trace(api, monkeypatch, caplog):
    from catalog import selectors

    def broken(**_):
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(selectors, "list_catalogs", broken)
    client = Client(
        raise_request_exception=False, headers=api.defaults and {"Authorization": api.defaults["HTTP_AUTHORIZATION"]}
    )
    for address in ("/v1/catalogs", "/"):
        answer = client.get(address)
        assert answer.status_code == 500
        assert "hunter2" not in answer.content.decode()
        assert "Traceback" not in answer.content.decode()


def test_a_dataset_says_when_its_source_was_seen_to_say_so(api, estate):
    answer = api.get("/v1/datasets?name=mem/db/table_1")
    assert answer["Cairn-As-Of"].startswith("20")
    assert "Cairn-Stale" not in answer
    estate.drops("table_1")
    estate.sync()
    assert api.get("/v1/datasets?name=mem/db/table_1")["Cairn-Stale"] == "missing at its source"


def test_a_number_that_not_every_store_gives_back_is_refused(api, estate):
    key = estate.id_of("table_1")
    for number in ("1e30", "-1" + "0" * 25):
        answer = api.put(f"/v1/datasets/{key}/properties/x", f'{{"value": {number}}}', content_type="application/json")
        assert (answer.status_code, "beyond 64 bits" in answer.json()["detail"]) == (400, True)
    assert send(api, "PUT", f"/v1/datasets/{key}/properties/x", {"value": 1.5e18}).status_code == 200
    assert api.get(f"/v1/datasets/{key}").json()["properties"]["x"] == 1.5e18


def test_options_are_changed_once_the_source_answers_and_secrets_stay(api, settings, tmp_path):
    HiveFile(tmp_path / "store.db", created=1_790_000_000).close()
    address = f"sqlite:///{tmp_path}/store.db"
    body = {"name": "hive", "platform": "hive", "options": {"database_url": address}, "sync_every_seconds": None}
    assert send(api, "POST", "/v1/catalogs", body).status_code == 201

    def change(options, **more):
        answer = send(api, "PATCH", "/v1/catalogs/hive", {"options": options, **more})
        return answer.status_code, answer.json()

    status, catalog = change({"rows_below": "file:/data"})
    assert (status, catalog["options"], catalog["secret_options"]) == (
        200,
        {"rows_below": "file:/data"},
        ["database_url"],
    )
    assert change({"database_url": "sqlite:////nowhere"})[0] == 400
    assert "has no option 'pth'" in change({"pth": "x"}, test=False)[1]["detail"]
    assert change({"uri": "thrift://nowhere:1", "database_url": ""}, test=False)[0] == 200
    catalog = api.get("/v1/catalogs/hive").json()
    assert (catalog["options"], catalog["secret_options"]) == ({"uri": "thrift://nowhere:1"}, [])
    settings.CONNECTOR_HOSTS = ["other.internal"]
    assert "nowhere" in change({"uri": "thrift://nowhere:2"}, test=False)[1]["detail"]
    assert change({"uri": "", "database_url": "env:STORE"}, test=False)[1]["options"] == {"database_url": "env:STORE"}
    assert address not in orjson.dumps(api.get("/v1/audit").json()).decode()


@pytest.mark.parametrize(
    "options",
    [
        {"platform": "postgresql", "options": {"host": "db.internal", "dbname": "d", "user": "u"}},
        {"platform": "iceberg", "options": {"uri": "postgresql://db.internal/d"}},
        {"platform": "iceberg", "options": {"uri": "postgresql://other.internal/d?host=db.internal"}},
        {"platform": "iceberg", "options": {"uri": "postgresql://u:p@other.internal:1,db.internal:2/d"}},
        {"platform": "hive", "options": {"database_url": "postgresql://other.internal/d?hostaddr=db.internal:5432"}},
        {
            "platform": "hive",
            "options": {"uri": "thrift://other.internal:1", "rows_below": "s3://other.internal/a, s3://db.internal/a"},
        },
        {"platform": "postgresql", "options": {"host": "other.internal,db.internal", "dbname": "d", "user": "u"}},
    ],
)
def test_hosts_that_are_not_named_are_not_reached(api, settings, options):
    settings.CONNECTOR_HOSTS = ["other.internal"]
    for body in ({"name": "x", "test": False, **options}, {"name": "x", **options}):
        answer = send(api, "POST", "/v1/catalogs", body)
        assert (answer.status_code, answer.json()["type"]) == (400, "/docs/errors#invalid-catalog")
        assert "db.internal" in answer.json()["detail"]


def test_what_finds_nothing_suggests_what_does(api, source):
    source.creates("orders", {"id": "long"}, comment="Sold.")
    source.creates("customers", {"id": "long", "email": "string"})
    source.sync()
    send(api, "PUT", f"/v1/datasets/{source.id_of('orders')}/tags/pii")
    pump()
    answer = api.get("/v1/search?q=orders+tag:pi").json()
    assert answer["total"] == 0
    assert answer["suggestions"] == [
        {"query": "orders tag:pii", "total": 1},
        {"query": "orders", "total": 1},
        {"query": "name:orde*", "total": 1},
    ]
    assert api.get("/v1/search?q=orders").json()["suggestions"] == []
    (found,) = api.get("/v1/search?q=email").json()["items"]
    assert found["reasons"] == ["'email' in columns"]


def test_reasons_and_suggestions_keep_to_what_may_be_known(api, source, make_user, operator):
    from catalog.access.services import create_token

    source.creates("orders", {"cobalt": "string"})
    source.sync()
    send(api, "PUT", f"/v1/datasets/{source.id_of('orders')}/tags/cobalt-tag")
    pump()
    _, secret = create_token(caller=operator, user_id=make_user("x").user_id, name="t", expires_at=None)
    nobody = Client(headers={"Authorization": f"Bearer {secret}"})
    for text in ("orders+cobalt", "tag:cobalt-tg", "cobalt"):
        assert "cobalt" not in nobody.get(f"/v1/search?q={text}").content.decode().replace(text, "")


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("/v1/search?q=%00", "application/problem+json"),
        ("/registry/subjects?subjectPrefix=%00", "application/json"),
        ("/search?q=%00", "text/plain"),
    ],
)
def test_an_address_with_a_nul_is_refused_in_the_form_of_its_door(api, address, kind):
    answer = api.get(address)
    assert (answer.status_code, answer["Content-Type"]) == (400, kind)
    assert b"NUL" in answer.content
