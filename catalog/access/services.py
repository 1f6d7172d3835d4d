"""Writes of access: users, teams, tokens, grants, restrictions; classing of names; audit records."""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from django.contrib.auth.hashers import check_password, make_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection, transaction
from django.db.models import F, QuerySet

from catalog.access import gate
from catalog.access.models import (
    AccessClass,
    AccessGeneration,
    ApiToken,
    AuditRecord,
    Grant,
    NamePattern,
    Restriction,
    Role,
    Team,
    User,
)
from catalog.access.principals import Caller, NoSuchPrincipal, forget, lock_patterns, token_digest
from catalog.domain.names import Pattern, compile_pattern
from catalog.journal import clock
from catalog.journal.services import Entry, publish

MAX_TOKENS_A_USER = 100
MIN_PASSWORD = 10


class InvalidAccess(ValueError):
    """A request about users, tokens or grants that cannot be carried out; the message says why."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What to write down about one write; ``before`` and ``after`` hold no secret and no row value."""

    action: str
    subject_kind: str
    subject: str
    subject_uuid: uuid.UUID | None = None
    before: Any = None
    after: Any = None


def record(caller: Caller, entries: Iterable[AuditEntry]) -> None:
    """Write audit records in the present transaction."""
    recorded_at = clock.now()
    AuditRecord.objects.bulk_create(
        [
            AuditRecord(
                recorded_at=recorded_at,
                principal=caller.principal.handle,
                door=caller.door,
                action=entry.action,
                subject_kind=entry.subject_kind,
                subject=entry.subject,
                subject_uuid=entry.subject_uuid,
                before=entry.before,
                after=entry.after,
            )
            for entry in entries
        ],
        batch_size=500,
    )


def raise_generation() -> None:
    """Have every process forget what it knows of principals: this one at once, the others within a second."""
    if not AccessGeneration.objects.filter(pk=1).update(number=F("number") + 1):
        AccessGeneration.objects.get_or_create(pk=1, defaults={"number": 1})
    forget()


_USERNAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,99}\Z")


def create_user(
    *,
    caller: Caller,
    username: str,
    password: str | None,
    display_name: str = "",
    email: str = "",
    operator: bool = False,
) -> User:
    """
    Create a user; without a password it can only use tokens.

    :raises InvalidAccess: for a bad or taken name or a short password.
    """
    gate.require_operator(caller.principal, what="creating users")
    if not _USERNAME.match(username):
        raise InvalidAccess(
            f"user name {username!r} must be 1 to 100 lower-case letters, digits or '._@-', beginning with a letter or digit"
        )
    if password is not None:
        _check_password(password)
    _check_email(email)
    with transaction.atomic():
        if User.objects.filter(username=username).exists():
            raise InvalidAccess(f"user '{username}' exists already")
        user = User.objects.create(
            username=username,
            password=make_password(password),
            display_name=display_name,
            email=email,
            is_superuser=operator,
            is_staff=operator,
        )
        record(
            caller,
            [AuditEntry("user.created", "user", username, user.uuid, after={"operator": operator, "email": email})],
        )
        raise_generation()
    return user


def _check_password(password: str) -> None:
    if len(password) < MIN_PASSWORD:
        raise InvalidAccess(f"a password has at least {MIN_PASSWORD} characters")


def _check_email(email: str) -> None:
    if email:
        try:
            validate_email(email)
        except ValidationError as error:
            raise InvalidAccess(f"{email[:100]!r} is no e-mail address") from error


def _locked_user(username: str) -> User:
    user = User.objects.select_for_update().filter(username=username).first()
    if user is None:
        raise NoSuchPrincipal(f"no user is named '{username}'")
    return user


_OWN = frozenset({"display_name", "email", "time_zone"})


