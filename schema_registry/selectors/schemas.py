"""Schemas: by id as stored bytes, read as their format reads them, with what they refer to."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Protocol

import orjson

from catalog.access import gate
from catalog.access.principals import Principal
from catalog.domain.documents import document_from_json
from catalog.selectors.definitions import load_version_documents
from schema_registry.backends import schema_format
from schema_registry.domain.subjects import TABLES, SubjectName, parse_subject
from schema_registry.domain.tables import table_schema
from schema_registry.formats.base import Parsed
from schema_registry.models import Schema, SubjectVersion
from schema_registry.selectors.errors import InvalidReference, NoSuchSchema

MAX_REFERENCES = 200
"""Schemas that one refers to, directly and through others."""
LATEST = -1


@dataclass(frozen=True, slots=True)
class ReferenceTo:
    """That a schema uses what a version of a subject defines, under a name."""

    name: str
    subject: str
    version: int

    def to_json(self) -> dict[str, Any]:
        """Return it as clients write it."""
        return {"name": self.name, "subject": self.subject, "version": self.version}


@dataclass(frozen=True, slots=True)
class Submitted:
    """A schema as somebody gives it. ``metadata`` and ``rule_set`` are kept as they are: clients carry them out."""

    text: str
    format: str = "AVRO"
    references: Sequence[ReferenceTo] = ()
    metadata: Mapping[str, Any] | None = None
    rule_set: Mapping[str, Any] | None = None
    schema_id: int | None = None
    """The id that it is to have, from 1 on; None for the next."""
    version: int | None = None
    """The version that it is to be, from 1 on; None for the next."""


@dataclass(frozen=True, slots=True)
class Read:
    """A schema as it was given, and as its format reads it; ``guid`` is made from all that tells it from others."""

    submitted: Submitted
    parsed: Parsed
    references: Sequence[ReferenceTo]
    """With the versions that the newest were."""
    guid: uuid.UUID
    normal_digest: bytes
    is_normalized: bool
    referred: Sequence[int]
    """Keys of the versions that it refers to."""

    def require_flawless(self) -> None:
        """:raises InvalidSchema: if it has a flaw, unless it is given with its id: then another registry has taken it already."""
        if self.parsed.flaw is not None and self.submitted.schema_id is None:
            raise self.parsed.flaw


def content_guid(format_name: str, text: str, more: Sequence[Any] = ()) -> uuid.UUID:
    """Return the id that a schema has in every registry of ours."""
    content = orjson.dumps([format_name, text, *more], option=orjson.OPT_SORT_KEYS)
    return uuid.UUID(bytes=hashlib.sha256(content).digest()[:16])


def digest_of(text: str) -> bytes:
    """Return what normalized texts are found by."""
    return hashlib.sha256(text.encode()).digest()[:16]


def read_submitted(principal: Principal, submitted: Submitted, *, normalizes: bool) -> Read:
    """
    Return a schema as its format reads it, normalized if wanted.

    :raises InvalidSchema, InvalidReference, UnknownFormat: if it cannot be read, or what it refers to cannot be.
    """
    format_ = schema_format(submitted.format)
    versions = _referred(principal, submitted)
    seen: dict[uuid.UUID, Parsed] = {}
    held = {
        reference.name: parsed_version(version, seen=seen)
        for reference, version in zip(submitted.references, versions, strict=True)
    }
    parsed = format_.parse(submitted.text, held)
    text = parsed.normal if normalizes else parsed.text
    references = [
        ReferenceTo(reference.name, str(name_of(version)), version.number)
        for reference, version in zip(submitted.references, versions, strict=True)
    ]
    more = [[reference.to_json() for reference in references], submitted.metadata, submitted.rule_set]
    # A number may be given anew when its version is deleted for good; what it held tells them apart.
    guid = content_guid(
        format_.name, text, [*more, [str(version.schema.guid) for version in versions]] if versions else more
    )
    return Read(
        submitted=submitted,
        parsed=replace(parsed, text=text),
        references=references,
        guid=guid,
        normal_digest=digest_of(parsed.normal),
        is_normalized=normalizes,
        referred=[version.pk for version in versions],
    )


def _referred(principal: Principal, submitted: Submitted) -> list[SubjectVersion]:
    if len(submitted.references) > MAX_REFERENCES:
        raise InvalidReference(f"a schema refers to at most {MAX_REFERENCES} others, found {len(submitted.references)}")
    found = []
    for reference in submitted.references:
        name = parse_subject(reference.subject)
        if name.context == TABLES:
            raise InvalidReference(
                f"it refers to subject '{name}', which is a table's: its name changes with the table's, and whoever reads "
                "the schema later could not follow; register what it shares under a subject of its own"
            )
        version = find_version(name, reference.version)
        if version is None or not gate.may(principal, gate.READ, version.subject.access_class_id):
            raise InvalidReference(
                f"it refers to version {reference.version} of subject '{reference.subject}', which is not there"
            )
        if version.schema.format != submitted.format:
            raise InvalidReference(
                f"it refers to a schema of the type {version.schema.format}, and is {submitted.format}"
            )
        found.append(version)
    return found


def find_version(subject: SubjectName, number: int) -> SubjectVersion | None:
    """Return a version that is not deleted, the newest for ``LATEST``; None if there is none. Not behind the gate."""
    rows = SubjectVersion.objects.filter(
        subject__context__name=subject.context, subject__name=subject.name, subject__is_gone=False, deleted_at=None
    ).select_related("subject__context", "schema")
    if number == LATEST:
        return rows.order_by("-number").first()
    return rows.filter(number=number).first()


def texts_of(versions: Sequence[SubjectVersion]) -> dict[int, str]:
    """Return the texts of versions' schemas by the versions' keys; those of tables are made from the catalog's definitions."""
    found = {version.pk: version.schema.text for version in versions if version.schema.text is not None}
    tables = {
        version.pk: (version.subject.dataset_uuid, version.dataset_version)
        for version in versions
        if version.schema.text is None
    }
    wanted = [(key, number) for key, number in tables.values() if key is not None and number is not None]
    documents = load_version_documents(wanted)
    for pk, (key, number) in tables.items():
        if key is not None and number is not None and (key, number) in documents:
            found[pk] = table_schema(document_from_json(documents[key, number]))
    return found


