"""What every page's frame shows: who is signed in, the catalogs, what waits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest

from catalog import selectors
from catalog.access.middleware import principal_of
from catalog.journal import selectors as journal

RAIL_CATALOGS = 12


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
    catalogs = selectors.list_catalogs(principal=principal)
    return values | {
        "rail_catalogs": sorted(catalogs, key=lambda view: -view.datasets)[:RAIL_CATALOGS],
        "catalogs_total": len(catalogs),
        "datasets_total": sum(view.datasets for view in catalogs),
        "active_runs": journal.count_active_runs() if principal.is_operator else 0,
        "waiting": len(selectors.list_holds(principal=principal)),
        "position": journal.head_position(),
    }
