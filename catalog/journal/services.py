"""Writes of the journal: an entry goes into the transaction of the change it tells of, and gets its position later."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F

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


class OutsideTransaction(RuntimeError):
    """An entry was published outside the transaction of its change."""


def publish(entries: Iterable[Entry]) -> None:
    """Write entries without positions. :raises OutsideTransaction: unless the caller's change and they commit together."""
    if not connection.in_atomic_block:
        raise OutsideTransaction("publish() must be called inside the transaction that makes the change")
    recorded_at = clock.now()
    JournalEntry.objects.bulk_create(
        [
            JournalEntry(
                recorded_at=recorded_at,
                subject_kind=entry.subject_kind,
                subject_uuid=entry.subject_uuid,
                subject_version=entry.subject_version,
                aspect=entry.aspect,
                operation=entry.operation,
                cause=dict(entry.cause),
                payload=dict(entry.payload),
            )
            for entry in entries
        ],
        batch_size=SEQUENCE_ROWS,
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
    now = clock.now()
    with transaction.atomic():
        due = list(
            PendingDataChange.objects.select_for_update(
                skip_locked=connection.features.has_select_for_update_skip_locked
            )
            .filter(due_at__lte=now)
            .order_by("due_at")[:SEQUENCE_ROWS]
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
UPDATE journal_entry SET position = %s + n.row_number
FROM (SELECT id, row_number() OVER (ORDER BY id) AS row_number FROM
      (SELECT id FROM journal_entry WHERE position IS NULL ORDER BY id LIMIT %s) AS first) AS n
WHERE n.id = journal_entry.id AND journal_entry.position IS NULL
"""


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
        with connection.cursor() as cursor:
            cursor.execute(_NUMBER, [head.position, SEQUENCE_ROWS])
            count = int(cursor.rowcount)
        if count:
            head.position += count
            head.save(update_fields=["position"])
    return count