_MAX_KEPT_TEXT = 32_000
_MAX_KEPT = 256


class _ParsedSchemas:
    """The schemas that were read last and refer to no others, by guid: what has a guid never changes."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.kept: OrderedDict[uuid.UUID, Parsed] = OrderedDict()

    def get(self, guid: uuid.UUID) -> Parsed | None:
        with self.lock:
            found = self.kept.get(guid)
            if found is not None:
                self.kept.move_to_end(guid)
            return found

    def keep(self, guid: uuid.UUID, parsed: Parsed) -> None:
        if len(parsed.text) > _MAX_KEPT_TEXT:
            return
        with self.lock:
            self.kept[guid] = parsed
            if len(self.kept) > _MAX_KEPT:
                self.kept.popitem(last=False)


_parsed = _ParsedSchemas()


def parsed_version(
    version: SubjectVersion, text: str | None = None, *, seen: dict[uuid.UUID, Parsed] | None = None
) -> Parsed:
    """
    Return the schema of a stored version as its format reads it; ``seen`` collects all that it refers to.

    :raises InvalidReference: if that is more than MAX_REFERENCES.
    """
    seen = {} if seen is None else seen
    schema = version.schema
    found = seen.get(schema.guid) or (None if schema.references else _parsed.get(schema.guid))
    if found is None:
        references = _parsed_references(schema, seen) if schema.references else {}
        found = schema_format(schema.format).parse(
            text if text is not None else texts_of([version])[version.pk], references
        )
        if not schema.references:
            _parsed.keep(schema.guid, found)
    seen[schema.guid] = found
    if len(seen) > MAX_REFERENCES:
        raise InvalidReference(f"it refers to more than {MAX_REFERENCES} schemas, directly and through others")
    return found


def _parsed_references(schema: Schema, seen: dict[uuid.UUID, Parsed]) -> dict[str, Parsed]:
    by_place = {
        (name_of(each.version), each.version.number): each.version
        for each in schema.refers.select_related("version__subject__context", "version__schema")
    }
    return {
        reference["name"]: parsed_version(
            by_place[parse_subject(reference["subject"]), reference["version"]], seen=seen
        )
        for reference in schema.references
    }


def name_of(version: SubjectVersion) -> SubjectName:
    """Return the name of a version's subject, which must have been loaded with its context."""
    return SubjectName(version.subject.context.name, version.subject.name)


