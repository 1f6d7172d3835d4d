"""Principals: who acts, and which classes of datasets each of their roles reaches."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import connection
from django.db.models import Q

from catalog.access.models import AccessClass, AccessGeneration, ApiToken, Grant, Restriction, Role, Team, User
from catalog.journal import clock

ROLES = tuple(Role.values)
"""From the least to the most; a role includes those before it."""

CHECK_SECONDS = 1.0
"""A change of grants or tokens acts within this time in every process."""


class NoSuchPrincipal(LookupError):
    """There is no user, team, token or grant of this name or id."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who acts. ``classes`` gives, a role, the access classes it reaches; None means all, as for operators."""

    handle: str
    """``user:mara`` or ``system:worker``; what audit and annotations write down."""
    display_name: str
    user_id: int | None = None
    teams: tuple[str, ...] = ()
    is_operator: bool = False
    time_zone: str = ""
    classes: Mapping[str, frozenset[int]] | None = field(default_factory=dict)


def system_principal(part: str) -> Principal:
    """Return the principal of one of Cairn's own processes; it may do everything."""
    return Principal(f"system:{part}", f"Cairn ({part})", is_operator=True, classes=None)


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal and the door it came through (``web``, ``rest``, ``sync``…): what every write is audited with."""

    principal: Principal
    door: str

    @property
    def cause(self) -> dict[str, str]:
        """What journal entries say made the change."""
        return {"principal": self.principal.handle, "door": self.door}


Key = TypeVar("Key")
Held = TypeVar("Held")


class _Memory:
    """What a process remembers of principals, all forgotten when the access generation moves."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.generation = -1
        self.checked = 0.0
        self.by_user: dict[int, Principal] = {}
        self.by_name: dict[str, Principal] = {}
        self.by_token: dict[bytes, tuple[Principal, datetime | None]] = {}

    def refresh(self) -> None:
        """Forget everything if the generation moved; asks at most once in CHECK_SECONDS."""
        if time.monotonic() - self.checked < CHECK_SECONDS:
            return
        generation = AccessGeneration.objects.values_list("number", flat=True).filter(pk=1).first() or 0
        with self.lock:
            if generation != self.generation:
                self.by_user.clear()
                self.by_name.clear()
                self.by_token.clear()
                self.generation = generation
            self.checked = time.monotonic()

    def keep(self, held: dict[Key, Held], key: Key, found: Held, generation: int) -> None:
        """Remember what was looked up under a generation, unless it moved meanwhile: what was read before may be over."""
        with self.lock:
            if generation == self.generation:
                held[key] = found


_memory = _Memory()


def forget() -> None:
    """Have this process ask the database again at once; others do so within CHECK_SECONDS."""
    _memory.checked = 0.0
    _memory.generation = -1


def principal_for_user(user_id: int) -> Principal | None:
    """Return the principal of an active user, or None."""
    _memory.refresh()
    found, generation = _memory.by_user.get(user_id), _memory.generation
    if found is None:
        user = User.objects.filter(pk=user_id, is_active=True).first()
        if user is None:
            return None
        found = _build(user)
        _memory.keep(_memory.by_user, user_id, found, generation)
    return found


def principal_for_name(username: str) -> Principal | None:
    """Return the principal of an active user by name, or None."""
    _memory.refresh()
    found, generation = _memory.by_name.get(username), _memory.generation
    if found is None:
        user_id = User.objects.filter(username=username, is_active=True).values_list("pk", flat=True).first()
        found = principal_for_user(user_id) if user_id is not None else None
        if found is not None:
            _memory.keep(_memory.by_name, username, found, generation)
    return found


def renewed(principal: Principal) -> Principal:
    """Return a principal with what it reaches by now: a name that was classed a moment ago may have made a class."""
    if principal.classes is None or principal.user_id is None:
        return principal
    forget()
    return principal_for_user(principal.user_id) or principal


def token_digest(secret: str) -> bytes:
    """Return what is stored of a token. A token has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).digest()


def principal_for_token(secret: str) -> Principal | None:
    """Return the principal of a token that is neither expired nor revoked and whose user is active, or None."""
    _memory.refresh()
    digest = token_digest(secret)
    known, generation = _memory.by_token.get(digest), _memory.generation
    if known is None:
        now = clock.now()
        token = (
            ApiToken.objects.filter(digest=digest, revoked_at__isnull=True)
            .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))
            .first()
        )
        principal = principal_for_user(token.user_id) if token else None
        if token is None or principal is None:
            return None
        if token.last_used_at is None or now - token.last_used_at > timedelta(minutes=10):
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        known = (principal, token.expires_at)
        _memory.keep(_memory.by_token, digest, known, generation)
    principal, expires_at = known
    if expires_at is not None and expires_at <= clock.now():
        return None
    return principal


def _build(user: User) -> Principal:
    teams = list(Team.objects.filter(members=user).values_list("pk", "name"))
    return Principal(
        handle=f"user:{user.username}",
        display_name=user.display_name or user.username,
        user_id=user.pk,
        teams=tuple(name for _, name in teams),
        is_operator=user.is_superuser,
        time_zone=user.time_zone,
        classes=None if user.is_superuser else _classes(user.pk, [key for key, _ in teams]),
    )


def _classes(user_id: int, team_ids: list[int]) -> dict[str, frozenset[int]]:
    reached: dict[str, set[int]] = {role: set() for role in ROLES}
    restricted = set(
        AccessClass.objects.filter(patterns__in=Restriction.objects.values("pattern_id")).values_list("pk", flat=True)
    )
    grants = Grant.objects.filter(
        Q(user_id=user_id) | Q(team_id__in=team_ids) | Q(user__isnull=True, team__isnull=True)
    ).values_list("role", "pattern_id", "user_id", "team_id")
    by_pattern: dict[int, set[int]] = {}
    through = AccessClass.patterns.through
    for class_id, pattern_id in through.objects.filter(
        namepattern_id__in={pattern for _, pattern, _, _ in grants}
    ).values_list("accessclass_id", "namepattern_id"):
        by_pattern.setdefault(pattern_id, set()).add(class_id)
    for role, pattern_id, granted_user, granted_team in grants:
        classes = by_pattern.get(pattern_id, set())
        to_everyone = granted_user is None and granted_team is None
        reached_now = classes - restricted if to_everyone else classes
        for lesser in ROLES[: ROLES.index(role) + 1]:
            reached[lesser] |= reached_now
    return {role: frozenset(classes) for role, classes in reached.items()}


def lock_patterns(*, exclusive: bool) -> None:
    """
    Keep the set of name patterns as it is until the transaction ends, or, exclusively, wait for all who rely on it.

    Without it a dataset inserted while a restriction is made could miss the restriction for good.
    """
    if connection.vendor == "postgresql":
        function = "pg_advisory_xact_lock" if exclusive else "pg_advisory_xact_lock_shared"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(hashtext('cairn.access.patterns'))")
