"""Cursors and query parameters: opaque, bounded, and refused clearly when they are not ours."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Collection, Sequence
from typing import Any

import orjson
from django.http import QueryDict

from catalog.api.v1.errors import InvalidCursor, InvalidParameter

MAX_LIMIT = 200
BIGGEST = 2**63 - 1
_NOT_OURS = "this cursor was not given out here; leave it out to begin at the first page"


def encode_cursor(kind: str, value: int | str) -> str:
    """Return a cursor that only the same kind of list accepts."""
    return base64.urlsafe_b64encode(orjson.dumps([kind, value])).decode().rstrip("=")


def decode_cursor(kind: str, text: str | None, expected: type[Any], *, most: int = BIGGEST) -> Any:
    """Return what a cursor holds, None without one. :raises InvalidCursor: if this kind of list did not give it out."""
    if not text:
        return None
    try:
        found = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        found = None
    good = isinstance(found, list) and len(found) == 2 and found[0] == kind and type(found[1]) is expected
    if not good or found is None or (expected is int and not 0 <= found[1] <= most):
        raise InvalidCursor(_NOT_OURS)
    return found[1]


def place(name: str, key: uuid.UUID) -> str:
    """Return the value of a cursor into a list that is ordered by names, several of which may be alike."""
    return f"{key} {name}"


def decode_place(kind: str, text: str | None) -> tuple[str, uuid.UUID] | None:
    """Return name and id that a cursor holds, None without one. :raises InvalidCursor: if this kind of list did not give it out."""
    held = decode_cursor(kind, text, str)
    if held is None:
        return None
    key, _, name = held.partition(" ")
    try:
        return name, uuid.UUID(key)
    except ValueError as error:
        raise InvalidCursor(_NOT_OURS) from error


def refuse_unknown(params: QueryDict, known: Collection[str]) -> None:
    """Refuse what would be passed over without a word. :raises InvalidParameter: at a parameter that is not known here."""
    for name in params:
        if name not in known:
            there_are = f"there are {', '.join(sorted(known))}" if known else "there are none"
            raise InvalidParameter(f"{name[:50]!r} is no query parameter of this address; {there_are}")


def number(params: QueryDict, name: str, default: int, *, least: int = 0, most: int = BIGGEST) -> int:
    """Return a whole number of the query. :raises InvalidParameter: if it is none or out of bounds."""
    text = params.get(name)
    if text is None or text == "":
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 19 or not least <= int(text) <= most:
        raise InvalidParameter(f"'{name}' must be a whole number from {least} to {most}, found {text[:50]!r}")
    return int(text)


def limit(params: QueryDict, default: int = 50) -> int:
    """Return how many items a page shall have, 1 to 200."""
    return number(params, "limit", default, least=1, most=MAX_LIMIT)


def flag(params: QueryDict, name: str, default: bool = False) -> bool:
    """Return a truth value of the query. :raises InvalidParameter: if it is neither true nor false."""
    text = params.get(name, "")
    known = {"": default, "true": True, "false": False, "1": True, "0": False}.get(text.lower())
    if known is None:
        raise InvalidParameter(f"'{name}' must be true or false, found {text[:50]!r}")
    return known


def choice(params: QueryDict, name: str, known: Sequence[str], default: str = "") -> str:
    """Return one of some words of the query. :raises InvalidParameter: if it is another one."""
    text = params.get(name) or default
    if text and text not in known:
        raise InvalidParameter(f"'{name}' must be one of {', '.join(known)}, found {text[:50]!r}")
    return text


def identifier(params: QueryDict, name: str) -> uuid.UUID | None:
    """Return a UUID of the query, None without one. :raises InvalidParameter: if it is none."""
    text = params.get(name)
    if not text:
        return None
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise InvalidParameter(f"'{name}' must be a UUID, found {text[:50]!r}") from error
