"""Avro's types as they are read: nodes that refer to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PRIMITIVES = frozenset(["null", "boolean", "int", "long", "float", "double", "bytes", "string"])
NO_DEFAULT: Any = object()


@dataclass(slots=True, eq=False)
class Primitive:
    """A type without parts; ``props`` hold its logical type."""

    type: str
    props: Mapping[str, Any]


@dataclass(slots=True, eq=False)
class Field:
    """A field of a record."""

    name: str
    type: Node
    default: Any
    order: str
    doc: str
    aliases: Sequence[str]
    props: Mapping[str, Any]

    @property
    def has_default(self) -> bool:
        """Whether a reader can fill it where the writer had none."""
        return self.default is not NO_DEFAULT


@dataclass(slots=True, eq=False)
class Record:
    """Fields in order; ``fields`` are filled in after the name is known, since a record may contain itself."""

    name: str
    doc: str
    aliases: Sequence[str]
    props: Mapping[str, Any]
    is_error: bool
    fields: list[Field] = field(default_factory=list)
    type: str = "record"


@dataclass(slots=True, eq=False)
class Enum:
    """One of some symbols; a reader takes the default for one that it does not know."""

    name: str
    doc: str
    aliases: Sequence[str]
    props: Mapping[str, Any]
    symbols: Sequence[str]
    default: str | None
    type: str = "enum"
    known: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.known = frozenset(self.symbols)


@dataclass(slots=True, eq=False)
class Fixed:
    """Bytes of one length."""

    name: str
    doc: str
    aliases: Sequence[str]
    props: Mapping[str, Any]
    size: int
    type: str = "fixed"


@dataclass(slots=True, eq=False)
class Array:
    """Items of one type."""

    items: Node
    props: Mapping[str, Any]
    type: str = "array"


@dataclass(slots=True, eq=False)
class Map:
    """Values of one type by strings."""

    values: Node
    props: Mapping[str, Any]
    type: str = "map"


@dataclass(slots=True, eq=False)
class Union:
    """One of some types."""

    branches: Sequence[Node]
    type: str = "union"


Named = Record | Enum | Fixed
Node = Primitive | Named | Array | Map | Union


@dataclass(frozen=True, slots=True)
class Tree:
    """A schema's root, and the named types that it defines or refers to."""

    root: Node
    names: Mapping[str, Named]
