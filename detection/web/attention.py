"""What of detection needs somebody's attention, as the home page shows it."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from catalog.access import gate
from catalog.access.principals import Principal
from catalog.selectors.findings import count_findings, list_findings
from detection import selectors

CHECKS = 3
LOOKED_AT = 1_000
"""The home page counts no more findings than these."""


def failing_checks(principal: Principal) -> list[dict[str, Any]]:
    """Return the checks that began to fail last, one line each, and how many there are beside."""
    found = selectors.list_checks(principal=principal, status="fail", limit=CHECKS)
    return [
        {
            "tone": "fail",
            "icon": "fail",
            "title": "A check fails on",
            "name": check.qualified_name,
            "at": check.failing_since,
            "text": f"{check.title}: {check.observed}.",
            "href": reverse("quality", args=[check.qualified_name]),
            "action": "See its checks",
        }
        for check in found.items
    ]


def undecided_findings(principal: Principal) -> list[dict[str, Any]]:
    """Return one line for all findings that nobody has decided about and the principal may."""
    found = count_findings(principal=principal, role=gate.STEWARD, newest=LOOKED_AT)
    if not found.counts:
        return []
    total, more = found.total, "" if found.is_whole else "+"
    newest = list_findings(principal=principal, status="suggested", role=gate.STEWARD, limit=1)
    kinds = ", ".join(kind.replace("_", " ") for kind, _ in found.counts[:4])
    seem = "column seems" if total == 1 and not more else "columns seem"
    return [
        {
            "tone": "warn",
            "icon": "finding",
            "title": f"{total:,}{more} {seem} to hold personal or secret values:",
            "name": f"{kinds}{', …' if len(found.counts) > 4 else ''}",
            "at": newest[0].said_at if newest else None,
            "text": "Nothing is tagged until somebody accepts it.",
            "href": reverse("findings"),
            "action": "Decide about them",
        }
    ]
