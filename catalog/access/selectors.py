"""Reads of access: tokens, grants, users, audit."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from catalog.access import gate
from catalog.access.models import ApiToken, AuditRecord, Grant, Restriction, Team, User
from catalog.access.principals import Principal


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token without its secret."""

    uuid: uuid.UUID
    name: str
    hint: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


def list_tokens(*, principal: Principal) -> Sequence[TokenView]:
    """Return the principal's own tokens that are not revoked, newest first."""
    if principal.user_id is None:
        return []
    rows = ApiToken.objects.filter(user_id=principal.user_id, revoked_at__isnull=True).order_by("-pk")
    return [TokenView(row.uuid, row.name, row.hint, row.created_at, row.expires_at, row.last_used_at) for row in rows]


@dataclass(frozen=True, slots=True)
class GrantView:
    """A grant; neither user nor team means everyone who signs in."""

    uuid: uuid.UUID
    role: str
    pattern: str
    user: str | None
    team: str | None


def list_grants(*, principal: Principal) -> Sequence[GrantView]:
    """Return all grants, by pattern. :raises Denied: unless the principal is an operator."""
    gate.require_operator(principal, what="listing grants")
    rows = Grant.objects.select_related("pattern", "user", "team").order_by("pattern__pattern", "pk")
    return [
        GrantView(
            row.uuid,
            row.role,
            row.pattern.pattern,
            row.user.username if row.user else None,
            row.team.name if row.team else None,
        )
        for row in rows
    ]


def list_restrictions(*, principal: Principal) -> Sequence[tuple[uuid.UUID, str]]:
    """Return id and pattern of all restrictions. :raises Denied: unless the principal is an operator."""
    gate.require_operator(principal, what="listing restrictions")
    return list(Restriction.objects.order_by("pattern__pattern").values_list("uuid", "pattern__pattern"))


@dataclass(frozen=True, slots=True)
class UserView:
    """A user as operators see it."""

    uuid: uuid.UUID
    username: str
    display_name: str
    email: str
    is_operator: bool
    is_active: bool


def list_users(*, principal: Principal) -> Sequence[UserView]:
    """Return all users by name. :raises Denied: unless the principal is an operator."""
    gate.require_operator(principal, what="listing users")
    return [
        UserView(row.uuid, row.username, row.display_name, row.email, row.is_superuser, row.is_active)
        for row in User.objects.order_by("username")
    ]


def display_names(handles: Sequence[str]) -> dict[str, str]:
    """Return the names to show for handles such as ``user:mara`` and ``team:playback``; unknown ones show as they are."""
    users = [handle[5:] for handle in handles if handle.startswith("user:")]
    teams = [handle[5:] for handle in handles if handle.startswith("team:")]
    shown = {handle: handle.partition(":")[2] or handle for handle in handles}
    if users:
        for username, name in User.objects.filter(username__in=users).values_list("username", "display_name"):
            shown[f"user:{username}"] = name or username
    if teams:
        for team, name in Team.objects.filter(name__in=teams).values_list("name", "display_name"):
            shown[f"team:{team}"] = name or team
    return shown


def find_owner_handles(text: str, *, limit: int = 20) -> Sequence[str]:
    """Return handles of users and teams whose name or shown name holds a text, teams first."""
    teams = Team.objects.filter(Q(name__icontains=text) | Q(display_name__icontains=text)).values_list(
        "name", flat=True
    )
    users = User.objects.filter(Q(username__icontains=text) | Q(display_name__icontains=text), is_active=True)
    found = [f"team:{name}" for name in teams[:limit]]
    return (found + [f"user:{name}" for name in users.values_list("username", flat=True)[:limit]])[:limit]


def exists_handle(handle: str) -> bool:
    """Return whether a handle names a user or a team."""
    kind, _, name = handle.partition(":")
    if kind == "user":
        return User.objects.filter(username=name).exists()
    return kind == "team" and Team.objects.filter(name=name).exists()


@dataclass(frozen=True, slots=True)
class AuditView:
    """An audit record."""

    number: int
    recorded_at: datetime
    principal: str
    door: str
    action: str
    subject_kind: str
    subject: str
    subject_uuid: uuid.UUID | None
    before: Any
    after: Any


def list_audit(
    *,
    principal: Principal,
    subject_uuid: uuid.UUID | None = None,
    by: str | None = None,
    before: int | None = None,
    limit: int,
) -> Sequence[AuditView]:
    """Return audit records, newest first; all of them for operators, else only one's own writes."""
    condition = Q()
    if not principal.is_operator:
        condition &= Q(principal=principal.handle)
    if subject_uuid:
        condition &= Q(subject_uuid=subject_uuid)
    if by:
        condition &= Q(principal=by)
    if before is not None:
        condition &= Q(pk__lt=before)
    return [
        AuditView(
            row.pk,
            row.recorded_at,
            row.principal,
            row.door,
            row.action,
            row.subject_kind,
            row.subject,
            row.subject_uuid,
            row.before,
            row.after,
        )
        for row in AuditRecord.objects.filter(condition).order_by("-pk")[:limit]
    ]
