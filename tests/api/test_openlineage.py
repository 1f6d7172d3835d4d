"""OpenLineage's door and lineage in our REST: what producers send is answered as their clients expect, and read back."""

from __future__ import annotations

import gzip
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.access.models import Role
from catalog.access.services import create_grant, create_restriction, create_token, create_user
from catalog.models import Catalog, Dataset
from lineage.models import LineageEvent
from tests.conftest import pump

pytestmark = pytest.mark.django_db
NAMESPACE = "memory://shop"


def event(number: int = 1, inputs: Any = ("db.orders",), outputs: Any = ("db.revenue",), **more: Any) -> dict[str, Any]:
    return {
        "eventType": "COMPLETE",
        "eventTime": f"2026-11-01T{number % 24:02}:00:00Z",
        "producer": "https://example.com/etl",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": str(uuid.UUID(int=number))},
        "job": {"namespace": "etl", "name": "daily"},
        "inputs": [{"namespace": NAMESPACE, "name": name} for name in inputs],
        "outputs": [{"namespace": NAMESPACE, "name": name} for name in outputs],
    } | more


@pytest.fixture
def shop(source):
    Catalog.objects.filter(name=source.name).update(namespaces=[NAMESPACE])
    for table in ("orders", "customers", "revenue", "report"):
        source.creates(table, {"id": "long", "email": "string"})
    source.sync()
    return source


@pytest.fixture
def as_(client, operator):
    """Return a function that asks as a user: `as_("mara", "/v1/…", body)`."""

    def ask(name: str, address: str, body: Any = None, **more: Any) -> Any:
        from catalog.access.models import User

        user = User.objects.filter(username=name).first()
        if user is None:
            user = create_user(caller=operator, username=name, password=None, operator=name == "root")
        _, token = create_token(caller=operator, user_id=user.pk, name=uuid.uuid4().hex, expires_at=None)
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        if body is None:
            return client.get(address, headers=headers)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return client.post(address, data, content_type="application/json", headers=headers)

    return ask


def key_of(name: str) -> uuid.UUID:
    return Dataset.objects.get(name=name).uuid


def test_an_event_is_taken_and_read_back_as_a_graph(shop, as_):
    assert as_("root", "/api/v1/lineage", event()).status_code == 201
    assert as_("root", "/api/v1/lineage", event()).status_code == 201
    assert LineageEvent.objects.count() == 1
    pump()
    graph = as_("root", f"/v1/datasets/{key_of('revenue')}/lineage").json()
    assert [(node["name"], node["distance"]) for node in graph["nodes"]] == [("revenue", 0), ("orders", -1)]
    (link,) = graph["links"]
    assert (link["upstream"], link["downstream"]) == (str(key_of("orders")), str(key_of("revenue")))
    (edge,) = link["edges"]
    assert (edge["job_name"], edge["origin"], edge["runs_seen"]) == ("daily", "openlineage", 1)


def test_a_gzipped_event_is_taken(shop, as_):
    packed = gzip.compress(json.dumps(event()).encode())
    assert as_("root", "/api/v1/lineage", packed, headers={"Content-Encoding": "gzip"}).status_code == 201


@pytest.mark.parametrize(
    ("body", "headers", "status", "said"),
    [
        (b"{", {}, 400, "the body is not JSON"),
        (b"[]", {}, 422, "an event is an object, found a list"),
        (json.dumps(event(eventTime="soon")).encode(), {}, 422, "/eventTime: is no time"),
        (json.dumps(event())[:-1].encode() + b', "x": ' + b"[" * 600 + b"]" * 600 + b"}", {}, 422, "levels deep"),
        (b"[" * 100_000, {}, 400, "not JSON"),
        (b"junk", {"Content-Encoding": "gzip"}, 400, "says that it is gzipped and is not"),
        (gzip.compress(b"{}" * 5_000)[:-30], {"Content-Encoding": "gzip"}, 400, "ends too early"),
        (gzip.compress(b" " * 40_000_000), {"Content-Encoding": "gzip"}, 413, "at most"),
    ],
    ids=["half", "list", "time", "deep", "deeper", "no gzip", "cut gzip", "bomb"],
)
def test_what_is_no_event_is_refused_with_the_reason(shop, as_, body, headers, status, said):
    answer = as_("root", "/api/v1/lineage", body, headers=headers)
    assert answer.status_code == status
    assert said in answer.json()["detail"]
    assert not LineageEvent.objects.exists()