class HasSchema(Protocol):
    """What has all of a schema but its text: the row, and a version as it is shown."""

    @property
    def format(self) -> str: ...
    @property
    def references(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def metadata(self) -> Mapping[str, Any] | None: ...
    @property
    def rule_set(self) -> Mapping[str, Any] | None: ...


def schema_json(schema: HasSchema, text: str) -> dict[str, Any]:
    """Return a schema as clients read it; what is the default or empty is left out, as Confluent does."""
    said: dict[str, Any] = {}
    if schema.format != "AVRO":
        said["schemaType"] = schema.format
    said["schema"] = text
    if schema.references:
        said["references"] = schema.references
    if schema.metadata is not None:
        said["metadata"] = schema.metadata
    if schema.rule_set is not None:
        said["ruleSet"] = schema.rule_set
    return said


@dataclass(frozen=True, slots=True)
class SchemaBody:
    """A schema's answer as bytes, with the classes of the subjects that have it."""

    guid: str
    plain: bytes
    full: bytes
    """With the guid, for clients that say that they take properties they do not know."""
    text: bytes
    classes: frozenset[int]


@dataclass(slots=True)
class _Hot:
    """
    The bodies that were asked for. Ids never change their meaning; who may read them may, so each is believed for a moment only.

    Then many are looked at anew by one query, for whoever reads one soon reads its neighbours.
    """

    seconds: float = 5.0
    max_bytes: int = 32_000_000
    max_renewed: int = 1_000
    held_bytes: int = 0
    bodies: dict[tuple[str, int], tuple[float, SchemaBody]] = field(default_factory=dict)

    def get(self, key: tuple[str, int]) -> SchemaBody | None:
        found = self.bodies.get(key)
        return found[1] if found is not None and time.monotonic() - found[0] < self.seconds else None

    def keep(self, key: tuple[str, int], body: SchemaBody) -> None:
        if self.held_bytes > self.max_bytes:
            self.clear()
        self.drop(key)
        self.bodies[key] = (time.monotonic(), body)
        self.held_bytes += len(body.full) * 3

    def old_of(self, context: str) -> dict[int, SchemaBody]:
        """Return the bodies of a context that are no longer believed, by id; not more than one query looks at."""
        limit = time.monotonic() - self.seconds
        old = {key[1]: body for key, (at, body) in list(self.bodies.items()) if at <= limit and key[0] == context}
        return dict(islice(old.items(), self.max_renewed))

    def drop(self, key: tuple[str, int]) -> None:
        found = self.bodies.pop(key, None)
        if found is not None:
            self.held_bytes -= len(found[1].full) * 3

    def clear(self) -> None:
        self.bodies, self.held_bytes = {}, 0


_hot = _Hot()


def forget() -> None:
    """Have this process read schemas anew; others do so within five seconds."""
    _hot.clear()
    _parsed.kept.clear()


def held_schema_body(*, principal: Principal, context: str, schema_id: int) -> SchemaBody | None:
    """Return a schema if this process holds it and the principal may read it; asks no database."""
    body = _hot.get((context, schema_id))
    return body if body is not None and _may_read(principal, body.classes) else None


def get_schema_body(*, principal: Principal, context: str, schema_id: int) -> SchemaBody:
    """Return a schema by its id in a context. :raises NoSuchSchema: if there is none that the principal may read."""
    key = (context, schema_id)
    body = _hot.get(key)
    if body is None and key in _hot.bodies:
        _renew(context)
        body = _hot.get(key)
    if body is None or not _may_read(principal, body.classes):
        body = _load_body(context, schema_id)
        if body is None or not _may_read(principal, body.classes):
            raise NoSuchSchema(f"Schema {schema_id} not found")
        _hot.keep(key, body)
    return body


def _may_read(principal: Principal, classes: frozenset[int]) -> bool:
    readable = gate.classes_for(principal, gate.READ)
    return readable is None or not readable.isdisjoint(classes)


def _renew(context: str) -> None:
    """Look at many of the held bodies again: who may read them, and whether they are still what their ids mean."""
    old = _hot.old_of(context)
    rows = SubjectVersion.objects.filter(schema__context__name=context, schema__schema_id__in=list(old)).order_by()
    classes: dict[tuple[int, str], set[int]] = {}
    for schema_id, guid, class_id in rows.values_list(
        "schema__schema_id", "schema__guid", "subject__access_class_id"
    ).distinct():
        classes.setdefault((schema_id, str(guid)), set()).add(class_id)
    for schema_id, body in old.items():
        now = classes.get((schema_id, body.guid))
        _hot.drop((context, schema_id))
        if now is not None:
            _hot.keep((context, schema_id), replace(body, classes=frozenset(now)))


def _load_body(context: str, schema_id: int) -> SchemaBody | None:
    rows = SubjectVersion.objects.filter(schema__context__name=context, schema__schema_id=schema_id)
    version = rows.select_related("schema", "subject").order_by("pk").first()
    if version is None:
        return None
    schema = version.schema
    text = texts_of([version]).get(version.pk)
    if text is None:
        return None
    said = schema_json(schema, text)
    return SchemaBody(
        guid=str(schema.guid),
        plain=orjson.dumps(said),
        full=orjson.dumps({**said, "guid": str(schema.guid)}),
        text=text.encode(),
        classes=frozenset(rows.order_by().values_list("subject__access_class_id", flat=True).distinct()),
    )


def find_schema_ids(*, guid: uuid.UUID) -> list[tuple[str, int]]:
    """Return context and id of the schemas with a guid."""
    return list(Schema.objects.filter(guid=guid).order_by("pk").values_list("context__name", "schema_id"))
