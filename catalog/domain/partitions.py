"""
Names of partitions and the language that picks some: comparisons of partition keys, joined by ``and``, ``or`` and ``not``.

It is Metacat's language (``=`` ``!=`` ``<>`` ``<`` ``<=`` ``>`` ``>=``, ``between``, ``in``, ``like``, ``matches``, ``is null``) with
SQL's precedence, ``not (…)``, keys in any letter case, and an error for a key that the table does not have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from urllib.parse import unquote

import re2

MAX_FILTER = 10_000
"""Characters of a filter."""
MAX_DEPTH = 50
MAX_PATTERN = 200
NULL_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""What stands in a partition's name where its key has no value."""

_NUMERIC = re.compile(r"(int|long|float|double|decimal)\b")


class InvalidFilter(ValueError):
    """A filter that cannot be read or used on the table; the message shows the place and what may stand there."""


@dataclass(frozen=True, slots=True)
class Key:
    """A partition key: its name and canonical type."""

    name: str
    type: str

    @property
    def is_numeric(self) -> bool:
        """Whether its values are compared as numbers."""
        return bool(_NUMERIC.match(self.type))


def values_of(name: str) -> tuple[str | None, ...]:
    """Return the values in a partition's name, ``day=2026-11-01/hour=07``; None where a key has none."""
    values = (unquote(part.partition("=")[2]) for part in name.split("/"))
    return tuple(None if value == NULL_VALUE else value for value in values)


def could_be_of(name: str, keys: Sequence[Key]) -> bool:
    """Return whether a text could name a partition of a table with these keys."""
    stated = [part.partition("=") for part in name.split("/")]
    return [key.lower() for key, sign, _ in stated if sign] == [key.name.lower() for key in keys] and len(
        stated
    ) == len(keys)


Test = Callable[[Sequence[str | None]], bool | None]
"""Says of a partition's values whether it is wanted; None, as in SQL, where a value that is missing decides."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a wanted partition's text of one key surely is: one of ``among``, or within ``least`` and ``most``."""

    among: frozenset[str] | None = None
    least: str | None = None
    most: str | None = None


@dataclass(frozen=True, slots=True)
class PartitionFilter:
    """A filter for a table. ``bounds`` by key index are what every wanted partition keeps: sources may look there first."""

    test: Test
    bounds: Mapping[int, Bounds]

    def wants(self, name: str) -> bool:
        """Return whether a partition of this name is picked."""
        return self.test(values_of(name)) is True


