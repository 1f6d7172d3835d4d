"""
Stores what a source says of datasets: identity, columns, versions, bodies, journal and audit, one transaction a batch.

Every other write of a dataset ends here too, in :func:`refresh_bodies` and :func:`publish_changes`.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson
from django.db import transaction
from django.db.models import Q

from catalog import bulk
from catalog.access.models import AuditRecord
from catalog.access.principals import Caller
from catalog.access.services import Classifier
from catalog.bodies import AnyColumn, NewColumn, dataset_body, new_uuid
from catalog.connectors.base import Loaded
from catalog.domain.diff import Change, diff, pair_columns
from catalog.domain.documents import (
    DatasetDocument,
    FlatColumn,
    content_digest,
    definition_bytes,
    document_from_json,
    flatten_columns,
    storable,
)
from catalog.domain.names import CaseRule, QualifiedName, lookup_key
from catalog.journal import clock, failpoints
from catalog.journal.models import JournalEntry
from catalog.journal.services import publish_data_changes
from catalog.models import (
    Annotation,
    Catalog,
    ColumnRow,
    Database,
    Dataset,
    DatasetState,
    DatasetVersion,
    DefinitionDocument,
    FormerName,
)

BEFORE_COMMIT = failpoints.declare("store.before_commit", "all rows of a batch written, not committed")
AFTER_COMMIT = failpoints.declare("store.after_commit", "a batch committed, its unit not yet done")

Counts = dict[str, int]
Told = tuple[Dataset, list[tuple[str, str, dict[str, Any]]]]
"""A dataset and its changes: aspect, operation, payload."""


@dataclass(frozen=True, slots=True)
class Rename:
    """A dataset that the source now lists under another name, perhaps in another database."""

    dataset_id: int
    database: Database
    new_name: str


@dataclass(slots=True)
class Draft:
    """One dataset on its way into the tables, and what is to be told of it."""

    dataset: Dataset
    document: DatasetDocument | None = None
    changes: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """(aspect, operation, payload) for the journal."""
    new: bool = False
    data_changed: bool = False

    def tell(self, aspect: str, operation: str, **payload: Any) -> None:
        """Note a change; the dataset's version rises by one for each."""
        self.dataset.version += 0 if self.new and not self.changes else 1
        self.changes.append((aspect, operation, payload))


@dataclass(frozen=True, slots=True)
class Writing:
    """Who writes and why; ``fence`` is called first in each transaction and stops writers that lost their lease."""

    caller: Caller
    cause: Mapping[str, Any]
    classifier: Classifier
    case_rule: CaseRule = CaseRule.SENSITIVE
    fence: Callable[[], None] = lambda: None
    read_at: datetime | None = None
    """When the source was asked, at the earliest; what was stored later by another writer is newer and stays."""


def store_loaded(
    *, catalog: Catalog, database: Database, loaded: Sequence[Loaded], writing: Writing, renames: Sequence[Rename] = ()
) -> Counts:
    """
    Store documents of one database in one transaction; return how many were created, changed, renamed and so on.

    What equals what is stored already changes nothing and is not published.
    """
    with transaction.atomic():
        counts = store_within(catalog=catalog, database=database, loaded=loaded, writing=writing, renames=renames)
        failpoints.reach(BEFORE_COMMIT)
    failpoints.reach(AFTER_COMMIT)
    return counts


def store_within(
    *, catalog: Catalog, database: Database, loaded: Sequence[Loaded], writing: Writing, renames: Sequence[Rename] = ()
) -> Counts:
    """Do what :func:`store_loaded` does, within the caller's transaction."""
    writing.fence()
    writing.classifier.refresh()
    now = clock.now()
    drafts = _renamed(catalog, renames, writing, now)
    names = {
        str(QualifiedName.of(catalog.name, database.name, item.ref.name)): replace(
            item, document=storable(item.document)
        )
        for item in loaded
    }
    known = {
        dataset.qualified_name: dataset
        for dataset in Dataset.objects.select_for_update()
        .filter(qualified_name__in=list(names), holds_name=True)
        .order_by("pk")
    }
    for draft in drafts:
        known.pop(draft.dataset.qualified_name, None)
    by_name = {draft.dataset.qualified_name: draft for draft in drafts}
    for qualified_name, item in names.items():
        paired = by_name.get(qualified_name)
        if paired is None:
            existing = known.get(qualified_name)
            if existing and writing.read_at and existing.seen_at > writing.read_at:
                continue
            paired = (
                Draft(existing) if existing else _new(catalog, database, qualified_name, item, writing=writing, now=now)
            )
            drafts.append(paired)
        _take_in(paired, item, now)
    return _save(catalog, drafts, writing, now)


