"""Ranking of search hits: stages by how a name is met, so that no amount of text beats the name itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from catalog.domain.identifiers import fold, joined, name_words, query_words, wanted_words

EXACT = 1_000.0
SUFFIX = 900.0
JOINED = 800.0
PREFIX = 200.0
TYPO = 100.0
"""The whole name, some letters wrong."""

NAME_WEIGHT = 12.0
"""What a word scores that stands in the name: how many words are met counts before how rare they are and how short the name."""
RARITY_WEIGHT = 0.5
"""What is added there for how rare the word is and how short the name."""
COLUMN_WEIGHT = 5.0
"""What a word scores that stands in columns, however many there are."""
PATH_WEIGHT = 5.0
TAG_WEIGHT = 4.0
DESCRIPTION_WEIGHT = 0.6

STANDING = {"described": 0.5, "owned": 0.5, "current": 3.0}
"""What tells datasets apart that fit alike: somebody described it, somebody owns it, nobody tagged it as deprecated."""
DEPRECATED = "deprecated"


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


def stage_of(wanted: str, segments: Sequence[str]) -> tuple[float, str] | None:
    """Return the stage in which a query meets a qualified name, with its score and what it is called; None if in none."""
    key, name = name_key(wanted), segments[-1]
    if key == name_key(name):
        return EXACT, "the name itself"
    if key in suffixes(segments):
        return SUFFIX, "the end of the qualified name"
    if joined_key(wanted) and joined_key(wanted) == joined_key(name):
        return JOINED, "the name, written otherwise"
    if fold(wanted.strip()) and fold(name).startswith(fold(wanted.strip())):
        return PREFIX, "the name begins so"
    return None


@dataclass(frozen=True, slots=True)
class Why:
    """Why a dataset was found: reasons for people, and the columns whose names met the query."""

    reasons: Sequence[str]
    columns: Sequence[str]


SHOWN_COLUMNS = 4


def why(
    wanted: str,
    segments: Sequence[str],
    *,
    description: str = "",
    columns: Iterable[str] = (),
    tags: Iterable[str] = (),
) -> Why:
    """Return why a query's words find a dataset, from the places that its words stand in; paths of columns end in their names."""
    words = wanted_words(wanted)
    if not words:
        return Why((), ())
    stage = stage_of(wanted, segments)
    if stage is not None and stage[0] >= JOINED:
        return Why((stage[1],), ())
    reasons = [stage[1]] if stage else []
    name, path = set(name_words(segments[-1])), set(name_words(" ".join(segments[:-1])))
    said, tagged = set(query_words(description)), {word for tag in tags for word in name_words(tag)}
    met = [(column, set(words).intersection(name_words(column.rpartition(".")[2]))) for column in columns]
    in_columns = {word for _, found in met for word in found}
    places = (
        ("in the name", name),
        ("in the database or catalog", path),
        ("in a tag", tagged),
        ("in columns", in_columns),
        ("in the description", said),
    )
    left = list(words)
    for place, known in places:
        here = [word for word in left if word in known]
        if here:
            reasons.append(f"{', '.join(repr(word) for word in here)} {place}")
            left = [word for word in left if word not in known]
    if not reasons:
        reasons.append("a name much like it")
    shown = [column for column, found in met if found - name][:SHOWN_COLUMNS]
    return Why(tuple(reasons), tuple(shown))
