"""Versions of subjects: registered if their level lets them, deleted softly, deleted for good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Max

from catalog.access import gate
from catalog.access.principals import Caller, Principal, renewed
from catalog.access.services import AuditEntry, classes_of, record
from catalog.journal import clock, failpoints
from catalog.journal.services import Entry, publish
from schema_registry.domain.levels import Mode
from schema_registry.domain.subjects import TABLES, SubjectName
from schema_registry.models import Context, Reference, Schema, Subject, SubjectVersion
from schema_registry.selectors.comparing import MAX_COMPARED, Check, Incompatible, check_against, compared_versions
from schema_registry.selectors.errors import InvalidVersion, NoSuchSubject, NoSuchSubjectVersion
from schema_registry.selectors.schemas import Read, Submitted, forget, read_submitted
from schema_registry.selectors.subjects import Settings, effective_settings, find_subject, live_versions, subject_row

MAX_ID = 2**31 - 1
TRIES = 10

BEFORE_COMMIT = failpoints.declare("registry.registered", "version written, not committed")


class NotPermitted(PermissionError):
    """The subject's mode, or its being a table's, does not allow this."""


class IdTaken(ValueError):
    """An id, or a version's number, that is asked for means something else already."""


class SoftDeleted(LookupError):
    """What was asked to be deleted is deleted softly already."""

    def __init__(self, message: str, *, is_version: bool) -> None:
        super().__init__(message)
        self.is_version = is_version


class NotSoftDeleted(LookupError):
    """What was asked to be deleted for good is not deleted softly yet."""

    def __init__(self, message: str, *, is_version: bool) -> None:
        super().__init__(message)
        self.is_version = is_version


class StillReferred(ValueError):
    """Other schemas refer to what was asked to be deleted."""


class Busy(RuntimeError):
    """Others write the same subject without a pause."""


class _Changed(Exception):
    """Somebody else wrote the subject meanwhile."""


def register_schema(
    *, caller: Caller, name: SubjectName, submitted: Submitted, normalizes: bool = False
) -> SubjectVersion:
    """
    Return the version of a subject that has a schema, making it if there is none.

    The schema is read and compared before anything is locked; if somebody else wrote the subject meanwhile, once more.

    :raises InvalidSchema, InvalidReference, UnknownFormat, TooComplex: for a schema that cannot be read.
    :raises Incompatible: if the subject's level refuses it. :raises NotPermitted: if its mode does.
    :raises IdTaken: if the id or version given means something else. :raises Denied: without the role editor on the subject.
    """
    _forbid_tables(name)
    for _ in range(TRIES):
        subject = find_subject(name)
        _require_editor(caller, name, subject)
        settings = effective_settings(name.context, name.name, subject)
        _require_writable(name, submitted, settings)
        read = read_submitted(caller.principal, submitted, normalizes=normalizes or settings.normalizes)
        try:
            return _try_to_register(caller, name, subject, read, settings)
        except (_Changed, IntegrityError):
            continue
    raise Busy(f"Subject '{name}' is written by others without a pause; try again")


def _forbid_tables(name: SubjectName) -> None:
    if name.context == TABLES:
        raise NotPermitted(f"Subject '{name}' is a table's: its versions come from the table alone")


def standing(caller: Caller, name: SubjectName, subject: Subject | None) -> tuple[Principal, int]:
    """Return who asks, and the access class of a subject, or without one that which it would have."""
    if subject is not None:
        return caller.principal, subject.access_class_id
    class_id = classes_of([name.granted_name])[0]
    return renewed(caller.principal), class_id


def _require_editor(caller: Caller, name: SubjectName, subject: Subject | None) -> None:
    principal, class_id = standing(caller, name, subject)
    gate.require(principal, gate.EDIT, class_id, what=f"registering schemas under '{name}'")


def _require_writable(name: SubjectName, submitted: Submitted, settings: Settings) -> None:
    if settings.mode is Mode.READONLY:
        raise NotPermitted(f"Subject '{name}' is in READONLY mode")
    if settings.mode is not Mode.IMPORT and submitted.schema_id is not None:
        raise NotPermitted(f"Subject '{name}' is not in IMPORT mode, in which alone ids are given")


