"""Characters that no store keeps: NUL, which PostgreSQL refuses, and halves of a surrogate pair, which no encoding has."""

from __future__ import annotations

import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Behind an odd number of backslashes; behind an even one the text itself says "\u0000".
_NUL_IN_JSON = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def is_storable(text: str) -> bool:
    """Return whether every store can keep a text."""
    return _UNSTORABLE.search(text) is None


def json_holds_nul(text: bytes) -> bool:
    """Return whether a text somewhere in JSON holds a NUL character."""
    return b"\\u0000" in text and _NUL_IN_JSON.search(text) is not None


def nul_replaced(text: bytes) -> bytes:
    """Return JSON with each NUL character shown as a replacement character."""
    return _NUL_IN_JSON.sub(rb"\1\\ufffd", text)
