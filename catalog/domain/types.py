"""Canonical types: Iceberg's, as values, printed and read."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

MAX_TYPE_DEPTH = 64
MAX_TYPE_LENGTH = 1_000_000


class InvalidType(ValueError):
    """A text that is no canonical type; the message shows the place."""


class Fidelity(enum.StrEnum):
    """How much of the source's type the canonical one keeps."""

    EXACT = "exact"
    WIDENED = "widened"
    LOSSY = "lossy"
    OPAQUE = "opaque"


# https://iceberg.apache.org/spec/#primitive-types; "variant", "unknown" and the nanosecond types are format version 3.
PRIMITIVES = frozenset(
    [
        "boolean",
        "int",
        "long",
        "float",
        "double",
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "timestamp_ns",
        "timestamptz_ns",
        "string",
        "uuid",
        "binary",
        "variant",
        "unknown",
        "geometry",
        "geography",
    ]
)


@dataclass(frozen=True, slots=True)
class Primitive:
    """A type without parts, by its Iceberg name."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Decimal:
    """A fixed-point number of up to 38 digits."""

    precision: int
    scale: int

    def __str__(self) -> str:
        return f"decimal({self.precision},{self.scale})"


@dataclass(frozen=True, slots=True)
class Fixed:
    """Bytes of one length."""

    length_bytes: int

    def __str__(self) -> str:
        return f"fixed[{self.length_bytes}]"


@dataclass(frozen=True, slots=True)
class ListType:
    """A list of elements of one type."""

    element: Type

    def __str__(self) -> str:
        return f"list<{self.element}>"


@dataclass(frozen=True, slots=True)
class MapType:
    """A map between two types."""

    key: Type
    value: Type

    def __str__(self) -> str:
        return f"map<{self.key},{self.value}>"


@dataclass(frozen=True, slots=True)
class Field:
    """A named part of a struct, with the source's id for it where there is one."""

    name: str
    type: Type
    nullable: bool = True
    field_id: int | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class StructType:
    """Named fields in order."""

    fields: tuple[Field, ...]

    def __str__(self) -> str:
        return "struct<" + ",".join(f"{_quote(field.name)}:{field.type}" for field in self.fields) + ">"


Type = Primitive | Decimal | Fixed | ListType | MapType | StructType

STRING = Primitive("string")
UNKNOWN = Primitive("unknown")

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_WORD = re.compile(r"[a-z_]+")
_DECIMAL = re.compile(r"decimal\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)")
_FIXED = re.compile(r"fixed\[\s*(\d{1,9})\s*\]")


def _quote(name: str) -> str:
    return name if _PLAIN.match(name) else "`" + name.replace("`", "``") + "`"


class TypeParser:
    """Reads the printed form; a class only to carry the place."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def fail(self, expected: str) -> InvalidType:
        return InvalidType(f"expected {expected} at character {self.at + 1} of type {self.text[:200]!r}")

    def take(self, token: str) -> None:
        if not self.text.startswith(token, self.at):
            raise self.fail(repr(token))
        self.at += len(token)

    def name(self) -> str:
        if self.text.startswith("`", self.at):
            end = self.at + 1
            while True:
                end = self.text.find("`", end)
                if end < 0:
                    raise self.fail("a closing '`'")
                if not self.text.startswith("``", end):
                    break
                end += 2
            quoted = self.text[self.at + 1 : end].replace("``", "`")
            self.at = end + 1
            return quoted
        match = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").match(self.text, self.at)
        if not match:
            raise self.fail("a field name")
        self.at = match.end()
        return match.group()

    def type(self, depth: int = 0) -> Type:
        if depth > MAX_TYPE_DEPTH:
            raise self.fail(f"at most {MAX_TYPE_DEPTH} levels")
        for expression, make in ((_DECIMAL, Decimal), (_FIXED, Fixed)):
            match = expression.match(self.text, self.at)
            if match:
                self.at = match.end()
                return make(*(int(group) for group in match.groups()))
        match = _WORD.match(self.text, self.at)
        word = match.group() if match else ""
        if word in PRIMITIVES:
            self.at += len(word)
            return Primitive(word)
        if word == "list":
            self.take("list<")
            element = self.type(depth + 1)
            self.take(">")
            return ListType(element)
        if word == "map":
            self.take("map<")
            key = self.type(depth + 1)
            self.take(",")
            value = self.type(depth + 1)
            self.take(">")
            return MapType(key, value)
        if word == "struct":
            return self.struct(depth)
        raise self.fail("a type")

    def struct(self, depth: int) -> StructType:
        self.take("struct<")
        fields: list[Field] = []
        while not self.text.startswith(">", self.at):
            if fields:
                self.take(",")
            name = self.name()
            self.take(":")
            fields.append(Field(name, self.type(depth + 1)))
        self.take(">")
        return StructType(tuple(fields))


def parse_type(text: str) -> Type:
    """
    Return the type that a printed one stands for. Field ids, nullability and comments are not part of the print.

    :raises InvalidType: with the place, if the text is no type, too long or too deep.
    """
    if len(text) > MAX_TYPE_LENGTH:
        raise InvalidType(f"a type has at most {MAX_TYPE_LENGTH} characters")
    parser = TypeParser(text)
    parsed = parser.type()
    if parser.at != len(text):
        raise parser.fail("the end")
    return parsed


@dataclass(frozen=True, slots=True)
class MappedType:
    """A source's type in canonical form, and how much of it that form keeps."""

    type: Type
    fidelity: Fidelity


# https://iceberg.apache.org/spec/#schema-evolution: type promotions that keep every value.
_WIDENINGS = frozenset({("int", "long"), ("float", "double"), ("date", "timestamp"), ("date", "timestamp_ns")})


def is_widening(before: Type, after: Type) -> bool:
    """Return whether every value of one type is a value of the other."""
    if isinstance(before, Decimal) and isinstance(after, Decimal):
        return before.scale == after.scale and before.precision <= after.precision
    return (str(before), str(after)) in _WIDENINGS
