"""One table from our errors to their statuses; every refusal is a problem+json body (RFC 9457)."""

from __future__ import annotations

import logging
from typing import Any

import orjson
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework import exceptions

from catalog.access.gate import Denied, NotSignedIn
from catalog.access.principals import NoSuchPrincipal
from catalog.access.services import InvalidAccess
from catalog.api.v1.authentication import CrossSite
from catalog.backends import UnknownPlatform
from catalog.connectors.base import (
    Conflict,
    ConnectorError,
    InvalidOptions,
    NoSuchTable,
    NotInstalled,
    Refused,
    SourceBusy,
    SourceUnavailable,
)
from catalog.domain.names import InvalidName
from catalog.domain.partitions import InvalidFilter
from catalog.domain.query import InvalidQuery
from catalog.domain.types import InvalidType
from catalog.guards import ChangeRefused
from catalog.journal.runs import KeyReused
from catalog.journal.selectors import CursorExpired, NoSuchRun
from catalog.selectors import (
    AmbiguousName,
    NoSuchCatalog,
    NoSuchDatabase,
    NoSuchDataset,
    NoSuchVersion,
    NoSuchView,
    Unsupported,
)
from catalog.services.annotating import InvalidAnnotation, NoSuchClaim, NoSuchColumn
from catalog.services.catalogs import CatalogExists, InvalidCatalog, NoSuchHold
from catalog.services.definitions import OutcomeUnknown, ReadOnlyCatalog, VersionConflict
from catalog.services.identity import InvalidMerge
from catalog.services.keeping import NotKept

logger = logging.getLogger(__name__)


class InvalidCursor(ValueError):
    """A cursor that this endpoint did not give out."""


class InvalidParameter(ValueError):
    """A query parameter that cannot be read; the message names it."""


class NoSuchIntent(LookupError):
    """There is no such intent of the principal's."""


# The first class that fits counts, so the more special stand first.
STATUSES: tuple[tuple[type[Exception], int, str], ...] = (
    (NotSignedIn, 401, "not-signed-in"),
    (CrossSite, 403, "csrf"),
    (Denied, 403, "denied"),
    (ChangeRefused, 409, "change-refused"),
    (NoSuchCatalog, 404, "no-such-catalog"),
    (NoSuchDatabase, 404, "no-such-database"),
    (NoSuchDataset, 404, "no-such-dataset"),
    (NoSuchVersion, 404, "no-such-version"),
    (NoSuchColumn, 404, "no-such-column"),
    (NoSuchClaim, 404, "no-such-claim"),
    (NoSuchRun, 404, "no-such-run"),
    (NoSuchHold, 404, "no-such-hold"),
    (NoSuchPrincipal, 404, "no-such-principal"),
    (NoSuchView, 404, "no-such-view"),
    (NoSuchTable, 404, "no-such-table"),
    (NoSuchIntent, 404, "no-such-intent"),
    (AmbiguousName, 409, "ambiguous-name"),
    (VersionConflict, 409, "version-conflict"),
    (CatalogExists, 409, "catalog-exists"),
    (KeyReused, 422, "idempotency-key-reused"),
    (Conflict, 409, "conflict"),
    (CursorExpired, 410, "cursor-expired"),
    (ReadOnlyCatalog, 409, "read-only-catalog"),
    (Unsupported, 409, "unsupported"),
    (OutcomeUnknown, 503, "outcome-unknown"),
    (SourceBusy, 503, "source-busy"),
    (SourceUnavailable, 503, "source-unavailable"),
    (NotInstalled, 501, "not-installed"),
    (InvalidOptions, 400, "invalid-options"),
    (Refused, 422, "source-refused"),
    (ConnectorError, 502, "source-error"),
    (UnknownPlatform, 400, "unknown-platform"),
    (InvalidName, 400, "invalid-name"),
    (InvalidQuery, 400, "invalid-query"),
    (InvalidFilter, 400, "invalid-filter"),
    (InvalidCursor, 400, "invalid-cursor"),
    (InvalidParameter, 400, "invalid-parameter"),
    (InvalidType, 400, "invalid-type"),
    (InvalidAnnotation, 400, "invalid-annotation"),
    (InvalidAccess, 400, "invalid-access"),
    (InvalidMerge, 409, "invalid-merge"),
    (NotKept, 400, "not-kept"),
    (InvalidCatalog, 400, "invalid-catalog"),
    (RequestDataTooBig, 413, "too-large"),
    (SuspiciousOperation, 400, "bad-request"),
    (BadRequest, 400, "bad-request"),
    (PermissionDenied, 403, "denied"),
    (Http404, 404, "not-found"),
)


def problem(status: int, kind: str, detail: str, **more: Any) -> HttpResponse:
    """Return a problem+json answer: ``type`` for programs, ``detail`` for people."""
    body = {"type": f"/docs/errors#{kind}", "title": kind.replace("-", " "), "status": status, "detail": detail, **more}
    response = HttpResponse(orjson.dumps(body), status=status, content_type="application/problem+json")
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="Cairn"'
    if status == 503:
        response["Retry-After"] = "5"
    return response


def answer_for(error: Exception) -> HttpResponse | None:
    """Return the answer for an error of ours or Django's, or None for one that is a fault in Cairn."""
    for kind, status, name in STATUSES:
        if isinstance(error, kind):
            more: dict[str, Any] = {}
            if isinstance(error, CursorExpired):
                more["first_kept"] = error.first_kept
            if isinstance(error, NoSuchDataset) and error.renamed_to:
                more["renamed_to"] = error.renamed_to
            return problem(status, name, str(error) or name.replace("-", " "), **more)
    return None


def handle(error: Exception, context: Any) -> HttpResponseBase | None:
    """Return the answer for any error raised in a REST view."""
    known = answer_for(error)
    if known is not None:
        return known
    if isinstance(error, exceptions.ValidationError):
        detail = error.detail if isinstance(error.detail, dict) else {"": error.detail}
        fields = [{"field": name, "message": _first(messages)} for name, messages in detail.items()]
        said = "; ".join(f"{item['field']}: {item['message']}" if item["field"] else item["message"] for item in fields)
        return problem(400, "invalid-request", said, errors=fields)
    if isinstance(error, exceptions.APIException):
        return problem(error.status_code, error.default_code.replace("_", "-"), str(error.detail))
    return None


def _first(messages: Any) -> str:
    while isinstance(messages, (list, dict)) and messages:
        messages = next(iter(messages.values())) if isinstance(messages, dict) else messages[0]
    return str(messages)