def change_user(*, caller: Caller, username: str, changes: Mapping[str, Any]) -> None:
    """
    Change a user: ``display_name``, ``email`` and ``time_zone``, which are one's own too; ``operator`` and ``active``, as operators do.

    A user who is not active is let in nowhere, by no password and no token; what they own and said stays.

    :raises InvalidAccess: for a value that cannot be, or if no active operator would be left. :raises NoSuchPrincipal: for an unknown user.
    """
    own = caller.principal.handle == f"user:{username}"
    if not own or not _OWN.issuperset(changes):
        gate.require_operator(caller.principal, what="changing users")
    columns = {"operator": "is_superuser", "active": "is_active"}
    unknown = sorted(set(changes) - _OWN - set(columns))
    if unknown:
        raise InvalidAccess(f"'{unknown[0]}' of a user cannot be changed; these can: {', '.join((*_OWN, *columns))}")
    zone = changes.get("time_zone")
    if zone and zone not in available_timezones():
        raise InvalidAccess(
            f"there is no time zone {str(zone)[:64]!r}; write such as Europe/Berlin, or nothing for UTC"
        )
    _check_email(changes.get("email") or "")
    with transaction.atomic():
        # All of them, so that no two who take each other's rights at once leave nobody.
        operators = User.objects.select_for_update().filter(is_superuser=True, is_active=True).order_by("pk")
        list(operators.values_list("pk", flat=True))
        user = _locked_user(username)
        before = {name: getattr(user, columns.get(name, name)) for name in changes}
        if before == dict(changes):
            return
        for name, value in changes.items():
            setattr(user, columns.get(name, name), value)
        user.is_staff = user.is_superuser
        user.save()
        if not User.objects.filter(is_superuser=True, is_active=True).exists():
            raise InvalidAccess("somebody must be an active operator; make another one first")
        record(caller, [AuditEntry("user.changed", "user", username, user.uuid, before, dict(changes))])
        raise_generation()


def set_password(*, caller: Caller, username: str, password: str, current: str | None = None) -> None:
    """
    Set a user's password, which signs them out everywhere. For one's own the current one is asked; operators set those of others.

    :raises InvalidAccess: for a short password or a wrong current one. :raises NoSuchPrincipal: for an unknown user.
    """
    own = caller.principal.handle == f"user:{username}"
    if not own:
        gate.require_operator(caller.principal, what="setting passwords of others")
    _check_password(password)
    with transaction.atomic():
        user = _locked_user(username)
        if own and user.has_usable_password() and not check_password(current or "", user.password):
            raise InvalidAccess("the current password is another one")
        user.password = make_password(password)
        user.save(update_fields=["password"])
        record(caller, [AuditEntry("user.password_set", "user", username, user.uuid)])
        raise_generation()


def _members(wanted: Iterable[str]) -> list[User]:
    names = list(wanted)
    users = list(User.objects.filter(username__in=names))
    missing = sorted(set(names) - {user.username for user in users})
    if missing:
        raise NoSuchPrincipal(f"no user is named {', '.join(missing)}")
    return users


def _locked_team(name: str) -> Team:
    team = Team.objects.select_for_update().filter(name=name).first()
    if team is None:
        raise NoSuchPrincipal(f"no team is named '{name}'")
    return team


def change_team(
    *, caller: Caller, name: str, display_name: str | None = None, members: Iterable[str] | None = None
) -> None:
    """Change what a team is called or who is in it. :raises NoSuchPrincipal: for an unknown team or member."""
    gate.require_operator(caller.principal, what="changing teams")
    with transaction.atomic():
        team = _locked_team(name)
        before = {"display_name": team.display_name, "members": sorted(_usernames(team))}
        if display_name is not None:
            team.display_name = display_name or name
            team.save(update_fields=["display_name"])
        if members is not None:
            team.members.set(_members(members))
        after = {"display_name": team.display_name, "members": sorted(_usernames(team))}
        if before != after:
            record(caller, [AuditEntry("team.changed", "team", name, team.uuid, before, after)])
            raise_generation()


def add_members(*, caller: Caller, name: str, members: Iterable[str]) -> None:
    """Add users to a team. :raises NoSuchPrincipal: for an unknown team or member."""
    gate.require_operator(caller.principal, what="changing teams")
    with transaction.atomic():
        change_team(caller=caller, name=name, members=[*_usernames(_locked_team(name)), *members])


def remove_member(*, caller: Caller, name: str, member: str) -> None:
    """Take a user out of a team; they need not be in it. :raises NoSuchPrincipal: for an unknown team."""
    gate.require_operator(caller.principal, what="changing teams")
    with transaction.atomic():
        present = _usernames(_locked_team(name))
        change_team(caller=caller, name=name, members=[one for one in present if one != member])


def _usernames(team: Team) -> list[str]:
    return list(team.members.values_list("username", flat=True))


def create_team(*, caller: Caller, name: str, display_name: str = "", members: Iterable[str] = ()) -> Team:
    """Create a team of users. :raises InvalidAccess: if it exists. :raises NoSuchPrincipal: for an unknown member."""
    gate.require_operator(caller.principal, what="creating teams")
    if not _USERNAME.match(name):
        raise InvalidAccess(f"team name {name!r} must be lower-case letters, digits or '._@-'")
    wanted = list(members)
    with transaction.atomic():
        if Team.objects.filter(name=name).exists():
            raise InvalidAccess(f"team '{name}' exists already")
        users = _members(wanted)
        team = Team.objects.create(name=name, display_name=display_name or name)
        team.members.set(users)
        record(caller, [AuditEntry("team.created", "team", name, team.uuid, after={"members": wanted})])
        raise_generation()
    return team


