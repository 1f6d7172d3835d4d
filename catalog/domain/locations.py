"""Where data lies: addresses of files, as sources write them, and the one spelling by which equal places are found."""

from __future__ import annotations

import hashlib
import re

MAX_LOCATION_KEY = 500
"""Characters of a key; longer addresses share one and are told apart by the whole address."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(/*)")
# Clients' names for one and the same store.
_SAME = {"s3a": "s3", "s3n": "s3", "abfss": "abfs", "wasbs": "wasb"}
_LOCAL = frozenset({"file"})


def location_key(address: str | None) -> str | None:
    """Return what all spellings of a place have in common: ``s3a://b/t/`` gives ``s3://b/t``; None for no place."""
    whole = _whole_key(address)
    return whole[:MAX_LOCATION_KEY] if whole else None


def location_digest(address: str) -> bytes:
    """Return 16 bytes that all spellings of a place share, however long it is."""
    return hashlib.sha256((_whole_key(address) or "").encode()).digest()[:16]


def lies_within(address: str, outer: str) -> bool:
    """Return whether a place is another or lies below it."""
    inner_key, outer_key = _whole_key(address), _whole_key(outer)
    if not inner_key or not outer_key or ".." in inner_key.split("/"):
        return False
    return inner_key == outer_key or inner_key.startswith(f"{outer_key}/")


def _whole_key(address: str | None) -> str | None:
    text = (address or "").strip().replace("\x00", "").rstrip("/")
    if not text:
        return None
    match = _SCHEME.match(text)
    if match is None:
        return text
    scheme = match.group(1).lower()
    slashes = "/" if scheme in _LOCAL and match.group(2) else match.group(2)
    return f"{_SAME.get(scheme, scheme)}:{slashes}{text[match.end() :]}"


def places_above(key: str) -> list[str]:
    """Return the keys of the places that hold a place, itself included, from the outermost."""
    start = key.find(":") + 1
    while start < len(key) and key[start] == "/":
        start += 1
    cuts = [at for at in range(start + 1, len(key)) if key[at] == "/"]
    return [key[:at] for at in cuts] + [key]
