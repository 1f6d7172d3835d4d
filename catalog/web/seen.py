"""The datasets that somebody looked at last, kept in a cookie of their browser: no table of who reads what."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from catalog import selectors
from catalog.access.principals import Principal

COOKIE = "cairn_seen"
KEPT = 8
DAYS = 90


def _keys(request: HttpRequest) -> list[uuid.UUID]:
    found: list[uuid.UUID] = []
    for text in request.COOKIES.get(COOKIE, "")[: 40 * KEPT].split("."):
        try:
            found.append(uuid.UUID(hex=text))
        except ValueError:
            continue
    return found[:KEPT]


def seen(request: HttpRequest, principal: Principal) -> Sequence[selectors.DatasetSummary]:
    """Return the datasets that were looked at last, the newest first; what may not be known any more is left out."""
    keys = _keys(request)
    known = selectors.summarized_by_uuid(principal=principal, uuids=keys) if keys else {}
    return [known[key].summary for key in keys if key in known]


def remember(request: HttpRequest, response: HttpResponse, dataset: uuid.UUID) -> None:
    """Note that a dataset was looked at."""
    keys = [dataset, *(key for key in _keys(request) if key != dataset)]
    response.set_cookie(
        COOKIE,
        ".".join(key.hex for key in keys[:KEPT]),
        max_age=DAYS * 86_400,
        httponly=True,
        samesite="Lax",
        secure=bool(settings.SESSION_COOKIE_SECURE),
    )


def forget(response: HttpResponse) -> None:
    """Forget what was looked at, as signing out does."""
    response.delete_cookie(COOKIE, samesite="Lax")
