"""Refusals as Metacat's clients read them: its statuses, and its texts in JSON."""

from __future__ import annotations

import orjson
from django.http import HttpResponse

from catalog.api.mds.types import UnknownTypeContext
from catalog.api.v1.errors import STATUSES
from catalog.domain.names import QualifiedName
from catalog.selectors import NoSuchCatalog, NoSuchDatabase, NoSuchDataset, Unsupported


class NotServed(Exception):
    """Something that Metacat does and Cairn does not through this door; the message says what to do instead."""


class InvalidRequest(ValueError):
    """A body or parameter that cannot be read; the message names it."""


_OWN: tuple[tuple[type[Exception], int], ...] = (
    (NotServed, 501),
    (Unsupported, 501),
    (InvalidRequest, 400),
    (UnknownTypeContext, 400),
)
_KINDS = ("CATALOG", "DATABASE", "TABLE")


def not_found(name: QualifiedName) -> HttpResponse:
    """Return Metacat's answer for a catalog, database or table that is not there."""
    printed = str(name)
    kind = _KINDS[min(len(name.segments), 3) - 1]
    return refusal(404, f"Unable to locate for {printed}. Details: {kind} '{printed}' not found.")


def refusal(status: int, reason: str) -> HttpResponse:
    """Return an answer that Metacat's clients take their error from."""
    text = f"An error occurred: {reason}"
    response = HttpResponse(
        orjson.dumps({"error": text, "message": text}), status=status, content_type="application/json"
    )
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="Cairn"'
    return response


def answer_for(error: Exception, asked: QualifiedName | None) -> HttpResponse | None:
    """Return the answer for an error of ours, None for a fault in Cairn. ``asked`` is the name in the address."""
    if asked is not None and isinstance(error, NoSuchCatalog):
        return not_found(QualifiedName.of(asked.catalog))
    if asked is not None and isinstance(error, NoSuchDatabase | NoSuchDataset):
        return not_found(asked)
    for kind, status in _OWN:
        if isinstance(error, kind):
            return refusal(status, str(error))
    for known, status, name in STATUSES:
        if isinstance(error, known):
            return refusal(status, str(error) or name.replace("-", " "))
    return None