def _renamed(catalog: Catalog, renames: Sequence[Rename], writing: Writing, now: datetime) -> list[Draft]:
    if not renames:
        return []
    rows = {
        dataset.pk: dataset
        for dataset in Dataset.objects.select_for_update().filter(pk__in=[r.dataset_id for r in renames]).order_by("pk")
    }
    drafts = []
    for rename in renames:
        dataset = rows[rename.dataset_id]
        old = dataset.qualified_name
        new = str(QualifiedName.of(catalog.name, rename.database.name, rename.new_name))
        # A tombstone may still hold the name; it lets go, its id and history stay.
        Dataset.objects.filter(qualified_name=new, holds_name=True).exclude(pk=dataset.pk).update(holds_name=False)
        FormerName.objects.create(qualified_name=old, dataset=dataset, ended_at=now)
        dataset.name = rename.new_name
        dataset.qualified_name = new
        dataset.database = rename.database
        dataset.lookup_key = lookup_key(new, writing.case_rule)
        dataset.access_class_id = writing.classifier.class_of(new)
        draft = Draft(dataset)
        draft.tell("identity", "renamed", before=old, after=new)
        drafts.append(draft)
    # Names change hands in one statement each, and must be free before the rows are written.
    for draft in drafts:
        Dataset.objects.filter(pk=draft.dataset.pk).update(qualified_name=draft.dataset.qualified_name, holds_name=True)
    return drafts


def _new(
    catalog: Catalog, database: Database, qualified_name: str, item: Loaded, *, writing: Writing, now: datetime
) -> Draft:
    dataset = Dataset(
        uuid=new_uuid(),
        catalog=catalog,
        database=database,
        name=item.ref.name,
        qualified_name=qualified_name,
        lookup_key=lookup_key(qualified_name, writing.case_rule),
        kind=item.document.kind,
        state=DatasetState.LIVE,
        access_class_id=writing.classifier.class_of(qualified_name),
        created_at=now,
        seen_at=now,
    )
    draft = Draft(dataset, new=True)
    draft.tell("identity", "created")
    return draft


def _take_in(draft: Draft, item: Loaded, now: datetime) -> None:
    dataset, ref = draft.dataset, item.ref
    if dataset.state != DatasetState.LIVE and not draft.new:
        draft.tell(
            "identity", "confirmed" if dataset.state == DatasetState.OBSERVED else "revived", state=dataset.state
        )
    if dataset.source_id and ref.source_id and dataset.source_id != ref.source_id:
        dataset.recreated_at = now
        draft.tell("identity", "recreated")
    dataset.state = DatasetState.LIVE
    dataset.missing_since = None
    dataset.missing_in_run = None
    dataset.stale_reason = ""
    dataset.source_id = ref.source_id
    dataset.source_digest = ref.digest
    dataset.seen_at = now
    dataset.kind = item.document.kind
    facts = item.document.data.to_json()
    if facts != dataset.data:
        draft.data_changed = not draft.new
        dataset.data = facts
    draft.document = item.document


def _save(catalog: Catalog, drafts: Sequence[Draft], writing: Writing, now: datetime) -> Counts:
    counts: Counts = {}
    for draft in drafts:
        for _, operation, _ in draft.changes:
            counts[operation] = counts.get(operation, 0) + 1
    definitions = _versions(drafts, now)
    changed = [draft for draft in drafts if draft.dataset.pk in definitions or draft.new]
    counts["changed"] = len([draft for draft in changed if not draft.new])
    counts["data_changed"] = len([draft for draft in drafts if draft.data_changed])
    columns = _columns(drafts, definitions, now)
    _write_datasets(catalog, drafts, columns, definitions)
    _write_versions(drafts, definitions, writing, now)
    publish_changes([(draft.dataset, draft.changes) for draft in drafts], caller=writing.caller, cause=writing.cause)
    publish_data_changes([draft.dataset.uuid for draft in drafts if draft.data_changed], writing.cause)
    return {name: count for name, count in counts.items() if count}


