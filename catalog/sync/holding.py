"""Asking before much is dropped: a sync after which too little would be left waits for somebody's word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from catalog.journal import clock
from catalog.journal.runs import Attempt
from catalog.journal.services import Entry, publish
from catalog.models import Catalog, Dataset, DatasetState, SyncHold
from catalog.sync.plans import Plan

HOLD_MIN = 10
"""Fewer vanished datasets than this never make a sync ask."""
HOLD_HOURS = 24


def must_hold(attempt: Attempt, catalog: Catalog, plans: Sequence[Plan]) -> bool:
    """Return whether nothing may be dropped in this run, because too much vanished and nobody has agreed."""
    by_database = {
        plan.database.name: len([k for k in plan.vanished.values() if k.state == DatasetState.LIVE]) for plan in plans
    }
    vanished = sum(by_database.values())
    known = Dataset.objects.filter(catalog=catalog, state=DatasetState.LIVE).count()
    too_many = vanished >= HOLD_MIN and vanished > known * catalog.drop_limit_ratio
    now = clock.now()
    with transaction.atomic():
        attempt.fence()
        open_hold = (
            SyncHold.objects.select_for_update().filter(catalog=catalog, state__in=["waiting", "approved"]).first()
        )
        if not too_many:
            if open_hold is not None:
                open_hold.state = "gone" if open_hold.state == "waiting" else "done"
                open_hold.save(update_fields=["state"])
            return False
        if open_hold is not None and open_hold.state == "approved" and vanished <= open_hold.vanished:
            # It stays approved until a run is through, so that a run taken up again goes on.
            return False
        if open_hold is None and _was_kept(catalog, vanished, now):
            return True
        hold = open_hold or SyncHold(catalog=catalog, asked_at=now)
        hold.run_uuid = attempt.run_uuid
        hold.state = "waiting"
        hold.vanished, hold.known = vanished, known
        hold.by_database = {name: count for name, count in by_database.items() if count}
        hold.save()
        publish(
            [
                Entry(
                    "catalog",
                    "sync_held",
                    "catalog",
                    catalog.uuid,
                    catalog.version,
                    cause={"run": str(attempt.run_uuid)},
                    payload={"name": catalog.name, "vanished": vanished, "known": known},
                )
            ]
        )
    return True


def _was_kept(catalog: Catalog, vanished: int, now: datetime) -> bool:
    """Return whether somebody said, within a day, to keep as many; then the question is not put again."""
    return SyncHold.objects.filter(
        catalog=catalog,
        state="kept",
        vanished__gte=vanished,
        decided_at__gt=now - timedelta(hours=HOLD_HOURS),
    ).exists()
