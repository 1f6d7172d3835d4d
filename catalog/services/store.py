"""
Stores what a source says of datasets: identity, columns, versions, bodies, journal and audit, one transaction a batch.

A definition changed through Cairn ends here too: it is what the source says afterwards.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any

import orjson
from django.db import transaction
from django.db.models import Q

from catalog import bulk
from catalog.access.principals import Caller
from catalog.access.services import Classifier
from catalog.bodies import AnyColumn, dataset_body, new_uuid
from catalog.connectors.base import Loaded
from catalog.domain.diff import Change, diff
from catalog.domain.documents import DatasetDocument, content_digest, document_from_json, storable
from catalog.domain.locations import location_key
from catalog.domain.names import QualifiedName, lookup_key
from catalog.journal import clock, failpoints
from catalog.journal.services import publish_data_changes
from catalog.models import Catalog, Database, Dataset, DatasetState, DatasetVersion, DefinitionDocument, FormerName
from catalog.selectors.definitions import load_definitions
from catalog.services.columns import ColumnMerge
from catalog.services.publishing import (
    Told,
    current_claims,
    publish_changes,
    refresh_bodies,
    update_datasets,
)

BEFORE_COMMIT = failpoints.declare("store.before_commit", "all rows of a batch written, not committed")
AFTER_COMMIT = failpoints.declare("store.after_commit", "a batch committed, its unit not yet done")

Counts = dict[str, int]
NO_CHANGES = zlib.compress(b"[]")


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
    canonical: bytes = b""
    """The document's definition in its one spelling."""
    changes: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """(aspect, operation, payload) for the journal."""
    new: bool = False
    data_changed: bool = False

    @property
    def is_touched(self) -> bool:
        """Whether more than the time it was seen must be written."""
        return self.new or self.data_changed or bool(self.changes)

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
    names = {str(QualifiedName.of(catalog.name, database.name, item.ref.name)): item for item in loaded}
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
        dataset.lookup_key = lookup_key(new)
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
        lookup_key=lookup_key(qualified_name),
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
    dataset.location_key = location_key(item.document.location)
    draft.document, draft.canonical = storable(item.document)
    facts = item.document.data.to_json()
    if facts != dataset.data:
        draft.data_changed = not draft.new
        dataset.data = facts


def _save(catalog: Catalog, drafts: Sequence[Draft], writing: Writing, now: datetime) -> Counts:
    counts: Counts = {}
    for draft in drafts:
        for _, operation, _ in draft.changes:
            counts[operation] = counts.get(operation, 0) + 1
    new = [draft.dataset for draft in drafts if draft.new]
    for dataset, key in zip(new, bulk.reserve_keys(Dataset, len(new)), strict=True):
        dataset.pk = key
    definitions = _definitions(drafts, now)
    counts["changed"] = len([draft for draft in drafts if draft.dataset.pk in definitions and not draft.new])
    counts["data_changed"] = len([draft for draft in drafts if draft.data_changed])
    columns = ColumnMerge.of([draft.dataset.pk for draft in drafts if not draft.new], now)
    _make_bodies(catalog, drafts, definitions, columns)
    _write_datasets(drafts)
    columns.write()
    _write_versions(definitions, writing, now)
    publish_changes([(draft.dataset, draft.changes) for draft in drafts], caller=writing.caller, cause=writing.cause)
    publish_data_changes([draft.dataset.uuid for draft in drafts if draft.data_changed], writing.cause)
    return {name: count for name, count in counts.items() if count}


@dataclass(frozen=True, slots=True)
class _Definition:
    """A definition that makes a version."""

    number: int
    digest: bytes
    canonical: bytes
    changes: Sequence[Change]


