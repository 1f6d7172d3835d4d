"""Reads JSON as Avro's types, strictly, and says the place of what is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schema_registry.formats.avro.printing import printed_type, shown
from schema_registry.formats.avro.tree import (
    NO_DEFAULT,
    PRIMITIVES,
    Array,
    Enum,
    Field,
    Fixed,
    Map,
    Named,
    Node,
    Primitive,
    Record,
    Union,
)
from schema_registry.formats.base import InvalidSchema

MAX_DEPTH = 100
MAX_CHECKS = 200_000
"""Pairs of a type and a value that are looked at for the defaults of a schema."""
MAX_FIXED_BYTES = 2**31 - 1
MAX_NAME = 1_000
_NAMES = f"names consist of at most {MAX_NAME:,} letters, digits and '_', and do not begin with a digit"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_FULL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*\Z")
_OWN_KEYS: Mapping[str, frozenset[str]] = {
    "record": frozenset(["type", "name", "namespace", "doc", "fields", "aliases"]),
    "enum": frozenset(["type", "name", "namespace", "doc", "symbols", "aliases", "default"]),
    "fixed": frozenset(["type", "name", "namespace", "doc", "size", "aliases"]),
    "array": frozenset(["type", "items"]),
    "map": frozenset(["type", "values"]),
}
_FIELD_KEYS = frozenset(["name", "type", "doc", "default", "order", "aliases"])


@dataclass(frozen=True, slots=True)
class _At:
    """A place in the text: its pointer, the namespace that names stand in, and how deep it lies."""

    pointer: str
    namespace: str = ""
    depth: int = 0

    def into(self, *keys: str | int, namespace: str | None = None) -> _At:
        """Return a place within this one."""
        pointer = "/".join((self.pointer, *(str(key) for key in keys)))
        return _At(pointer, self.namespace if namespace is None else namespace, self.depth + 1)

    def wrong(self, reason: str, *keys: str | int) -> InvalidSchema:
        """Return the error that something here is wrong."""
        return InvalidSchema(self.into(*keys).pointer if keys else self.pointer, reason)


class Reader:
    """Reads JSON values as types, and knows the names that came before."""

    def __init__(self, known: Mapping[str, Named]) -> None:
        self.names: dict[str, Named] = dict(known)
        self.defaults = Defaults()
        self.flaw: InvalidSchema | None = None
        """The first default that does not fit its type."""

    def read(self, value: Any) -> Node:
        """Return the type that a JSON value is. :raises InvalidSchema: with the place, if it is none."""
        return self._node(value, _At(""))

    def _node(self, value: Any, at: _At) -> Node:
        if at.depth > MAX_DEPTH:
            raise at.wrong(f"types are nested more than {MAX_DEPTH} levels deep")
        if isinstance(value, str):
            return self._by_name(value, at)
        if isinstance(value, list):
            return self._union(value, at)
        if isinstance(value, dict):
            return self._complex(value, at)
        raise at.wrong(f"a type is a name, an object or a list of types, found {shown(value)}")

    def _by_name(self, name: str, at: _At) -> Node:
        if name in PRIMITIVES:
            return Primitive(name, {})
        found = self.names.get(_full_name(name, at.namespace)) or self.names.get(name)
        if found is None:
            raise at.wrong(
                f"no type is named {shown(name)}; one of {', '.join(sorted(PRIMITIVES))}, or a type defined above"
            )
        return found

    def _union(self, value: Sequence[Any], at: _At) -> Union:
        branches: list[Node] = []
        taken: set[str] = set()
        for index, each in enumerate(value):
            branch = self._node(each, at.into(index))
            if isinstance(branch, Union):
                raise at.wrong("a union does not directly hold another union", index)
            key = branch.name if isinstance(branch, Named) else branch.type
            if key in taken:
                raise at.wrong(f"a union holds each type once, and has {key} already", index)
            taken.add(key)
            branches.append(branch)
        return Union(branches)

    def _complex(self, value: Mapping[str, Any], at: _At) -> Node:
        kind = value.get("type")
        if isinstance(kind, dict | list):
            return self._node(kind, at.into("type"))
        if not isinstance(kind, str):
            raise at.wrong(
                f"the object has no 'type' that is a name, an object or a list of types, found {shown(kind)}"
            )
        if kind in PRIMITIVES:
            return Primitive(kind, {key: each for key, each in value.items() if key != "type"})
        shape = "record" if kind == "error" else kind
        if shape not in _OWN_KEYS:
            return self._by_name(kind, at.into("type"))
        props = {key: each for key, each in value.items() if key not in _OWN_KEYS[shape]}
        if shape == "array":
            return Array(self._part(value, "items", at), props)
        if shape == "map":
            return Map(self._part(value, "values", at), props)
        return self._named(shape, value, at, props)

    def _part(self, value: Mapping[str, Any], key: str, at: _At) -> Node:
        if key not in value:
            raise at.wrong(f"it has no '{key}'")
        return self._node(value[key], at.into(key))

    def _named(self, shape: str, value: Mapping[str, Any], at: _At, props: Mapping[str, Any]) -> Node:
        name = self._own_name(value, at)
        inner = name.rpartition(".")[0]
        doc = _doc(value, at)
        aliases = [_full_name(each, inner) for each in _texts(value, "aliases", at)]
        made: Named
        if shape == "fixed":
            made = Fixed(name, doc, aliases, props, _size(value, at))
        elif shape == "enum":
            symbols, default = _symbols(value, at)
            made = Enum(name, doc, aliases, props, symbols, default)
        else:
            made = Record(name, doc, aliases, props, is_error=value["type"] == "error")
        self.names[name] = made
        if isinstance(made, Record):
            self._fill(made, value, _At(at.pointer, inner, at.depth))
        return made

    def _own_name(self, value: Mapping[str, Any], at: _At) -> str:
        name, own = value.get("name"), value.get("namespace", at.namespace)
        if not isinstance(name, str) or not name:
            raise at.wrong(f"a {value['type']} has a 'name', found {shown(name)}")
        if own is not None and not isinstance(own, str):
            raise at.wrong(f"a namespace is a text, found {shown(own)}", "namespace")
        full = _full_name(name, own or "")
        if not _FULL_NAME.match(full) or len(full) > MAX_NAME:
            raise at.wrong(f"{_NAMES}, found {shown(full)}", "name")
        if full.rpartition(".")[2] in PRIMITIVES:
            raise at.wrong(f"{full} is the name of a primitive type", "name")
        if full in self.names:
            raise at.wrong(f"the name {full} is taken already; refer to it by its name", "name")
        return full

    def _fill(self, record: Record, value: Mapping[str, Any], at: _At) -> None:
        given = value.get("fields")
        if not isinstance(given, list):
            raise at.wrong(f"a record has a list of 'fields', found {shown(given)}", "fields")
        taken: set[str] = set()
        for index, each in enumerate(given):
            made = self._field(each, at.into("fields", index))
            if made.name in taken:
                raise at.wrong(f"the field {made.name} is there twice", "fields", index, "name")
            taken.add(made.name)
            record.fields.append(made)
        # Not before: a default may be of the record itself.
        for index, made in enumerate(record.fields):
            place = at.into("fields", index, "default")
            if (
                self.flaw is None
                and made.has_default
                and not self.defaults.fits(made.type, made.default, place.pointer)
            ):
                self.flaw = place.wrong(f"the default {shown(made.default)} is no {printed_type(made.type)}")

    def _field(self, value: Any, at: _At) -> Field:
        if not isinstance(value, dict):
            raise at.wrong(f"a field is an object, found {shown(value)}")
        name = value.get("name")
        if not isinstance(name, str) or not _NAME.match(name) or len(name) > MAX_NAME:
            raise at.wrong(f"{_NAMES}, found {shown(name)}", "name")
        order = value.get("order", "ascending")
        if order not in ("ascending", "descending", "ignore"):
            raise at.wrong(f"the order is ascending, descending or ignore, found {shown(order)}", "order")
        return Field(
            name=name,
            type=self._part(value, "type", at),
            default=value.get("default", NO_DEFAULT),
            order=order,
            doc=_doc(value, at),
            aliases=_texts(value, "aliases", at),
            props={key: each for key, each in value.items() if key not in _FIELD_KEYS},
        )


def _doc(value: Mapping[str, Any], at: _At) -> str:
    doc = value.get("doc") or ""
    if not isinstance(doc, str):
        raise at.wrong(f"a description is a text, found {shown(doc)}", "doc")
    return doc


def _size(value: Mapping[str, Any], at: _At) -> int:
    size = value.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_FIXED_BYTES:
        raise at.wrong(f"a fixed type has a 'size' in bytes, found {shown(size)}", "size")
    return size


def _symbols(value: Mapping[str, Any], at: _At) -> tuple[Sequence[str], str | None]:
    """Return an enum's symbols and its default."""
    if "symbols" not in value:
        raise at.wrong("an enum has a list of 'symbols'")
    symbols = _texts(value, "symbols", at)
    seen: set[str] = set()
    for index, symbol in enumerate(symbols):
        if not _NAME.match(symbol):
            raise at.wrong(f"a symbol is a name, found {shown(symbol)}", "symbols", index)
        if symbol in seen:
            raise at.wrong(f"the symbol {symbol} is there twice", "symbols", index)
        seen.add(symbol)
    default = value.get("default")
    if default is not None and (not isinstance(default, str) or default not in seen):
        raise at.wrong(f"the default {shown(default)} is none of the symbols", "default")
    return symbols, default