_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\")|(?P<number>-?\d+(?:\.\d+)?\b)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>&&|\|\||<=|>=|<>|!=|==|[=<>(),]))"
)
_WORDS = frozenset({"and", "or", "not", "between", "in", "like", "matches", "is", "null", "true", "false"})
_SIGNS = {"=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}

Literal = str | Decimal


def parse_partition_filter(text: str, keys: Sequence[Key]) -> PartitionFilter:
    """Return the filter that a text means for a table of these keys. :raises InvalidFilter: with the place."""
    if len(text) > MAX_FILTER:
        raise InvalidFilter(f"a partition filter has at most {MAX_FILTER} characters, this one has {len(text)}")
    parser = _Parser(text, keys)
    node = parser.alternatives(0)
    parser.expect_end()
    return PartitionFilter(node.test, node.bounds)


@dataclass(frozen=True, slots=True)
class _Node:
    test: Test
    bounds: Mapping[int, Bounds]


class _Parser:
    def __init__(self, text: str, keys: Sequence[Key]) -> None:
        self.text = text
        self.keys = keys
        self.tokens: list[tuple[str, str, int]] = []
        self.at = 0
        place = 0
        while place < len(text.rstrip()):
            match = _TOKEN.match(text, place)
            if match is None or match.lastgroup is None:
                place += len(text[place:]) - len(text[place:].lstrip())
                raise InvalidFilter(f"cannot read the filter at character {place + 1}: {text[place : place + 20]!r}")
            self.tokens.append((match.lastgroup, match.group(match.lastgroup), match.start(match.lastgroup)))
            place = match.end()

    def fail(self, expected: str) -> InvalidFilter:
        if self.at >= len(self.tokens):
            return InvalidFilter(f"the filter ends where {expected} should follow")
        _, found, place = self.tokens[self.at]
        return InvalidFilter(f"expected {expected} at character {place + 1} of the filter, found {found[:40]!r}")

    def peek(self) -> str:
        if self.at >= len(self.tokens):
            return ""
        kind, text, _ = self.tokens[self.at]
        lowered = text.lower()
        return lowered if kind == "sign" or (kind == "word" and lowered in _WORDS) else ""

    def take(self, *wanted: str) -> bool:
        if self.peek() in wanted:
            self.at += 1
            return True
        return False

    def expect(self, wanted: str) -> None:
        if not self.take(wanted):
            raise self.fail(f"'{wanted}'")

    def expect_end(self) -> None:
        if self.at < len(self.tokens):
            raise self.fail("'and', 'or' or the end")

    def alternatives(self, depth: int) -> _Node:
        if depth > MAX_DEPTH:
            raise InvalidFilter(f"a filter has at most {MAX_DEPTH} levels of parentheses")
        parts = [self.conjunction(depth)]
        while self.take("or", "||"):
            parts.append(self.conjunction(depth))
        return parts[0] if len(parts) == 1 else _any(parts)

    def conjunction(self, depth: int) -> _Node:
        parts = [self.part(depth)]
        while self.take("and", "&&"):
            parts.append(self.part(depth))
        return parts[0] if len(parts) == 1 else _all(parts)

    def part(self, depth: int) -> _Node:
        if depth > MAX_DEPTH:
            raise InvalidFilter(f"a filter has at most {MAX_DEPTH} levels of parentheses")
        if self.take("not"):
            return _not(self.part(depth + 1))
        if self.take("("):
            inside = self.alternatives(depth + 1)
            self.expect(")")
            return inside
        return self.comparison()

    def comparison(self) -> _Node:
        index = self.key()
        if self.take("is"):
            wants_value = self.take("not")
            self.expect("null")
            return _Node(lambda values: (values[index] is not None) is wants_value, {})
        negated = self.take("not")
        node = self.predicate(index, negated)
        return _not(node) if negated else node

    def predicate(self, index: int, negated: bool) -> _Node:
        if self.take("between"):
            low = self.literal()
            self.expect("and")
            return _all([self.compared(index, ">=", low), self.compared(index, "<=", self.literal())])
        if self.take("in"):
            self.expect("(")
            options = [self.literal()]
            while self.take(","):
                options.append(self.literal())
            self.expect(")")
            return _any([self.compared(index, "=", option) for option in options])
        if self.take("like"):
            wild, text = {"%": ".*", "_": "."}, str(self.literal())
            pattern = "".join(wild.get(char) or re2.escape(char) for char in text)
            return self.matching(index, f"(?s){pattern}", _beginning(re.split("[%_]", text, maxsplit=1)[0]))
        if self.take("matches"):
            return self.matching(index, str(self.literal()))
        if not negated and self.peek() in _SIGNS:
            sign = _SIGNS[self.peek()]
            self.at += 1
            return self.compared(index, sign, self.literal())
        raise self.fail("a comparison such as =, <, between, in, like, matches or is null")

    def key(self) -> int:
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "word" and not self.peek():
            name = self.tokens[self.at][1]
            for index, key in enumerate(self.keys):
                if key.name.lower() == name.lower():
                    self.at += 1
                    return index
            known = ", ".join(key.name for key in self.keys) or "none"
            raise InvalidFilter(f"the table is not partitioned by '{name}'; its partition keys are: {known}")
        raise self.fail("the name of a partition key")

    def literal(self) -> Literal:
        if self.at < len(self.tokens):
            kind, text, _ = self.tokens[self.at]
            if kind == "text":
                self.at += 1
                quote = text[0]
                return re.sub(r"\\(.)", r"\1", text[1:-1].replace(quote * 2, quote), flags=re.DOTALL)
            if kind == "number":
                self.at += 1
                return Decimal(text)
            if self.take("true", "false"):
                return text.lower()
        raise self.fail("a value in quotes or a number")

    def compared(self, index: int, sign: str, literal: Literal) -> _Node:
        key = self.keys[index]
        compare = _COMPARISONS[sign]
        if key.is_numeric or isinstance(literal, Decimal):
            number = _number(str(literal))
            if number is None:
                raise InvalidFilter(f"the partition key '{key.name}' is a number, and {str(literal)[:40]!r} is none")

            def by_number(values: Sequence[str | None]) -> bool | None:
                value = values[index]
                found = None if value is None else _number(value)
                return None if found is None else compare(found, number)

            return _Node(by_number, {})
        text = str(literal)

        def by_text(values: Sequence[str | None]) -> bool | None:
            value = values[index]
            return None if value is None else compare(value, text)

        return _Node(by_text, {index: bounds} if (bounds := _bounds(sign, text)) else {})

    def matching(self, index: int, pattern: str, bounds: Bounds | None = None) -> _Node:
        if len(pattern) > MAX_PATTERN:
            raise InvalidFilter(f"a pattern has at most {MAX_PATTERN} characters")
        try:
            compiled = re2.compile(pattern)
        except re2.error as error:
            raise InvalidFilter(f"{pattern[:60]!r} is not a regular expression that RE2 knows") from error

        def matches(values: Sequence[str | None]) -> bool | None:
            value = values[index]
            return None if value is None else compiled.fullmatch(value) is not None

        return _Node(matches, {index: bounds} if bounds else {})


_COMPARISONS: Mapping[str, Callable[..., bool]] = {
    "=": lambda value, other: value == other,
    "!=": lambda value, other: value != other,
    "<": lambda value, other: value < other,
    "<=": lambda value, other: value <= other,
    ">": lambda value, other: value > other,
    ">=": lambda value, other: value >= other,
}


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text) if len(text) <= 100 else None
    except InvalidOperation:
        return None


