"""Subjects, their versions and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet

from catalog.access import gate
from catalog.access.principals import Principal
from schema_registry.domain.levels import DEFAULT_LEVEL, DEFAULT_MODE, Level, Mode
from schema_registry.domain.subjects import ANY_CONTEXT, DEFAULT_CONTEXT, TABLES, SubjectName
from schema_registry.models import Context, Reference, Schema, Subject, SubjectVersion
from schema_registry.selectors.errors import NoSuchSchema, NoSuchSubject, NoSuchSubjectVersion
from schema_registry.selectors.schemas import LATEST, Read, name_of, texts_of

MAX_SUBJECTS = 20_000
"""In one answer; Confluent's default limit."""


@dataclass(frozen=True, slots=True)
class SubjectVersionView:
    """A version of a subject with its schema."""

    subject: str
    number: int
    schema_id: int
    guid: UUID
    format: str
    text: str
    references: Sequence[Mapping[str, Any]]
    metadata: Mapping[str, Any] | None
    rule_set: Mapping[str, Any] | None
    author: str
    created_at: datetime
    is_deleted: bool
    dataset_version: int | None


def subject_row(principal: Principal, name: SubjectName, *, what: str, role: str = gate.READ) -> Subject:
    """
    Return a subject's row, with versions or not.

    :raises NoSuchSubject: if there is none that the principal may know. :raises Denied: without the role on it.
    """
    found = find_subject(name)
    if found is None or not gate.may(principal, gate.DISCOVER, found.access_class_id):
        raise NoSuchSubject(f"Subject '{name}' not found.")
    gate.require(principal, role, found.access_class_id, what=what)
    return found


def live_versions(subject: Subject) -> QuerySet[SubjectVersion]:
    """Return a subject's versions that are not deleted, with what reading their schemas takes."""
    return subject.versions.filter(deleted_at__isnull=True).select_related("schema", "subject__context")


def _alive(deleted: bool, only: bool = False) -> Q:
    if only:
        return Q(deleted_at__isnull=False)
    return Q() if deleted else Q(deleted_at__isnull=True)


def list_version_numbers(
    *, principal: Principal, name: SubjectName, deleted: bool = False, deleted_only: bool = False
) -> list[int]:
    """Return the numbers of a subject's versions. :raises NoSuchSubject: if it has none."""
    subject = subject_row(principal, name, what="reading versions")
    rows = subject.versions.filter(_alive(deleted, deleted_only)).order_by("number").values_list("number", flat=True)
    found = list(rows)
    if not found:
        raise NoSuchSubject(f"Subject '{name}' not found.")
    return found


def get_version(*, principal: Principal, name: SubjectName, number: int, deleted: bool = False) -> SubjectVersionView:
    """
    Return a version of a subject, the newest for ``LATEST``.

    :raises NoSuchSubject: if the subject has no version. :raises NoSuchSubjectVersion: if it has others only.
    """
    subject = subject_row(principal, name, what="reading versions")
    rows = subject.versions.filter(_alive(deleted)).select_related("schema")
    found = rows.order_by("-number").first() if number == LATEST else rows.filter(number=number).first()
    if found is None:
        if number == LATEST or not rows.exists():
            raise NoSuchSubject(f"Subject '{name}' not found.")
        raise NoSuchSubjectVersion(f"Version {number} not found.")
    return _views([_of(subject, found)])[0]


def _of(subject: Subject, version: SubjectVersion) -> SubjectVersion:
    version.subject = subject
    return version


def list_versions(
    *, principal: Principal, name: SubjectName, before: int | None = None, limit: int, deleted: bool = False
) -> list[SubjectVersionView]:
    """Return versions with their schemas, newest first."""
    subject = subject_row(principal, name, what="reading versions")
    rows = subject.versions.filter(_alive(deleted)).select_related("schema").order_by("-number")
    if before is not None:
        rows = rows.filter(number__lt=before)
    return _views([_of(subject, version) for version in rows[:limit]])


def _views(versions: Sequence[SubjectVersion]) -> list[SubjectVersionView]:
    texts = texts_of(versions)
    return [
        SubjectVersionView(
            subject=str(name_of(version)),
            number=version.number,
            schema_id=version.schema.schema_id,
            guid=version.schema.guid,
            format=version.schema.format,
            text=texts.get(version.pk, ""),
            references=version.schema.references,
            metadata=version.schema.metadata,
            rule_set=version.schema.rule_set,
            author=version.author,
            created_at=version.created_at,
            is_deleted=version.deleted_at is not None,
            dataset_version=version.dataset_version,
        )
        for version in versions
    ]


def find_registered(
    *, principal: Principal, name: SubjectName, read: Read, deleted: bool = False
) -> SubjectVersionView:
    """
    Return the newest version of a subject that has a schema.

    :raises NoSuchSubject: if the subject has no version. :raises NoSuchSchema: if none has this one.
    """
    subject = subject_row(principal, name, what="looking a schema up")
    rows = subject.versions.filter(_alive(deleted))
    if not rows.exists():
        raise NoSuchSubject(f"Subject '{name}' not found.")
    same = Q(schema__guid=read.guid)
    if read.is_normalized:
        same |= Q(schema__normal_digest=read.normal_digest)
    found = rows.filter(same).select_related("schema").order_by("-number").first()
    if found is None:
        raise NoSuchSchema("Schema not found")
    return _views([_of(subject, found)])[0]