def create_token(
    *, caller: Caller, user_id: int, name: str, expires_at: datetime | None, secret: str | None = None
) -> tuple[ApiToken, str]:
    """
    Create a token and return it with its secret, which is shown this once and not kept.

    ``secret`` sets a known one, as an operator does for automation. :raises InvalidAccess: for a date in the past.
    """
    if caller.principal.user_id != user_id:
        gate.require_operator(caller.principal, what="creating tokens for others")
    if not name.strip() or len(name) > 100:
        raise InvalidAccess("a token has a name of 1 to 100 characters, such as what will use it")
    now = clock.now()
    if expires_at is not None and expires_at <= now:
        raise InvalidAccess("a token's end must lie in the future")
    secret = secret or f"cairn_{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        user = User.objects.filter(pk=user_id).first()
        if user is None:
            raise NoSuchPrincipal(f"no user has the id {user_id}")
        if ApiToken.objects.filter(user=user, revoked_at__isnull=True).count() >= MAX_TOKENS_A_USER:
            raise InvalidAccess(f"a user has at most {MAX_TOKENS_A_USER} tokens; revoke one that is not used")
        token = ApiToken.objects.create(
            user=user,
            name=name.strip(),
            digest=token_digest(secret),
            hint=secret[:10] if secret.startswith("cairn_") else secret[:2],
            created_at=now,
            expires_at=expires_at,
        )
        record(caller, [AuditEntry("token.created", "token", f"{user.username}/{name}", token.uuid)])
        raise_generation()
    return token, secret


def revoke_token(*, caller: Caller, token_uuid: uuid.UUID) -> None:
    """End a token at once. :raises NoSuchPrincipal: if there is none, or it is somebody else's and you are no operator."""
    with transaction.atomic():
        token = ApiToken.objects.select_related("user").filter(uuid=token_uuid).first()
        if token is None or (token.user_id != caller.principal.user_id and not caller.principal.is_operator):
            raise NoSuchPrincipal(f"you have no token with the id {token_uuid}")
        if ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=clock.now()):
            record(caller, [AuditEntry("token.revoked", "token", f"{token.user.username}/{token.name}", token.uuid)])
            raise_generation()


def _pattern(pattern: str) -> NamePattern:
    """Return the row of a pattern; a new one is published, so that the datasets under it are classed anew."""
    compile_pattern(pattern)
    found = NamePattern.objects.filter(pattern=pattern).first()
    if found is None:
        lock_patterns(exclusive=True)
        found, _ = NamePattern.objects.get_or_create(pattern=pattern)
        publish([Entry("access", "pattern_added", "pattern", None, payload={"pattern": pattern})])
    return found


def create_grant(
    *, caller: Caller, role: str, pattern: str, username: str | None = None, team: str | None = None
) -> Grant:
    """
    Grant a role on a name pattern to a user, a team, or, with neither, everyone who signs in. Granting twice changes nothing.

    :raises InvalidAccess: for an unknown role, a bad pattern or both a user and a team. :raises NoSuchPrincipal: for an unknown one.
    """
    gate.require_operator(caller.principal, what="granting roles")
    if role not in Role.values:
        raise InvalidAccess(f"there is no role {role!r}; roles are {', '.join(Role.values)}")
    if username and team:
        raise InvalidAccess("grant to a user or to a team, not to both")
    with transaction.atomic():
        user_row = User.objects.filter(username=username).first() if username else None
        team_row = Team.objects.filter(name=team).first() if team else None
        if username and user_row is None:
            raise NoSuchPrincipal(f"no user is named '{username}'")
        if team and team_row is None:
            raise NoSuchPrincipal(f"no team is named '{team}'")
        grant, created = Grant.objects.get_or_create(user=user_row, team=team_row, role=role, pattern=_pattern(pattern))
        if created:
            record(caller, [AuditEntry("grant.created", "grant", pattern, grant.uuid, after=_grant_json(grant))])
            raise_generation()
    return grant


def _grant_json(grant: Grant) -> Mapping[str, Any]:
    return {
        "role": grant.role,
        "pattern": grant.pattern.pattern,
        "user": grant.user.username if grant.user else None,
        "team": grant.team.name if grant.team else None,
    }


