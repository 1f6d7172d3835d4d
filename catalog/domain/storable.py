"""
What not every store keeps as it is: NUL, which PostgreSQL refuses; halves of a surrogate pair, which no encoding has; and numbers beyond 64 bits.

PostgreSQL keeps 1e30 in JSON and gives it back as a whole number of 31 digits, which is no number to whoever writes JSON by 64 bits.
"""

from __future__ import annotations

import re
from typing import Any

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Behind an odd number of backslashes; behind an even one the text itself says "\u0000".
_NUL_IN_JSON = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def is_storable(text: str) -> bool:
    """Return whether every store can keep a text."""
    return _UNSTORABLE.search(text) is None


def storable_text(text: str) -> str:
    """Return a text with what not every store can keep shown as replacement characters."""
    return _UNSTORABLE.sub("\ufffd", text)


def fits_64_bits(number: float) -> bool:
    """Return whether a number may be kept in JSON, which none is that is not finite. Stores tell whole ones apart by their value alone."""
    return -(2**63) <= number < 2**64


def numbers_fit(value: Any) -> bool:
    """Return whether all numbers in a JSON value may be kept."""
    if isinstance(value, dict):
        return all(map(numbers_fit, value.values()))
    if isinstance(value, list):
        return all(map(numbers_fit, value))
    return not isinstance(value, int | float) or fits_64_bits(value)


def json_holds_nul(text: bytes) -> bool:
    """Return whether a text somewhere in JSON holds a NUL character."""
    return b"\\u0000" in text and _NUL_IN_JSON.search(text) is not None


def nul_replaced(text: bytes) -> bytes:
    """Return JSON with each NUL character shown as a replacement character."""
    return _NUL_IN_JSON.sub(rb"\1\\ufffd", text)
