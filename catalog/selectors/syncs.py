"""Units of sync runs and the questions that syncs put."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from catalog.access import gate
from catalog.access.principals import Principal
from catalog.models import (
    SyncHold,
    SyncUnit,
)


@dataclass(frozen=True, slots=True)
class UnitView:
    """One database's part of a sync run."""

    database: str
    state: str
    counts: Mapping[str, int]
    failures: Sequence[Mapping[str, str]] = field(default_factory=list)


def list_sync_units(
    *, run_uuid: uuid.UUID, principal: Principal, after: str | None = None, failed: bool = False, limit: int
) -> Sequence[UnitView]:
    """
    Return units of a sync run by database, those behind one by its name; all, or such as have something that could not be read.

    :raises Denied: unless the principal is an operator.
    """
    gate.require_operator(principal, what="reading the units of a sync")
    rows = SyncUnit.objects.filter(run_uuid=run_uuid).order_by("database")
    if after is not None:
        rows = rows.filter(database__gt=after)
    if failed:
        rows = rows.exclude(failures=[])
    return [UnitView(row.database, row.state, row.counts, row.failures) for row in rows[:limit]]


@dataclass(frozen=True, slots=True)
class HoldView:
    """A sync that asks before it drops."""

    run_uuid: uuid.UUID
    uuid: uuid.UUID
    catalog: str
    asked_at: datetime
    vanished: int
    known: int
    by_database: Mapping[str, int]
    state: str


def list_holds(*, principal: Principal) -> Sequence[HoldView]:
    """Return the holds that wait for a decision, oldest first; none for those who are not operators."""
    if not principal.is_operator:
        return []
    rows = SyncHold.objects.select_related("catalog").filter(state="waiting").order_by("asked_at")
    return [
        HoldView(
            row.run_uuid, row.uuid, row.catalog.name, row.asked_at, row.vanished, row.known, row.by_database, row.state
        )
        for row in rows
    ]
