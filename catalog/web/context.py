"""What every page's frame shows: who is signed in, the catalogs, what waits."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest

from catalog import selectors
from catalog.access.middleware import principal_of
from catalog.access.principals import Principal
from catalog.journal import selectors as journal

RAIL_CATALOGS = 12
RAIL_VIEWS = 8

Item = TypeVar("Item")


def _once(request: HttpRequest, name: str, read: Callable[[], Item]) -> Item:
    """Return what a read gave first in this request: the frame and the page both show it."""
    kept: dict[str, Any] = request.__dict__.setdefault("_read_once", {})
    if name not in kept:
        kept[name] = read()
    found: Item = kept[name]
    return found


def catalogs_of(request: HttpRequest, principal: Principal) -> Sequence[selectors.CatalogView]:
    """Return the catalogs that who asks may know."""
    return _once(request, "catalogs", lambda: selectors.list_catalogs(principal=principal))


def holds_of(request: HttpRequest, principal: Principal) -> Sequence[selectors.HoldView]:
    """Return the holds that wait for who asks."""
    return _once(request, "holds", lambda: selectors.list_holds(principal=principal))


def views_of(request: HttpRequest, principal: Principal) -> Sequence[selectors.ViewOfQuery]:
    """Return the first views that who asks has or is shown."""
    return _once(request, "views", lambda: selectors.list_views(principal=principal, limit=RAIL_VIEWS + 1))


def number_of(text: str | None, *, digits: int = 18) -> int | None:
    """Return the whole number that a text of the address is, of so many digits at most; None for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= digits else None


def place_of(request: HttpRequest) -> tuple[str, uuid.UUID] | None:
    """Return name and id of the last item of the page before, of a list that is ordered by names; None for the first page."""
    try:
        return request.GET.get("after", "")[:500], uuid.UUID(request.GET.get("id", ""))
    except ValueError:
        return None


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return the frame's values; next to nothing where nobody is signed in or a program asks."""
    principal = principal_of(request)
    theme = request.COOKIES.get("theme")
    values: dict[str, Any] = {
        "principal": principal,
        "theme": theme if theme in ("light", "dark") else None,
        "now": datetime.now(UTC),
    }
    # Back and forward ask for the whole page again: no copy of it is kept in the browser.
    is_part = request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers
    if principal is None or is_part or request.path_info.startswith("/v1/"):
        return values
    catalogs = catalogs_of(request, principal)
    return values | {
        "rail_catalogs": sorted(catalogs, key=lambda view: -view.datasets)[:RAIL_CATALOGS],
        "rail_pages": settings.RAIL_PAGES,
        "rail_views": views_of(request, principal)[:RAIL_VIEWS],
        "more_views": len(views_of(request, principal)) > RAIL_VIEWS,
        "catalogs_total": len(catalogs),
        "datasets_total": sum(view.datasets for view in catalogs),
        "active_runs": journal.count_active_runs() if principal.is_operator else 0,
        "waiting": len(holds_of(request, principal)),
        "position": journal.head_position(),
    }
