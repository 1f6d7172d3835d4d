"""
Confluent's addresses, as plain views: clients ask some of them for every message that they have not seen before.

Source: https://docs.confluent.io/platform/current/schema-registry/develop/api.html
"""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse

from schema_registry.api.confluent.asking import CACHE_CONTROL, MAX_NUMBER, Asked, endpoint, etag_of
from schema_registry.api.confluent.errors import (
    InvalidLevel,
    InvalidMode,
    NoModeSetting,
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
from schema_registry.selectors import comparing, schemas, subjects
from schema_registry.selectors.errors import NoSettings, NoSuchSchema, NoSuchSubject
from schema_registry.selectors.schemas import LATEST
from schema_registry.selectors.subjects import MAX_SUBJECTS, SubjectVersionView
from schema_registry.services import configuring, registering

MAX_SCHEMAS = 1_000
"""With their texts, in one answer."""


def _version_json(view: SubjectVersionView, *, more: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"subject": view.subject, "version": view.number, "id": view.schema_id}
    if more:
        said["guid"] = str(view.guid)
    said |= schemas.schema_json(view, view.text)
    if more and view.is_deleted:
        said["deleted"] = True
    return said


# Schemas


def _schema_by_id(asked: Asked) -> HttpResponse:
    body = schemas.get_schema_body(principal=asked.principal, context=asked.context, schema_id=_id(asked))
    return _immutable(asked, body.guid, body.full if asked.takes_more else body.plain)


def _schema_text_by_id(asked: Asked) -> HttpResponse:
    body = schemas.get_schema_body(principal=asked.principal, context=asked.context, schema_id=_id(asked))
    return _immutable(asked, f"{body.guid}-text", body.text)


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
    places = _places(asked)
    offset, limit = asked.page(MAX_SUBJECTS)
    return list(dict.fromkeys(subject for subject, _ in places))[offset : offset + limit]


def _versions_of_id(asked: Asked) -> list[dict[str, Any]]:
    offset, limit = asked.page(MAX_SUBJECTS)
    return [{"subject": subject, "version": version} for subject, version in _places(asked)[offset : offset + limit]]


def _places(asked: Asked) -> list[tuple[str, int]]:
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
    name = asked.subject
    known = subjects.known_settings(principal=asked.principal, context=name.context, name=name.name)
    return asked.flag("normalize") or known.normalizes


def _look_up(asked: Asked) -> dict[str, Any]:
    read = schemas.read_submitted(asked.principal, asked.submitted(), normalizes=_normalizes(asked))
    found = subjects.find_registered(
        principal=asked.principal, name=asked.subject, read=read, deleted=asked.flag("deleted")
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
    version = registering.register_schema(
        caller=asked.caller, name=asked.subject, submitted=asked.submitted(), normalizes=asked.flag("normalize")
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
    return HttpResponse(_found_version(asked).text, content_type=media_type(asked.request))


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
        raise NoSettings(f"Subject '{SubjectName(context, name)}' does not have subject-level compatibility configured")
    effective = subjects.known_settings(principal=asked.principal, context=context, name=name)
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
    return {"mode": str(subjects.known_settings(principal=asked.principal, context=context, name=name).mode)}


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
