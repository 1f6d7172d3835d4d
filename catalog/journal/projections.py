"""Projections: functions that follow the journal, each with a cursor of its own; one that is down delays itself only."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q

from catalog.journal import clock
from catalog.journal.models import ProjectionCursor
from catalog.journal.selectors import Change, CursorExpired, head_position, list_changes

logger = logging.getLogger(__name__)

LEASE_SECONDS = 60
BATCH_ENTRIES = 2_000


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


def advance(projection: Projection, *, holder: str, batches: int = 20) -> int:
    """
    Move a projection over at most ``batches`` batches; return the entries it went past.

    Only the holder of its lease moves it; a failure is stored with the cursor, which stays where it was.
    """
    now = clock.now()
    cursor, _ = ProjectionCursor.objects.get_or_create(name=projection.name, defaults={"rebuild_requested": True})
    held = cursor.holder == holder and cursor.lease_until is not None
    if held and cursor.lease_until - now > timedelta(seconds=LEASE_SECONDS / 2) and _is_level(cursor):  # type: ignore[operator]
        return 0
    taken = (
        ProjectionCursor.objects.filter(name=projection.name)
        .filter(Q(holder=holder) | Q(lease_until__isnull=True) | Q(lease_until__lt=now))
        .update(holder=holder, lease_until=now + timedelta(seconds=LEASE_SECONDS))
    )
    if not taken:
        return 0
    moved = 0
    try:
        for _ in range(batches):
            count = _advance_once(projection, holder)
            moved += count
            if count == 0:
                break
    except Exception as error:
        logger.exception("projection %s failed", projection.name)
        ProjectionCursor.objects.filter(name=projection.name, holder=holder).update(
            last_error=f"{type(error).__name__}: {error}"[:2_000]
        )
        ProjectionCursor.objects.filter(name=projection.name, failing_since__isnull=True).update(failing_since=now)
    return moved


def _is_level(cursor: ProjectionCursor) -> bool:
    return not cursor.rebuild_requested and cursor.failing_since is None and cursor.position >= head_position()


def _advance_once(projection: Projection, holder: str) -> int:
    cursor = ProjectionCursor.objects.get(name=projection.name)
    if cursor.rebuild_requested:
        start = head_position()
        projection.rebuild()
        _move(cursor, holder, start, rebuilt=True)
        return 1
    try:
        changes = list_changes(after=cursor.position, limit=BATCH_ENTRIES)
    except CursorExpired:
        ProjectionCursor.objects.filter(name=projection.name).update(rebuild_requested=True)
        return 1
    if not changes:
        return 0
    wanted = [change for change in changes if change.aspect in projection.aspects]
    if wanted:
        projection.apply(wanted)
    _move(cursor, holder, changes[-1].position, rebuilt=False)
    return len(changes)


def _move(cursor: ProjectionCursor, holder: str, position: int, *, rebuilt: bool) -> None:
    # The condition fences off a holder whose lease went to another while it worked.
    now = clock.now()
    changes: dict[str, object] = {
        "position": position,
        "moved_at": now,
        "failing_since": None,
        "last_error": "",
        "lease_until": now + timedelta(seconds=LEASE_SECONDS),
    }
    if rebuilt:
        changes["rebuild_requested"] = False
    ProjectionCursor.objects.filter(name=cursor.name, holder=holder, position=cursor.position).update(**changes)


def request_rebuild(name: str) -> None:
    """Have a projection made anew from the tables by whoever moves it next."""
    ProjectionCursor.objects.update_or_create(name=name, defaults={"rebuild_requested": True})


def release(holder: str) -> None:
    """Give up all leases of a holder, as a worker does when it ends."""
    ProjectionCursor.objects.filter(holder=holder).update(holder="", lease_until=None)


def holder_name(process: str) -> str:
    """Return a name for a holder that no other process has."""
    return f"{process}-{uuid.uuid4().hex[:12]}"