def revoke_grant(*, caller: Caller, grant_uuid: uuid.UUID) -> Mapping[str, Any]:
    """Take a grant back and return what it was. :raises NoSuchPrincipal: if there is none with this id."""
    gate.require_operator(caller.principal, what="revoking grants")
    with transaction.atomic():
        grant = Grant.objects.select_related("pattern", "user", "team").filter(uuid=grant_uuid).first()
        if grant is None:
            raise NoSuchPrincipal(f"no grant has the id {grant_uuid}")
        was = _grant_json(grant)
        record(caller, [AuditEntry("grant.revoked", "grant", grant.pattern.pattern, grant.uuid, before=was)])
        grant.delete()
        raise_generation()
    return was


def create_restriction(*, caller: Caller, pattern: str) -> Restriction:
    """Hide the datasets under a pattern from all who are not granted a role there by name or team."""
    gate.require_operator(caller.principal, what="restricting names")
    with transaction.atomic():
        restriction, created = Restriction.objects.get_or_create(pattern=_pattern(pattern))
        if created:
            record(caller, [AuditEntry("restriction.created", "restriction", pattern, restriction.uuid)])
            raise_generation()
    return restriction


def revoke_restriction(*, caller: Caller, restriction_uuid: uuid.UUID) -> str:
    """Lift a restriction and return its pattern. :raises NoSuchPrincipal: if there is none with this id."""
    gate.require_operator(caller.principal, what="lifting restrictions")
    with transaction.atomic():
        restriction = Restriction.objects.select_related("pattern").filter(uuid=restriction_uuid).first()
        if restriction is None:
            raise NoSuchPrincipal(f"no restriction has the id {restriction_uuid}")
        record(caller, [AuditEntry("restriction.lifted", "restriction", restriction.pattern.pattern, restriction.uuid)])
        restriction.delete()
        raise_generation()
    return restriction.pattern.pattern


class Classifier:
    """Gives names their access class within one transaction; makes classes that are not there yet."""

    def __init__(self) -> None:
        self._patterns: list[tuple[int, Pattern]] = []
        self._last_pattern = -1
        self._classes: dict[frozenset[int], int] = {}
        self._uncommitted: dict[frozenset[int], int] = {}

    def refresh(self) -> None:
        """Load patterns that came since; call it at the start of each transaction that classes names."""
        # What an earlier transaction named is known once it was committed; it may have been rolled back.
        uncommitted = self._uncommitted = {}
        transaction.on_commit(lambda: self._classes.update(uncommitted))
        lock_patterns(exclusive=False)
        rows = list(NamePattern.objects.filter(pk__gt=self._last_pattern).order_by("pk").values_list("pk", "pattern"))
        if rows:
            self._patterns += [(key, compile_pattern(pattern)) for key, pattern in rows]
            self._last_pattern = rows[-1][0]

    def class_of(self, qualified_name: str) -> int:
        """Return the id of the class of a printed name."""
        if not connection.in_atomic_block:
            raise RuntimeError("names are classed within a transaction that began with refresh()")
        matched = frozenset(key for key, pattern in self._patterns if pattern.matches(qualified_name))
        found = self._classes.get(matched) or self._uncommitted.get(matched)
        if found is None:
            found = self._uncommitted[matched] = _class_for(matched)
        return found


def class_rows_anew(rows: QuerySet[Any], fields: Sequence[str], name_of: Callable[..., str], *, page: int) -> int:
    """
    Give rows the access class of their names, a page in one transaction; return how many changed.

    The fields of a row make its name.
    """
    changed = last = 0
    while True:
        with transaction.atomic():
            classifier = Classifier()
            classifier.refresh()
            found = list(
                rows.select_for_update(of=("self",))
                .filter(pk__gt=last)
                .order_by("pk")
                .values_list("pk", "access_class_id", *fields)[:page]
            )
            moved: dict[int, list[int]] = {}
            for key, class_id, *parts in found:
                wanted = classifier.class_of(name_of(*parts))
                if wanted != class_id:
                    moved.setdefault(wanted, []).append(key)
            for wanted, keys in moved.items():
                changed += rows.model.objects.filter(pk__in=keys).update(access_class_id=wanted)
        if not found:
            return changed
        last = found[-1][0]


def classes_of(qualified_names: Sequence[str]) -> list[int]:
    """Return the ids of the classes of names, of datasets that are there or that may come."""
    with transaction.atomic():
        classifier = Classifier()
        classifier.refresh()
        return [classifier.class_of(name) for name in qualified_names]


def _class_for(patterns: frozenset[int]) -> int:
    digest = hashlib.sha256(",".join(str(key) for key in sorted(patterns)).encode()).digest()[:16]
    found, created = AccessClass.objects.get_or_create(digest=digest)
    if created:
        found.patterns.set(patterns)
        raise_generation()
    return found.pk
