"""What of policies needs somebody's attention, as the home page shows it."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from catalog.access.principals import Principal
from policy.selectors.violations import count_by_owner, list_violations

LOOKED_AT = 1_000
"""The home page looks at no more than these."""


def open_violations(principal: Principal) -> list[dict[str, Any]]:
    """Return one line for what breaks policies and belongs to the principal, or to nobody of its datasets; none without any."""
    owners = count_by_owner(principal=principal, newest=LOOKED_AT)
    counts, more = dict(owners.counts), "" if owners.is_whole else "+"
    own = [principal.handle, *(f"team:{team}" for team in principal.teams)]
    mine = [handle for handle in own if counts.get(handle)]
    if not mine and not (principal.is_operator and counts):
        return []
    owner = mine[0] if mine else ""
    total = counts[owner] if owner else owners.total
    newest = list_violations(principal=principal, owner=owner, limit=1).items
    return [
        {
            "tone": "warn",
            "icon": "policy",
            "title": f"{total:,}{more} {'violation' if total == 1 and not more else 'violations'} of policies"
            + (" on datasets that are yours:" if owner else ", most of all:"),
            "name": newest[0].policy if newest else "",
            "at": newest[0].opened_at if newest else None,
            "text": newest[0].message[:300] if newest else "",
            "href": reverse("violations") + (f"?owner={owner}" if owner else ""),
            "action": "See them",
        }
    ]
