"""Prints Avro's types: in the one spelling that schemas are kept in, and as people write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from schema_registry.formats.avro.tree import Array, Enum, Field, Fixed, Map, Named, Node, Primitive, Record, Union
from schema_registry.formats.base import FieldView

MAX_NESTING = 50
"""Records within records whose fields are listed."""


def shown(value: Any) -> str:
    """Return a short print of what was found, for a message."""
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}…"


def printed(root: Node, known: frozenset[str], *, in_order: bool) -> str:
    """Return a schema in one spelling: each type defined where it comes first, what it refers to by name."""
    return orjson.dumps(_Printer(set(known), in_order).node(root, "")).decode()


class _Printer:
    """Prints types as JSON values, in the order of keys that Avro's own library has."""

    def __init__(self, seen: set[str], in_order: bool) -> None:
        self.seen = seen
        self.in_order = in_order

    def node(self, node: Node, namespace: str) -> Any:
        match node:
            case Primitive(kind, props):
                return {"type": kind, **self._props(props)} if props else kind
            case Union(branches):
                return [self.node(branch, namespace) for branch in branches]
            case Array(items, props):
                return {"type": "array", "items": self.node(items, namespace), **self._props(props)}
            case Map(values, props):
                return {"type": "map", "values": self.node(values, namespace), **self._props(props)}
            case _:
                return self._named(node, namespace)

    def _named(self, node: Named, namespace: str) -> Any:
        own, _, short = node.name.rpartition(".")
        if node.name in self.seen:
            return short if own == namespace else node.name
        self.seen.add(node.name)
        is_error = isinstance(node, Record) and node.is_error
        said: dict[str, Any] = {"type": "error" if is_error else node.type, "name": short}
        if own != namespace:
            said["namespace"] = own
        if node.doc:
            said["doc"] = node.doc
        match node:
            case Record():
                said["fields"] = [self._field(part, own) for part in node.fields]
            case Enum():
                said["symbols"] = list(node.symbols)
                if node.default is not None:
                    said["default"] = node.default
            case Fixed():
                said["size"] = node.size
        said |= self._props(node.props)
        if node.aliases:
            said["aliases"] = [_short_name(alias, own) for alias in node.aliases]
        return said

    def _field(self, part: Field, namespace: str) -> Any:
        said: dict[str, Any] = {"name": part.name, "type": self.node(part.type, namespace)}
        if part.doc:
            said["doc"] = part.doc
        if part.has_default:
            said["default"] = part.default
        if part.order != "ascending":
            said["order"] = part.order
        if part.aliases:
            said["aliases"] = list(part.aliases)
        return said | self._props(part.props)

    def _props(self, props: Mapping[str, Any]) -> dict[str, Any]:
        return {key: props[key] for key in sorted(props)} if self.in_order else dict(props)


def _short_name(name: str, namespace: str) -> str:
    own, _, short = name.rpartition(".")
    return short if own == namespace else name


def printed_type(node: Node) -> str:
    """Return a type as people write it."""
    match node:
        case Primitive(kind, props):
            logical = props.get("logicalType")
            said = f"{kind} ({logical})" if isinstance(logical, str) else kind
            if logical == "decimal":
                said = f"decimal({props.get('precision')},{props.get('scale', 0)})"
        case Union(branches):
            said = " or ".join(printed_type(branch) for branch in branches[:20])
        case Array(items):
            said = f"list of {printed_type(items)}"
        case Map(values):
            said = f"map of {printed_type(values)}"
        case Enum():
            said = f"enum {node.name}: {', '.join(node.symbols[:20])}"
        case Fixed():
            said = f"fixed {node.name} of {node.size} bytes"
        case Record():
            said = node.name
    return said


def nested_fields(node: Node, path: str, inside: tuple[str, ...]) -> Iterator[FieldView]:
    match node:
        case Union(branches):
            for branch in branches:
                yield from nested_fields(branch, path, inside)
        case Array(items):
            yield from nested_fields(items, f"{path}[]", inside)
        case Map(values):
            yield from nested_fields(values, f"{path}{{}}", inside)
        case Record() if node.name not in inside and len(inside) < MAX_NESTING:
            for part in node.fields:
                place = f"{path}.{part.name}" if path else part.name
                default = shown(part.default) if part.has_default else None
                yield FieldView(place, printed_type(part.type), default, part.doc)
                yield from nested_fields(part.type, place, (*inside, node.name))
        case _:
            return