def _try_to_register(
    caller: Caller, name: SubjectName, before: Subject | None, read: Read, settings: Settings
) -> SubjectVersion:
    rows = []
    if before is not None and settings.mode is not Mode.IMPORT:
        rows = list(live_versions(before).order_by("-number")[: MAX_COMPARED + 1])
    known = next((row for row in rows if _is_same(row.schema, read)), None)
    if known is not None:
        return known
    read.require_flawless()
    _require_compatible(name, check_against(read, compared_versions(rows, settings.level), settings.level))
    with transaction.atomic():
        subject = locked_subject(name, before)
        if subject.revision != (before.revision if before is not None else 0):
            raise _Changed
        return _store(caller, subject, name, read)


def _is_same(schema: Schema, read: Read) -> bool:
    return schema.guid == read.guid or (read.is_normalized and bytes(schema.normal_digest) == read.normal_digest)


def _require_compatible(name: SubjectName, check: Check) -> None:
    if not check.is_compatible:
        raise Incompatible(
            f"Schema being registered is incompatible with an earlier schema for subject '{name}'",
            check,
        )


def context_row(name: str) -> Context:
    """Return a context's row, made if it is not there."""
    found = Context.objects.filter(name=name).first()
    return found if found is not None else Context.objects.get_or_create(name=name)[0]


def locked_subject(name: SubjectName, known: Subject | None) -> Subject:
    """Return a subject's row, locked: the one that is known, else made if it is not there."""
    rows = Subject.objects.select_for_update(of=("self",)).select_related("context")
    if known is not None:
        found = rows.filter(pk=known.pk).first()
        if found is None:
            raise _Changed
        return found
    made, _ = Subject.objects.get_or_create(
        context=context_row(name.context),
        name=name.name,
        is_gone=False,
        defaults={"access_class_id": classes_of([name.granted_name])[0], "created_at": clock.now()},
    )
    return rows.get(pk=made.pk)


def _store(caller: Caller, subject: Subject, name: SubjectName, read: Read) -> SubjectVersion:
    now = clock.now()
    schema = _stored_schema(subject.context_id, read)
    last = subject.versions.aggregate(last=Max("number"))["last"] or 0
    number = read.submitted.version or last + 1
    if number != last + 1:
        if read.submitted.schema_id is None:
            raise InvalidVersion(f"the next version of subject '{name}' is {last + 1}, found {number}")
        held = subject.versions.filter(number=number).select_related("schema").first()
        if held is not None:
            if held.schema_id != schema.pk or held.deleted_at is not None:
                raise IdTaken(f"Version {number} of subject '{name}' has another schema")
            return held
    version = SubjectVersion.objects.create(
        subject=subject, number=number, schema=schema, author=caller.principal.handle, created_at=now
    )
    told = {"subject": str(name), "version": number, "id": schema.schema_id}
    raise_revision(caller, subject, "registered", told)
    failpoints.reach(BEFORE_COMMIT)
    return version


def _stored_schema(context_id: int, read: Read) -> Schema:
    """Return the row of a schema, made if it is not there; its id is the one given, else the context's next."""
    wanted = read.submitted.schema_id
    found = Schema.objects.filter(context_id=context_id, guid=read.guid).first()
    if found is not None:
        if wanted is not None and wanted != found.schema_id:
            raise IdTaken(f"the schema has the id {found.schema_id} already, found {wanted}")
        _refer(found, read)
        return found
    context = Context.objects.select_for_update().get(pk=context_id)
    number = wanted or context.last_schema_id + 1
    if number > MAX_ID:
        raise IdTaken(f"an id is at most {MAX_ID:,}, found {number:,}")
    if wanted and Schema.objects.filter(context_id=context_id, schema_id=number).exists():
        raise IdTaken(f"Overwrite new schema with id {number} is not permitted")
    if number > context.last_schema_id:
        context.last_schema_id = number
        context.save(update_fields=["last_schema_id"])
    submitted = read.submitted
    schema = Schema.objects.create(
        context_id=context_id,
        schema_id=number,
        guid=read.guid,
        format=submitted.format,
        text=read.parsed.text,
        normal_digest=read.normal_digest,
        references=[reference.to_json() for reference in read.references],
        metadata=submitted.metadata,
        rule_set=submitted.rule_set,
        created_at=clock.now(),
    )
    _refer(schema, read)
    return schema


def _refer(schema: Schema, read: Read) -> None:
    """Write down what a schema refers to; one that comes again after it was deleted for good has nothing written of it."""
    Reference.objects.bulk_create(
        [Reference(schema=schema, version_id=key) for key in dict.fromkeys(read.referred)],
        batch_size=500,
        ignore_conflicts=True,
    )


