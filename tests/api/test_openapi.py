"""The OpenAPI document is whole and true: every address is in it, and schemathesis finds nothing that it does not say."""

from __future__ import annotations

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.urls import get_resolver
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from catalog.access.services import create_token, create_user
from deploy.wsgi import application

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def addresses():
    """Return every address below /v1 that Django serves, as OpenAPI writes it."""
    for pattern in get_resolver().url_patterns:
        if str(pattern.pattern) == "v1/":
            for each in pattern.url_patterns:
                if each.name not in ("openapi", "api-docs"):
                    text = str(each.pattern)
                    for kind in ("uuid:", "str:", "int:", "slug:"):
                        text = text.replace(f"<{kind}", "{")
                    yield "/v1/" + text.replace(">", "}")


@pytest.fixture
def token(operator):
    user = create_user(caller=operator, username="root", password=None, operator=True)
    return create_token(caller=operator, user_id=user.pk, name="t", expires_at=None)[1]


@pytest.fixture
def document(token, client):
    return client.get("/v1/openapi.json", headers={"Authorization": f"Bearer {token}"}).json()


def test_every_address_is_described(document):
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == set(addresses())


def test_every_operation_says_what_it_does_and_how_it_refuses(document):
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation.get("description"), (method, path)
            assert "401" in operation["responses"], (method, path)


def test_answers_are_as_described(source, token, document):
    """Ask every operation with generated and with broken input; no fault, no status, type or shape that is not described."""
    source.creates("orders", {"id": "long", "d": "struct<a:int>"})
    source.sync()
    # The test's transaction lives in this connection; requests must not close it.
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    schema = schemathesis.openapi.from_dict(document)
    schema.app = application
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    failures = []
    for result in schema.get_all_operations():
        operation = result.ok()
        strategy = operation.as_strategy()

        @settings(
            max_examples=12, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
        )
        @given(case=strategy)
        def ask(case):
            response = case.call(headers={"Authorization": f"Bearer {token}"})
            case.validate_response(response, checks=checks)

        try:
            ask()
        except BaseException as error:
            failures.append(f"{operation.label}: {error}")
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)
    assert not failures, "\n\n".join(str(failure)[:1500] for failure in failures)
