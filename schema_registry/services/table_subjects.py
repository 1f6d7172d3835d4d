"""Tables as subjects: a version for each definition of a table whose columns differ from the one before."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import Max, Q

from catalog import bulk
from catalog.access.principals import system_principal
from catalog.access.services import Classifier, class_rows_anew, raise_generation
from catalog.domain.documents import document_from_json
from catalog.domain.names import REGISTRY
from catalog.journal import clock, failpoints
from catalog.journal.selectors import Change
from catalog.journal.services import Entry, publish
from catalog.selectors.definitions import DefinedDataset, iterate_datasets, list_defined, load_definitions
from schema_registry.domain.subjects import TABLES, SubjectName
from schema_registry.domain.tables import table_schema
from schema_registry.models import Context, Schema, Subject, SubjectVersion
from schema_registry.selectors.schemas import content_guid, digest_of
from schema_registry.services.registering import context_row

FOLLOWED = frozenset({"identity", "definition"})
PAGE = 200
BEFORE_COMMIT = failpoints.declare("registry.versioned", "versions of tables written, not committed")
AUTHOR = system_principal("registry").handle


def version_tables(changes: Sequence[Change]) -> None:
    """Bring the subjects of the datasets that changes speak of in step with the catalog."""
    _bring_in_step([change.subject_uuid for change in changes if change.subject_uuid is not None])


def version_all_tables() -> None:
    """Bring the subjects of all datasets in step. Ids and versions that are there stay: clients hold them."""
    place = 0
    while True:
        uuids, place = iterate_datasets(after=place)
        if not uuids:
            return
        _bring_in_step(uuids)


def _bring_in_step(uuids: Sequence[uuid.UUID]) -> None:
    wanted = list(dict.fromkeys(uuids))
    for start in range(0, len(wanted), PAGE):
        while not _is_in_step(wanted[start : start + PAGE]):
            pass  # somebody else did the same meanwhile


@dataclass(slots=True)
class _New:
    """A table's definition whose columns differ from those before."""

    subject: uuid.UUID
    dataset_version: int
    recorded_at: datetime
    guid: uuid.UUID
    text: str


@dataclass(slots=True)
class _Page:
    """What one page of datasets brings: how far each was read, and what is new."""

    datasets: Sequence[DefinedDataset]
    new: list[_New] = field(default_factory=list)


def _is_in_step(uuids: Sequence[uuid.UUID]) -> bool:
    """Bring one page in step; False if somebody else wrote it in between and nothing was done."""
    known = dict(Subject.objects.filter(dataset_uuid__in=uuids).values_list("dataset_uuid", "dataset_version"))
    page = _read(list_defined({key: known.get(key, 0) for key in uuids}), _last_guids(uuids))
    with transaction.atomic():
        context = Context.objects.select_for_update().get(pk=context_row(TABLES).pk)
        subjects = {row.dataset_uuid: row for row in Subject.objects.select_for_update().filter(dataset_uuid__in=uuids)}
        if any((subjects[key].dataset_version if key in subjects else 0) != known.get(key, 0) for key in uuids):
            return False
        _name(context, page.datasets, subjects)
        _store(context, page, subjects)
        failpoints.reach(BEFORE_COMMIT)
    return True


