"""Projections: functions that follow the journal, each with a cursor of its own; one that is down delays itself only."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from catalog.journal import clock
from catalog.journal.models import ProjectionCursor
from catalog.journal.selectors import Change, CursorExpired, head_position, list_changes

logger = logging.getLogger(__name__)

LEASE_SECONDS = 60
BATCH_ENTRIES = 2_000
MAX_WAIT_SECONDS = 10
"""Between tries of a projection that fails; it waits half as long as it has been failing, so that the first try comes at once."""


@dataclass(frozen=True, slots=True)
class Projection:
    """
    A row of the flow: which aspects it follows, what it does with a batch, and how it is made anew from the tables.

    ``apply`` may see an entry twice and must not mind; it reads the subjects rather than trust the entries.
    """

    name: str
    aspects: frozenset[str]
    apply: Callable[[Sequence[Change]], None]
    rebuild: Callable[[], None]


def advance(projections: Sequence[Projection], *, holder: str, batches: int = 20) -> int:
    """
    Move projections over at most ``batches`` batches; return the entries they went past, taken together.

    Each is moved by the holder of its lease only; one that fails is stored with the reason and stays where it was, and delays
    no other. Those at one place share what is read, and those that a batch does not concern go past it by one write: a tick
    costs about as much for many as for one.
    """
    moved = 0
    followers = _held(projections, holder)
    for _ in range(batches):
        if not followers:
            break
        moved += _advance_once(followers, holder)
        followers = [each for each in followers if each.has_more]
    return moved


@dataclass(slots=True)
class _Follower:
    projection: Projection
    cursor: ProjectionCursor
    has_more: bool = False


def _held(projections: Sequence[Projection], holder: str) -> list[_Follower]:
    """Take the leases of projections that are not level and wait for no other try, and return those that are had."""
    now = clock.now()
    cursors = _cursors([each.name for each in projections])
    head = head_position()
    due = [
        name
        for name, cursor in cursors.items()
        if not (_is_leased(cursor, holder, now, LEASE_SECONDS / 2) and _is_level(cursor, head))
        and (cursor.retry_at is None or cursor.retry_at <= now)
    ]
    if any(not _is_leased(cursors[name], holder, now, LEASE_SECONDS * 5 / 6) for name in due):
        ProjectionCursor.objects.filter(name__in=due).filter(
            Q(holder=holder) | Q(lease_until__isnull=True) | Q(lease_until__lt=now)
        ).update(holder=holder, lease_until=now + timedelta(seconds=LEASE_SECONDS))
        cursors = _cursors(due)  # where they stand now that nobody else moves them
    return [
        _Follower(each, cursors[each.name])
        for each in projections
        if each.name in due and cursors[each.name].holder == holder
    ]


def _cursors(names: Sequence[str]) -> dict[str, ProjectionCursor]:
    found = {row.name: row for row in ProjectionCursor.objects.filter(name__in=names)}
    new = [name for name in names if name not in found]
    if not new:
        return found
    rows = [ProjectionCursor(name=name, rebuild_requested=True) for name in new]
    ProjectionCursor.objects.bulk_create(rows, ignore_conflicts=True)
    return _cursors(names)


def _is_leased(cursor: ProjectionCursor, holder: str, now: datetime, seconds: float) -> bool:
    """Whether a holder has a cursor for so many seconds more."""
    if cursor.holder != holder or cursor.lease_until is None:
        return False
    return cursor.lease_until - now > timedelta(seconds=seconds)


def _is_level(cursor: ProjectionCursor, head: int) -> bool:
    return not cursor.rebuild_requested and cursor.failing_since is None and cursor.position >= head


def _advance_once(followers: Sequence[_Follower], holder: str) -> int:
    """Move each over one batch, or make it anew; return how many entries they went past, taken together."""
    read: dict[int, Sequence[Change]] = {}
    past: dict[tuple[int, int], list[_Follower]] = {}
    concerned: list[tuple[_Follower, Sequence[Change]]] = []
    moved = 0
    for each in followers:
        each.has_more = False
        start = each.cursor.position
        if each.cursor.rebuild_requested:
            concerned.append((each, ()))
            continue
        try:
            if start not in read:
                read[start] = list_changes(after=start, limit=BATCH_ENTRIES)
        except CursorExpired:
            ProjectionCursor.objects.filter(name=each.projection.name).update(rebuild_requested=True)
            moved += 1
            continue
        changes = read[start]
        if any(change.aspect in each.projection.aspects for change in changes):
            concerned.append((each, changes))
        elif changes:
            past.setdefault((start, changes[-1].position), []).append(each)
    for (start, end), together in past.items():
        is_moved = _move(together, holder, start, end)
        moved += len(read[start]) * len(together)
        for each in together:
            each.has_more = is_moved and len(read[start]) == BATCH_ENTRIES
    for each, changes in concerned:
        passed = _apply(each, changes, holder)
        moved += passed
        each.has_more = len(changes) == BATCH_ENTRIES and passed > 0
    return moved


def _apply(follower: _Follower, changes: Sequence[Change], holder: str) -> int:
    """Have a projection apply a batch, or make itself anew where there is none; return the entries it went past."""
    projection, cursor, now = follower.projection, follower.cursor, clock.now()
    mine = ProjectionCursor.objects.filter(name=projection.name, holder=holder)
    lease = now + timedelta(seconds=LEASE_SECONDS)
    # Those before it in this round may have taken long.
    if not _is_leased(cursor, holder, now, LEASE_SECONDS * 5 / 6) and not mine.update(lease_until=lease):
        return 0
    try:
        if changes:
            projection.apply([change for change in changes if change.aspect in projection.aspects])
            is_moved = _move([follower], holder, cursor.position, changes[-1].position)
            return len(changes) if is_moved else 0
        start = head_position()
        projection.rebuild()
        return 1 if _move([follower], holder, cursor.position, start, rebuild_requested=False) else 0
    except Exception as error:
        told = f"{type(error).__name__}: {error}"[:2_000]
        if told != cursor.last_error:
            logger.exception("projection %s failed; it is tried again", projection.name)
        since = cursor.failing_since or now
        wait = min(timedelta(seconds=MAX_WAIT_SECONDS), (clock.now() - since) / 2)
        mine.update(failing_since=since, retry_at=clock.now() + wait, last_error=told)
        return 0


def _move(followers: Sequence[_Follower], holder: str, start: int, end: int, **more: object) -> bool:
    """Write that projections went from one position to another; return whether none of their leases went to another holder meanwhile."""
    now = clock.now()
    changes = {
        "position": end,
        "moved_at": now,
        "failing_since": None,
        "retry_at": None,
        "last_error": "",
        "lease_until": now + timedelta(seconds=LEASE_SECONDS),
        **more,
    }
    names = [each.projection.name for each in followers]
    written = ProjectionCursor.objects.filter(name__in=names, holder=holder, position=start).update(**changes)
    for each in followers:
        each.cursor.position = end
        each.cursor.lease_until = now + timedelta(seconds=LEASE_SECONDS)
    return written == len(followers)


def request_rebuild(name: str) -> None:
    """Have a projection made anew from the tables by whoever moves it next."""
    ProjectionCursor.objects.update_or_create(name=name, defaults={"rebuild_requested": True, "retry_at": None})


def release(holder: str) -> None:
    """Give up all leases of a holder, as a worker does when it ends."""
    ProjectionCursor.objects.filter(holder=holder).update(holder="", lease_until=None)


def holder_name(process: str) -> str:
    """Return a name for a holder that no other process has."""
    return f"{process}-{uuid.uuid4().hex[:12]}"
