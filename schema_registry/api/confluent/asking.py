"""Requests at Confluent's door: who asks, parameters and bodies read within bounds, and how a view is made of answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from catalog.access.middleware import brings_own_authority, caller_of, principal_of
from catalog.access.principals import Caller, Principal
from catalog.api.v1.authentication import not_signed_in
from catalog.domain.storable import json_holds_nul, numbers_fit
from schema_registry.api.confluent.errors import InvalidBody, InvalidRuleSet, answer_for, media_type, refused
from schema_registry.domain.subjects import ANY_CONTEXT, DEFAULT_CONTEXT, SubjectName, parse_subject, split_context
from schema_registry.formats.base import MAX_SCHEMA_BYTES, InvalidSchema
from schema_registry.selectors.errors import InvalidVersion
from schema_registry.selectors.schemas import LATEST, ReferenceTo, Submitted

DOOR = "registry"
MAX_NUMBER = 2**31 - 1
MAX_MORE_BYTES = 200_000
"""Of metadata and rules each."""

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
    if not numbers_fit(given):
        raise InvalidRuleSet(f"'{key}' holds a number beyond 64 bits, which cannot be kept; write it as a text")
    if json_holds_nul(text):
        raise InvalidRuleSet(f"'{key}' holds a NUL character, which cannot be kept")
    return given


def _number(body: Mapping[str, Any], key: str) -> int | None:
    given = body.get(key)
    if given is None:
        return None
    if not isinstance(given, int) or isinstance(given, bool) or not -1 <= given <= MAX_NUMBER:
        raise InvalidVersion(f"'{key}' is a number up to 2^31-1, found {str(given)[:40]}")
    return given if given > 0 else None


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
            if principal_of(request) is None or not (method == "get" or brings_own_authority(request)):
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


def takes_more(environ: Mapping[str, Any]) -> bool:
    """Return whether a client takes properties that it does not know, by its headers."""
    return str(environ.get("HTTP_CONFLUENT_ACCEPT_UNKNOWN_PROPERTIES", "")).casefold() == "true"


def etag_of(tag: str, *, more: bool) -> str:
    """Return the tag of a schema's answer."""
    return f'"{tag}-full"' if more else f'"{tag}"'


CACHE_CONTROL = "private, max-age=300"
"""What an id means never changes: whoever has it need not ask again, but for whether they may still read it."""
