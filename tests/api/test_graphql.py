"""GraphQL: datasets, search and lineage as graphs; batched, bounded, and silent on what may not be known."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.access.services import create_restriction, create_token, create_user
from catalog.models import Catalog, Dataset
from lineage.services.receiving import receive_events
from tests.conftest import pump

pytestmark = pytest.mark.django_db
NAMESPACE = "memory://shop"


@pytest.fixture
def shop(source):
    Catalog.objects.filter(name=source.name).update(namespaces=[NAMESPACE])
    for table in ("orders", "customers", "revenue", "report", "alone"):
        source.creates(table, {"id": "long", "email": "string"}, comment=f"About {table}.")
    source.sync()
    flows(source, ["orders", "customers"], "revenue")
    flows(source, ["revenue"], "report")
    pump()
    return source


def flows(source, inputs: list[str], output: str) -> None:
    facet = {
        "fields": {"email": {"inputFields": [{"namespace": NAMESPACE, "name": f"db.{inputs[0]}", "field": "email"}]}}
    }
    event = {
        "eventType": "COMPLETE",
        "eventTime": "2026-11-01T03:00:00Z",
        "producer": "https://example.com/etl",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": str(uuid.uuid4())},
        "job": {"namespace": "etl", "name": f"make {output}"},
        "inputs": [{"namespace": NAMESPACE, "name": f"db.{name}"} for name in inputs],
        "outputs": [{"namespace": NAMESPACE, "name": f"db.{output}", "facets": {"columnLineage": facet}}],
    }
    assert receive_events(caller=source.caller, bodies=[event])[0].is_taken


@pytest.fixture
def asked(client, operator):
    """Return a function that asks as the operator, or as somebody else."""

    def ask(query: str, *, as_: str = "root", status: int = 200, **variables: Any) -> Any:
        from catalog.access.models import User

        user = User.objects.filter(username=as_).first()
        if user is None:
            user = create_user(caller=operator, username=as_, password=None, operator=as_ == "root")
        _, token = create_token(caller=operator, user_id=user.pk, name=uuid.uuid4().hex, expires_at=None)
        answer = client.post(
            "/graphql",
            json.dumps({"query": query, "variables": variables}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == status, answer.content
        return answer.json()

    return ask


def key(name: str) -> str:
    return str(Dataset.objects.get(name=name).uuid)


def test_a_dataset_is_asked_by_name_or_id(shop, asked):
    query = "query ($name: String, $id: ID) { dataset(qualifiedName: $name, id: $id) { id name description columns { path type } } }"
    found = asked(query, name="mem/db/orders")["data"]["dataset"]
    assert (found["name"], found["description"]) == ("orders", "About orders.")
    assert [column["path"] for column in found["columns"]] == ["id", "email"]
    assert asked(query, id=found["id"])["data"]["dataset"] == found
    assert asked(query, name="mem/db/nothing")["data"]["dataset"] is None
    assert "either 'id' or" in asked(query)["errors"][0]["message"]
    assert "is no id" in asked(query, id="seven")["errors"][0]["message"]


def test_search_gives_pages(shop, asked):
    found = asked('{ search(q: "about", first: 2) { total items { name description owners } } }')["data"]["search"]
    assert (found["total"], len(found["items"])) == (5, 2)
    wrong = asked('{ search(q: "ownr:x") { total } }')["errors"][0]
    assert wrong["extensions"]["code"] == "invalid-query"


LINEAGE = """
query ($id: ID!, $direction: Direction, $depth: Int) {
  lineage(id: $id, direction: $direction, depth: $depth) {
    nodes { name distance dataset { description } }
    edges { upstream downstream restricted evidence { origin runsSeen job { name kind } } }
    truncated frontier answeredBy
  }
}
"""


def test_a_graph_has_nodes_edges_and_a_frontier(shop, asked):
    graph = asked(LINEAGE, id=key("revenue"))["data"]["lineage"]
    assert {node["name"]: node["distance"] for node in graph["nodes"]} == {
        "revenue": 0,
        "orders": -1,
        "customers": -1,
        "report": 1,
    }
    assert all(node["dataset"]["description"] == f"About {node['name']}." for node in graph["nodes"])
    assert {edge["evidence"][0]["job"]["name"] for edge in graph["edges"]} == {"make revenue", "make report"}
    assert (graph["truncated"], graph["frontier"], graph["answeredBy"]) == (False, [], "tables")
    graph = asked(LINEAGE, id=key("report"), direction="UPSTREAM", depth=1)["data"]["lineage"]
    assert graph["frontier"] == [key("revenue")]


def test_columns_are_followed(shop, asked):
    query = (
        'query ($id: ID!) { columnLineage(id: $id, column: "email", direction: UPSTREAM) { nodes { name column } } }'
    )
    assert [(node["name"], node["column"]) for node in asked(query, id=key("report"))["data"]["columnLineage"]["nodes"]] == [
        ("report", "email"), ("revenue", "email"), ("orders", "email"),
    ]  # fmt: skip


def test_a_path_is_found_from_either_end_and_its_absence_is_told(shop, asked):
    query = "query ($a: ID!, $b: ID!) { path(fromId: $a, toId: $b) { truncated paths { nodes { name } edges { evidence { job { name } } } } } }"
    for first, last in (("orders", "report"), ("report", "orders")):
        found = asked(query, a=key(first), b=key(last))["data"]["path"]
        assert [node["name"] for node in found["paths"][0]["nodes"]] == ["orders", "revenue", "report"]
        jobs = [edge["evidence"][0]["job"]["name"] for edge in found["paths"][0]["edges"]]
        assert jobs == ["make revenue", "make report"]
    assert asked(query, a=key("orders"), b=key("alone"))["data"]["path"] == {"truncated": False, "paths": []}
    same = asked(query, a=key("orders"), b=key("orders"))["data"]["path"]["paths"]
    assert [node["name"] for node in same[0]["nodes"]] == ["orders"]
    wrong = asked(query, a=key("orders"), b=str(uuid.uuid4()))
    assert wrong["errors"][0]["extensions"]["code"] == "no-such-dataset"


def test_impact_counts_what_lies_downstream(shop, asked):
    query = '{ impact(id: "%s") { total byDistance byKind { value count } byOwner { value count } truncated nodes(first: 1) { name } } }'
    assert asked(query % key("orders"))["data"]["impact"] == {
        "total": 2,
        "byDistance": [1, 1],
        "byKind": [{"value": "table", "count": 2}],
        "byOwner": [{"value": "nobody", "count": 2}],
        "truncated": False,
        "nodes": [{"name": "revenue"}],
    }


def test_datasets_of_a_graph_are_read_at_once(shop, asked):
    for number in range(40):
        shop.creates(f"t{number}")
    shop.sync()
    flows(shop, [f"t{number}" for number in range(40)], "alone")
    pump()
    asked("{ __typename }")  # whoever asks is made
    counted = []
    for name, nodes in (("revenue", 3), ("alone", 41)):
        with CaptureQueriesContext(connection) as queries:
            assert len(asked(LINEAGE, id=key(name), direction="UPSTREAM")["data"]["lineage"]["nodes"]) == nodes
        counted.append(len(queries))
    assert counted[0] == counted[1]


def test_nobody_is_answered_without_signing_in(client, shop):
    assert (
        client.post("/graphql", json.dumps({"query": "{ __typename }"}), content_type="application/json").status_code
        == 401
    )
    assert client.get("/graphql?query={__typename}").status_code == 401


def test_what_may_not_be_known_is_nowhere(shop, asked, operator):
    hidden = key("revenue")
    create_restriction(caller=operator, pattern="mem/db/revenue")
    pump()
    answer = asked(LINEAGE, as_="mara", id=key("report"))
    assert {node["name"] for node in answer["data"]["lineage"]["nodes"]} == {"report", "orders", "customers"}
    assert all(edge["restricted"] for edge in answer["data"]["lineage"]["edges"])
    assert "revenue" not in json.dumps(answer)
    refused = asked(LINEAGE, as_="mara", id=hidden)["errors"][0]
    assert refused["extensions"]["code"] == "no-such-dataset"
    assert asked('{ dataset(qualifiedName: "mem/db/revenue") { id } }', as_="mara")["data"]["dataset"] is None


DEEP = '{ lineage(id: "x") ' + "{ nodes " * 40 + "{ id }" + " }" * 40 + " }"
SPREADS = (
    "{ ...f0 } "
    + " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(40))
    + " fragment f40 on Query { ...f0 }"
)
BOMBS = {
    "deep": (DEEP, "levels deep"),
    "nested": ("{" * 19_000, "nested too deeply|Syntax Error"),
    "long": ("{ a" + " " * 30_000 + "}", "at most 20,000 are read"),
    "wide": ("{ " + " ".join(f"a{n}: __typename b{n}: search(q: \"x\") {{ total }}" for n in range(300)) + " }", "more than 500 fields"),
    "same": ("{ search(q: \"x\") { " + "total " * 3_000 + " } }", "more than 500 fields"),
    "spreads": (SPREADS, "more than 500 fields|Cannot spread"),
    "circle": ("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }", "Cannot spread fragment"),
    "far": ("{ " + " ".join(f'a{n}: path(fromId: "x", toId: "x") {{ truncated }}' for n in range(20)) + " }", "less at once"),
    "impacts": ("{ " + " ".join(f'a{n}: impact(id: "x") {{ total }}' for n in range(40)) + " }", "less at once"),
    "costly": ("{ search(q: \"x\", first: 200) { items { name } } " + " ".join(f"a{n}: lineage(id: \"x\", limit: 2000) {{ nodes {{ id name dataset {{ name tags }} }} edges {{ evidence {{ origin }} }} }}" for n in range(20)) + " }", "Ask for shorter lists"),
    "broken": ("{ search(", "Syntax Error"),
    "unknown": ("{ nothing }", "Cannot query field 'nothing'"),
    "meta": ("{ " + "__typename " * 1_500 + "}", "more than 500 fields"),
    "mutation": ("mutation { x }", "not configured to execute mutation|Schema is not"),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_and_nonsense_are_refused_at_once_with_the_reason(shop, asked, name):
    import re

    query, said = BOMBS[name]
    began = time.process_time()
    told = asked(query, status=400)
    assert re.search(said, told["errors"][0]["message"]), told
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("application/json", b"[" * 100_000, "not JSON"),
        ("application/json", b'{"query": "{ __typename }", "variables": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "not JSON"),
        ("application/json", b'{"query": "\\ud800"}', "not JSON"),
        ("application/json", b'{"variables": {"a": NaN}}', "not JSON"),
        ("application/json", b"\xff", "not JSON"),
        ("application/json", b"[]", "must be an object"),
        ("application/json", b"{}", "Must provide query"),
        ("application/graphql", b"\xff", "not UTF-8"),
        ("application/x-www-form-urlencoded", b"query={ __typename }&variables=[", "Variables are invalid"),
        ("application/x-www-form-urlencoded", b'query={ __typename }&variables={"a": "\\ud800"}', "cannot be read"),
        ("text/plain", b"{ __typename }", "Must provide query"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_read_is_told_so(client, operator, kind, body, said):
    user = create_user(caller=operator, username="root", password=None, operator=True)
    _, token = create_token(caller=operator, user_id=user.pk, name="t", expires_at=None)
    answer = client.post("/graphql", body, content_type=kind, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 400, answer.content
    assert said in answer.json()["errors"][0]["message"], answer.content


def test_numbers_out_of_bounds_are_refused(shop, asked):
    for query in (
        '{ lineage(id: "%s", depth: 51) { start } }', '{ lineage(id: "%s", limit: 0) { start } }', '{ impact(id: "%s") { nodes(first: 2001) { id } } }',
    ):  # fmt: skip
        assert "must be from 1 to" in asked(query % key("orders"))["errors"][0]["message"]


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "5",
        "{",
        '{"query": 5}',
        '{"query": "{__typename}", "variables": 5}',
        '{"query": "{__typename}", "operationName": "zz"}',
        "{}",
    ],
)
def test_odd_bodies_are_answered_and_no_fault(client, operator, body):
    user = create_user(caller=operator, username="root", password=None, operator=True)
    _, token = create_token(caller=operator, user_id=user.pk, name="t", expires_at=None)
    answer = client.post(
        "/graphql", body, content_type="application/json", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code in (200, 400)
    assert "Traceback" not in answer.content.decode()


def test_a_fault_is_told_without_its_details(shop, asked, monkeypatch):
    from lineage.selectors import graphs

    def fails(**_: Any) -> None:
        raise RuntimeError("secret-4711")

    monkeypatch.setattr(graphs, "get_graph", fails)
    told = asked(LINEAGE, id=key("orders"))
    assert "4711" not in json.dumps(told)
    assert told["errors"][0]["extensions"]["code"] == "internal-error"


def test_the_schema_can_be_asked_for_whole(asked, db):
    from graphql import get_introspection_query

    assert "data" in asked(get_introspection_query())


def test_a_browser_that_asks_nothing_gets_a_page_to_ask_from(client, operator):
    html = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    assert client.get("/graphql", headers=html).headers["Location"].startswith("/login?next=%2Fgraphql")
    client.force_login(create_user(caller=operator, username="root", password="long enough word", operator=True))
    answer = client.get("/graphql", headers=html)
    assert answer.status_code == 200
    assert b"graphiql" in answer.content
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    for other in ("application/json", "*/*"):
        assert client.get("/graphql", headers={"accept": other}).status_code == 400
    assert client.get("/graphql", {"query": "{ __typename }"}, headers=html).json() == {"data": {"__typename": "Query"}}
