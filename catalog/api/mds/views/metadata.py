"""Tables by what people said of them."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpResponse

from catalog import selectors
from catalog.api.mds import documents
from catalog.api.mds.errors import InvalidRequest
from catalog.api.mds.views.base import MOST, Asked, json_answer
from catalog.domain.names import QualifiedName


def definitions(asked: Asked) -> HttpResponse:
    """List tables of which people said something, with what they said."""
    order, by = asked.text("sortOrder").upper(), asked.text("sortBy")
    if order not in ("", "ASC", "DESC"):
        raise InvalidRequest(f"'sortOrder' must be ASC or DESC, found {order[:50]!r}")
    if by not in ("", "name", "dateCreated"):
        raise InvalidRequest(f"'sortBy' must be name or dateCreated, found {by[:50]!r}")
    if asked.text("type") not in ("", "table"):
        return json_answer([])
    wanted = asked.request.GET.getlist("data-property")
    found = selectors.list_described(
        principal=asked.principal,
        name=asked.text("name"),
        properties=[*wanted, "lifetime"] if asked.flag("lifetime", False) else wanted,
        by_date=by == "dateCreated",
        descending=order == "DESC",
        offset=asked.number("offset", 0),
        limit=min(asked.number("limit", 1_000), MOST),
    )
    return json_answer(
        [
            {
                "name": documents.name_json(*QualifiedName.parse(body["qualified_name"]).segments),
                "definitionMetadata": documents.definition_metadata(body),
            }
            for body in found
        ]
    )


def _names(found: Sequence[str]) -> HttpResponse:
    return json_answer([documents.name_json(*QualifiedName.parse(name).segments) for name in found])


def owned(asked: Asked) -> HttpResponse:
    """List tables by the users who own them."""
    owners = asked.request.GET.getlist("owner")
    if not owners:
        raise InvalidRequest("'owner' is missing: the name of a user, once or several times")
    handles = [f"user:{owner}" for owner in owners]
    return _names(selectors.list_owned(principal=asked.principal, owners=handles, limit=MOST))


def tags(asked: Asked) -> HttpResponse:
    """List all tags."""
    return json_answer([tag for tag, _ in selectors.list_tags(principal=asked.principal, limit=MOST)])


def _places(asked: Asked) -> dict[str, str]:
    return {
        "catalog": asked.text("sourceName"),
        "database": asked.text("databaseName"),
        "dataset": asked.text("tableName"),
    }


def tagged(asked: Asked) -> HttpResponse:
    """List tables that have one of some tags and none of others."""
    if asked.text("type").lower() not in ("", "table"):
        return json_answer([])
    return _names(
        selectors.list_tagged(
            principal=asked.principal,
            tags=asked.request.GET.getlist("include"),
            without=asked.request.GET.getlist("exclude"),
            limit=MOST,
            **_places(asked),
        )
    )


def tag_search(asked: Asked) -> HttpResponse:
    """List tables that have a tag which holds a text."""
    return _names(
        selectors.list_tagged(principal=asked.principal, text=asked.text("tag"), limit=MOST, **_places(asked))
    )
