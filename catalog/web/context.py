"""What every page's frame shows: who is signed in, the catalogs, what waits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest

from catalog import selectors
from catalog.access.middleware import principal_of
from catalog.access.principals import Principal
from catalog.journal import selectors as journal

RAIL_CATALOGS = 12


def catalogs_of(request: HttpRequest, principal: Principal) -> Sequence[selectors.CatalogView]:
    """Return the catalogs that who asks may know, read once a request: the frame and the page both show them."""
    if not hasattr(request, "_catalogs"):
        request._catalogs = selectors.list_catalogs(principal=principal)  # type: ignore[attr-defined]
    found: Sequence[selectors.CatalogView] = request._catalogs  # type: ignore[attr-defined]
    return found


def holds_of(request: HttpRequest, principal: Principal) -> Sequence[selectors.HoldView]:
    """Return the holds that wait for who asks, read once a request."""
    if not hasattr(request, "_holds"):
        request._holds = selectors.list_holds(principal=principal)  # type: ignore[attr-defined]
    found: Sequence[selectors.HoldView] = request._holds  # type: ignore[attr-defined]
    return found


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return the frame's values; next to nothing where nobody is signed in or a program asks."""
    principal = principal_of(request)
    theme = request.COOKIES.get("theme")
    values: dict[str, Any] = {
        "principal": principal,
        "theme": theme if theme in ("light", "dark") else None,
        "now": datetime.now(UTC),
    }
    if principal is None or getattr(request, "htmx", False) or request.path_info.startswith("/v1/"):
        return values
    catalogs = catalogs_of(request, principal)
    return values | {
        "rail_catalogs": sorted(catalogs, key=lambda view: -view.datasets)[:RAIL_CATALOGS],
        "catalogs_total": len(catalogs),
        "datasets_total": sum(view.datasets for view in catalogs),
        "active_runs": journal.count_active_runs() if principal.is_operator else 0,
        "waiting": len(holds_of(request, principal)),
        "position": journal.head_position(),
    }