@dataclass(frozen=True, slots=True)
class SubjectSummary:
    """A subject as a list shows it."""

    uuid: UUID
    subject: str
    context_name: str
    name: str
    dataset_uuid: UUID | None
    versions: int
    latest: int
    format: str
    level: str
    changed_at: datetime


def _known(principal: Principal, role: str = gate.DISCOVER) -> QuerySet[Subject]:
    return Subject.objects.filter(gate.condition(principal, role), is_gone=False)


def _with_versions(rows: QuerySet[Subject], *, deleted: bool, only: bool = False) -> QuerySet[Subject]:
    live = SubjectVersion.objects.filter(subject=OuterRef("pk"), deleted_at__isnull=True)
    dead = SubjectVersion.objects.filter(subject=OuterRef("pk"), deleted_at__isnull=False)
    if only:
        return rows.filter(Exists(dead), ~Exists(live))
    return rows.filter(Exists(SubjectVersion.objects.filter(subject=OuterRef("pk"))) if deleted else Exists(live))


def list_subject_names(
    *,
    principal: Principal,
    context: str = DEFAULT_CONTEXT,
    prefix: str = "",
    deleted: bool = False,
    deleted_only: bool = False,
    offset: int = 0,
    limit: int = MAX_SUBJECTS,
) -> list[str]:
    """Return printed names of subjects that have versions, in order; of one context, or all."""
    rows = _known(principal)
    if context != ANY_CONTEXT:
        rows = rows.filter(context__name=context)
    if prefix:
        rows = rows.filter(name__startswith=prefix)
    found = (
        _with_versions(rows, deleted=deleted, only=deleted_only)
        .order_by("context__name", "name")
        .values_list("context__name", "name")
    )
    return [str(SubjectName(*each)) for each in found[offset : offset + min(limit, MAX_SUBJECTS)]]


def list_subjects(
    *,
    principal: Principal,
    context: str | None = None,
    containing: str = "",
    after: tuple[str, str] | None = None,
    limit: int,
) -> list[SubjectSummary]:
    """
    Return subjects that the principal may read, by context and name behind a place; those of tables only if that context is asked for.

    Whoever may only discover one learns its name, and not how many versions it has or when it changed.
    """
    rows = _with_versions(_known(principal, gate.READ), deleted=False)
    rows = rows.filter(context__name=context) if context is not None else rows.exclude(context__name=TABLES)
    if containing:
        rows = rows.filter(name__icontains=containing)
    if after is not None:
        rows = rows.filter(Q(context__name__gt=after[0]) | Q(context__name=after[0], name__gt=after[1]))
    return _summaries(list(rows.select_related("context").order_by("context__name", "name")[:limit]))


def find_table_subject(*, principal: Principal, dataset_uuid: UUID) -> SubjectSummary | None:
    """Return the subject of a dataset, None if it has none yet. Whoever asks may read the dataset."""
    rows = _known(principal, gate.READ).filter(dataset_uuid=dataset_uuid).select_related("context")
    found = _summaries(list(rows))
    return found[0] if found and found[0].versions else None


def get_subject(*, principal: Principal, name: SubjectName) -> SubjectSummary:
    """Return a subject. :raises NoSuchSubject: if there is none with versions that the principal may read."""
    summary = _summaries([subject_row(principal, name, what="reading schemas")])[0]
    if not summary.versions:
        raise NoSuchSubject(f"Subject '{name}' not found.")
    return summary


