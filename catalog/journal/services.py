"""Writes of the journal: an entry goes into the transaction of the change it tells of, and gets its position later."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from catalog import bulk
from catalog.journal import clock
from catalog.journal.models import JournalEntry, JournalHead, PendingDataChange
from catalog.journal.partitions import Kept, maintain

COALESCE_SECONDS = 10
SEQUENCE_ROWS = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One change to publish.

    ``subject_version`` is the subject's version after it, raised under the subject's row lock. ``cause`` says what made it
    change (principal, door, run, intent); ``payload`` is a hint for people, projections re-read the subject.
    """

    aspect: str
    operation: str
    subject_kind: str
    subject_uuid: uuid.UUID | None
    subject_version: int = 0
    cause: Mapping[str, Any] = field(default_factory=dict)
    payload: Mapping[str, Any] = field(default_factory=dict)


_ENTRY_FIELDS = tuple(each.name for each in fields(Entry))
_entry_values = attrgetter(*_ENTRY_FIELDS)


class OutsideTransaction(RuntimeError):
    """An entry was published outside the transaction of its change."""


def publish(entries: Iterable[Entry]) -> None:
    """Write entries without positions. :raises OutsideTransaction: unless the caller's change and they commit together."""
    if not connection.in_atomic_block:
        raise OutsideTransaction("publish() must be called inside the transaction that makes the change")
    recorded_at = clock.now()
    bulk.insert(
        JournalEntry, ("recorded_at", *_ENTRY_FIELDS), ((recorded_at, *_entry_values(entry)) for entry in entries)
    )


def publish_data_changes(subjects: Iterable[uuid.UUID], cause: Mapping[str, Any]) -> None:
    """Note that the data of datasets changed; each becomes one entry when 10 s have passed since the first note."""
    if not connection.in_atomic_block:
        raise OutsideTransaction("publish_data_changes() must be called inside the transaction that makes the change")
    due_at = clock.now() + timedelta(seconds=COALESCE_SECONDS)
    wanted = list(dict.fromkeys(subjects))
    for start in range(0, len(wanted), SEQUENCE_ROWS):
        part = wanted[start : start + SEQUENCE_ROWS]
        PendingDataChange.objects.filter(subject_uuid__in=part).update(changes=F("changes") + 1)
        PendingDataChange.objects.bulk_create(
            [PendingDataChange(subject_uuid=subject, due_at=due_at, cause=dict(cause)) for subject in part],
            ignore_conflicts=True,
        )


def flush_data_changes() -> int:
    """Publish the data changes that are due, a batch in one transaction; return how many entries that made."""
    waiting = PendingDataChange.objects.filter(due_at__lte=clock.now())
    if not waiting.exists():
        return 0  # without SQLite's one write lock
    with transaction.atomic():
        due = list(
            waiting.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked).order_by(
                "due_at"
            )[:SEQUENCE_ROWS]
        )
        if due:
            publish(
                Entry("data", "changed", "dataset", row.subject_uuid, cause=row.cause, payload={"changes": row.changes})
                for row in due
            )
            PendingDataChange.objects.filter(pk__in=[row.pk for row in due]).delete()
    return len(due)


def trim(tables: Iterable[Kept]) -> dict[str, int]:
    """Make the next days' partitions, drop what is older than it is kept, and note the first position that is left."""
    dropped = maintain(tables, clock.now())
    with transaction.atomic():
        head = JournalHead.objects.select_for_update().get(pk=1)
        first = (
            JournalEntry.objects.filter(position__isnull=False).order_by("position").values_list("position", flat=True)
        )
        head.first_kept = first.first() or head.position + 1
        head.save(update_fields=["first_kept"])
    return dropped


_NUMBER = """
UPDATE journal_entry SET position = %(last)s + array_position(%(ids)s::bigint[], id)
WHERE id = ANY(%(ids)s::bigint[]) AND recorded_at BETWEEN %(first)s AND %(until)s
"""
"""For PostgreSQL. No join: while a day's table is new to the planner it may take it for empty, and go through all of it for each row."""


def number_entries() -> int:
    """
    Give the next positions to committed entries in id order, at most 500; return how many got one.

    The head row's lock makes it the only sequencer. Readers follow positions: ids become visible out of order where
    transactions commit out of order, positions never do.
    """
    if not JournalEntry.objects.filter(position__isnull=True).exists():
        return 0
    with transaction.atomic():
        head = JournalHead.objects.select_for_update().get(pk=1)
        waiting = JournalEntry.objects.filter(position__isnull=True).order_by("pk")
        rows = list(waiting.values_list("pk", "recorded_at")[:SEQUENCE_ROWS])
        if rows:
            _number(rows, head.position)
            head.position += len(rows)
            head.save(update_fields=["position"])
    return len(rows)


def _number(rows: Sequence[tuple[int, datetime]], last: int) -> None:
    if connection.vendor == "postgresql":
        times = [recorded_at for _, recorded_at in rows]
        values: dict[str, Any] = {
            "last": last,
            "ids": [key for key, _ in rows],
            "first": min(times),
            "until": max(times),
        }
        with connection.cursor() as cursor:
            cursor.execute(_NUMBER, values)
    else:
        bulk.update(JournalEntry, ("position",), ((key, (last + at,)) for at, (key, _) in enumerate(rows, 1)))
