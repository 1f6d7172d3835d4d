"""The registry's pages without a browser: full, empty, hostile, refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from catalog.access.models import User
from catalog.access.services import create_grant, create_restriction, create_user
from schema_registry.domain.subjects import parse_subject
from schema_registry.models import Subject, SubjectVersion
from schema_registry.selectors import schemas
from schema_registry.selectors.schemas import Submitted
from schema_registry.services.registering import register_schema
from tests.conftest import pump

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def record(*fields: Any, doc: str = "") -> str:
    return json.dumps({"type": "record", "name": "R", "doc": doc, "fields": list(fields)})


A = {"name": "a", "type": "string"}
B = {"name": "b", "type": "int", "default": 0, "doc": HOSTILE}


@pytest.fixture(autouse=True)
def _fresh_schemas():
    schemas.forget()


@pytest.fixture
def web(operator):
    create_user(caller=operator, username="root", password="long enough word", operator=True)
    client = Client()
    client.force_login(User.objects.get(username="root"))
    return client


@pytest.fixture
def register(operator):
    def registers(subject: str, text: str) -> None:
        register_schema(caller=operator, name=parse_subject(subject), submitted=Submitted(text))

    return registers


def shown(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status
    return answer.content.decode()


def test_an_empty_registry_says_how_to_begin(web):
    page = shown(web, "/schemas")
    assert "No schema is registered yet" in page
    assert "/registry" in page


def test_subjects_are_listed_found_and_paged(web, register):
    for number in range(60):
        register(f"topic-{number:02}-value", record(A))
    register(":.staging:topic", record(A))
    first = shown(web, "/schemas")
    assert "topic-00-value" in first
    assert "topic-59-value" not in first
    assert "topic-59-value" in shown(web, "/schemas?after=topic-49-value&in=.")
    assert "topic-07-value" in shown(web, "/schemas?q=07")
    assert "No subject fits" in shown(web, "/schemas?q=zzz")
    assert ":.staging:topic" in shown(web, "/schemas?where=.staging").replace("<wbr>", "")


def test_a_subject_shows_what_changed_between_its_versions(web, register):
    register("s", record(A))
    register("s", record(A, B))
    page = shown(web, "/schemas/s")
    assert "What changes from 1 to 2" in page
    assert "New: int; older data has it as 0." in page
    assert "Safe" in page
    assert "Side by side" in page
    first = shown(web, "/schemas/s?version=1")
    assert "What changes" not in first
    assert "No such schema" in shown(web, "/schemas/s?version=9", 404)
    assert "No such schema" in shown(web, "/schemas/none", 404)
    assert "No such schema" in shown(web, "/schemas/%01", 404)


def test_a_schema_is_tried_and_registered(web, register):
    register("s", record(A))
    broken = record(A, {"name": "c", "type": "int"})
    page = web.post("/schemas/s", {"schema": broken, "check": "1"}).content.decode()
    assert "Version 2 would be refused" in page
    assert "New readers of older data, version 1: c has no default" in page
    assert "Breaks" in page
    assert "Version 2 would be refused" in web.post("/schemas/s", {"schema": broken, "register": "1"}).content.decode()
    wrong = web.post(
        "/schemas/s", {"schema": '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "strin"}]}'}
    )
    assert "/fields/0/type" in wrong.content.decode().replace("<wbr>", "")
    assert "no type is named" in wrong.content.decode()
    assert (
        "It may follow as version 2" in web.post("/schemas/s", {"schema": record(A, B), "check": "1"}).content.decode()
    )
    assert SubjectVersion.objects.count() == 1
    answer = web.post("/schemas/s", {"schema": record(A, B), "register": "1"}, follow=True)
    assert "Version 2 is registered" in answer.content.decode()
    assert SubjectVersion.objects.count() == 2


def test_the_level_is_changed(web, register):
    register("s", record(A))
    assert "The level is full now." in web.post("/schemas/s", {"level": "FULL"}, follow=True).content.decode()
    assert Subject.objects.get().level == "FULL"
    web.post("/schemas/s", {"level": ""})
    assert Subject.objects.get().level == ""


def test_what_is_hostile_is_only_text(web, register, source):
    register(HOSTILE, record(A, B, doc=HOSTILE))
    register(HOSTILE, record(A, {**B, "default": 7}, {"name": "c", "type": "string", "default": HOSTILE}, doc=HOSTILE))
    source.creates(HOSTILE, {HOSTILE: "int"})
    source.sync()
    pump()
    from urllib.parse import quote

    from catalog.domain.names import QualifiedName

    table = str(QualifiedName.of("mem", "db", HOSTILE))
    for address in (
        "/schemas",
        "/schemas?where=.tables",
        f"/schemas/{quote(HOSTILE)}",
        f"/schemas?q={quote(HOSTILE)}",
        f"/subject/{quote(table)}",
    ):
        page = shown(web, address)
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    page = web.post(f"/schemas/{quote(HOSTILE)}", {"schema": HOSTILE}).content.decode()
    assert "<script>alert" not in page


def test_a_tables_subject_is_a_tab_of_its_dataset(web, source):
    source.creates("orders", {"id": "long", "note": "string"})
    source.sync()
    assert "no columns that were versioned yet" in shown(web, "/subject/mem/db/orders")
    pump()
    assert "/subject/mem/db/orders" in shown(web, "/datasets/mem/db/orders")
    page = shown(web, "/subject/mem/db/orders")
    assert "The columns of a table" in page
    assert "Try a schema" not in page
    assert web.get("/schemas/:.tables:mem/db/orders").status_code == 302
    assert shown(web, "/subject/mem/db/none", 404)


def test_who_may_see_and_do_what(operator, register, source):
    register("pay", record(A))
    source.creates("orders", {"id": "long"})
    source.sync()
    pump()
    create_user(caller=operator, username="mara", password="long enough word")
    client = Client()
    client.force_login(User.objects.get(username="mara"))
    assert client.get("/schemas/pay").status_code == 403
    create_grant(caller=operator, role="reader", pattern="registry/**", username="mara")
    pump()
    page = shown(client, "/schemas/pay")
    assert "Register as" not in page
    assert "Change level" not in page
    assert client.post("/schemas/pay", {"schema": record(A, B), "register": "1"}).status_code == 403
    assert client.post("/schemas/pay", {"level": "NONE"}).status_code == 403
    create_restriction(caller=operator, pattern="**")
    pump()
    assert client.get("/subject/mem/db/orders").status_code == 404
    anonymous = Client()
    assert anonymous.get("/schemas").status_code == 302