def raise_revision(caller: Caller, subject: Subject, operation: str, told: dict[str, Any]) -> None:
    """Raise a locked subject's revision, and tell the journal and the audit what changed."""
    Subject.objects.filter(pk=subject.pk).update(revision=F("revision") + 1)
    subject.revision += 1
    cause = caller.cause
    publish([Entry("schema", operation, "subject", subject.uuid, subject.revision, cause, told)])
    record(caller, [AuditEntry(f"subject.{operation}", "subject", told["subject"], subject.uuid, after=told)])


def _locked_known(caller: Caller, name: SubjectName, what: str, role: str) -> Subject:
    _forbid_tables(name)
    subject = subject_row(caller.principal, name, what=what, role=role)
    if effective_settings(name.context, name.name).mode is Mode.READONLY:
        raise NotPermitted(f"Subject '{name}' is in READONLY mode")
    return Subject.objects.select_for_update(of=("self",)).select_related("context").get(pk=subject.pk)


def delete_subject(*, caller: Caller, name: SubjectName, permanent: bool = False) -> Sequence[int]:
    """
    Delete all versions of a subject softly, or for good those deleted softly before, and return their numbers.

    Its own settings go with them.

    :raises NoSuchSubject: if it has no versions. :raises SoftDeleted, NotSoftDeleted: as it is or is not yet.
    :raises StillReferred: while schemas refer to it. :raises Denied: without editor, for good without steward.
    """
    role = gate.STEWARD if permanent else gate.EDIT
    with transaction.atomic():
        subject = _locked_known(caller, name, "deleting schemas", role)
        rows = list(subject.versions.order_by("number"))
        alive = [row for row in rows if row.deleted_at is None]
        if not rows:
            raise NoSuchSubject(f"Subject '{name}' not found.")
        if permanent and alive:
            raise NotSoftDeleted(
                f"Subject '{name}' was not deleted first before being permanently deleted", is_version=False
            )
        if not permanent and not alive:
            raise SoftDeleted(
                f"Subject '{name}' was soft deleted. Set permanent=true to delete permanently", is_version=False
            )
        gone = rows if permanent else alive
        _delete(gone, permanent=permanent)
        subject.level, subject.mode, subject.normalizes = "", "", None
        subject.save(update_fields=["level", "mode", "normalizes"])
        told = {"subject": str(name), "versions": [row.number for row in gone]}
        raise_revision(caller, subject, "purged" if permanent else "deleted", told)
    forget()
    return [row.number for row in gone]


def delete_version(*, caller: Caller, name: SubjectName, number: int | None, permanent: bool = False) -> int:
    """
    Delete one version, the newest for None, as :func:`delete_subject` does all, and return its number.

    :raises NoSuchSubjectVersion: if the subject has no such version.
    """
    role = gate.STEWARD if permanent else gate.EDIT
    with transaction.atomic():
        subject = _locked_known(caller, name, "deleting schemas", role)
        alive = subject.versions.filter(deleted_at__isnull=True)
        if number is None:
            version = alive.order_by("-number").first()
        else:
            version = subject.versions.filter(number=number).first()
        if version is None:
            if not subject.versions.exists():
                raise NoSuchSubject(f"Subject '{name}' not found.")
            raise NoSuchSubjectVersion(f"Version {'latest' if number is None else number} not found.")
        if permanent and version.deleted_at is None:
            raise NotSoftDeleted(
                f"Subject '{name}' Version {version.number} was not deleted first before being permanently deleted",
                is_version=True,
            )
        if not permanent and version.deleted_at is not None:
            raise SoftDeleted(
                f"Subject '{name}' Version {version.number} was soft deleted. Set permanent=true to delete permanently",
                is_version=True,
            )
        _delete([version], permanent=permanent)
        told = {"subject": str(name), "versions": [version.number]}
        raise_revision(caller, subject, "purged" if permanent else "deleted", told)
    forget()
    return version.number


def _delete(versions: Sequence[SubjectVersion], *, permanent: bool) -> None:
    keys = [version.pk for version in versions]
    # Those that only refer to each other within what goes, go together.
    living = SubjectVersion.objects.filter(schema__refers__version_id__in=keys).exclude(pk__in=keys)
    if not permanent:
        living = living.filter(deleted_at__isnull=True)
    found = living.select_related("schema", "subject").first()
    if found is not None:
        raise StillReferred(
            f"One or more references exist to the schema; the schema with the id {found.schema.schema_id} has one"
        )
    if permanent:
        Reference.objects.filter(version_id__in=keys).delete()
        SubjectVersion.objects.filter(pk__in=keys).delete()
    else:
        SubjectVersion.objects.filter(pk__in=keys).update(deleted_at=clock.now())
