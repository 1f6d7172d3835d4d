"""Samples of columns, in memory only; findings about them, which hold no value; shapes, by which values are shown without being told."""

from __future__ import annotations

import enum
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

from catalog.domain.identifiers import split_words

MAX_VALUES = 200
"""Distinct values of a column that detectors look at."""
MAX_VALUE_CHARACTERS = 2_000
"""Of one value; a detector sees no more of it."""
MAX_SHAPES = 3
MAX_SHAPE_CHARACTERS = 40


class Kind(enum.StrEnum):
    """What kind of type a column has, as far as detectors care."""

    TEXT = "text"
    WHOLE = "whole"
    NUMBER = "number"
    DATE = "date"
    OTHER = "other"


_KINDS = {
    **dict.fromkeys(("string", "uuid"), Kind.TEXT),
    **dict.fromkeys(("int", "long"), Kind.WHOLE),
    **dict.fromkeys(("float", "double"), Kind.NUMBER),
    **dict.fromkeys(("date", "timestamp", "timestamptz", "timestamp_ns", "timestamptz_ns"), Kind.DATE),
}


def kind_of(canonical_type: str) -> Kind:
    """Return the kind of a canonical type, as it is printed."""
    if canonical_type.startswith("decimal"):
        return Kind.WHOLE if canonical_type.endswith(",0)") else Kind.NUMBER
    return _KINDS.get(canonical_type, Kind.OTHER)


@dataclass(frozen=True)
class ColumnSample:
    """
    What is known of a column, and some of its distinct values as texts, none of them null.

    It is made and thrown away in one process; nothing of ``values`` is stored, logged or sent. Without values a detector goes by names alone.
    """

    name: str
    type: str
    comment: str = ""
    table: str = ""
    neighbours: Sequence[str] = ()
    """Names of the other columns of the table."""
    values: Sequence[str] = field(default=(), repr=False)

    @property
    def kind(self) -> Kind:
        """What kind of type it has."""
        return kind_of(self.type)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words of its name."""
        return tuple(split_words(self.name))

    @cached_property
    def around(self) -> frozenset[str]:
        """The words of the table's name and of the other columns."""
        return frozenset(word for name in (self.table, *self.neighbours) for word in split_words(name))


class Method(enum.StrEnum):
    """What a finding rests on."""

    NAME = "name"
    VALUES = "values"
    BOTH = "name and values"


@dataclass(frozen=True, slots=True)
class Finding:
    """That a column seems to hold values of a kind. It tells how many of the values seen did, and their shapes; never a value."""

    detector: str
    version: int
    category: str
    confidence: float
    """From 0 to 1. Below ``SUGGESTED`` it is not worth saying; from ``LIKELY`` on, values speak for it and not a name alone."""
    method: Method
    matched: int
    seen: int
    shapes: Sequence[tuple[str, int]]
    """The most frequent shapes of the values that matched, with how many had each."""


SUGGESTED = 0.4
LIKELY = 0.8

# What may stand in a shape as it is: it tells the form and no content.
_KEPT = frozenset(" .,-_/@:+()#'&;")
_LETTER_RUN = 3


def shape_of(value: str) -> str:
    """
    Return a value's shape: letters as ``a`` or ``A``, digits as ``9``, the rest as it is or as ``?``; long runs are shortened.

    ``Jo.Smith12@mail.org`` -> ``Aa.Aa+99@aa+.aa+``. A shape is cut, and tells no length beyond three.
    """
    marks = []
    for character in value[: MAX_SHAPE_CHARACTERS * 4]:
        if character.isdigit():
            marks.append("9")
        elif character.isalpha():
            marks.append("A" if character.isupper() else "a")
        else:
            marks.append(character if character in _KEPT else "?")
    told = []
    for mark, run in groupby(marks):
        length = len(list(run))
        told.append(f"{mark * 2}+" if mark in "aA" and length >= _LETTER_RUN else mark * min(length, 20))
    text = "".join(told)
    return text if len(text) <= MAX_SHAPE_CHARACTERS else f"{text[: MAX_SHAPE_CHARACTERS - 1]}…"


def common_shapes(values: Sequence[str]) -> list[tuple[str, int]]:
    """Return the most frequent shapes of values, and how many have each."""
    return Counter(shape_of(value) for value in values).most_common(MAX_SHAPES)


_SPACES = re.compile(r"\s+")


def compact(value: str) -> str:
    """Return a value without spaces, as numbers in groups are compared."""
    return _SPACES.sub("", value)
