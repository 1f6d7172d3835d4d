"""Ranking of search hits: stages by how a name is met, so that no amount of text beats the name itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from catalog.domain.identifiers import fold, joined

EXACT = 1_000.0
SUFFIX = 900.0
JOINED = 800.0
PREFIX = 200.0
TYPO = 100.0
"""The whole name, some letters wrong."""

NAME_WEIGHT = 12.0
PATH_WEIGHT = 5.0
COLUMN_WEIGHT = 2.0
TAG_WEIGHT = 4.0
DESCRIPTION_WEIGHT = 0.6


def name_key(text: str) -> str:
    """Return a name as people paste it from SQL, in one spelling: parts joined by ``/``, folded, without quotes."""
    return fold(text.strip()).replace("`", "").replace('"', "").replace(".", "/")


def suffixes(segments: Sequence[str]) -> Iterator[str]:
    """Return the keys of a qualified name's ends: ``a/b/c``, ``b/c``; the last part alone is the name itself."""
    keys = [name_key(segment) for segment in segments]
    for start in range(len(keys) - 1):
        yield "/".join(keys[start:])


def typos(joined: str) -> int:
    """Return how many letters of a name in one piece may be wrong, for it to be taken for another's misspelling."""
    return 0 if len(joined) < 4 else 1 if len(joined) < 8 else 2


def joined_key(text: str) -> str:
    """Return a text without separators and case, as ``PlayEvents`` and ``play_events`` have in common."""
    return joined(text)
