"""
One table from our errors to Confluent's codes; the status is a code's first three digits.

Source: https://docs.confluent.io/platform/current/schema-registry/develop/api.html#errors
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from catalog.access.gate import Denied, NotSignedIn
from catalog.domain.names import InvalidName
from schema_registry.backends import UnknownFormat
from schema_registry.domain.subjects import InvalidSubject
from schema_registry.formats.base import InvalidSchema, TooComplex
from schema_registry.selectors.comparing import Check, Incompatible
from schema_registry.selectors.errors import (
    InvalidReference,
    InvalidVersion,
    NoSettings,
    NoSuchSchema,
    NoSuchSubject,
    NoSuchSubjectVersion,
)
from schema_registry.services.registering import (
    Busy,
    IdTaken,
    NotPermitted,
    NotSoftDeleted,
    SoftDeleted,
    StillReferred,
)

MEDIA_TYPES = (
    "application/vnd.schemaregistry.v1+json",
    "application/vnd.schemaregistry+json",
    "application/json",
)


class InvalidBody(ValueError):
    """A body that cannot be read as what is asked for; the message says why."""


class InvalidLevel(ValueError):
    """What was given is no compatibility level, or a setting that is not kept here."""


class InvalidMode(ValueError):
    """What was given is no mode."""


class InvalidRuleSet(ValueError):
    """What was given is no set of rules, or no metadata."""


class NoModeSetting(NoSettings):
    """A subject has no mode of its own."""


Code = int | Callable[[Any], int]

CODES: tuple[tuple[type[Exception], Code], ...] = (
    (NotSignedIn, 401),
    (Denied, 403),
    (NoSuchSubject, 40401),
    (NoSuchSubjectVersion, 40402),
    (NoSuchSchema, 40403),
    (SoftDeleted, lambda error: 40406 if error.is_version else 40404),
    (NotSoftDeleted, lambda error: 40407 if error.is_version else 40405),
    (NoModeSetting, 40409),
    (NoSettings, 40408),
    (Incompatible, 409),
    (InvalidSchema, 42201),
    (InvalidReference, 42201),
    (UnknownFormat, 42201),
    (TooComplex, 42201),
    (InvalidVersion, 42202),
    (InvalidLevel, 42203),
    (InvalidMode, 42204),
    (NotPermitted, 42205),
    (StillReferred, 42206),
    (IdTaken, 42207),
    (InvalidSubject, 42208),
    (InvalidName, 42208),
    (RequestDataTooBig, 42209),
    (InvalidRuleSet, 42210),
    (InvalidBody, 400),
    (Busy, 50301),
)


def media_type(request: HttpRequest) -> str:
    """Return the type of an answer that a client takes."""
    return accepted_type(request.META.get("HTTP_ACCEPT", ""))


def accepted_type(accepted: str) -> str:
    """Return the type that a header of accepted types asks for."""
    return next((each for each in MEDIA_TYPES if each in accepted), MEDIA_TYPES[0])


def refused(request: HttpRequest, code: int, message: str) -> HttpResponse:
    """Return a refusal in Confluent's form."""
    status = int(str(code)[:3])
    body = orjson.dumps({"error_code": code, "message": message})
    response = HttpResponse(body, status=status, content_type=media_type(request))
    if status == 401:
        response["WWW-Authenticate"] = 'Basic realm="Cairn", charset="UTF-8"'
    if status == 503:
        response["Retry-After"] = "1"
    return response


def answer_for(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Return the refusal for an error, or None for one that is a fault in Cairn."""
    for kind, code in CODES:
        if isinstance(error, kind):
            return refused(request, code if isinstance(code, int) else code(error), _message(error))
    return None


def _message(error: Exception) -> str:
    if isinstance(error, InvalidSchema | InvalidReference | UnknownFormat | TooComplex):
        return f"Invalid schema: {error}"
    if isinstance(error, Incompatible):
        return f"{error}, details: [{', '.join(messages_of(error.check))}]"
    return str(error)


def messages_of(check: Check) -> list[str]:
    """Return why a schema may not follow, in the form of Confluent's messages, with what would mend it."""
    said: list[str] = []
    for version in check.versions:
        for direction in version.failing:
            reader, writer = ("new", "old") if direction.reader == "new" else ("old", "new")
            said += [
                f"{{errorType:'{reason.kind}', description:'At path '{reason.pointer or '/'}' in the {reader} schema: "
                f"{reason.message}, in data of the {writer} schema. {reason.hint}', additionalInfo:'{reason.field}'}}"
                for reason in direction.reasons
            ]
        if version.failing:
            said += [f"{{oldSchemaVersion: {version.number}}}", f"{{oldSchema: '{version.text}'}}"]
    if said:
        said.append(f"{{compatibility: '{check.level}'}}")
    return said
