"""Events: how many wait, and those whose edges could not be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from catalog.access import gate
from catalog.access.principals import Principal
from lineage.models import LineageEvent


@dataclass(frozen=True, slots=True)
class FailedEvent:
    """An event whose edges could not be told, and why."""

    id: int
    received_at: datetime
    event_at: datetime
    job: str
    error: str = field(repr=False)


def list_failed_events(*, principal: Principal, limit: int, before: int | None = None) -> Sequence[FailedEvent]:
    """Return events that could not be applied, newest first, for operators. :raises Denied: for others."""
    gate.require_operator(principal, what="seeing events that failed")
    rows = LineageEvent.objects.filter(applied_at__isnull=False).exclude(error="")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    fields = ("pk", "received_at", "event_at", "job", "error")
    return [FailedEvent(*row) for row in rows.order_by("-pk").values_list(*fields)[:limit]]


def count_waiting_events() -> int:
    """Return how many events wait to be applied, a thousand at most."""
    return LineageEvent.objects.filter(applied_at__isnull=True)[:1_000].count()
