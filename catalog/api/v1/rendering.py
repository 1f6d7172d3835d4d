"""JSON in and out by orjson, which knows dataclasses, times and ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from catalog.domain.storable import numbers_fit


class JSONRenderer(BaseRenderer):
    """Writes JSON."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the bytes; nothing for None."""
        return b"" if data is None else orjson.dumps(data)


class JSONParser(BaseParser):
    """Reads JSON objects."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """
        Return the object.

        :raises ParseError: with the place, if the body is no JSON object.
        :raises RequestDataTooBig: if it is larger than the settings allow; no more than that is read.
        """
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise RequestDataTooBig(f"a request's body has at most {limit:,} bytes")
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"the body is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise ParseError(f"the body must be a JSON object, found {type(value).__name__}")
        if not numbers_fit(value):
            raise ParseError("the body holds a number that is beyond 64 bits, which cannot be kept; write it as a text")
        return value