def _last_guids(uuids: Sequence[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Return the content of the newest version that each table's subject has."""
    rows = SubjectVersion.objects.filter(subject__dataset_uuid__in=uuids).order_by("number")
    return {key: guid for key, guid in rows.values_list("subject__dataset_uuid", "schema__guid") if key is not None}


def _read(datasets: Sequence[DefinedDataset], last: dict[uuid.UUID, uuid.UUID]) -> _Page:
    page = _Page(datasets)
    bodies = load_definitions([digest for dataset in datasets for _, _, digest in dataset.versions])
    for dataset in datasets:
        for number, recorded_at, digest in dataset.versions:
            document = document_from_json(bodies[digest])
            if not document.columns:
                continue
            text = table_schema(document)
            guid = content_guid("AVRO", text)
            if last.get(dataset.uuid) != guid:
                last[dataset.uuid] = guid
                page.new.append(_New(dataset.uuid, number, recorded_at, guid, text))
    return page


def _name(context: Context, datasets: Sequence[DefinedDataset], subjects: dict[uuid.UUID | None, Subject]) -> None:
    """Give subjects the names that their datasets have, those that are gone first, since others may have their names."""
    classifier = Classifier()
    classifier.refresh()
    now = clock.now()
    with_columns = [dataset for dataset in datasets if dataset.uuid in subjects or dataset.versions]
    moved = [
        dataset
        for dataset in with_columns
        if dataset.uuid in subjects
        and (subjects[dataset.uuid].name, subjects[dataset.uuid].is_gone)
        != (dataset.qualified_name, not dataset.is_here)
    ]
    Subject.objects.filter(dataset_uuid__in=[dataset.uuid for dataset in moved]).update(is_gone=True)
    here = {dataset.qualified_name for dataset in with_columns if dataset.is_here}
    # Whoever has the name of one that is here and was not among the changes is behind; its own change follows.
    Subject.objects.filter(context=context, name__in=here, is_gone=False).exclude(
        dataset_uuid__in=[dataset.uuid for dataset in with_columns]
    ).update(is_gone=True)
    for dataset in moved:
        row = subjects[dataset.uuid]
        row.name, row.is_gone = dataset.qualified_name, not dataset.is_here
        row.access_class_id = classifier.class_of(dataset.qualified_name)
    named = [subjects[dataset.uuid] for dataset in moved]
    bulk.update(
        Subject,
        ("name", "is_gone", "access_class_id"),
        ((row.pk, (row.name, row.is_gone, row.access_class_id)) for row in named),
    )
    made = [
        Subject(
            context=context,
            name=dataset.qualified_name,
            access_class_id=classifier.class_of(dataset.qualified_name),
            dataset_uuid=dataset.uuid,
            is_gone=not dataset.is_here,
            created_at=now,
        )
        for dataset in with_columns
        if dataset.uuid not in subjects
    ]
    for row in Subject.objects.bulk_create(made, batch_size=PAGE):
        subjects[row.dataset_uuid] = row


def _store(context: Context, page: _Page, subjects: Mapping[uuid.UUID | None, Subject]) -> None:
    schemas = _schemas(context, page.new)
    numbers: dict[int, int] = dict(
        SubjectVersion.objects.filter(subject__in=[subjects[new.subject] for new in page.new])
        .order_by()
        .values_list("subject_id")
        .annotate(last=Max("number"))
    )
    rows = []
    for new in page.new:
        subject = subjects[new.subject]
        numbers[subject.pk] = numbers.get(subject.pk, 0) + 1
        rows.append(
            SubjectVersion(
                subject=subject,
                number=numbers[subject.pk],
                schema=schemas[new.guid],
                dataset_version=new.dataset_version,
                author=AUTHOR,
                created_at=new.recorded_at,
            )
        )
        subject.revision += 1
    SubjectVersion.objects.bulk_create(rows, batch_size=PAGE)
    changed = [subjects[dataset.uuid] for dataset in page.datasets if dataset.versions]
    for dataset in page.datasets:
        if dataset.versions:
            subjects[dataset.uuid].dataset_version = dataset.versions[-1][0]
    bulk.update(
        Subject,
        ("dataset_version", "revision"),
        ((row.pk, (row.dataset_version, row.revision)) for row in changed),
    )
    cause = {"principal": AUTHOR, "door": "flow"}
    publish(
        [
            Entry(
                "schema",
                "versioned",
                "subject",
                row.subject.uuid,
                row.subject.revision,
                cause,
                {
                    "subject": str(SubjectName(TABLES, row.subject.name)),
                    "dataset": str(row.subject.dataset_uuid),
                    "version": row.number,
                    "id": row.schema.schema_id,
                },
            )
            for row in rows
        ]
    )


def _schemas(context: Context, new: Sequence[_New]) -> dict[uuid.UUID, Schema]:
    """Return the rows of tables' schemas, those made that are not there; the context is locked."""
    wanted = {each.guid: each for each in new}
    found = {row.guid: row for row in Schema.objects.filter(context=context, guid__in=list(wanted))}
    now = clock.now()
    made = []
    for guid, each in wanted.items():
        if guid not in found:
            context.last_schema_id += 1
            made.append(
                Schema(
                    context=context,
                    schema_id=context.last_schema_id,
                    guid=guid,
                    format="AVRO",
                    text=None,
                    normal_digest=digest_of(each.text),
                    created_at=now,
                )
            )
    if made:
        context.save(update_fields=["last_schema_id"])
    return found | {row.guid: row for row in Schema.objects.bulk_create(made, batch_size=PAGE)}


def class_anew(patterns: Sequence[str]) -> int:
    """Give subjects their access class anew after new patterns came, a page in one transaction; return how many changed."""
    named = Q()
    for prefix in (pattern.split("*")[0] for pattern in patterns):
        named |= Q(context__name=TABLES, name__startswith=prefix)
        if prefix.startswith(f"{REGISTRY}/") or f"{REGISTRY}/".startswith(prefix):
            named |= ~Q(context__name=TABLES)

    def name_of(context: str, name: str) -> str:
        return SubjectName(context, name).granted_name

    changed = class_rows_anew(Subject.objects.filter(named), ["context__name", "name"], name_of, page=PAGE)
    if changed:
        with transaction.atomic():
            raise_generation()
    return changed