def _summaries(subjects: Sequence[Subject]) -> list[SubjectSummary]:
    rows = (
        SubjectVersion.objects.filter(subject__in=subjects, deleted_at__isnull=True)
        .order_by()
        .values("subject_id")
        .annotate(n=Count("pk"), latest=Max("number"), changed_at=Max("created_at"))
    )
    counted = {row["subject_id"]: row for row in rows}
    formats = dict(
        SubjectVersion.objects.filter(
            subject__in=[subject for subject in subjects if subject.pk in counted], deleted_at__isnull=True
        )
        .filter(
            number=SubjectVersion.objects.filter(subject=OuterRef("subject"), deleted_at__isnull=True)
            .order_by("-number")
            .values("number")[:1]
        )
        .values_list("subject_id", "schema__format")
    )
    default_level = effective_settings(DEFAULT_CONTEXT, "").level
    found = []
    for subject in subjects:
        counts: Mapping[str, Any] = counted.get(subject.pk, {})
        found.append(
            SubjectSummary(
                uuid=subject.uuid,
                subject=str(SubjectName(subject.context.name, subject.name)),
                context_name=subject.context.name,
                name=subject.name,
                dataset_uuid=subject.dataset_uuid,
                versions=counts.get("n", 0),
                latest=counts.get("latest", 0),
                format=formats.get(subject.pk, ""),
                level=subject.level or subject.context.level or default_level,
                changed_at=counts.get("changed_at", subject.created_at),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Settings:
    """How versions may follow each other, and whether new ones are taken."""

    level: Level
    normalizes: bool
    mode: Mode


@dataclass(frozen=True, slots=True)
class OwnSettings:
    """What a subject or a context says itself; None where it says nothing."""

    level: Level | None
    normalizes: bool | None
    mode: Mode | None


def settings_of(row: Subject | Context | None) -> OwnSettings:
    """Return what a row says itself; nothing where there is none."""
    if row is None:
        return OwnSettings(None, None, None)
    return OwnSettings(Level(row.level) if row.level else None, row.normalizes, Mode(row.mode) if row.mode else None)


def own_settings(*, principal: Principal, context: str, name: str) -> OwnSettings:
    """Return the settings of a subject, or with an empty name of a context, itself; a hidden subject has none."""
    if not name:
        return settings_of(Context.objects.filter(name=context).first())
    return settings_of(_known_subject(principal, context, name))


def known_settings(*, principal: Principal, context: str, name: str) -> Settings:
    """Return what holds for a subject, as :func:`effective_settings` does, without what a hidden one says itself."""
    return _holding(context, _known_subject(principal, context, name) if name else None)


def _known_subject(principal: Principal, context: str, name: str) -> Subject | None:
    return _known(principal).filter(context__name=context, name=name).first()


def find_subject(name: SubjectName) -> Subject | None:
    """Return a subject's row with its context, None if there is none. Not behind the gate."""
    rows = Subject.objects.filter(context__name=name.context, name=name.name, is_gone=False)
    return rows.select_related("context").first()


def effective_settings(context: str, name: str, subject: Subject | None = None) -> Settings:
    """
    Return what holds for a subject: its own, else its context's, else the default context's. Not behind the gate.

    Who has the subject's row gives it; an empty name means the context.
    """
    if subject is None and name:
        subject = find_subject(SubjectName(context, name))
    return _holding(context, subject)


def _holding(context: str, subject: Subject | None) -> Settings:
    contexts = {row.name: row for row in Context.objects.filter(name__in=[context, DEFAULT_CONTEXT])}
    said = [settings_of(subject), settings_of(contexts.get(context)), settings_of(contexts.get(DEFAULT_CONTEXT))]
    return Settings(
        level=next((each.level for each in said if each.level is not None), DEFAULT_LEVEL),
        normalizes=next((each.normalizes for each in said if each.normalizes is not None), False),
        mode=next((each.mode for each in said if each.mode is not None), DEFAULT_MODE),
    )


def list_contexts(*, principal: Principal) -> list[str]:
    """Return the contexts that have subjects which the principal may know; the default one always."""
    rows = _known(principal).order_by().values_list("context__name", flat=True).distinct()
    return sorted({DEFAULT_CONTEXT, *rows})


def list_places(*, principal: Principal, context: str, schema_id: int, deleted: bool = False) -> list[tuple[str, int]]:
    """Return the subjects and versions that have a schema. :raises NoSuchSchema: if there is none that the principal may read."""
    rows = SubjectVersion.objects.filter(
        gate.condition(principal, gate.READ, "subject__access_class"),
        schema__context__name=context,
        schema__schema_id=schema_id,
    )
    if not rows.exists():
        raise NoSuchSchema(f"Schema {schema_id} not found")
    found = rows.filter(_alive(deleted)).order_by("subject__name", "number")
    places = found.values_list("subject__context__name", "subject__name", "number")[:MAX_SUBJECTS]
    return [(str(SubjectName(context_name, name)), number) for context_name, name, number in places]


def list_referrers(*, principal: Principal, name: SubjectName, number: int) -> list[int]:
    """Return the ids of the schemas that refer to a version of a subject."""
    subject = subject_row(principal, name, what="reading versions")
    version = subject.versions.filter(number=number).first()
    if version is None:
        raise NoSuchSubjectVersion(f"Version {number} not found.")
    referring = Reference.objects.filter(version=version).values("schema_id")
    living = SubjectVersion.objects.filter(
        gate.condition(principal, gate.READ, "subject__access_class"), schema=OuterRef("pk"), deleted_at__isnull=True
    )
    rows = Schema.objects.filter(Exists(living), pk__in=referring).order_by("schema_id")
    return list(rows.values_list("schema_id", flat=True))


def list_all_schemas(
    *, principal: Principal, context: str, prefix: str, deleted: bool, latest_only: bool, offset: int, limit: int
) -> list[SubjectVersionView]:
    """Return versions with their schemas by subject and number, of all subjects of a context whose name begins so."""
    rows = SubjectVersion.objects.filter(
        gate.condition(principal, gate.READ, "subject__access_class"),
        _alive(deleted),
        subject__context__name=context,
        subject__name__startswith=prefix,
        subject__is_gone=False,
    ).select_related("schema", "subject__context")
    if latest_only:
        newest = SubjectVersion.objects.filter(_alive(deleted), subject=OuterRef("subject")).order_by("-number")
        rows = rows.filter(number=newest.values("number")[:1])
    return _views(list(rows.order_by("subject__name", F("number"))[offset : offset + limit]))
