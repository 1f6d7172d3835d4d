"""The demo's people and what they say of datasets, written through the same services that everybody uses."""

from __future__ import annotations

import uuid
from typing import Any

from catalog import selectors
from catalog.access import services as access
from catalog.access.principals import Caller, principal_for_name
from catalog.services import annotating, keeping
from detection.services import checks
from policy.services import policies
from policy.starters import starter_policies

USERS = (("mara", "Mara Okafor"), ("jonas", "Jonas Lind"), ("priya", "Priya Raman"))
TEAMS = (
    ("playback-data", "Playback Data", ("mara",)),
    ("growth-analytics", "Growth Analytics", ("jonas",)),
    ("finance-data", "Finance Data", ("priya", "jonas")),
)
GRANTS = (
    ("reader", "**", "mara"),
    ("editor", "lake/**", "mara"),
    ("editor", "registry/**", "mara"),
    ("reader", "registry/**", "jonas"),
    ("reader", "analytics/**", "jonas"),
    ("editor", "billing/**", "priya"),
)

OWNERS = {
    "lake/events/play_events": "team:playback-data",
    "lake/playback/sessions": "team:playback-data",
    "lake/content/titles": "team:playback-data",
    "analytics/marts/customer_360": "team:growth-analytics",
    "analytics/marts/churn_weekly": "team:growth-analytics",
    "analytics/growth/trial_candidates": "user:jonas",
    "analytics/marts/royalty_report": "team:finance-data",
    "analytics/marts/revenue_by_country": "team:finance-data",
    "billing/main/invoices": "team:finance-data",
    "accounts/main/customers": "user:mara",
    "billing/main/subscriptions": "user:admin",
    "billing/main/plans": "user:admin",
    "warehouse/raw/player_logs": "team:playback-data",
    "warehouse/legacy/revenue_monthly": "team:finance-data",
}
TAGS = {
    "lake/events/play_events": ("playback", "certified", "tier-1"),
    "lake/playback/sessions": ("playback", "certified"),
    "analytics/marts/customer_360": ("certified", "pii"),
    "accounts/main/customers": ("pii",),
    "analytics/marts/royalty_report": ("royalties",),
    "billing/main/payment_methods": ("pii",),
    "warehouse/legacy/plays_daily": ("deprecated",),
    "warehouse/legacy/dim_title_backup": ("deprecated",),
}
DESCRIPTIONS = {
    "accounts/main/customers": "Everybody who ever signed up, one row each; e-mail and name as they typed them.",
    "accounts/main/profiles": "Profiles that a customer's household watches with.",
    "billing/main/invoices": "One row per invoice. The old importer left some without a customer.",
    "billing/main/payment_methods": "How customers pay; bank accounts of those who pay by direct debit.",
}


CHECKS: tuple[tuple[str, str, str, dict[str, Any], str], ...] = (
    ("billing/main/invoices", "completeness", "customer_id", {}, "high"),
    ("billing/main/invoices", "accepted_values", "status", {"values": ["paid", "open", "void"]}, "medium"),
    ("billing/main/payments", "range", "amount_cents", {"least": 1}, "medium"),
    ("accounts/main/customers", "uniqueness", "email", {}, "high"),
    ("lake/events/ad_impressions", "freshness", "shown_at", {"max_age_seconds": 2 * 86_400}, "high"),
    ("lake/events/play_events", "row_count", "", {"least": 20_000}, "medium"),
    ("analytics/marts/customer_360", "uniqueness", "customer_id", {}, "medium"),
)
VIEWS = {
    "Personal data": "tag:pii",
    "To be retired": "tag:deprecated",
    "Certified for reports": "tag:certified",
}


def add_people(caller: Caller) -> None:
    """Create the demo's users, teams, grants, owners, tags, descriptions, checks and policies, and the views that they share."""
    for username, name in USERS:
        access.create_user(caller=caller, username=username, password=None, display_name=name)
    for team, name, members in TEAMS:
        access.create_team(caller=caller, name=team, display_name=name, members=members)
    for role, pattern, username in GRANTS:
        access.create_grant(caller=caller, role=role, pattern=pattern, username=username)
    for name, owner in OWNERS.items():
        annotating.add_owner(caller=caller, dataset_uuid=_uuid(caller, name), owner=owner)
    for name, tags in TAGS.items():
        for tag in tags:
            annotating.add_tag(caller=caller, dataset_uuid=_uuid(caller, name), tag=tag)
    for name, text in DESCRIPTIONS.items():
        annotating.describe(caller=caller, dataset_uuid=_uuid(caller, name), text=text)
    for name, kind, column, arguments, severity in CHECKS:
        checks.add_check(
            caller=caller,
            dataset_uuid=_uuid(caller, name),
            kind=kind,
            column=column,
            arguments=arguments,
            severity=severity,
        )
    for text in starter_policies().values():
        slug, number = policies.save_policy(caller=caller, text=text)
        policies.activate(caller=caller, slug=slug, number=number)
    mara = principal_for_name("mara")
    assert mara is not None
    for name, query in VIEWS.items():
        keeping.save_view(caller=Caller(mara, "demo"), name=name, query=query, is_shared=True)


def _uuid(caller: Caller, name: str) -> uuid.UUID:
    return selectors.get_dataset_by_name(name=name, principal=caller.principal).uuid
