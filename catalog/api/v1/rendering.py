"""JSON in and out by orjson, which knows dataclasses, times and ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer


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
        """Return the object. :raises ParseError: with the place, if the body is no JSON object."""
        try:
            value = orjson.loads(stream.read())
        except orjson.JSONDecodeError as error:
            raise ParseError(f"the body is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise ParseError(f"the body must be a JSON object, found {type(value).__name__}")
        return value
