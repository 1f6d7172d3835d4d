"""The registry in our own REST: subjects, versions, changes, checks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schema_registry.domain.subjects import parse_subject
from schema_registry.selectors import schemas
from schema_registry.selectors.errors import InvalidReference
from schema_registry.selectors.schemas import ReferenceTo, Submitted
from schema_registry.services.registering import register_schema
from tests.conftest import pump

pytestmark = pytest.mark.django_db


def record(*fields: Any) -> str:
    return json.dumps({"type": "record", "name": "R", "fields": list(fields)})


A = {"name": "a", "type": "string"}
B = {"name": "b", "type": "int", "default": 0}


@pytest.fixture
def register(operator):
    schemas.forget()

    def registers(subject: str, text: str) -> None:
        register_schema(caller=operator, name=parse_subject(subject), submitted=Submitted(text))

    return registers


def test_subjects_by_rest(api, source, register):
    register("s", record(A))
    register("s", record(A, B))
    found = api.get("/v1/subjects").json()
    assert [(each["subject"], each["latest"]) for each in found["items"]] == [("s", 2)]
    newest = api.get("/v1/subjects/versions?subject=s&limit=1").json()
    assert newest["items"][0]["number"] == 2
    assert api.get(f"/v1/subjects/versions?subject=s&cursor={newest['next']}").json()["items"][0]["number"] == 1
    changes = api.get("/v1/subjects/changes?subject=s&before=1&after=2").json()
    assert [each["path"] for each in changes["changes"]] == ["b"]
    check = api.post("/v1/subjects/check", {"subject": "s", "schema": '"int"'}, content_type="application/json").json()
    assert (check["is_compatible"], check["level"]) == (False, "BACKWARD")
    assert check["versions"][0]["failing"][0]["reasons"][0]["kind"] == "TYPE_MISMATCH"
    for address, status in (
        ("/v1/subjects/versions?subject=none", 404),
        ("/v1/subjects/versions", 400),
        ("/v1/subjects/changes?subject=s&before=1&after=7", 404),
        ("/v1/subjects?cursor=x", 400),
    ):
        assert api.get(address).status_code == status
    wrong = api.post("/v1/subjects/check", {"subject": "s", "schema": "{"}, content_type="application/json")
    assert (wrong.status_code, wrong.json()["type"]) == (422, "/docs/errors#invalid-schema")
    source.creates("orders", {"id": "long"})
    source.sync()
    key = source.id_of("orders")
    assert api.get(f"/v1/datasets/{key}/subject").status_code == 404
    pump()
    assert api.get(f"/v1/datasets/{key}/subject").json()["subject"] == ":.tables:mem/db/orders"
    assert [each["name"] for each in api.get("/v1/subjects?context=.tables").json()["items"]] == ["mem/db/orders"]


def test_a_schema_does_not_refer_to_a_table_whose_name_may_change(api, operator, source):
    schemas.forget()
    source.creates("orders", {"id": "long"})
    source.sync()
    pump()
    reference = ReferenceTo("orders", ":.tables:mem/db/orders", 1)
    with pytest.raises(InvalidReference, match="its name changes with the table's"):
        register_schema(
            caller=operator, name=parse_subject("s"), submitted=Submitted(record(A), references=[reference])
        )