def _full_name(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _texts(value: Mapping[str, Any], key: str, at: _At) -> list[str]:
    found = value.get(key) or []
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise at.wrong(f"'{key}' is a list of texts, found {shown(found)}", key)
    return found


_RANGES = {"int": 2**31, "long": 2**63}


class Defaults:
    """
    Says whether JSON values are defaults of types; for a union of any of its types.

    Each pair of a type and a value is looked at once, and only so many: records of one shape in a union could be tried without end.
    Source: https://avro.apache.org/docs/1.12.0/specification/#schema-record
    """

    def __init__(self) -> None:
        self.known: dict[tuple[int, int], bool] = {}

    def fits(self, node: Node, value: Any, at: str, depth: int = 0) -> bool:
        """Return whether a value is a default of a type. :raises InvalidSchema: if that takes too many steps."""
        if isinstance(node, Primitive):
            return _fits_primitive(node.type, value)
        pair = (id(node), id(value))
        if pair not in self.known:
            if len(self.known) == MAX_CHECKS or depth > MAX_DEPTH:
                raise InvalidSchema(
                    at, f"the default takes more than {MAX_CHECKS:,} steps, or {MAX_DEPTH} levels, to check"
                )
            self.known[pair] = False  # a value lies within itself never, so this is not asked while it is worked out
            self.known[pair] = self._fits(node, value, at, depth + 1)
        return self.known[pair]

    def _fits(self, node: Node, value: Any, at: str, depth: int) -> bool:
        match node:
            case Union(branches):
                return any(self.fits(branch, value, at, depth) for branch in branches)
            case Array(items):
                return isinstance(value, list) and all(self.fits(items, each, at, depth) for each in value)
            case Map(values):
                return isinstance(value, dict) and all(self.fits(values, each, at, depth) for each in value.values())
            case Enum():
                return isinstance(value, str) and value in node.known
            case Fixed():
                return _is_bytes(value) and len(value) == node.size
            case Record():
                return isinstance(value, dict) and all(
                    self.fits(part.type, value[part.name], at, depth) if part.name in value else part.has_default
                    for part in node.fields
                )
        raise AssertionError(node)


def _fits_primitive(kind: str, value: Any) -> bool:
    match kind:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "int" | "long":
            limit = _RANGES[kind]
            return isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit
        case "float" | "double":
            return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        case "bytes":
            return _is_bytes(value)
        case _:
            return isinstance(value, str)


def _is_bytes(value: Any) -> bool:
    """Whether a text stands for bytes, a character each."""
    return isinstance(value, str) and all(ord(character) < 256 for character in value)
