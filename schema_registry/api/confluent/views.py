"""
Confluent's addresses, as plain views: clients ask some of them for every message that they have not seen before.

Source: https://docs.confluent.io/platform/current/schema-registry/develop/api.html
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from catalog.access.middleware import caller_of, principal_of
from catalog.access.principals import Caller, Principal
from catalog.api.v1.authentication import not_signed_in
from schema_registry.api.confluent.errors import (
    InvalidBody,
    InvalidLevel,
    InvalidMode,
    InvalidRuleSet,
    NoModeSetting,
    answer_for,
    media_type,
    messages_of,
    refused,
)
from schema_registry.backends import format_names
from schema_registry.domain.levels import Level, Mode
from schema_registry.domain.subjects import (
    ANY_CONTEXT,
    DEFAULT_CONTEXT,
    SubjectName,
    check_context,
    parse_subject,
    split_context,
)
from schema_registry.formats.base import MAX_SCHEMA_BYTES, InvalidSchema
from schema_registry.selectors import comparing, schemas, subjects
from schema_registry.selectors.errors import InvalidVersion, NoSuchSchema, NoSuchSubject
from schema_registry.selectors.schemas import LATEST, ReferenceTo, Submitted
from schema_registry.selectors.subjects import MAX_SUBJECTS, SubjectVersionView
from schema_registry.services import configuring, registering

DOOR = "registry"
MAX_NUMBER = 2**31 - 1
MAX_MORE_BYTES = 200_000
"""Of metadata and rules each."""
MAX_SCHEMAS = 1_000
"""With their texts, in one answer."""

Answer = Callable[["Asked"], Any]


class Asked:
    """A request, its parameters in whatever letter case, and who asks."""

    def __init__(self, request: HttpRequest, parts: Mapping[str, str]) -> None:
        self.request = request
        self.parts = parts
        self.given = {key.replace("_", "").casefold(): request.GET.getlist(key) for key in request.GET}

    @property
    def caller(self) -> Caller:
        return caller_of(self.request, DOOR)

    @property
    def principal(self) -> Principal:
        return self.caller.principal

    @property
    def takes_more(self) -> bool:
        """Whether the client takes properties that it does not know; older ones fail on any."""
        return takes_more(self.request.META)

    def flag(self, name: str) -> bool:
        """Return whether a parameter says true, however it is spelled."""
        return self.text(name).casefold() in ("true", "1")

    def text(self, name: str) -> str:
        return self.given.get(name.casefold(), [""])[-1]

    def texts(self, name: str) -> list[str]:
        return self.given.get(name.casefold(), [])

    def page(self, most: int) -> tuple[int, int]:
        """Return offset and limit; a negative limit means all, as far as one answer goes."""
        try:
            offset, limit = int(self.text("offset") or 0), int(self.text("limit") or -1)
        except ValueError:
            raise InvalidBody("'offset' and 'limit' are whole numbers") from None
        return max(0, min(offset, MAX_NUMBER)), most if limit < 0 else min(limit, most)

    @property
    def subject(self) -> SubjectName:
        return parse_subject(self.parts["subject"])

    @property
    def context(self) -> str:
        """The context that the parameter ``subject`` names, in which ids mean something."""
        context = split_context(self.text("subject"))[0]
        return DEFAULT_CONTEXT if context == ANY_CONTEXT else context

    def body(self) -> dict[str, Any]:
        """Return the JSON object that was sent. :raises InvalidBody: if it is none."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = self.request.read(limit + 1)
        if len(raw) > limit:
            raise RequestDataTooBig(f"a request has at most {limit:,} bytes, and a schema {MAX_SCHEMA_BYTES:,}")
        try:
            found = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise InvalidBody(f"the body is not JSON: {error}") from None
        if not isinstance(found, dict):
            raise InvalidBody("the body is a JSON object")
        return found

    def submitted(self) -> Submitted:
        """Return the schema that was sent."""
        body = self.body()
        text, kind = body.get("schema"), body.get("schemaType") or "AVRO"
        if not isinstance(text, str) or not text.strip():
            raise InvalidSchema("", "'schema' is empty; it holds the schema as a text")
        if not isinstance(kind, str):
            raise InvalidSchema("", "'schemaType' is a text")
        return Submitted(
            text=text,
            format=kind.upper(),
            references=_references(body.get("references")),
            metadata=_more(body, "metadata"),
            rule_set=_more(body, "ruleSet"),
            schema_id=_number(body, "id"),
            version=_number(body, "version"),
        )

    def version(self) -> int:
        """Return the number of a version that the address names. :raises InvalidVersion: for what is none."""
        given = self.parts["version"]
        if given in ("latest", "-1"):
            return LATEST
        if given.isascii() and given.isdigit() and len(given) < 11 and 1 <= int(given) <= MAX_NUMBER:
            return int(given)
        raise InvalidVersion(
            f"The specified version '{given[:40]}' is not a valid version id. "
            'Allowed values are between [1, 2^31-1] and the string "latest"'
        )


