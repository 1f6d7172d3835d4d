"""What every write of datasets ends in: bodies made anew from the tables, journal entries and audit records, in its transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from catalog import bulk
from catalog.access.models import AuditRecord
from catalog.access.principals import Caller
from catalog.bodies import dataset_body
from catalog.journal import clock
from catalog.journal.services import Entry, publish
from catalog.models import Annotation, ColumnRow, Dataset
from catalog.selectors.definitions import load_definitions

Told = tuple[Dataset, list[tuple[str, str, dict[str, Any]]]]
"""A dataset and its changes: aspect, operation, payload."""

DATASET_FIELDS = (
    "database_id",
    "name",
    "qualified_name",
    "lookup_key",
    "location_key",
    "holds_name",
    "kind",
    "state",
    "access_class_id",
    "source_id",
    "source_digest",
    "version",
    "schema_version",
    "definition_digest",
    "data",
    "body",
    "seen_at",
    "definition_changed_at",
    "recreated_at",
    "missing_since",
    "missing_in_run",
    "stale_reason",
)
"""What may change of a stored dataset."""
_dataset_values = attrgetter(*DATASET_FIELDS)


def current_claims(dataset_ids: Sequence[int]) -> dict[int, list[Annotation]]:
    """Return the claims in force by dataset, in the order they were made."""
    claims: dict[int, list[Annotation]] = {}
    if dataset_ids:
        for claim in Annotation.objects.filter(dataset_id__in=dataset_ids, ended_at__isnull=True).order_by("pk"):
            claims.setdefault(claim.dataset_id, []).append(claim)
    return claims


def update_datasets(datasets: Sequence[Dataset]) -> None:
    """Write all that may change of stored datasets."""
    bulk.update(Dataset, DATASET_FIELDS, [(dataset.pk, _dataset_values(dataset)) for dataset in datasets])


def refresh_bodies(datasets: Sequence[Dataset]) -> None:
    """Make the bodies of changed datasets anew from the tables and write them with their versions and states."""
    keys = [dataset.pk for dataset in datasets]
    columns: dict[int, list[ColumnRow]] = {}
    for row in ColumnRow.objects.filter(dataset_id__in=keys, dropped_at__isnull=True).order_by("dataset_id", "ordinal"):
        columns.setdefault(row.dataset_id, []).append(row)
    claims = current_claims(keys)
    stored = load_definitions([bytes(d.definition_digest) for d in datasets if d.definition_digest is not None])
    for dataset in datasets:
        dataset.body = dataset_body(
            dataset=dataset,
            catalog=dataset.catalog,
            database=dataset.database.name if dataset.database else None,
            definition=stored.get(bytes(dataset.definition_digest)) if dataset.definition_digest is not None else None,
            columns=columns.get(dataset.pk, ()),
            claims=claims.get(dataset.pk, ()),
        )
    update_datasets(datasets)


def publish_changes(
    changes: Sequence[Told],
    *,
    caller: Caller,
    cause: Mapping[str, Any],
) -> None:
    """
    Write journal entries and audit records of datasets in the present transaction, in the order of the changes.

    Each dataset's version must have been raised by one for each of its changes, under its row lock.
    """
    now = clock.now()
    entries = []
    records = []
    why = {**caller.cause, **cause}
    for dataset, told in changes:
        first = dataset.version - len(told) + 1
        for offset, (aspect, operation, payload) in enumerate(told):
            hint = {"qualified_name": dataset.qualified_name, **payload}
            entries.append(Entry(aspect, operation, "dataset", dataset.uuid, first + offset, why, hint))
            records.append(
                (
                    now,
                    caller.principal.handle,
                    caller.door,
                    f"dataset.{aspect}.{operation}",
                    "dataset",
                    dataset.qualified_name,
                    dataset.uuid,
                    payload.get("before"),
                    {name: value for name, value in payload.items() if name != "before"} | {"cause": dict(cause)},
                )
            )
    publish(entries)
    bulk.insert(
        AuditRecord,
        ("recorded_at", "principal", "door", "action", "subject_kind", "subject", "subject_uuid", "before", "after"),
        records,
    )