def _definitions(drafts: Sequence[Draft], now: datetime) -> dict[int, _Definition]:
    """Return the definitions that differ from what is stored, by the dataset's key."""
    stale: list[tuple[Draft, DatasetDocument, bytes]] = []
    for draft in drafts:
        if draft.document is None:
            continue
        digest = content_digest(draft.canonical)
        if draft.dataset.definition_digest is None or bytes(draft.dataset.definition_digest) != digest:
            stale.append((draft, draft.document, digest))
    previous = load_definitions(
        [bytes(draft.dataset.definition_digest) for draft, _, _ in stale if draft.dataset.definition_digest is not None]
    )
    definitions = {}
    for draft, document, digest in stale:
        dataset = draft.dataset
        changes: Sequence[Change] = ()
        if dataset.definition_digest is not None:
            changes = diff(document_from_json(previous[bytes(dataset.definition_digest)]), document)
        dataset.definition_digest = digest
        dataset.schema_version += 1
        dataset.definition_changed_at = now
        if not draft.new:
            draft.tell("definition", "changed", schema_version=dataset.schema_version)
        definitions[dataset.pk] = _Definition(dataset.schema_version, digest, draft.canonical, changes)
    return definitions


def _make_bodies(
    catalog: Catalog, drafts: Sequence[Draft], definitions: Mapping[int, _Definition], columns: ColumnMerge
) -> None:
    """Merge columns, and give every changed dataset its body."""
    touched = [draft for draft in drafts if draft.is_touched]
    claims = current_claims([draft.dataset.pk for draft in touched if not draft.new])
    stored = load_definitions(
        [
            bytes(draft.dataset.definition_digest)
            for draft in touched
            if draft.document is None and draft.dataset.definition_digest is not None
        ]
    )
    for draft in touched:
        dataset, document = draft.dataset, draft.document
        standing: Sequence[AnyColumn]
        if document is not None and dataset.pk in definitions:
            change = columns.add if draft.new else columns.change
            standing = change(dataset.pk, document.columns)
        else:
            standing = columns.current(dataset.pk)
        if document is not None:
            stated = orjson.loads(draft.canonical)
        else:
            stated = stored.get(bytes(dataset.definition_digest)) if dataset.definition_digest is not None else None
        dataset.body = dataset_body(
            dataset=dataset,
            catalog=catalog,
            database=dataset.database.name if dataset.database else None,
            definition=stated,
            columns=standing,
            claims=claims.get(dataset.pk, ()),
        )


_ALL_FIELDS = tuple(field.attname for field in Dataset._meta.concrete_fields)
_all_values = attrgetter(*_ALL_FIELDS)
_SEEN_FIELDS = ("source_id", "source_digest", "seen_at", "stale_reason")
_seen_values = attrgetter(*_SEEN_FIELDS)


def _write_datasets(drafts: Sequence[Draft]) -> None:
    bulk.insert(Dataset, _ALL_FIELDS, [_all_values(draft.dataset) for draft in drafts if draft.new])
    update_datasets([draft.dataset for draft in drafts if draft.is_touched and not draft.new])
    seen = [draft.dataset for draft in drafts if not draft.is_touched]
    bulk.update(Dataset, _SEEN_FIELDS, [(dataset.pk, _seen_values(dataset)) for dataset in seen])


def _write_versions(definitions: Mapping[int, _Definition], writing: Writing, now: datetime) -> None:
    by_digest = {mine.digest: mine.canonical for mine in definitions.values()}
    present = {
        bytes(digest)
        for digest in DefinitionDocument.objects.filter(digest__in=list(by_digest)).values_list("digest", flat=True)
    }
    # Another writer may store the same document at this moment; content-addressed, either copy will do.
    bulk.insert(
        DefinitionDocument,
        ("digest", "body"),
        [(digest, zlib.compress(canonical)) for digest, canonical in by_digest.items() if digest not in present],
        or_keep=True,
    )
    bulk.insert(
        DatasetVersion,
        ("dataset_id", "number", "digest", "diff", "recorded_at", "cause"),
        (
            (key, mine.number, mine.digest, _packed(mine.changes), now, writing.cause)
            for key, mine in definitions.items()
        ),
    )


def _packed(changes: Sequence[Change]) -> bytes:
    return zlib.compress(orjson.dumps([change.to_json() for change in changes])) if changes else NO_CHANGES


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
