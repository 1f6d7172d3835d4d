"""Confluent's door: its answers, its codes, who may do what, and what two writers at once make."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalog.access.models import AuditRecord, Role
from catalog.access.services import create_grant, create_restriction, create_token, create_user
from catalog.journal.models import JournalEntry
from schema_registry.domain.subjects import DEFAULT_CONTEXT
from schema_registry.models import Schema, Subject, SubjectVersion
from schema_registry.selectors import schemas
from schema_registry.services import registering
from tests.conftest import pump

pytestmark = pytest.mark.django_db
JSON = "application/vnd.schemaregistry.v1+json"


def record(*fields: Any, name: str = "R") -> str:
    parts = [each if isinstance(each, dict) else {"name": each, "type": "string"} for each in fields]
    return json.dumps({"type": "record", "name": name, "fields": parts})


ONE = record("a")
TWO = record("a", {"name": "b", "type": "int", "default": 0})
BROKEN = record("a", {"name": "c", "type": "int"})


class Registry:
    """Asks as clients do."""

    def __init__(self, secret: str) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {secret}"})

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        given = (
            {}
            if body is None
            else {"data": body if isinstance(body, str | bytes) else json.dumps(body), "content_type": JSON}
        )
        return self.client.generic(method, f"/registry{path}", headers=headers, **given)

    def get(self, path: str, **headers: str) -> Any:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any) -> Any:
        return self.ask("POST", path, body)

    def put(self, path: str, body: Any) -> Any:
        return self.ask("PUT", path, body)

    def delete(self, path: str) -> Any:
        return self.ask("DELETE", path)

    def registers(self, subject: str, text: str, **more: Any) -> int:
        answer = self.post(f"/subjects/{subject}/versions", {"schema": text, **more})
        assert answer.status_code == 200, answer.content
        return int(answer.json()["id"])


def refusal(answer: Any) -> tuple[int, int]:
    assert answer["Content-Type"] == JSON
    body = answer.json()
    assert set(body) == {"error_code", "message"}
    assert body["message"]
    return answer.status_code, body["error_code"]


@pytest.fixture(autouse=True)
def _fresh_schemas():
    schemas.forget()


@pytest.fixture
def as_(operator):
    """Return a function that gives a registry as a user sees it."""

    def make(username: str, **more: Any) -> Registry:
        user = create_user(caller=operator, username=username, password=None, **more)
        return Registry(create_token(caller=operator, user_id=user.pk, name="t", expires_at=None)[1])

    return make


@pytest.fixture
def registry(as_):
    return as_("root", operator=True)


def test_a_schema_is_registered_and_read_back(registry):
    assert registry.get("/subjects").json() == []
    first = registry.registers("orders-value", ONE)
    assert registry.registers("orders-value", ONE) == first
    second = registry.registers("orders-value", TWO)
    assert second != first
    assert registry.registers("other-value", ONE) == first
    assert registry.get("/subjects").json() == ["orders-value", "other-value"]
    assert registry.get("/subjects/orders-value/versions").json() == [1, 2]
    answer = registry.get(f"/schemas/ids/{first}")
    assert answer["Content-Type"] == JSON
    assert json.loads(answer.json()["schema"]) == json.loads(ONE)
    assert set(answer.json()) == {"schema"}
    assert registry.get(f"/schemas/ids/{first}/schema").json() == json.loads(ONE)
    assert registry.get(f"/schemas/ids/{first}/subjects").json() == ["orders-value", "other-value"]
    assert registry.get(f"/schemas/ids/{first}/versions").json() == [
        {"subject": "orders-value", "version": 1},
        {"subject": "other-value", "version": 1},
    ]
    latest = registry.get("/subjects/orders-value/versions/latest").json()
    assert latest == registry.get("/subjects/orders-value/versions/-1").json()
    assert (latest["subject"], latest["version"], latest["id"]) == ("orders-value", 2, second)
    assert registry.get("/subjects/orders-value/versions/2/schema").json() == json.loads(TWO)
    assert registry.get("/schemas/types").json() == ["AVRO"]
    assert registry.get("/").json() == {}
    assert registry.get("/contexts").json() == ["."]


def test_clients_that_take_more_are_told_more(registry):
    body = json.dumps({"schema": ONE})
    old = registry.ask("POST", "/subjects/s/versions", body).json()
    new = registry.ask("POST", "/subjects/s/versions", body, **{"Confluent-Accept-Unknown-Properties": "true"}).json()
    assert set(old) == {"id"}
    assert {"id", "version", "guid", "schema"} <= set(new)
    assert registry.get(f"/schemas/guids/{new['guid']}").json()["guid"] == new["guid"]
    assert registry.get(f"/schemas/guids/{new['guid']}/ids").json() == [{"context": ".", "id": new["id"]}]
    assert refusal(registry.get("/schemas/guids/nonsense")) == (404, 40403)


def test_a_schema_is_looked_up(registry):
    registry.registers("s", ONE)
    found = registry.post("/subjects/s", {"schema": ONE.replace(", ", " ,  ")}).json()
    assert (found["subject"], found["version"]) == ("s", 1)
    assert refusal(registry.post("/subjects/s", {"schema": TWO})) == (404, 40403)
    assert refusal(registry.post("/subjects/none", {"schema": ONE})) == (404, 40401)
    registry.delete("/subjects/s")
    assert refusal(registry.post("/subjects/s", {"schema": ONE})) == (404, 40401)
    assert registry.post("/subjects/s?deleted=True", {"schema": ONE}).json()["version"] == 1


def test_schemas_that_differ_in_nothing_that_counts_are_one_where_they_are_normalized(registry):
    first = '{"type": "record", "name": "R", "x": 1, "y": 2, "fields": []}'
    second = '{"y": 2, "x": 1, "fields": [], "name": "R", "type": "record"}'
    known = registry.registers("s", first)
    assert refusal(registry.post("/subjects/s", {"schema": second})) == (404, 40403)
    assert registry.post("/subjects/s?normalize=true", {"schema": second}).json()["id"] == known
    assert registry.post("/subjects/s/versions?normalize=True", {"schema": second}).json()["id"] == known
    assert registry.registers("s", second) != known
    assert registry.put("/config/t", {"compatibility": "FULL", "normalize": True}).status_code == 200
    assert registry.registers("t", first) == registry.registers("t", second)


LEVELS = {
    "NONE": (True, True, True),
    "BACKWARD": (True, False, False),
    "BACKWARD_TRANSITIVE": (True, False, False),
    "FORWARD": (True, True, False),
    "FORWARD_TRANSITIVE": (True, True, False),
    "FULL": (True, False, False),
    "FULL_TRANSITIVE": (True, False, False),
}


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_lets_and_refuses(registry, level):
    registry.put("/config/s", {"compatibility": level})
    for text, expected in zip((TWO, BROKEN, '"string"'), LEVELS[level], strict=True):
        registry.delete("/subjects/s")
        registry.delete("/subjects/s?permanent=true")
        registry.put("/config/s", {"compatibility": level})
        registry.registers("s", ONE)
        check = registry.post("/compatibility/subjects/s/versions/latest?verbose=True", {"schema": text}).json()
        assert check["is_compatible"] is expected
        assert bool(check["messages"]) is not expected
        assert registry.post("/compatibility/subjects/s/versions", {"schema": text}).json() == {
            "is_compatible": expected
        }
        answer = registry.post("/subjects/s/versions", {"schema": text})
        assert (answer.status_code == 200) is expected
        if not expected:
            assert refusal(answer) == (409, 409)
            assert "oldSchemaVersion: 1" in answer.json()["message"]


def test_transitive_levels_look_at_all_versions(registry):
    registry.put("/config/s", {"compatibility": "NONE"})
    for text in (record("a", "gone"), record("a"), '"int"'):
        registry.registers("s", text)
    again = '"long"'
    registry.put("/config/s", {"compatibility": "BACKWARD"})
    assert registry.post("/compatibility/subjects/s/versions", {"schema": again}).json()["is_compatible"] is True
    assert registry.post("/compatibility/subjects/s/versions/1", {"schema": again}).json()["is_compatible"] is False
    registry.put("/config/s", {"compatibility": "BACKWARD_TRANSITIVE"})
    found = registry.post("/compatibility/subjects/s/versions?verbose=true", {"schema": again}).json()
    assert found["is_compatible"] is False
    assert "{oldSchemaVersion: 2}" in found["messages"]
    assert refusal(registry.post("/subjects/s/versions", {"schema": again})) == (409, 409)
    registry.delete("/subjects/s/versions/1")
    registry.delete("/subjects/s/versions/2")
    assert registry.registers("s", again)


def test_what_is_refused_says_why_and_what_would_mend_it(registry):
    registry.registers("s", ONE)
    message = registry.post("/subjects/s/versions", {"schema": BROKEN}).json()["message"]
    assert "READER_FIELD_MISSING_DEFAULT_VALUE" in message
    assert "/fields/1" in message
    assert '"default": 0' in message
    assert "{compatibility: 'BACKWARD'}" in message


def test_a_subject_without_versions_takes_everything(registry):
    assert registry.post("/compatibility/subjects/new/versions/latest", {"schema": ONE}).json() == {
        "is_compatible": True
    }
    assert registry.post("/compatibility/subjects/new/versions", {"schema": ONE}).json() == {"is_compatible": True}
    assert refusal(registry.post("/compatibility/subjects/new/versions/3", {"schema": ONE})) == (404, 40401)
    registry.registers("s", ONE)
    assert refusal(registry.post("/compatibility/subjects/s/versions/3", {"schema": ONE})) == (404, 40402)


def test_versions_and_subjects_are_deleted_softly_then_for_good(registry):
    ident = registry.registers("s", ONE)
    registry.registers("s", TWO)
    assert refusal(registry.delete("/subjects/s/versions/1?permanent=true")) == (404, 40407)
    assert registry.delete("/subjects/s/versions/1").json() == 1
    assert refusal(registry.delete("/subjects/s/versions/1")) == (404, 40406)
    assert registry.get("/subjects/s/versions").json() == [2]
    assert registry.get("/subjects/s/versions?deleted=true").json() == [1, 2]
    assert registry.get("/subjects/s/versions?deleted_only=true").json() == [1]
    assert refusal(registry.get("/subjects/s/versions/1")) == (404, 40402)
    assert registry.get("/subjects/s/versions/1?deleted=true").json()["id"] == ident
    assert registry.get(f"/schemas/ids/{ident}").status_code == 200
    assert registry.delete("/subjects/s/versions/1?permanent=true").json() == 1
    assert refusal(registry.get("/subjects/s/versions/1?deleted=true")) == (404, 40402)
    assert refusal(registry.get(f"/schemas/ids/{ident}")) == (404, 40403)
    assert refusal(registry.delete("/subjects/s?permanent=true")) == (404, 40405)
    assert registry.delete("/subjects/s").json() == [2]
    assert refusal(registry.delete("/subjects/s")) == (404, 40404)
    assert registry.get("/subjects").json() == []
    assert registry.get("/subjects?deleted=true").json() == ["s"]
    assert registry.get("/subjects?deletedOnly=true").json() == ["s"]
    assert refusal(registry.get("/subjects/s/versions")) == (404, 40401)
    assert registry.delete("/subjects/s?permanent=true").json() == [2]
    assert refusal(registry.delete("/subjects/s")) == (404, 40401)
    assert registry.registers("s", ONE) == ident, "an id never means anything else, and what it meant has it again"
    assert registry.get("/subjects/s/versions").json() == [1]


def test_a_version_deleted_softly_is_registered_anew_with_its_id(registry):
    ident = registry.registers("s", ONE)
    registry.delete("/subjects/s")
    assert registry.registers("s", ONE) == ident
    assert registry.get("/subjects/s/versions").json() == [2]


def test_settings_of_the_registry_and_of_subjects(registry):
    assert registry.get("/config").json() == {"compatibilityLevel": "BACKWARD"}
    assert registry.put("/config", {"compatibility": "full"}).json() == {"compatibility": "full"}
    assert registry.get("/config").json() == {"compatibilityLevel": "FULL"}
    assert refusal(registry.get("/config/s")) == (404, 40408)
    assert registry.get("/config/s?defaultToGlobal=true").json() == {"compatibilityLevel": "FULL"}
    assert registry.put("/config/s", {"compatibility": "NONE"}).json() == {"compatibility": "NONE"}
    assert registry.get("/config/s").json() == {"compatibilityLevel": "NONE"}
    assert registry.delete("/config/s").json() == {"compatibilityLevel": "NONE"}
    assert refusal(registry.delete("/config/s")) == (404, 40401)
    assert registry.delete("/config").json() == {"compatibilityLevel": "FULL"}
    assert registry.get("/config").json() == {"compatibilityLevel": "BACKWARD"}
    for body in ({"compatibility": "BEST"}, {"compatibility": 5}, {}, {"compatibility": "NONE", "alias": "x"}):
        assert refusal(registry.put("/config", body)) == (422, 42203)


def test_modes(registry):
    assert registry.get("/mode").json() == {"mode": "READWRITE"}
    registry.registers("s", ONE)
    assert refusal(registry.get("/mode/s")) == (404, 40409)
    assert registry.put("/mode/s", {"mode": "READONLY"}).json() == {"mode": "READONLY"}
    assert refusal(registry.post("/subjects/s/versions", {"schema": TWO})) == (422, 42205)
    assert refusal(registry.delete("/subjects/s")) == (422, 42205)
    assert registry.get("/subjects/s/versions").json() == [1]
    assert registry.delete("/mode/s").json() == {"mode": "READONLY"}
    assert registry.registers("s", TWO)
    assert refusal(registry.put("/mode", {"mode": "SOMETIMES"})) == (422, 42204)
    assert refusal(registry.put("/mode/s", {"mode": "IMPORT"})) == (422, 42205)
    assert registry.put("/mode/s?force=true", {"mode": "IMPORT"}).json() == {"mode": "IMPORT"}


def test_ids_and_versions_are_kept_by_an_import(registry):
    assert refusal(registry.post("/subjects/s/versions", {"schema": ONE, "id": 4_711})) == (422, 42205)
    registry.put("/mode/s", {"mode": "IMPORT"})
    assert registry.registers("s", ONE, id=4_711, version=7) == 4_711
    assert registry.registers("s", ONE, id=4_711, version=7) == 4_711
    assert registry.registers("s", BROKEN, id=4_712, version=9) == 4_712
    assert registry.get("/subjects/s/versions").json() == [7, 9]
    assert refusal(registry.post("/subjects/s/versions", {"schema": TWO, "id": 4_711, "version": 10})) == (422, 42207)
    assert refusal(registry.post("/subjects/s/versions", {"schema": TWO, "id": 4_713, "version": 9})) == (422, 42207)
    assert refusal(registry.post("/subjects/s/versions", {"schema": ONE, "id": 5_000, "version": 11})) == (422, 42207)
    registry.put("/mode/s", {"mode": "READWRITE"})
    assert registry.registers("t", TWO) == 4_713, "ids go on behind the greatest"


def test_a_default_that_does_not_fit_is_brought_over_with_its_id_and_taken_as_new_by_nobody(registry):
    flawed = record({"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A"]}, "default": "B"})
    for address in ("/subjects/s/versions", "/compatibility/subjects/s/versions"):
        refused = registry.post(address, {"schema": flawed})
        assert refusal(refused) == (422, 42201)
        assert "/fields/0/default" in refused.json()["message"]
    registry.put("/mode/s", {"mode": "IMPORT"})
    assert refusal(registry.post("/subjects/s/versions", {"schema": flawed})) == (422, 42201)
    assert registry.registers("s", flawed, id=4_711, version=1) == 4_711
    registry.put("/mode/s", {"mode": "READWRITE"})
    # Whoever uses it goes on: what is there already is found and given back.
    assert registry.post("/subjects/s", {"schema": flawed}).json()["id"] == 4_711
    assert registry.registers("s", flawed) == 4_711
    mended = flawed.replace('"default": "B"', '"default": "A"')
    assert registry.registers("s", mended) == 4_712
    assert refusal(registry.post("/subjects/t/versions", {"schema": flawed})) == (422, 42201)


def test_a_schema_refers_to_another_subjects(registry):
    address = '{"type": "record", "name": "shop.Address", "fields": [{"name": "city", "type": "string"}]}'
    order = '{"type": "record", "name": "shop.Order", "fields": [{"name": "to", "type": "shop.Address"}]}'
    registry.registers("address", address)
    reference = {"name": "shop.Address", "subject": "address", "version": 1}
    assert refusal(registry.post("/subjects/order/versions", {"schema": order})) == (422, 42201)
    ident = registry.registers("order", order, references=[reference])
    assert registry.get(f"/schemas/ids/{ident}").json()["references"] == [reference]
    assert registry.get("/subjects/address/versions/1/referencedby").json() == [ident]
    assert registry.post("/subjects/order", {"schema": order, "references": [reference]}).json()["id"] == ident
    assert refusal(registry.delete("/subjects/address/versions/1")) == (422, 42206)
    assert refusal(registry.delete("/subjects/address")) == (422, 42206)
    schemas.forget()
    changed = order.replace("]}", ', {"name": "n", "type": "int", "default": 1}]}')
    assert registry.registers("order", changed, references=[reference]) != ident
    assert refusal(
        registry.post("/subjects/x/versions", {"schema": order, "references": [{**reference, "version": 2}]})
    ) == (422, 42201)
    registry.delete("/subjects/order")
    assert registry.delete("/subjects/address").json() == [1]
    assert refusal(registry.delete("/subjects/address?permanent=true")) == (422, 42206)
    registry.delete("/subjects/order?permanent=true")
    assert registry.delete("/subjects/address?permanent=true").json() == [1]


def test_a_reference_to_the_newest_is_to_the_version_that_is_newest_then(registry):
    registry.registers("e", '{"type": "enum", "name": "E", "symbols": ["A"]}')
    text = '{"type": "record", "name": "R", "fields": [{"name": "e", "type": "E"}]}'
    newest = {"name": "E", "subject": ":.:e", "version": -1}
    ident = registry.registers("r", text, references=[newest])
    assert registry.get(f"/schemas/ids/{ident}").json()["references"] == [{"name": "E", "subject": "e", "version": 1}]
    schemas.forget()
    assert registry.post("/compatibility/subjects/r/versions/latest", {"schema": text, "references": [newest]}).json()[
        "is_compatible"
    ]


def test_what_refers_comes_again_after_it_was_deleted_for_good(registry):
    first, second = (
        '{"type": "enum", "name": "E", "symbols": ["A"]}',
        '{"type": "enum", "name": "E", "symbols": ["A", "B"]}',
    )
    text = '{"type": "record", "name": "R", "fields": [{"name": "e", "type": "E"}]}'
    references = [{"name": "E", "subject": "e", "version": 1}]
    registry.registers("e", first)
    ident = registry.registers("r", text, references=references)
    for _ in range(2):
        for subject in ("r",):
            registry.delete(f"/subjects/{subject}")
            registry.delete(f"/subjects/{subject}?permanent=true")
        assert registry.registers("r", text, references=references) == ident
        schemas.forget()
        assert (
            registry.post(
                "/compatibility/subjects/r/versions/1", {"schema": text, "references": references}
            ).status_code
            == 200
        )
    for subject in ("r", "e"):
        registry.delete(f"/subjects/{subject}")
        registry.delete(f"/subjects/{subject}?permanent=true")
    registry.registers("e", second)
    assert registry.registers("r", text, references=references) != ident, "what the version holds is another"


def test_listing_takes_no_query_a_schema(registry, source):
    for number in range(6):
        source.creates(f"t{number}", {"id": "long", f"c{number}": "string"})
    source.sync()
    pump()
    registry.get("/schemas")
    taken = []
    for limit in (2, 6):
        with CaptureQueriesContext(connection) as queries:
            assert len(registry.get(f"/schemas?subjectPrefix=:.tables:&limit={limit}").json()) == limit
        taken.append(len(queries))
    assert taken[0] == taken[1]


def test_metadata_and_rules_are_kept_and_tell_versions_apart(registry):
    metadata = {"properties": {"owner": "mara", "major": "1"}}
    rules = {"domainRules": [{"name": "r", "kind": "CONDITION", "type": "CEL", "mode": "WRITE", "expr": "true"}]}
    plain = registry.registers("s", ONE)
    ident = registry.registers("s", ONE, metadata=metadata, ruleSet=rules)
    assert ident != plain
    found = registry.get(f"/schemas/ids/{ident}").json()
    assert (found["metadata"], found["ruleSet"]) == (metadata, rules)
    registry.registers("s", TWO)
    assert registry.get("/subjects/s/metadata?key=owner&value=mara&key=major&value=1").json()["id"] == ident
    assert refusal(registry.get("/subjects/s/metadata?key=owner&value=nobody")) == (404, 40401)
    assert refusal(registry.post("/subjects/s/versions", {"schema": ONE, "metadata": []})) == (422, 42210)
    assert refusal(registry.post("/subjects/s/versions", {"schema": ONE, "ruleSet": {"a": "\x00"}})) == (422, 42210)


def test_contexts_have_subjects_and_ids_of_their_own(registry):
    first = registry.registers("s", ONE)
    assert registry.registers(":.staging:s", TWO) == first == 1, "each context counts by itself"
    assert registry.get("/subjects").json() == ["s"]
    assert registry.get("/subjects?subjectPrefix=:.staging:").json() == [":.staging:s"]
    assert registry.get("/subjects?subjectPrefix=:*:").json() == ["s", ":.staging:s"]
    assert registry.get("/subjects?subjectPrefix=x").json() == []
    assert registry.get("/contexts").json() == [".", ".staging"]
    assert json.loads(registry.get("/schemas/ids/1?subject=:.staging:s").json()["schema"]) == json.loads(TWO)
    registry.put("/config/:.staging:", {"compatibility": "NONE"})
    assert registry.registers(":.staging:s", BROKEN)
    assert refusal(registry.post("/subjects/s/versions", {"schema": BROKEN})) == (409, 409)


def test_all_schemas_are_listed(registry):
    registry.registers("a", ONE)
    registry.registers("a", TWO)
    registry.registers("b", ONE)
    everything = registry.get("/schemas").json()
    assert [(each["subject"], each["version"]) for each in everything] == [("a", 1), ("a", 2), ("b", 1)]
    newest = registry.get("/schemas?latestOnly=true&subjectPrefix=a").json()
    assert [(each["subject"], each["version"]) for each in newest] == [("a", 2)]
    assert len(registry.get("/schemas?offset=1&limit=1").json()) == 1
    assert registry.get("/subjects?offset=1&limit=-1").json() == ["b"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{", (400, 400)),
        ("[]", (400, 400)),
        ("{}", (422, 42201)),
        ({"schema": ""}, (422, 42201)),
        ({"schema": 5}, (422, 42201)),
        ({"schema": '{"type": "reco'}, (422, 42201)),
        ({"schema": '"strin"'}, (422, 42201)),
        ({"schema": ONE, "schemaType": "XML"}, (422, 42201)),
        ({"schema": ONE, "schemaType": 5}, (422, 42201)),
        ({"schema": ONE, "references": "x"}, (422, 42201)),
        ({"schema": ONE, "references": [{"name": "a", "subject": "b"}]}, (422, 42201)),
        ({"schema": ONE, "references": [{"name": "a", "subject": "b\x01", "version": 1}]}, (422, 42208)),
        ({"schema": ONE, "id": 2**40}, (422, 42202)),
        ({"schema": ONE, "version": "1"}, (422, 42202)),
        ({"schema": ONE, "version": 9}, (422, 42202)),
        (b'{"schema": "\xff"}', (400, 400)),
        (json.dumps({"schema": '"' + "x" * 1_100_000 + '"'}), (422, 42201)),
        (json.dumps({"schema": "x" * 3_000_000}), (422, 42209)),
    ],
)
def test_bad_bodies_are_refused_with_the_code_that_clients_know(registry, body, expected):
    answer = registry.post("/subjects/s/versions", body)
    assert refusal(answer) == expected
    assert len(answer.content) < 2_000
    assert not Subject.objects.exists()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/subjects/none/versions", (404, 40401)),
        ("/subjects/none/versions/1", (404, 40401)),
        ("/subjects/none/versions/0", (422, 42202)),
        ("/subjects/none/versions/2147483648", (422, 42202)),
        ("/subjects/none/versions/first", (422, 42202)),
        ("/subjects/%01/versions", (422, 42208)),
        (f"/subjects/{'x' * 1_000}/versions", (422, 42208)),
        ("/subjects/:nocontext:x/versions", (422, 42208)),
        ("/schemas/ids/999", (404, 40403)),
        ("/schemas/ids/99999999999999999999", (404, 40403)),
        ("/schemas/ids/999/schema", (404, 40403)),
        ("/schemas/ids/999/subjects", (404, 40403)),
        ("/subjects?offset=x", (400, 400)),
        ("/nothing/here", (404, 404)),
        ("/associations/resources/-/topic?resourceType=topic", (404, 404)),
    ],
)
def test_what_is_not_there_is_said_so(registry, path, expected):
    assert refusal(registry.get(path)) == expected


def test_methods_that_an_address_has_not(registry):
    answer = registry.put("/subjects/s", {})
    assert refusal(answer) == (405, 405)
    assert answer["Allow"] == "DELETE, POST"


def test_names_of_all_kinds(registry):
    for name in ("größe-value", "a.b.c", "a:b", "x y", "<b>&amp;", "🪨"):
        registry.registers(name, ONE)
        assert registry.get(f"/subjects/{name}/versions").json() == [1]
    assert registry.registers("a/b", ONE)
    assert registry.get("/subjects/a%2Fb/versions").json() == [1]
    assert registry.get("/subjects/a/b/versions/latest").json()["subject"] == "a/b"
    assert len(registry.get("/subjects").json()) == 7


def test_ids_are_answered_from_memory_and_need_not_be_sent_again(registry):
    ident = registry.registers("s", ONE)
    first = registry.get(f"/schemas/ids/{ident}")
    registry.get(f"/schemas/ids/{ident}")
    with CaptureQueriesContext(connection) as queries:
        again = registry.get(f"/schemas/ids/{ident}")
    assert len(queries) == 0
    assert again.content == first.content
    assert registry.get(f"/schemas/ids/{ident}", **{"If-None-Match": first["ETag"]}).status_code == 304


def through_wsgi(path: str, secret: str, **more: str) -> tuple[str, dict[str, str], bytes]:
    """Ask as granian does; return status, headers and body."""
    from django.test import RequestFactory

    from deploy.wsgi import application

    environ = RequestFactory(headers={"Authorization": f"Bearer {secret}"}).get(f"/registry{path}", **more).environ
    said: list[Any] = []
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)  # as Django's own client does: the test's connection stays open
    try:
        body = b"".join(application(environ, lambda status, headers, *_: said.extend((status, dict(headers)))))
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
    return said[0], said[1], body


@pytest.fixture
def secret(operator):
    user = create_user(caller=operator, username="etl", password=None, operator=True)
    return create_token(caller=operator, user_id=user.pk, name="t", expires_at=None)[1]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"HTTP_ACCEPT": "application/json"},
        {"HTTP_CONFLUENT_ACCEPT_UNKNOWN_PROPERTIES": "true"},
        {"QUERY_STRING": "subject=s-value&fetchMaxId=False"},
    ],
)
def test_what_is_answered_before_django_is_answered_the_same(registry, secret, more):
    ident = registry.registers("s-value", ONE)
    path = f"/schemas/ids/{ident}"
    slow = through_wsgi(path, secret, **more)
    with CaptureQueriesContext(connection) as queries:
        fast = through_wsgi(path, secret, **more)
    assert len(queries) == 0
    slow[1].pop("Content-Length", None)
    slow[1].pop("Vary", None)
    assert fast == slow
    again = through_wsgi(path, secret, **more, HTTP_IF_NONE_MATCH=fast[1]["ETag"])
    assert (again[0], again[2]) == ("304 Not Modified", b"")


def test_nothing_is_answered_before_django_that_django_would_refuse(registry, secret):
    ident = registry.registers("s-value", ONE)
    registry.registers(":.other:s-value", TWO)
    path = f"/schemas/ids/{ident}"
    assert through_wsgi(path, secret)[0] == "200 OK"
    assert through_wsgi(path, "wrong")[0].startswith("401")
    assert b"int" in through_wsgi(path, secret, QUERY_STRING="subject=:.other:s-value")[2]
    assert b"int" in through_wsgi(path, secret, QUERY_STRING="subject=%3A.other%3As-value")[2]
    assert through_wsgi(f"{path}/schema", secret)[0] == "200 OK"
    assert through_wsgi("/schemas/ids/99999999999", secret)[0].startswith("404")


# Who may do what


def test_nobody_is_answered_without_a_token(client, registry):
    ident = registry.registers("s", ONE)
    for path in ("/subjects", f"/schemas/ids/{ident}", "/config"):
        answer = client.get(f"/registry{path}")
        assert refusal(answer) == (401, 401)
        assert answer["WWW-Authenticate"].startswith("Basic")
    answer = client.post("/registry/subjects/s/versions", {"schema": ONE}, content_type=JSON)
    assert refusal(answer) == (401, 401)


def test_a_token_is_the_password_of_the_basic_scheme(client, operator):
    user = create_user(caller=operator, username="kafka", password=None, operator=True)
    _, secret = create_token(caller=operator, user_id=user.pk, name="t", expires_at=None)
    sent = {"Authorization": "Basic " + base64.b64encode(f"kafka:{secret}".encode()).decode()}
    assert client.get("/registry/subjects", headers=sent).status_code == 200
    assert client.get("/v1/datasets", headers=sent).status_code == 401
    for wrong in (
        "Basic x",
        "Basic " + base64.b64encode(b"kafka:wrong").decode(),
        "Basic " + base64.b64encode(b"\xff").decode(),
    ):
        assert client.get("/registry/subjects", headers={"Authorization": wrong}).status_code == 401


def test_roles_on_subjects(registry, as_, operator):
    ident = registry.registers("pay-value", ONE)
    registry.registers("other-value", ONE + " ")
    create_restriction(caller=operator, pattern="registry/**")  # else everyone who signs in knows the names
    people = {}
    for role in Role.values:
        people[role] = as_(role)
        create_grant(caller=operator, role=role, pattern="registry/pay-*", username=role)
    people["nobody"] = as_("nobody")
    pump()

    def answers(path: str, method: str = "GET", body: Any = None) -> dict[str, int]:
        return {name: person.ask(method, path, body).status_code for name, person in people.items()}

    reading = answers(f"/schemas/ids/{ident}")
    assert reading == {"nobody": 404, "discoverer": 404, "reader": 200, "editor": 200, "steward": 200, "admin": 200}
    assert answers("/subjects/pay-value/versions") == {**reading, "discoverer": 403}
    assert answers("/subjects/other-value/versions") == dict.fromkeys(people, 404)
    assert people["discoverer"].get("/subjects").json() == ["pay-value"]
    assert people["nobody"].get("/subjects").json() == []
    assert people["reader"].get("/schemas").json() != []
    assert people["reader"].get(f"/schemas/ids/{ident}/subjects").json() == ["pay-value"]
    written = answers("/subjects/pay-value/versions", "POST", {"schema": TWO})
    assert written == {"nobody": 403, "discoverer": 403, "reader": 403, "editor": 200, "steward": 200, "admin": 200}
    assert answers("/subjects/pay-new/versions", "POST", {"schema": ONE})["editor"] == 200
    assert set(answers("/subjects/free/versions", "POST", {"schema": ONE}).values()) == {403}
    levels = answers("/config/pay-value", "PUT", {"compatibility": "NONE"})
    assert levels == {"nobody": 404, "discoverer": 403, "reader": 403, "editor": 403, "steward": 200, "admin": 200}
    assert set(answers("/config", "PUT", {"compatibility": "NONE"}).values()) == {403}
    for path, key, own, common in (
        ("/config", "compatibilityLevel", "NONE", "BACKWARD"),
        ("/mode", "mode", "READONLY", "READWRITE"),
    ):
        if path == "/mode":
            assert people["steward"].ask("PUT", "/mode/pay-value", {"mode": "READONLY"}).status_code == 200
        told = {name: one.get(f"{path}/pay-value?defaultToGlobal=true").json()[key] for name, one in people.items()}
        assert told == {**dict.fromkeys(people, own), "nobody": common}
    assert people["steward"].ask("PUT", "/mode/pay-value", {"mode": "READWRITE"}).status_code == 200
    assert people["editor"].delete("/subjects/pay-value").status_code == 200
    assert people["editor"].delete("/subjects/pay-value?permanent=true").status_code == 403
    assert people["steward"].delete("/subjects/pay-value?permanent=true").status_code == 200


@pytest.fixture
def later(monkeypatch):
    """Return a function after which what this process holds is no longer believed."""
    now = schemas.time.monotonic()

    def pass_by() -> None:
        nonlocal now
        now += schemas._hot.seconds + 1

    monkeypatch.setattr(schemas.time, "monotonic", lambda: now)
    return pass_by


def test_a_restriction_hides_what_memory_holds(registry, as_, operator, later):
    ident = registry.registers("pay-value", ONE)
    mara = as_("mara")
    create_grant(caller=operator, role="reader", pattern="registry/**")
    pump()
    assert mara.get(f"/schemas/ids/{ident}").status_code == 200
    create_restriction(caller=operator, pattern="registry/pay-*")
    pump()
    later()
    assert mara.get(f"/schemas/ids/{ident}").status_code == 404
    assert mara.get("/subjects").json() == []
    assert refusal(mara.get("/subjects/pay-value/versions")) == (404, 40401)


def test_held_schemas_are_looked_at_anew_by_one_query(registry, operator, later):
    idents = [registry.registers(f"s{number}", record("a", name=f"R{number}")) for number in range(20)]
    read = [registry.get(f"/schemas/ids/{ident}").content for ident in idents]
    later()
    with CaptureQueriesContext(connection) as asked:
        for ident, body in zip(idents, read, strict=True):
            found = schemas.get_schema_body(principal=operator.principal, context=DEFAULT_CONTEXT, schema_id=ident)
            assert found.plain == body
    assert len(asked) == 1
    with CaptureQueriesContext(connection) as asked:
        assert (
            schemas.held_schema_body(principal=operator.principal, context=DEFAULT_CONTEXT, schema_id=idents[3])
            is not None
        )
    assert len(asked) == 0


def test_a_held_schema_whose_id_was_given_anew_is_not_believed(registry, operator, later):
    registry.put("/mode?force=true", {"mode": "IMPORT"})
    registry.registers("s", ONE, id=700, version=1)
    registry.registers("t", TWO, id=701, version=1)
    assert "int" not in registry.get("/schemas/ids/700").json()["schema"]
    assert "int" in registry.get("/schemas/ids/701").json()["schema"]
    held = dict(schemas._hot.bodies)
    for subject in ("s", "t"):
        registry.delete(f"/subjects/{subject}")
        registry.delete(f"/subjects/{subject}?permanent=true")
    Schema.objects.filter(schema_id__in=(700, 701)).delete()
    registry.registers("s", BROKEN, id=700, version=1)
    schemas._hot.bodies.update(held)  # as another process holds it, which did not hear of the deletion
    later()
    assert "int" in registry.get("/schemas/ids/700").json()["schema"]
    assert refusal(registry.get("/schemas/ids/701")) == (404, 40403)


def test_references_do_not_tell_of_what_is_hidden(registry, as_, operator):
    registry.registers("secret", '{"type": "record", "name": "S", "fields": []}')
    mara = as_("mara")
    create_grant(caller=operator, role="editor", pattern="registry/open-*", username="mara")
    pump()
    text = '{"type": "record", "name": "O", "fields": [{"name": "s", "type": "S"}]}'
    there = mara.post(
        "/subjects/open-a/versions", {"schema": text, "references": [{"name": "S", "subject": "secret", "version": 1}]}
    )
    absent = mara.post(
        "/subjects/open-a/versions", {"schema": text, "references": [{"name": "S", "subject": "absent", "version": 1}]}
    )
    assert refusal(there) == refusal(absent) == (422, 42201)
    assert there.json()["message"].replace("secret", "absent") == absent.json()["message"]


def test_no_catalog_takes_the_name_by_which_subjects_are_granted(api):
    answer = api.post(
        "/v1/catalogs",
        {"name": "registry", "platform": "memory", "options": {"space": "x"}},
        content_type="application/json",
    )
    assert answer.status_code == 400
    assert "kept for" in answer.json()["detail"]


# What is written down


def test_each_write_leaves_an_entry_and_an_audit_record(registry):
    registry.registers("s", ONE)
    registry.registers("s", ONE)
    registry.put("/config/s", {"compatibility": "NONE"})
    registry.put("/config/s", {"compatibility": "NONE"})
    registry.delete("/subjects/s")
    told = list(JournalEntry.objects.filter(aspect="schema").order_by("id").values_list("operation", "subject_version"))
    assert told == [("registered", 1), ("configured", 2), ("deleted", 3)]
    audited = AuditRecord.objects.filter(subject_kind="subject").order_by("id")
    assert [(each.principal, each.door, each.action) for each in audited] == [
        ("user:root", "registry", "subject.registered"),
        ("user:root", "registry", "subject.configured"),
        ("user:root", "registry", "subject.deleted"),
    ]


def test_a_writer_who_was_overtaken_looks_again(registry, monkeypatch):
    registry.registers("s", ONE)
    store, overtaken = registering.locked_subject, []

    def locked(name, known=None):
        if not overtaken:
            overtaken.append(name)
            Subject.objects.filter(name="s").update(level="FULL", revision=7)
        return store(name, known)

    monkeypatch.setattr(registering, "locked_subject", locked)
    registry.registers("s", TWO)
    assert overtaken
    assert SubjectVersion.objects.count() == Schema.objects.count() == 2
