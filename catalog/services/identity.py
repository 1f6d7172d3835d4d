"""Identity beyond listings: observed stubs, merges of two ids and their undoing, classing anew when patterns come."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from catalog.access import gate
from catalog.access.principals import Caller
from catalog.access.services import class_rows_anew, raise_generation
from catalog.domain.names import QualifiedName
from catalog.journal import clock
from catalog.journal.services import Entry, publish
from catalog.models import Catalog, CatalogState, Dataset, DatasetState, FormerName, Redirect
from catalog.selectors import NoSuchCatalog, NoSuchDataset
from catalog.services.observing import make_stubs
from catalog.services.publishing import Told, publish_changes, refresh_bodies

PAGE = 500


class InvalidMerge(ValueError):
    """Two ids that cannot be merged, or a merge that cannot be undone; the message says why."""


def observe(*, caller: Caller, qualified_name: str, kind: str = "table") -> uuid.UUID:
    """
    Return the id of a dataset known by name only, making an observed stub if nothing of that name is known.

    A stub is out of search until a connector lists the name. :raises NoSuchCatalog: if the name's catalog is not registered.
    """
    name = QualifiedName.parse(qualified_name)
    catalog = Catalog.objects.filter(name=name.catalog).exclude(state=CatalogState.REMOVED).first()
    if catalog is None:
        raise NoSuchCatalog(f"there is no catalog '{name.catalog}'")
    make_stubs([(catalog, str(name), kind)], caller=caller)
    held = Dataset.objects.filter(qualified_name=str(name), holds_name=True)
    held.filter(state=DatasetState.OBSERVED).update(seen_at=clock.now())
    return held.get().uuid


def expire_observed(*, caller: Caller, older_than: timedelta, limit: int = PAGE) -> int:
    """Tombstone stubs that nothing has spoken of for a time; return how many."""
    now = clock.now()
    with transaction.atomic():
        rows = list(
            Dataset.objects.select_for_update(of=("self",))
            .select_related("catalog", "database")
            .filter(state=DatasetState.OBSERVED, seen_at__lt=now - older_than)
            .order_by("pk")[:limit]
        )
        _set_states(rows, DatasetState.TOMBSTONED, "expired", caller, now)
    return len(rows)


def _set_states(rows: Sequence[Dataset], state: str, operation: str, caller: Caller, now: datetime) -> None:
    told: list[Told] = []
    for dataset in rows:
        dataset.state = state
        dataset.missing_since = now if state == DatasetState.TOMBSTONED else dataset.missing_since
        dataset.version += 1
        told.append((dataset, [("identity", operation, {})]))
    refresh_bodies(rows)
    publish_changes(told, caller=caller, cause={})


def _lock_pair(caller: Caller, first: uuid.UUID, second: uuid.UUID) -> tuple[Dataset, Dataset]:
    rows = {
        row.uuid: row
        for row in Dataset.objects.select_for_update(of=("self",))
        .select_related("catalog", "database")
        .filter(uuid__in=[first, second])
        .order_by("pk")
    }
    for wanted in (first, second):
        row = rows.get(wanted)
        if row is None or not gate.may(caller.principal, gate.DISCOVER, row.access_class_id):
            raise NoSuchDataset(str(wanted))
        gate.require(caller.principal, gate.STEWARD, row.access_class_id, what=f"merging '{row.qualified_name}'")
    return rows[first], rows[second]


def merge(*, caller: Caller, absorbed: uuid.UUID, survivor: uuid.UUID) -> None:
    """
    Send readers of one id to another. Nothing is moved or deleted; :func:`undo_merge` takes it back.

    :raises InvalidMerge: for a dataset with itself, one that a source still lists, or in a circle.
    """
    if absorbed == survivor:
        raise InvalidMerge("a dataset cannot be merged with itself")
    now = clock.now()
    with transaction.atomic():
        gone, kept = _lock_pair(caller, absorbed, survivor)
        if DatasetState.ABSORBED in (gone.state, kept.state):
            raise InvalidMerge("one of the two is merged into another already; undo that first")
        if gone.state == DatasetState.LIVE:
            raise InvalidMerge(
                f"'{gone.qualified_name}' is live at its source, and the next sync would bring it back; "
                "merge stubs, missing or dropped datasets"
            )
        Redirect.objects.create(
            absorbed=gone,
            survivor=kept,
            created_at=now,
            created_by=caller.principal.handle,
            previous_state=gone.state,
        )
        FormerName.objects.create(qualified_name=gone.qualified_name, dataset=kept, ended_at=now)
        told: list[Told] = [
            (gone, [("identity", "absorbed", {"survivor": str(kept.uuid)})]),
            (kept, [("identity", "merged", {"absorbed": str(gone.uuid)})]),
        ]
        gone.state = DatasetState.ABSORBED
        gone.holds_name = False
        for dataset in (gone, kept):
            dataset.version += 1
        refresh_bodies([gone, kept])
        publish_changes(told, caller=caller, cause={})


def undo_merge(*, caller: Caller, absorbed: uuid.UUID) -> None:
    """Give an absorbed dataset its own life back, with its name if no other holds it now. :raises InvalidMerge: if it is none."""
    now = clock.now()
    with transaction.atomic():
        redirect = (
            Redirect.objects.select_related("survivor").filter(absorbed__uuid=absorbed, undone_at__isnull=True).first()
        )
        if redirect is None:
            raise InvalidMerge("this dataset is not merged into another")
        gone, kept = _lock_pair(caller, absorbed, redirect.survivor.uuid)
        redirect.undone_at = now
        redirect.save(update_fields=["undone_at"])
        FormerName.objects.filter(qualified_name=gone.qualified_name, dataset=kept).delete()
        gone.state = redirect.previous_state
        gone.holds_name = not Dataset.objects.filter(qualified_name=gone.qualified_name, holds_name=True).exists()
        told: list[Told] = [
            (gone, [("identity", "separated", {"survivor": str(kept.uuid)})]),
            (kept, [("identity", "separated", {"absorbed": str(gone.uuid)})]),
        ]
        for dataset in (gone, kept):
            dataset.version += 1
        refresh_bodies([gone, kept])
        publish_changes(told, caller=caller, cause={})


def reclassify(*, patterns: Sequence[str]) -> int:
    """
    Give the datasets under new patterns their access class anew, a page in one transaction; return how many changed.

    Their versions stay: nothing of them changed but who may see them. An entry of the aspect ``classes`` tells search.
    """
    prefixes = Q()
    for pattern in patterns:
        prefixes |= Q(qualified_name__startswith=pattern.split("*")[0])
    changed = class_rows_anew(Dataset.objects.filter(prefixes), ["qualified_name"], str, page=PAGE)
    with transaction.atomic():
        publish([Entry("classes", "reclassified", "pattern", None, payload={"patterns": list(patterns)})])
        raise_generation()
    return changed