def test_a_batch_says_which_events_it_did_not_take(shop, as_):
    answer = as_("root", "/api/v1/lineage/batch", [event(1), {"eventTime": "x"}, event(2, ["db.customers"])])
    assert answer.status_code == 200
    told = answer.json()
    assert told["summary"] == {"received": 3, "successful": 2, "failed": 1, "retriable": 0, "non_retriable": 1}
    assert [one["index"] for one in told["failed_events"]] == [1]
    assert as_("root", "/api/v1/lineage/batch", [event(1), event(2, ["db.customers"])]).status_code == 204
    assert as_("root", "/api/v1/lineage/batch", []).status_code == 204
    assert as_("root", "/api/v1/lineage/batch", {}).status_code == 400
    assert as_("root", "/api/v1/lineage/batch", [event()] * 1_001).status_code == 400
    assert LineageEvent.objects.count() == 2


def test_only_who_may_write_somewhere_reports_and_no_cookie_does(shop, as_, operator, client):
    assert client.post("/api/v1/lineage", json.dumps(event()), content_type="application/json").status_code == 401
    assert as_("mara", "/api/v1/lineage", event()).status_code == 403
    create_grant(caller=operator, role=Role.EDITOR, pattern="mem/**", username="mara")
    pump()
    assert as_("mara", "/api/v1/lineage", event()).status_code == 201
    from catalog.access.models import User

    client.force_login(User.objects.get(username="mara"))
    answer = client.post("/api/v1/lineage", json.dumps(event(2)), content_type="application/json")
    assert answer.status_code == 401
    assert as_("root", "/api/v1/lineage").status_code == 405


def test_a_hidden_dataset_is_crossed_and_named_nowhere(shop, as_, operator):
    as_("root", "/api/v1/lineage", event(1, ["db.orders"], ["db.revenue"]))
    as_("root", "/api/v1/lineage", event(2, ["db.revenue"], ["db.report"], job={"namespace": "etl", "name": "second"}))
    pump()
    create_restriction(caller=operator, pattern="mem/db/revenue")
    pump()
    answer = as_("mara", f"/v1/datasets/{key_of('report')}/lineage?direction=upstream")
    graph = answer.json()
    assert [node["name"] for node in graph["nodes"]] == ["report", "orders"]
    assert [(link["restricted"], link["edges"]) for link in graph["links"]] == [(True, [])]
    assert "revenue" not in answer.content.decode()
    assert as_("mara", f"/v1/datasets/{key_of('revenue')}/lineage").status_code == 404
    for job in as_("mara", "/v1/jobs").json()["items"]:
        detail = as_("mara", f"/v1/jobs/{job['uuid']}")
        assert "revenue" not in detail.content.decode()
        assert detail.json()["sql"] is None


def test_a_job_is_not_there_for_whom_all_its_datasets_are_not_and_its_errors_are_for_readers(shop, as_, operator):
    error = {"runId": str(uuid.UUID(int=9)), "facets": {"errorMessage": {"message": "duplicate key: secret-4711"}}}
    hidden = {"namespace": "etl", "name": "make db.revenue of db.customers"}
    as_("root", "/api/v1/lineage", event(1, ["db.customers"], ["db.revenue"], job=hidden))
    as_("root", "/api/v1/lineage", event(2, ["db.orders"], ["db.report"], run=error, eventType="FAIL"))
    pump()
    for name in ("customers", "revenue"):
        create_restriction(caller=operator, pattern=f"mem/db/{name}")
    pump()
    (seen,) = as_("mara", "/v1/jobs").json()["items"]
    assert seen["name"] == "daily"
    key = next(job["uuid"] for job in as_("root", "/v1/jobs").json()["items"] if job["name"] == hidden["name"])
    for address in (f"/v1/jobs/{key}", f"/v1/jobs/{key}/runs"):
        assert as_("mara", address).status_code == 404
        assert as_("root", address).status_code == 200
    runs = f"/v1/jobs/{seen['uuid']}/runs"
    assert as_("mara", runs).json()["items"][0]["error"] == ""
    assert "4711" in as_("root", runs).json()["items"][0]["error"]
    create_grant(caller=operator, role=Role.READER, pattern="mem/db/*", username="mara")
    pump()
    assert "4711" in as_("mara", runs).json()["items"][0]["error"]


