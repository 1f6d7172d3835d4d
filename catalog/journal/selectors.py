"""Reads of the journal: changes after a position, the state of projections, runs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from catalog.journal.models import JournalEntry, JournalHead, ProjectionCursor, Run, RunState


class NoSuchRun(LookupError):
    """There is no run with this id, or its record has expired."""


class CursorExpired(LookupError):
    """A position older than what is kept; ``first_kept`` is where to start afresh."""

    def __init__(self, asked: int, first_kept: int) -> None:
        super().__init__(
            f"position {asked} is older than what is kept; read everything once, then go on from {first_kept}"
        )
        self.first_kept = first_kept


@dataclass(frozen=True, slots=True)
class Change:
    """A numbered journal entry."""

    position: int
    recorded_at: datetime
    subject_kind: str
    subject_uuid: uuid.UUID | None
    subject_version: int
    aspect: str
    operation: str
    cause: dict[str, Any]
    payload: dict[str, Any]


def head_position() -> int:
    """Return the last position given out."""
    return JournalHead.objects.values_list("position", flat=True).get(pk=1)


def list_changes(*, after: int, limit: int) -> list[Change]:
    """
    Return up to ``limit`` entries behind a position, in order.

    :raises CursorExpired: if entries behind it have been dropped by age.
    """
    head = JournalHead.objects.get(pk=1)
    if after + 1 < head.first_kept:
        raise CursorExpired(after, head.first_kept - 1)
    rows = JournalEntry.objects.filter(position__gt=after).order_by("position")[:limit]
    return [
        Change(
            position=row.position or 0,
            recorded_at=row.recorded_at,
            subject_kind=row.subject_kind,
            subject_uuid=row.subject_uuid,
            subject_version=row.subject_version,
            aspect=row.aspect,
            operation=row.operation,
            cause=row.cause,
            payload=row.payload,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class ProjectionState:
    """How far a projection is behind: in entries, and in seconds since the oldest it has not seen was recorded."""

    name: str
    position: int
    lag_entries: int
    lag_seconds: float
    failing_since: datetime | None
    last_error: str
    is_rebuilt: bool
    """Whether it is to be made anew, or is being made so now."""


def list_projections(*, now: datetime) -> list[ProjectionState]:
    """Return the state of every projection that has a cursor, by name."""
    head = head_position()
    return [_projection_state(cursor, head, now) for cursor in ProjectionCursor.objects.order_by("name")]


def find_projection(name: str, *, now: datetime) -> ProjectionState | None:
    """Return the state of a projection, None for one that has not begun."""
    cursor = ProjectionCursor.objects.filter(name=name).first()
    return None if cursor is None else _projection_state(cursor, head_position(), now)


def _projection_state(cursor: ProjectionCursor, head: int, now: datetime) -> ProjectionState:
    behind = (
        JournalEntry.objects.filter(position__gt=cursor.position)
        .order_by("position")
        .values_list("recorded_at", flat=True)
        .first()
    )
    return ProjectionState(
        name=cursor.name,
        position=cursor.position,
        lag_entries=head - cursor.position,
        lag_seconds=max(0.0, (now - behind).total_seconds()) if behind else 0.0,
        failing_since=cursor.failing_since,
        last_error=cursor.last_error,
        is_rebuilt=cursor.rebuild_requested,
    )


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as people and programs see it."""

    uuid: uuid.UUID
    number: int
    kind: str
    subject: str
    state: str
    attempt: int
    requested_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    progress: dict[str, Any]
    result: dict[str, Any]
    error: str

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in (RunState.DONE, RunState.FAILED, RunState.CANCELLED)


def _view(run: Run) -> RunView:
    return RunView(
        uuid=run.uuid,
        number=run.pk,
        kind=run.kind,
        subject=run.subject,
        state=run.state,
        attempt=run.attempt,
        requested_by=run.requested_by,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        cancel_requested_at=run.cancel_requested_at,
        progress=run.progress,
        result=run.result,
        error=run.error,
    )


def get_run(run_uuid: uuid.UUID) -> RunView:
    """Return a run. :raises NoSuchRun: if there is none."""
    run = Run.objects.filter(uuid=run_uuid).first()
    if run is None:
        raise NoSuchRun(f"no run has the id {run_uuid}")
    return _view(run)


def list_runs(
    *, kind: str | None = None, subject: str | None = None, state: str | None = None, before: int | None, limit: int
) -> Sequence[RunView]:
    """Return runs, newest first, ``before`` being the number of the last one of the page before."""
    condition = Q()
    if kind:
        condition &= Q(kind=kind)
    if subject:
        condition &= Q(subject=subject)
    if state:
        condition &= Q(state=state)
    if before is not None:
        condition &= Q(pk__lt=before)
    return [_view(run) for run in Run.objects.filter(condition).order_by("-pk")[:limit]]


def count_active_runs(*, kind: str | None = None) -> int:
    """Return how many runs, of one kind or all, are queued or running."""
    active = Run.objects.filter(state__in=[RunState.QUEUED, RunState.RUNNING])
    return active.filter(kind=kind).count() if kind else active.count()
