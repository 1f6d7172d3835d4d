"""The port of formats: what the registry asks of a language that schemas are written in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

MAX_SCHEMA_BYTES = 1_048_576
"""Of one schema's text in UTF-8."""


class InvalidSchema(ValueError):
    """A text that is no schema of its format; the message says where and why."""

    def __init__(self, pointer: str, reason: str) -> None:
        super().__init__(f"{pointer or '/'}: {reason}")
        self.pointer = pointer
        """Where in the text, as a JSON pointer where it is JSON."""
        self.reason = reason


class TooComplex(ValueError):
    """Two schemas whose comparison takes more steps than are allowed."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A schema that was read. ``tree`` is the format's own; only the format that made it looks into it."""

    text: str
    """The schema in the one spelling that it is kept and told apart by."""
    normal: str
    """The same, with what carries no meaning put in order: schemas that differ in that only have the same."""
    tree: Any
    flaw: InvalidSchema | None = None
    """What is wrong in it and hinders no reader, such as a default that does not fit its type: no new schema has one, those that another registry took may."""


@dataclass(frozen=True, slots=True)
class Incompatibility:
    """Why data that one schema wrote cannot be read by another."""

    kind: str
    """In the words of Avro's library, such as ``TYPE_MISMATCH``."""
    pointer: str
    """Where in the reader's schema, as a JSON pointer."""
    field: str
    """The same place as people name it, such as ``address.city``; empty for the whole."""
    message: str
    hint: str = ""
    """What would mend it."""


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field as people compare it: where it is, its printed type, its default (None without one), its description."""

    path: str
    type: str
    default: str | None = None
    doc: str = ""


class SchemaFormat(Protocol):
    """A language of schemas. It is pure: the same texts give the same answers."""

    name: str
    """As clients call it, such as ``AVRO``."""
    title: str
    """As people call it."""

    def parse(self, text: str, references: Mapping[str, Parsed]) -> Parsed:
        """
        Return a schema, read with what it refers to: referenced schemas by name, each after those it refers to itself.

        :raises InvalidSchema: if it is none, with the place.
        """

    def incompatibilities(self, reader: Parsed, writer: Parsed) -> Sequence[Incompatibility]:
        """
        Return why the reader cannot read all that the writer writes, in the order of the reader's text; nothing if it can.

        :raises TooComplex: if that takes too many steps.
        """

    def fields(self, schema: Parsed) -> Sequence[FieldView]:
        """Return the fields of a schema in order, nested ones by their path, a type that contains itself once; 5,000 at most."""