def test_columns_are_for_those_who_may_read_them(shop, as_, operator):
    facet = {"fields": {"email": {"inputFields": [{"namespace": NAMESPACE, "name": "db.orders", "field": "email"}]}}}
    output = {"namespace": NAMESPACE, "name": "db.revenue", "facets": {"columnLineage": facet}}
    as_("root", "/api/v1/lineage", event(1, ["db.orders"], outputs=[output["name"]]) | {"outputs": [output]})
    pump()
    address = f"/v1/datasets/{key_of('revenue')}/lineage?column=email"
    graph = as_("root", address).json()
    assert [(node["name"], node["column"]) for node in graph["nodes"]] == [("revenue", "email"), ("orders", "email")]
    assert as_("mara", address).status_code == 403
    create_grant(caller=operator, role=Role.READER, pattern="mem/db/revenue", username="mara")
    pump()
    graph = as_("mara", address).json()
    assert [node["name"] for node in graph["nodes"]] == ["revenue"]


def test_as_of_and_known_at_are_asked_by_time(shop, as_):
    as_("root", "/api/v1/lineage", event(5))
    pump()
    known = datetime.now(UTC).isoformat()
    as_("root", "/api/v1/lineage", event(2, ["db.customers"]))
    pump()
    address = f"/v1/datasets/{key_of('revenue')}/lineage?direction=upstream"

    def names(more: str) -> list[str]:
        return sorted(node["name"] for node in as_("root", address + more).json()["nodes"][1:])

    assert names("") == ["customers", "orders"]
    assert names("&as_of=2026-11-01T03:00:00Z") == ["customers"]
    assert names(f"&as_of=2026-11-01T06:00:00Z&known_at={known.replace('+', '%2B')}") == ["orders"]
    assert names(f"&as_of=2026-11-01T06:00:00Z&known_at={known}") == ["orders"]


@pytest.mark.parametrize(
    "query",
    ["depth=0", "depth=51", "limit=2001", "direction=sideways", "as_of=soon", "known_at=0001-01-01T00:00:00%2B14:00"],
)
def test_questions_out_of_bounds_are_refused(shop, as_, query):
    assert as_("root", f"/v1/datasets/{key_of('orders')}/lineage?{query}").status_code == 400


def test_jobs_and_their_runs_are_listed_in_pages(shop, as_):
    for number in range(1, 6):
        as_("root", "/api/v1/lineage", event(number, job={"namespace": "etl", "name": f"job {number}"}))
    for number in range(6, 12):
        as_("root", "/api/v1/lineage", event(number, job={"namespace": "etl", "name": "job 5"}))
    pump()
    first = as_("root", "/v1/jobs?limit=2").json()
    assert [job["name"] for job in first["items"]] == ["job 5", "job 4"]
    second = as_("root", f"/v1/jobs?limit=2&cursor={first['next']}").json()
    assert [job["name"] for job in second["items"]] == ["job 3", "job 2"]
    assert [job["name"] for job in as_("root", "/v1/jobs?q=JOB 1").json()["items"]] == ["job 1"]
    key = first["items"][0]["uuid"]
    detail = as_("root", f"/v1/jobs/{key}").json()
    assert [each["name"] for each in detail["outputs"]] == ["revenue"]
    runs = as_("root", f"/v1/jobs/{key}/runs?limit=4").json()
    assert [run["state"] for run in runs["items"]] == ["COMPLETE"] * 4
    more = as_("root", f"/v1/jobs/{key}/runs?limit=4&cursor={runs['next']}").json()
    assert (len(more["items"]), more["next"]) == (3, None)
    assert as_("root", f"/v1/jobs/{uuid.uuid4()}").status_code == 404
    assert as_("root", f"/v1/jobs/{uuid.uuid4()}/runs").json()["type"] == "/docs/errors#no-such-job"


def test_a_large_graph_costs_as_many_questions_to_the_database_as_a_small_one(shop, as_):
    for number in range(1, 40):
        shop.creates(f"t{number}")
    shop.sync()
    as_("root", "/api/v1/lineage", event(1, ["db.orders"], ["db.revenue"]))
    as_(
        "root",
        "/api/v1/lineage",
        event(2, [f"db.t{n}" for n in range(1, 40)], ["db.report"], job={"namespace": "etl", "name": "b"}),
    )
    pump()
    counted = []
    for name, nodes in (("revenue", 2), ("report", 40)):
        with CaptureQueriesContext(connection) as asked:
            assert len(as_("root", f"/v1/datasets/{key_of(name)}/lineage").json()["nodes"]) == nodes
        counted.append(len(asked))
    assert counted[0] == counted[1]
