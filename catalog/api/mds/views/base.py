"""What all views share: who asks for what, in which words, and answers in JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from catalog import selectors
from catalog.access.middleware import metacat_header, principal_of
from catalog.access.principals import Principal
from catalog.api.mds import documents
from catalog.api.mds.errors import InvalidRequest, NotServed, answer_for
from catalog.api.mds.types import TypeContext, type_context
from catalog.api.v1.authentication import not_signed_in
from catalog.domain.names import QualifiedName

MOST = 10_000
"""Items of one answer that has no pages."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of somebody who is signed in."""

    request: HttpRequest
    principal: Principal

    @property
    def context(self) -> TypeContext:
        """In whose words types are wanted."""
        return type_context(metacat_header(self.request, "data.type.context"))

    def text(self, name: str) -> str:
        """Return a query parameter, empty if it is not there."""
        return self.request.GET.get(name, "")

    def flag(self, name: str, default: bool) -> bool:
        """Return a yes or no. :raises InvalidRequest: for anything else."""
        value = self.text(name).lower()
        if value not in ("", "true", "false"):
            raise InvalidRequest(f"'{name}' must be true or false, found {value[:50]!r}")
        return value == "true" if value else default

    def number(self, name: str, default: int) -> int:
        """Return a number that is not negative. :raises InvalidRequest: for anything else."""
        value = self.text(name)
        if not value:
            return default
        if not value.isascii() or not value.isdigit() or len(value) > 9:
            raise InvalidRequest(f"'{name}' must be a number from 0, found {value[:50]!r}")
        return int(value)

    def body(self) -> dict[str, Any]:
        """Return the body. :raises InvalidRequest: if it is no JSON object."""
        try:
            value = orjson.loads(self.request.body or b"{}")
        except orjson.JSONDecodeError as error:
            raise InvalidRequest(f"the body is no JSON: {error}") from error
        if not isinstance(value, dict):
            raise InvalidRequest("the body must be a JSON object")
        return value


Handler = Callable[..., HttpResponse]


def door(asked_for: Callable[..., QualifiedName] | None = None, **methods: Handler) -> Handler:
    """
    Return the view of an address: its handlers by method, refusals as Metacat's clients read them.

    Nothing here is changed, so that a cookie's authority needs no proof. What Metacat changes through the address and Cairn
    does not answers 501.
    """

    @csrf_exempt
    def view(request: HttpRequest, **segments: str) -> HttpResponse:
        name = None
        try:
            principal = principal_of(request)
            if principal is None:
                raise not_signed_in(request)
            handler = methods.get((request.method or "").lower())
            if handler is None:
                raise NotServed(
                    f"{request.method} is not supported here; change tables in their source, or through /v1 where it can write"
                )
            if asked_for is None:
                return handler(Asked(request, principal))
            name = asked_for(**segments)
            return handler(Asked(request, principal), name)
        except Exception as error:
            answer = answer_for(error, name)
            if answer is None:
                raise
            return answer

    return view


def json_answer(value: Any) -> HttpResponse:
    return HttpResponse(orjson.dumps(value), content_type="application/json")


def catalog_name(catalog: str) -> QualifiedName:
    """Return the name that an address of a catalog holds."""
    return QualifiedName.of(catalog)


def database_name(catalog: str, database: str) -> QualifiedName:
    """Return the name that an address of a database holds."""
    return QualifiedName.of(catalog, database)


def table_name(catalog: str, database: str, table: str) -> QualifiedName:
    """Return the name that an address of a table holds."""
    return QualifiedName.of(catalog, database, table)


def add_data_metadata(found: Sequence[documents.Document]) -> None:
    """Put what is said of the data at each document's place into it, by one query."""
    said = selectors.data_metadata_of(document["serde"]["uri"] for document in found if document["serde"])
    for document in found:
        document["dataMetadata"] = said.get(document["serde"]["uri"]) if document["serde"] else None
