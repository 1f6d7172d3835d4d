"""Families: a dataset with its backups, copies and dated shards, which a list shows as one."""

from __future__ import annotations

import re
from functools import lru_cache

from catalog.domain.identifiers import fold
from catalog.domain.names import QualifiedName

_SEPARATORS = re.compile(r"[_\-.]+")
_MARKS = frozenset(
    [
        "archive",
        "archived",
        "backup",
        "bak",
        "bck",
        "bkp",
        "clone",
        "copy",
        "deprecated",
        "dev",
        "old",
        "orig",
        "original",
        "temp",
        "test",
        "tmp",
    ]
)
"""Words before or behind a name that make it another's copy."""
_MARKED = re.compile(r"([a-z]+)\d*\Z")
_VERSION = re.compile(r"v\d{1,3}\Z")
_SHARD = re.compile(r"0\d{1,4}\Z")
_DAY = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])?\Z")
_YEAR = re.compile(r"(19|20)\d\d\Z")
_TWO = re.compile(r"\d\d\Z")


def _is_mark(part: str) -> bool:
    found = _MARKED.match(part)
    return found is not None and found[1] in _MARKS


def _without_date(parts: list[str]) -> list[str]:
    """Return the parts of a name without the date at their end: ``2026_01_31``, ``2026_01``, ``20260131``, ``202601``, ``2026``."""
    if len(parts) > 1 and (_DAY.match(parts[-1]) or _YEAR.match(parts[-1])):
        return parts[:-1]
    for numbers in (2, 1):
        year = -1 - numbers
        if len(parts) > -year and _YEAR.match(parts[year]) and all(_TWO.match(part) for part in parts[year + 1 :]):
            return parts[:year]
    return parts


@lru_cache(maxsize=4_000)
def stem(name: str) -> str:
    """Return what a family's names have in common: ``orders_20260131``, ``tmp_orders``, ``orders_copy2`` -> ``orders``."""
    parts = [part for part in _SEPARATORS.split(fold(name)) if part]
    while len(parts) > 1:
        undated = _without_date(parts)
        if undated is not parts:
            parts = undated[:-1] if len(undated) > 1 and undated[-1] == "snapshot" else undated
        elif _is_mark(parts[-1]) or _VERSION.match(parts[-1]) or _SHARD.match(parts[-1]):
            parts = parts[:-1]
        elif _is_mark(parts[0]) or parts[0] in ("zz", "zzz"):
            parts = parts[1:]
        else:
            break
    return "_".join(parts) or fold(name)


def family_of(qualified_name: str) -> str:
    """Return the key of a dataset's family: members lie in one database and have one stem."""
    *path, name = QualifiedName.parse(qualified_name).segments
    return "/".join([*path, stem(name)])