@dataclass(frozen=True, slots=True)
class _Definition:
    canonical: bytes
    digest: bytes
    before: DatasetDocument | None
    changes: Sequence[Change]


def _versions(drafts: Sequence[Draft], now: datetime) -> dict[int, _Definition]:
    """Insert new rows, and return the definitions that make a version, by the dataset's key."""
    new = [draft.dataset for draft in drafts if draft.new]
    if new:
        Dataset.objects.bulk_create(new, batch_size=500)
        if new[0].pk is None:  # databases that return no keys from bulk inserts
            keys = dict(Dataset.objects.filter(uuid__in=[d.uuid for d in new]).values_list("uuid", "pk"))
            for dataset in new:
                dataset.pk = keys[dataset.uuid]
    stale: list[tuple[Draft, bytes, bytes]] = []
    for draft in drafts:
        if draft.document is None:
            continue
        canonical = definition_bytes(draft.document)
        digest = content_digest(canonical)
        if draft.dataset.definition_digest is None or bytes(draft.dataset.definition_digest) != digest:
            stale.append((draft, canonical, digest))
    previous = load_definitions(
        [bytes(draft.dataset.definition_digest) for draft, _, _ in stale if draft.dataset.definition_digest is not None]
    )
    definitions = {}
    for draft, canonical, digest in stale:
        dataset = draft.dataset
        assert draft.document is not None
        before = None
        changes: Sequence[Change] = ()
        if dataset.definition_digest is not None:
            before = document_from_json(previous[bytes(dataset.definition_digest)])
            changes = diff(before, draft.document)
        dataset.definition_digest = digest
        dataset.schema_version += 1
        dataset.definition_changed_at = now
        if before is not None or not draft.new:
            draft.tell("definition", "changed", schema_version=dataset.schema_version)
        definitions[dataset.pk] = _Definition(canonical, digest, before, changes)
    return definitions


def load_definitions(digests: Sequence[bytes]) -> dict[bytes, dict[str, Any]]:
    """Return definitions as JSON values by their digests."""
    wanted = list(dict.fromkeys(digests))
    found: dict[bytes, dict[str, Any]] = {}
    for start in range(0, len(wanted), 500):
        rows = DefinitionDocument.objects.filter(digest__in=wanted[start : start + 500]).values_list("digest", "body")
        found |= {bytes(digest): orjson.loads(zlib.decompress(body)) for digest, body in rows}
    return found


_COLUMN_FIELDS = (
    "ordinal",
    "path",
    "parent_path",
    "name",
    "depth",
    "type",
    "source_type",
    "fidelity",
    "nullable",
    "comment",
    "default",
    "source_column_id",
    "dropped_at",
)


def _values(row: AnyColumn) -> list[Any]:
    return [getattr(row, name) for name in _COLUMN_FIELDS]


def _columns(
    drafts: Sequence[Draft], definitions: Mapping[int, _Definition], now: datetime
) -> dict[int, list[AnyColumn]]:
    """Bring column rows in line with the definitions; return the current rows of every draft's dataset, in order."""
    existing: dict[int, list[ColumnRow]] = {}
    old_keys = [draft.dataset.pk for draft in drafts if not draft.new]
    if old_keys:
        for row in ColumnRow.objects.filter(dataset_id__in=old_keys).order_by("dataset_id", "ordinal"):
            existing.setdefault(row.dataset_id, []).append(row)
    inserts: list[NewColumn] = []
    updates: list[ColumnRow] = []
    current: dict[int, list[AnyColumn]] = {}
    for draft in drafts:
        key = draft.dataset.pk
        rows = existing.get(key, [])
        if key not in definitions or draft.document is None:
            current[key] = [row for row in rows if row.dropped_at is None]
            continue
        wanted = {column.path: column for column in flatten_columns(draft.document.columns)}
        current[key] = _match_columns(key, rows, wanted, inserts=inserts, updates=updates, now=now)
    # Renames may hand a path from one row to another: free them first.
    moved = [row for row in updates if row.pk is not None]
    bulk.update(ColumnRow, ("path",), [(row.pk, (f"%moving{row.pk}",)) for row in moved])
    bulk.update(ColumnRow, _COLUMN_FIELDS, [(row.pk, _values(row)) for row in moved])
    bulk.insert(
        ColumnRow,
        ("uuid", "dataset_id", *_COLUMN_FIELDS),
        ([row.uuid, row.dataset_id, *_values(row)] for row in inserts),
    )
    return current


