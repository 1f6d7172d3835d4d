"""Reads of access: tokens, grants, users, audit."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q

from catalog.access import gate
from catalog.access.models import ApiToken, AuditRecord, Grant, Restriction, Team, User
from catalog.access.principals import NoSuchPrincipal, Principal


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token without its secret."""

    uuid: uuid.UUID
    name: str
    hint: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


def list_tokens(*, principal: Principal, username: str | None = None) -> Sequence[TokenView]:
    """Return the tokens that are not revoked, newest first: one's own, or as an operator those of a user."""
    rows = ApiToken.objects.filter(revoked_at__isnull=True).order_by("-pk")
    if username is None or principal.handle == f"user:{username}":
        rows = rows.filter(user_id=principal.user_id or 0)
    else:
        gate.require_operator(principal, what="looking at tokens of others")
        rows = rows.filter(user__username=username)
    return [TokenView(row.uuid, row.name, row.hint, row.created_at, row.expires_at, row.last_used_at) for row in rows]


@dataclass(frozen=True, slots=True)
class GrantView:
    """A grant; neither user nor team means everyone who signs in."""

    uuid: uuid.UUID
    role: str
    pattern: str
    user: str | None
    team: str | None


def list_grants(
    *,
    principal: Principal,
    limit: int,
    after: tuple[str, uuid.UUID] | None = None,
    username: str | None = None,
    team: str | None = None,
) -> Sequence[GrantView]:
    """
    Return grants by pattern, or those that were made to a user or a team by name.

    ``after`` is pattern and id of the last one of the page before. :raises Denied: unless the principal is an operator.
    """
    gate.require_operator(principal, what="listing grants")
    rows = Grant.objects.select_related("pattern", "user", "team").order_by("pattern__pattern", "uuid")
    if after is not None:
        pattern, key = after
        rows = rows.filter(Q(pattern__pattern__gt=pattern) | Q(pattern__pattern=pattern, uuid__gt=key))
    if username is not None:
        rows = rows.filter(user__username=username)
    if team is not None:
        rows = rows.filter(team__name=team)
    return [
        GrantView(
            row.uuid,
            row.role,
            row.pattern.pattern,
            row.user.username if row.user else None,
            row.team.name if row.team else None,
        )
        for row in rows[:limit]
    ]


def list_restrictions(*, principal: Principal, limit: int, after: str = "") -> Sequence[tuple[uuid.UUID, str]]:
    """Return id and pattern of restrictions, from the one after a pattern. :raises Denied: unless the principal is an operator."""
    gate.require_operator(principal, what="listing restrictions")
    rows = Restriction.objects.filter(pattern__pattern__gt=after).order_by("pattern__pattern")
    return list(rows.values_list("uuid", "pattern__pattern")[:limit])


@dataclass(frozen=True, slots=True)
class UserView:
    """A user as operators see it."""

    uuid: uuid.UUID
    username: str
    display_name: str
    email: str
    is_operator: bool
    is_active: bool
    time_zone: str
    last_login: datetime | None
    teams: Sequence[str]


def _user_view(row: User) -> UserView:
    return UserView(
        uuid=row.uuid,
        username=row.username,
        display_name=row.display_name,
        email=row.email,
        is_operator=row.is_superuser,
        is_active=row.is_active,
        time_zone=row.time_zone,
        last_login=row.last_login,
        teams=sorted(team.name for team in row.teams.all()),
    )


def list_users(
    *, principal: Principal, limit: int, after: str = "", text: str = "", team: str | None = None
) -> Sequence[UserView]:
    """
    Return users by name, from the one after a name, of whom a text stands in name, shown name or e-mail.

    :raises Denied: unless the principal is an operator.
    """
    gate.require_operator(principal, what="listing users")
    rows = User.objects.prefetch_related("teams").filter(username__gt=after)
    if text:
        holds = Q(username__icontains=text) | Q(display_name__icontains=text) | Q(email__icontains=text)
        rows = rows.filter(holds)
    if team is not None:
        rows = rows.filter(teams__name=team)
    return [_user_view(row) for row in rows.order_by("username")[:limit]]


def get_user(*, principal: Principal, username: str) -> UserView:
    """
    Return a user; one's own, or any as an operator.

    :raises Denied: for others than that. :raises NoSuchPrincipal: if there is none.
    """
    if principal.handle != f"user:{username}":
        gate.require_operator(principal, what="looking at users")
    row = User.objects.prefetch_related("teams").filter(username=username).first()
    if row is None:
        raise NoSuchPrincipal(f"no user is named '{username}'")
    return _user_view(row)


@dataclass(frozen=True, slots=True)
class TeamView:
    """A team and how many are in it."""

    uuid: uuid.UUID
    name: str
    display_name: str
    members: int


def list_teams(*, principal: Principal, limit: int, after: str = "") -> Sequence[TeamView]:
    """Return teams by name, from the one after a name. :raises Denied: unless the principal is an operator."""
    gate.require_operator(principal, what="listing teams")
    rows = Team.objects.filter(name__gt=after).annotate(count=Count("members")).order_by("name")[:limit]
    return [TeamView(row.uuid, row.name, row.display_name, row.count) for row in rows]


def get_team(*, principal: Principal, name: str) -> TeamView:
    """Return a team. :raises Denied: unless the principal is an operator. :raises NoSuchPrincipal: if there is none."""
    gate.require_operator(principal, what="looking at teams")
    row = Team.objects.filter(name=name).annotate(count=Count("members")).first()
    if row is None:
        raise NoSuchPrincipal(f"no team is named '{name}'")
    return TeamView(row.uuid, row.name, row.display_name, row.count)


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