def _references(given: Any) -> list[ReferenceTo]:
    found = []
    for index, each in enumerate(given or () if isinstance(given, list | None) else (given,)):
        at = f"/references/{index}"
        if not isinstance(each, dict):
            raise InvalidSchema(at, "a reference is an object with 'name', 'subject' and 'version'")
        name, subject, version = each.get("name"), each.get("subject"), each.get("version")
        if not isinstance(name, str) or not isinstance(subject, str):
            raise InvalidSchema(at, "a reference has a 'name' and a 'subject', both texts")
        if not isinstance(version, int) or isinstance(version, bool) or not -1 <= version <= MAX_NUMBER:
            raise InvalidSchema(at, "a reference has a 'version', a number")
        found.append(ReferenceTo(name, subject, version))
    return found


def _more(body: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
    given = body.get(key)
    if given is None:
        return None
    if not isinstance(given, dict):
        raise InvalidRuleSet(f"'{key}' is an object")
    try:
        text = orjson.dumps(given)
    except orjson.JSONEncodeError:
        raise InvalidRuleSet(f"'{key}' is nested more than 250 levels deep") from None
    if len(text) > MAX_MORE_BYTES:
        raise InvalidRuleSet(f"'{key}' has at most {MAX_MORE_BYTES:,} bytes, found {len(text):,}")
    if b"\\u0000" in text:
        raise InvalidRuleSet(f"'{key}' holds a NUL character, which cannot be kept")
    return given


def _number(body: Mapping[str, Any], key: str) -> int | None:
    given = body.get(key)
    if given is None:
        return None
    if not isinstance(given, int) or isinstance(given, bool) or not -1 <= given <= MAX_NUMBER:
        raise InvalidVersion(f"'{key}' is a number up to 2^31-1, found {str(given)[:40]}")
    return given if given > 0 else None


def _may_come(request: HttpRequest) -> bool:
    """
    Whether a request has an authority of its own, or does no harm.

    Pages of other sites can send neither what is said to be JSON nor PUT and DELETE without asking first.
    """
    if request.META.get("HTTP_AUTHORIZATION") or request.method in ("GET", "HEAD"):
        return True
    return bool(settings.CAIRN_OPEN) and (request.method != "POST" or "json" in (request.content_type or ""))


def endpoint(**methods: Answer) -> Callable[..., HttpResponse]:
    """Return the view of an address from what each method does there; what that returns is the answer's JSON, or the answer."""

    @csrf_exempt
    def view(request: HttpRequest, **parts: str) -> HttpResponse:
        method = "get" if request.method == "HEAD" else str(request.method).lower()
        answer = methods.get(method)
        if answer is None:
            response = refused(request, 405, "HTTP 405 Method Not Allowed")
            response["Allow"] = ", ".join(sorted(name.upper() for name in methods))
            return response
        try:
            if principal_of(request) is None or not _may_come(request):
                raise not_signed_in(request)
            found = answer(Asked(request, parts))
        except Exception as error:
            known = answer_for(request, error)
            if known is None:
                raise
            return known
        if isinstance(found, HttpResponse):
            return found
        return HttpResponse(orjson.dumps(found), content_type=media_type(request))

    return view


def _version_json(view: SubjectVersionView, *, more: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"subject": view.subject, "version": view.number, "id": view.schema_id}
    if more:
        said["guid"] = str(view.guid)
    if view.format != "AVRO":
        said["schemaType"] = view.format
    if view.references:
        said["references"] = view.references
    if view.metadata is not None:
        said["metadata"] = view.metadata
    if view.rule_set is not None:
        said["ruleSet"] = view.rule_set
    said["schema"] = view.text
    if more and view.is_deleted:
        said["deleted"] = True
    return said


def _raw(asked: Asked, text: str | bytes) -> HttpResponse:
    return HttpResponse(text, content_type=media_type(asked.request))


# Schemas


def _schema_by_id(asked: Asked) -> HttpResponse:
    body = schemas.get_schema_body(principal=asked.principal, context=asked.context, schema_id=_id(asked))
    return _immutable(asked, body.guid, body.full if asked.takes_more else body.plain)


def _schema_text_by_id(asked: Asked) -> HttpResponse:
    body = schemas.get_schema_body(principal=asked.principal, context=asked.context, schema_id=_id(asked))
    return _immutable(asked, f"{body.guid}-text", body.text)


def takes_more(environ: Mapping[str, Any]) -> bool:
    """Return whether a client takes properties that it does not know, by its headers."""
    return str(environ.get("HTTP_CONFLUENT_ACCEPT_UNKNOWN_PROPERTIES", "")).casefold() == "true"


def etag_of(tag: str, *, more: bool) -> str:
    """Return the tag of a schema's answer."""
    return f'"{tag}-full"' if more else f'"{tag}"'


CACHE_CONTROL = "private, max-age=300"
"""What an id means never changes: whoever has it need not ask again, but for whether they may still read it."""


def _immutable(asked: Asked, tag: str, body: bytes) -> HttpResponse:
    etag = etag_of(tag, more=asked.takes_more)
    if asked.request.META.get("HTTP_IF_NONE_MATCH") == etag:
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(body, content_type=media_type(asked.request))
    response["ETag"] = etag
    response["Cache-Control"] = CACHE_CONTROL
    return response


def _id(asked: Asked) -> int:
    given = asked.parts["id"]
    if len(given) > 10 or int(given) > MAX_NUMBER:
        raise NoSuchSchema(f"Schema {given[:20]} not found")
    return int(given)


def _subjects_of_id(asked: Asked) -> list[str]:
    places = schemas_places(asked)
    offset, limit = asked.page(MAX_SUBJECTS)
    return list(dict.fromkeys(subject for subject, _ in places))[offset : offset + limit]


def _versions_of_id(asked: Asked) -> list[dict[str, Any]]:
    offset, limit = asked.page(MAX_SUBJECTS)
    return [
        {"subject": subject, "version": version} for subject, version in schemas_places(asked)[offset : offset + limit]
    ]


def schemas_places(asked: Asked) -> list[tuple[str, int]]:
    """Return where the schema of the address is a version."""
    return subjects.list_places(
        principal=asked.principal, context=asked.context, schema_id=_id(asked), deleted=asked.flag("deleted")
    )


def _by_guid(asked: Asked) -> tuple[str, schemas.SchemaBody, list[dict[str, Any]]]:
    try:
        guid = uuid.UUID(asked.parts["guid"])
    except ValueError:
        raise NoSuchSchema(f"Schema {asked.parts['guid'][:40]} not found") from None
    found, places = None, []
    for context, schema_id in schemas.find_schema_ids(guid=guid):
        try:
            found = schemas.get_schema_body(principal=asked.principal, context=context, schema_id=schema_id)
        except NoSuchSchema:
            continue
        places.append({"context": context, "id": schema_id})
    if found is None:
        raise NoSuchSchema(f"Schema {guid} not found")
    return str(guid), found, places


def _schema_by_guid(asked: Asked) -> HttpResponse:
    guid, body, _ = _by_guid(asked)
    return _immutable(asked, guid, body.full)


def _ids_of_guid(asked: Asked) -> list[dict[str, Any]]:
    return _by_guid(asked)[2]


def _all_schemas(asked: Asked) -> list[dict[str, Any]]:
    context, prefix = split_context(asked.text("subjectPrefix"))
    offset, limit = asked.page(MAX_SCHEMAS)
    found = subjects.list_all_schemas(
        principal=asked.principal,
        context=DEFAULT_CONTEXT if context == ANY_CONTEXT else context,
        prefix=prefix,
        deleted=asked.flag("deleted"),
        latest_only=asked.flag("latestOnly"),
        offset=offset,
        limit=limit,
    )
    return [_version_json(view, more=asked.takes_more) for view in found]


# Subjects


def _all_subjects(asked: Asked) -> list[str]:
    context, prefix = split_context(asked.text("subjectPrefix"))
    offset, limit = asked.page(MAX_SUBJECTS)
    return subjects.list_subject_names(
        principal=asked.principal,
        context=context,
        prefix=prefix,
        deleted=asked.flag("deleted"),
        deleted_only=asked.flag("deletedOnly"),
        offset=offset,
        limit=limit,
    )


def _normalizes(asked: Asked) -> bool:
    return asked.flag("normalize") or subjects.effective_settings(asked.subject.context, asked.subject.name).normalizes


def _look_up(asked: Asked) -> dict[str, Any]:
    name, wanted = asked.subject, _normalizes(asked)
    read = schemas.read_submitted(asked.principal, asked.submitted(), normalizes=wanted)
    found = subjects.find_registered(
        principal=asked.principal, name=name, read=read, normalizes=wanted, deleted=asked.flag("deleted")
    )
    return _version_json(found, more=asked.takes_more)


def _delete_subject(asked: Asked) -> list[int]:
    permanent = asked.flag("permanent")
    return list(registering.delete_subject(caller=asked.caller, name=asked.subject, permanent=permanent))


def _versions(asked: Asked) -> list[int]:
    offset, limit = asked.page(MAX_SUBJECTS)
    found = subjects.list_version_numbers(
        principal=asked.principal,
        name=asked.subject,
        deleted=asked.flag("deleted"),
        deleted_only=asked.flag("deletedOnly"),
    )
    return found[offset : offset + limit]


def _register(asked: Asked) -> dict[str, Any]:
    name = asked.subject
    wanted = True if asked.flag("normalize") else None
    version = registering.register_schema(
        caller=asked.caller, name=name, submitted=asked.submitted(), normalizes=wanted
    )
    said: dict[str, Any] = {"id": version.schema.schema_id}
    if asked.takes_more:
        said |= {"version": version.number, "guid": str(version.schema.guid)}
        said |= schemas.schema_json(version.schema, version.schema.text or "")
    return said


def _version(asked: Asked) -> dict[str, Any]:
    return _version_json(_found_version(asked), more=asked.takes_more)


def _found_version(asked: Asked) -> SubjectVersionView:
    return subjects.get_version(
        principal=asked.principal, name=asked.subject, number=asked.version(), deleted=asked.flag("deleted")
    )


def _version_text(asked: Asked) -> HttpResponse:
    return _raw(asked, _found_version(asked).text)


def _delete_version(asked: Asked) -> int:
    number = asked.version()
    return registering.delete_version(
        caller=asked.caller,
        name=asked.subject,
        number=None if number == LATEST else number,
        permanent=asked.flag("permanent"),
    )


def _referrers(asked: Asked) -> list[int]:
    view = _found_version(asked)
    found = subjects.list_referrers(principal=asked.principal, name=asked.subject, number=view.number)
    offset, limit = asked.page(MAX_SUBJECTS)
    return found[offset : offset + limit]


def _with_metadata(asked: Asked) -> dict[str, Any]:
    """Return the newest version that has some properties, as clients ask that use the latest with metadata."""
    wanted = dict(zip(asked.texts("key"), asked.texts("value"), strict=False))
    before: int | None = None
    while True:
        page = subjects.list_versions(
            principal=asked.principal, name=asked.subject, before=before, limit=50, deleted=asked.flag("deleted")
        )
        for view in page:
            properties = (view.metadata or {}).get("properties") or {}
            if all(properties.get(key) == value for key, value in wanted.items()):
                return _version_json(view, more=asked.takes_more)
        if len(page) < 50:
            raise NoSuchSubject(f"Subject '{asked.subject}' has no version with these properties.")
        before = page[-1].number


# Compatibility


def _compatibility(asked: Asked) -> dict[str, Any]:
    name = asked.subject
    check = comparing.check_compatibility(
        principal=asked.principal,
        name=name,
        submitted=asked.submitted(),
        number=asked.version() if "version" in asked.parts else None,
        normalizes=_normalizes(asked),
    )
    said: dict[str, Any] = {"is_compatible": check.is_compatible}
    if asked.flag("verbose"):
        said["messages"] = messages_of(check)
    return said


# Settings


def _scope(asked: Asked) -> tuple[str, str]:
    """Return context and name that a setting is of; an empty name means the context."""
    given = asked.parts.get("subject", "")
    context, name = split_context(given)
    if name:
        subject = parse_subject(given)
        return subject.context, subject.name
    if context != DEFAULT_CONTEXT:
        check_context(context)
    return context, ""


def _config(asked: Asked) -> dict[str, Any]:
    context, name = _scope(asked)
    own = subjects.own_settings(principal=asked.principal, context=context, name=name)
    if name and own.level is None and not asked.flag("defaultToGlobal"):
        subjects.require_own_level(own, str(SubjectName(context, name)))
    effective = subjects.effective_settings(context, name)
    said: dict[str, Any] = {"compatibilityLevel": str(effective.level)}
    if effective.normalizes:
        said["normalize"] = True
    return said


_KEPT_SETTINGS = frozenset(["compatibility", "compatibilityLevel", "normalize"])


def _set_config(asked: Asked) -> dict[str, Any]:
    body = asked.body()
    context, name = _scope(asked)
    changes: dict[str, Any] = {}
    strange = sorted(
        key for key, value in body.items() if key not in _KEPT_SETTINGS and value not in (None, False, {}, [])
    )
    if strange:
        raise InvalidLevel(f"'{strange[0][:40]}' is not kept here; a config has 'compatibility' and 'normalize'")
    level = body.get("compatibility") or body.get("compatibilityLevel")
    if level is not None:
        if not isinstance(level, str) or level.upper() not in set(Level):
            raise InvalidLevel(f"Invalid compatibility level. Valid values are {', '.join(Level)}")
        changes["level"] = level.upper()
    if isinstance(body.get("normalize"), bool):
        changes["normalizes"] = body["normalize"]
    if not changes:
        raise InvalidLevel(f"Invalid compatibility level. Valid values are {', '.join(Level)}")
    configuring.change_settings(caller=asked.caller, context=context, name=name, changes=changes)
    return {key: body[key] for key in ("compatibility", "compatibilityLevel", "normalize") if body.get(key) is not None}


def _delete_config(asked: Asked) -> dict[str, Any]:
    context, name = _scope(asked)
    if name:
        own = subjects.own_settings(principal=asked.principal, context=context, name=name)
        if own.level is None and own.normalizes is None:
            raise NoSuchSubject(f"Subject '{SubjectName(context, name)}' not found.")
    before = configuring.change_settings(
        caller=asked.caller, context=context, name=name, changes={"level": None, "normalizes": None}
    )
    return {"compatibilityLevel": str(before.level or subjects.effective_settings(context, name).level)}


def _mode(asked: Asked) -> dict[str, Any]:
    context, name = _scope(asked)
    own = subjects.own_settings(principal=asked.principal, context=context, name=name)
    if name and own.mode is None and not asked.flag("defaultToGlobal"):
        raise NoModeSetting(f"Subject '{SubjectName(context, name)}' does not have subject-level mode configured")
    return {"mode": str(subjects.effective_settings(context, name).mode)}


def _set_mode(asked: Asked) -> dict[str, Any]:
    given = asked.body().get("mode")
    if not isinstance(given, str) or given.upper() not in set(Mode):
        raise InvalidMode(f"Invalid mode. Valid values are {', '.join(Mode)}")
    context, name = _scope(asked)
    configuring.change_settings(
        caller=asked.caller, context=context, name=name, changes={"mode": given.upper()}, force=asked.flag("force")
    )
    return {"mode": given.upper()}


def _delete_mode(asked: Asked) -> dict[str, Any]:
    context, name = _scope(asked)
    if name and subjects.own_settings(principal=asked.principal, context=context, name=name).mode is None:
        raise NoSuchSubject(f"Subject '{SubjectName(context, name)}' not found.")
    before = configuring.change_settings(caller=asked.caller, context=context, name=name, changes={"mode": None})
    return {"mode": str(before.mode or subjects.effective_settings(context, name).mode)}


def _contexts(asked: Asked) -> list[str]:
    return subjects.list_contexts(principal=asked.principal)


root = endpoint(get=lambda _: {}, post=lambda _: {})
schema_types = endpoint(get=lambda _: format_names())
all_schemas = endpoint(get=_all_schemas)
schema_by_id = endpoint(get=_schema_by_id)
schema_text_by_id = endpoint(get=_schema_text_by_id)
subjects_of_id = endpoint(get=_subjects_of_id)
versions_of_id = endpoint(get=_versions_of_id)
schema_by_guid = endpoint(get=_schema_by_guid)
ids_of_guid = endpoint(get=_ids_of_guid)
all_subjects = endpoint(get=_all_subjects)
subject = endpoint(post=_look_up, delete=_delete_subject)
subject_metadata = endpoint(get=_with_metadata)
versions = endpoint(get=_versions, post=_register)
version = endpoint(get=_version, delete=_delete_version)
version_text = endpoint(get=_version_text)
referrers = endpoint(get=_referrers)
compatibility = endpoint(post=_compatibility)
config = endpoint(get=_config, put=_set_config, delete=_delete_config)
mode = endpoint(get=_mode, put=_set_mode, delete=_delete_mode)
contexts = endpoint(get=_contexts)
cluster = endpoint(get=lambda _: {"scope": {"path": [], "clusters": {"schema-registry-cluster": "cairn"}}})


def _nothing(asked: Asked) -> Any:
    return refused(asked.request, 404, "HTTP 404 Not Found")


nothing = endpoint(get=_nothing, post=_nothing, put=_nothing, delete=_nothing)