def _match_columns(
    dataset_id: int,
    rows: Sequence[ColumnRow],
    wanted: Mapping[str, FlatColumn],
    *,
    inserts: list[NewColumn],
    updates: list[ColumnRow],
    now: datetime,
) -> list[AnyColumn]:
    alive = {row.path: row for row in rows if row.dropped_at is None}
    dropped = {row.path: row for row in rows if row.dropped_at is not None}
    pairing = pair_columns(alive, wanted)
    origin = {new: alive[old] for old, new in pairing.renamed} | {path: alive[path] for path in pairing.kept}
    for path in pairing.vanished:
        alive[path].dropped_at = now
        updates.append(alive[path])
    result: list[AnyColumn] = []
    for ordinal, (path, column) in enumerate(wanted.items()):
        row = origin.get(path) or dropped.pop(path, None)
        if row is None:
            fresh = NewColumn(new_uuid(), dataset_id)
            _assign(fresh, column, ordinal)
            inserts.append(fresh)
            result.append(fresh)
            continue
        before = _values(row)
        _assign(row, column, ordinal)
        if _values(row) != before:
            updates.append(row)
        result.append(row)
    for path, row in dropped.items():
        if path in wanted:  # its path went to a renamed column; the dropped one steps aside
            row.path = f"{path}%dropped{row.pk}"
            updates.append(row)
    return result


def _assign(row: AnyColumn, column: FlatColumn, ordinal: int) -> None:
    row.ordinal = ordinal
    row.path = column.path
    row.parent_path = column.parent_path
    row.name = column.name
    row.depth = column.depth
    row.type = column.type
    row.source_type = column.source_type
    row.fidelity = column.fidelity.value
    row.nullable = column.nullable
    row.comment = column.comment
    row.default = column.default
    row.source_column_id = column.source_column_id
    row.dropped_at = None


