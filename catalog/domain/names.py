"""Qualified names: the handle by which people and clients say which dataset they mean."""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

MAX_SEGMENT_BYTES = 1_020
"""A name of 255 four-byte characters, the widest any source we know allows."""

MAX_NAME_BYTES = 2_500
"""PostgreSQL refuses index rows over 2,704 bytes; a printed name stays below that."""

MAX_LOOKUP = 600
"""Characters of a lookup key; longer names share a key and are told apart by the whole name."""

# Line and paragraph separators and direction overrides would let a name lie about itself on screen.
_DECEPTIVE = frozenset("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class InvalidName(ValueError):
    """A text that cannot be a name; the message says which part and why."""


class CaseRule(enum.Enum):
    """Whether a source tells names apart by letter case alone."""

    SENSITIVE = "sensitive"
    FOLDS = "folds"


def _needs_escape(char: str) -> bool:
    return char in "/%" or char in _DECEPTIVE or unicodedata.category(char) == "Cc"


def escape_segment(segment: str) -> str:
    """Return a segment as it stands inside a printed name; ``.`` and ``..`` are escaped because URLs fold them."""
    if segment in (".", ".."):
        return segment.replace(".", "%2E")
    if segment.isascii() and segment.isprintable() and "/" not in segment and "%" not in segment:
        return segment
    return "".join(
        "".join(f"%{byte:02X}" for byte in char.encode()) if _needs_escape(char) else char for char in segment
    )


def unescape_segment(text: str) -> str:
    """Return the segment that a printed one stands for. :raises InvalidName: for broken escapes."""
    if "%" not in text:
        return text
    if _BAD_ESCAPE.search(text):
        raise InvalidName(f"name part {text!r} holds a '%' without two hexadecimal digits; write it as %25")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError as error:
        raise InvalidName(f"name part {text!r} does not decode as UTF-8") from error


def check_segment(segment: str, what: str = "name") -> str:
    """Return the segment unchanged. :raises InvalidName: if it is empty, too long or not valid Unicode."""
    if not segment:
        raise InvalidName(f"{what} is empty")
    if "\x00" in segment:
        raise InvalidName(f"{what} holds a NUL character")
    try:
        size = len(segment.encode())
    except UnicodeEncodeError as error:
        raise InvalidName(f"{what} is not valid Unicode (a lone surrogate)") from error
    if size > MAX_SEGMENT_BYTES:
        raise InvalidName(f"{what} has {size} bytes; at most {MAX_SEGMENT_BYTES} are allowed")
    return segment


@dataclass(frozen=True, slots=True, order=True)
class QualifiedName:
    """A dataset's place: catalog, then database and table, or a path. Segments are raw, escapes appear in ``str`` only."""

    segments: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.segments:
            raise InvalidName("a qualified name has at least a catalog")
        for number, segment in enumerate(self.segments, 1):
            if not (segment and segment.isascii() and segment.isprintable() and len(segment) <= MAX_SEGMENT_BYTES):
                check_segment(segment, f"part {number} of a qualified name")
        # A character is printed as 12 bytes at most.
        if sum(map(len, self.segments)) * 12 > MAX_NAME_BYTES - len(self.segments) and (
            len(str(self).encode()) > MAX_NAME_BYTES
        ):
            raise InvalidName(f"a qualified name has at most {MAX_NAME_BYTES} bytes when printed")

    @classmethod
    def of(cls, *segments: str) -> QualifiedName:
        """Return the name with these raw segments."""
        return cls(tuple(segments))

    @classmethod
    def parse(cls, text: str) -> QualifiedName:
        """
        Return the name that a printed one stands for; ``parse(str(name)) == name``.

        :raises InvalidName: for empty parts, broken escapes and names that are too long.
        """
        if len(text) > MAX_NAME_BYTES:
            raise InvalidName(f"a qualified name has at most {MAX_NAME_BYTES} bytes, got {len(text)} characters")
        return cls(tuple(unescape_segment(part) for part in text.split("/")))

    def __str__(self) -> str:
        return _printed(self.segments)

    @property
    def catalog(self) -> str:
        """The catalog's name."""
        return self.segments[0]

    @property
    def last(self) -> str:
        """The dataset's own name, without the path to it."""
        return self.segments[-1]


@lru_cache(maxsize=4_000)
def _printed(segments: tuple[str, ...]) -> str:
    return "/".join(escape_segment(segment) for segment in segments)


def join_namespace(levels: tuple[str, ...]) -> str:
    """Return an Iceberg namespace as one database name: levels joined by a dot, dots inside a level as ``%2E``."""
    return ".".join(level.replace("%", "%25").replace(".", "%2E") for level in levels)


def split_namespace(database: str) -> tuple[str, ...]:
    """Return the levels of a database name made by :func:`join_namespace`."""
    return tuple(level.replace("%2E", ".").replace("%25", "%") for level in database.split("."))


def lookup_key(name: str) -> str:
    """Return what names that differ in letter case only have in common; cut, since an index has bounds."""
    return name.casefold()[:MAX_LOOKUP]


ELSEWHERE = "elsewhere"
"""The catalog of datasets that are known from what others tell, and whose source no catalog is connected to."""
REGISTRY = "registry"
"""What names of the schema registry's subjects begin with where grants speak of them; no catalog has it."""

_CATALOG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z")


def check_catalog_name(name: str) -> str:
    """Return a catalog's name unchanged. :raises InvalidName: unless it is plain; it can never change later."""
    if not _CATALOG_NAME.match(name):
        raise InvalidName(
            f"catalog name {name!r} must be 1 to 63 letters, digits, '_', '-' or '.', beginning with a letter or digit"
        )
    return name


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled name pattern. Matching is linear: no expression, so no name of a source can make it explode."""

    parts: tuple[tuple[str, ...], ...]
    """For each part of the name, its literal pieces between stars."""
    rest: bool
    """Whether the pattern ends in ``**``, which stands for anything, slashes included."""

    def matches(self, name: str) -> bool:
        """Return whether a printed name falls under the pattern."""
        segments = name.split("/")
        if len(segments) < len(self.parts) or (len(segments) > len(self.parts) and not self.rest):
            return False
        last = len(self.parts) - 1
        return all(
            _glob((*pieces, "") if self.rest and at == last else pieces, segments[at])
            for at, pieces in enumerate(self.parts)
        )


def _glob(pieces: tuple[str, ...], text: str) -> bool:
    """Return whether a text is the pieces with anything between them; taking each at its first place is enough."""
    if len(pieces) == 1:
        return text == pieces[0]
    first, *middle, final = pieces
    if len(text) < len(first) + len(final) or not text.startswith(first) or not text.endswith(final):
        return False
    at, end = len(first), len(text) - len(final)
    for piece in middle:
        at = text.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


def is_chosen(name: str, patterns: Sequence[str]) -> bool:
    """
    Return whether a list of patterns chooses a name: it meets one of them, or there are none, and none that begins with ``-``.

    ``*`` stands for anything: ``sales_*``, ``-tmp_*``.
    """
    excluded = [pattern[1:] for pattern in patterns if pattern.startswith("-")]
    wanted = [pattern for pattern in patterns if not pattern.startswith("-")]
    if any(_glob(tuple(pattern.split("*")), name) for pattern in excluded):
        return False
    return not wanted or any(_glob(tuple(pattern.split("*")), name) for pattern in wanted)


def matches_pattern(pattern: str, name: str) -> bool:
    """Return whether a printed name falls under a pattern: ``*`` stands for anything within a part, ``**`` for the rest."""
    return compile_pattern(pattern).matches(name)


def compile_pattern(pattern: str) -> Pattern:
    """
    Return a name pattern ready to match.

    :raises InvalidName: for an empty pattern, one over 500 characters or with more than 8 stars.
    """
    if not pattern or len(pattern) > 500:
        raise InvalidName("a name pattern has 1 to 500 characters")
    if pattern.count("*") > 8:
        raise InvalidName(f"name pattern {pattern!r} has more than 8 stars")
    if "**" in pattern[:-2] or pattern.endswith("***"):
        raise InvalidName(f"name pattern {pattern!r}: '**' may stand only at the end")
    rest = pattern.endswith("**")
    body = pattern[:-2] if rest else pattern
    return Pattern(tuple(tuple(part.split("*")) for part in body.split("/")), rest)