def _bounds(sign: str, text: str) -> Bounds | None:
    match sign:
        case "=":
            return Bounds(among=frozenset({text}))
        case "<" | "<=":
            return Bounds(most=text)
        case ">" | ">=":
            return Bounds(least=text)
        case _:
            return None


def _beginning(text: str) -> Bounds | None:
    """Return the bounds of all texts that begin with one: up to the next of its length, in the order of code points."""
    following = chr(ord(text[-1]) + 1) if text and ord(text[-1]) < 0xD7FF else ""
    return Bounds(least=text, most=text[:-1] + following) if following else None


def _all(parts: Sequence[_Node]) -> _Node:
    tests = [part.test for part in parts]

    def test(values: Sequence[str | None]) -> bool | None:
        answer: bool | None = True
        for each in tests:
            found = each(values)
            if found is False:
                return False
            answer = None if found is None else answer
        return answer

    bounds: dict[int, Bounds] = {}
    for part in parts:
        for index, found in part.bounds.items():
            bounds[index] = _both(bounds.get(index, Bounds()), found)
    return _Node(test, bounds)


def _any(parts: Sequence[_Node]) -> _Node:
    tests = [part.test for part in parts]

    def test(values: Sequence[str | None]) -> bool | None:
        answer: bool | None = False
        for each in tests:
            found = each(values)
            if found is True:
                return True
            answer = None if found is None else answer
        return answer

    shared = set(parts[0].bounds).intersection(*(part.bounds for part in parts[1:]))
    bounds = {}
    for index in shared:
        stated = [part.bounds[index].among for part in parts]
        known = [among for among in stated if among is not None]
        if len(known) == len(stated):
            bounds[index] = Bounds(among=frozenset().union(*known))
    return _Node(test, bounds)


def _not(part: _Node) -> _Node:
    def test(values: Sequence[str | None]) -> bool | None:
        found = part.test(values)
        return None if found is None else not found

    return _Node(test, {})


def _both(one: Bounds, other: Bounds) -> Bounds:
    among = one.among if other.among is None else other.among if one.among is None else one.among & other.among
    least = max((text for text in (one.least, other.least) if text is not None), default=None)
    most = min((text for text in (one.most, other.most) if text is not None), default=None)
    return Bounds(among, least, most)