_DATASET_FIELDS = (
    "database_id",
    "name",
    "qualified_name",
    "lookup_key",
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


def _write_datasets(
    catalog: Catalog,
    drafts: Sequence[Draft],
    columns: Mapping[int, Sequence[AnyColumn]],
    definitions: Mapping[int, _Definition],
) -> None:
    touched = [d for d in drafts if d.new or d.changes or d.data_changed]
    claims = _current_claims([draft.dataset.pk for draft in touched if not draft.new])
    stored = load_definitions(
        [
            bytes(draft.dataset.definition_digest)
            for draft in touched
            if draft.dataset.pk not in definitions and draft.dataset.definition_digest is not None
        ]
    )
    for draft in touched:
        dataset = draft.dataset
        mine = definitions.get(dataset.pk)
        stated = (
            orjson.loads(mine.canonical)
            if mine
            else stored.get(bytes(dataset.definition_digest))
            if dataset.definition_digest is not None
            else None
        )
        dataset.body = dataset_body(
            dataset=dataset,
            catalog=catalog,
            database=dataset.database.name if dataset.database else None,
            definition=stated,
            columns=columns[dataset.pk],
            claims=claims.get(dataset.pk, ()),
        )
    bulk.update(
        Dataset,
        _DATASET_FIELDS,
        [(d.dataset.pk, [getattr(d.dataset, name) for name in _DATASET_FIELDS]) for d in touched],
    )
    touched_keys = {d.dataset.pk for d in touched}
    seen = [d.dataset for d in drafts if d.dataset.pk not in touched_keys]
    bulk.update(
        Dataset,
        ("source_id", "source_digest", "seen_at", "stale_reason"),
        [(d.pk, (d.source_id, d.source_digest, d.seen_at, d.stale_reason)) for d in seen],
    )


def _current_claims(dataset_ids: Sequence[int]) -> dict[int, list[Annotation]]:
    claims: dict[int, list[Annotation]] = {}
    if dataset_ids:
        for claim in Annotation.objects.filter(dataset_id__in=dataset_ids, ended_at__isnull=True).order_by("pk"):
            claims.setdefault(claim.dataset_id, []).append(claim)
    return claims


def _write_versions(
    drafts: Sequence[Draft], definitions: Mapping[int, _Definition], writing: Writing, now: datetime
) -> None:
    by_key = {draft.dataset.pk: draft for draft in drafts}
    bodies = {mine.digest: zlib.compress(mine.canonical, 6) for mine in definitions.values()}
    present = {
        bytes(digest)
        for digest in DefinitionDocument.objects.filter(digest__in=list(bodies)).values_list("digest", flat=True)
    }
    # Another writer may store the same document at this moment; content-addressed, either copy will do.
    DefinitionDocument.objects.bulk_create(
        [DefinitionDocument(digest=digest, body=body) for digest, body in bodies.items() if digest not in present],
        batch_size=500,
        ignore_conflicts=True,
    )
    bulk.insert(
        DatasetVersion,
        ("dataset_id", "number", "digest", "diff", "recorded_at", "cause"),
        (
            (
                key,
                by_key[key].dataset.schema_version,
                mine.digest,
                zlib.compress(orjson.dumps([change.to_json() for change in mine.changes]), 6),
                now,
                dict(writing.cause),
            )
            for key, mine in definitions.items()
        ),
    )


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
    why = {"principal": caller.principal.handle, "door": caller.door, **cause}
    for dataset, told in changes:
        first = dataset.version - len(told) + 1
        for offset, (aspect, operation, payload) in enumerate(told):
            hint = {"qualified_name": dataset.qualified_name, **payload}
            entries.append((now, "dataset", dataset.uuid, first + offset, aspect, operation, why, hint))
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
    bulk.insert(
        JournalEntry,
        (
            "recorded_at",
            "subject_kind",
            "subject_uuid",
            "subject_version",
            "aspect",
            "operation",
            "cause",
            "payload",
        ),
        entries,
    )
    bulk.insert(
        AuditRecord,
        ("recorded_at", "principal", "door", "action", "subject_kind", "subject", "subject_uuid", "before", "after"),
        records,
    )


def refresh_bodies(datasets: Sequence[Dataset]) -> None:
    """Make the bodies of changed datasets anew from the tables and write them with their versions and states."""
    keys = [dataset.pk for dataset in datasets]
    columns: dict[int, list[ColumnRow]] = {}
    for row in ColumnRow.objects.filter(dataset_id__in=keys, dropped_at__isnull=True).order_by("dataset_id", "ordinal"):
        columns.setdefault(row.dataset_id, []).append(row)
    claims = _current_claims(keys)
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
    bulk.update(
        Dataset,
        _DATASET_FIELDS,
        [(dataset.pk, [getattr(dataset, name) for name in _DATASET_FIELDS]) for dataset in datasets],
    )


def mark_unlisted(
    *, catalog: Catalog, dataset_ids: Sequence[int], run_uuid: uuid.UUID | None, writing: Writing
) -> Counts:
    """
    Note in one transaction that a complete listing did not hold some datasets, or, without a run, that they were dropped.

    The first run that misses a dataset makes it missing, a second one, or a drop, tombstones it.
    """
    counts = {"missing": 0, "tombstoned": 0}
    with transaction.atomic():
        writing.fence()
        now = clock.now()
        condition = Q(pk__in=dataset_ids, state__in=[DatasetState.LIVE, DatasetState.MISSING])
        if writing.read_at is not None:
            condition &= Q(seen_at__lte=writing.read_at)
        rows = list(
            Dataset.objects.select_for_update(of=("self",))
            .select_related("catalog", "database")
            .filter(condition)
            .order_by("pk")
        )
        told: list[Told] = []
        for dataset in rows:
            if run_uuid is not None and dataset.missing_in_run == run_uuid:
                continue  # this run said so before it was interrupted
            second = dataset.state == DatasetState.MISSING or run_uuid is None
            dataset.state = DatasetState.TOMBSTONED if second else DatasetState.MISSING
            dataset.missing_since = dataset.missing_since or now
            dataset.missing_in_run = run_uuid
            dataset.version += 1
            operation = "tombstoned" if second else "missing"
            counts[operation] += 1
            told.append((dataset, [("identity", operation, {})]))
        refresh_bodies([dataset for dataset, _ in told])
        publish_changes(told, caller=writing.caller, cause=writing.cause)
        failpoints.reach(BEFORE_COMMIT)
    failpoints.reach(AFTER_COMMIT)
    return {name: count for name, count in counts.items() if count}
