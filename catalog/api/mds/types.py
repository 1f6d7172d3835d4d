"""Types as Metacat writes them: its own names, or Hive's where the client says that it thinks in them."""

from __future__ import annotations

import enum
import re
from functools import lru_cache
from typing import Any

from catalog.domain.source_types import HiveParser
from catalog.domain.types import (
    Decimal,
    Fidelity,
    Fixed,
    InvalidType,
    ListType,
    MappedType,
    MapType,
    Primitive,
    StructType,
    Type,
    parse_type,
)


class TypeContext(enum.StrEnum):
    """In whose words a client reads types, by the header ``X-Netflix.data.type.context``."""

    METACAT = "metacat"
    HIVE = "hive"


_CONTEXTS = {"": TypeContext.METACAT, "presto": TypeContext.METACAT, "hive": TypeContext.HIVE}


class UnknownTypeContext(ValueError):
    """A type context that is not spoken here; the message lists those that are."""


def type_context(stated: str) -> TypeContext:
    """Return the context that a header states, Metacat's own where it states none."""
    found = _CONTEXTS.get(stated.strip().lower())
    if found is None:
        raise UnknownTypeContext(f"there is no type context {stated[:50]!r}; there are hive and presto")
    return found


# Canonical names, and Hive's that are not the same word in Metacat.
_OF_CANONICAL = {
    "long": "bigint",
    "timestamp_ns": "timestamp",
    "timestamptz": "timestamp with time zone",
    "timestamptz_ns": "timestamp with time zone",
    "uuid": "string",
    "binary": "varbinary",
    "variant": "json",
    "geometry": "unknown",
    "geography": "unknown",
}
_OF_HIVE = {"integer": "int", "binary": "varbinary", "timestamp with local time zone": "timestamp with time zone"}
_IN_HIVE = {
    "varbinary": "binary",
    "timestamp with time zone": "timestamp",
    "json": "string",
    "time": "string",
    "unknown": "string",
}
_SIZED = re.compile(r"(char|varchar)\((\d+)\)\Z")


class _MetacatParser(HiveParser):
    """Reads Hive's print of a type and keeps Hive's leaves, by Metacat's names for them."""

    def leaf(self, word: str, parameters: str) -> MappedType:
        if word == "decimal":
            return super().leaf(word, parameters)
        name = _OF_HIVE.get(word, word)
        return MappedType(Primitive(f"{name}({parameters})" if parameters else name), Fidelity.EXACT)


def _of_hive(source_type: str) -> Type | None:
    parser = _MetacatParser(source_type.lower())
    try:
        mapped = parser.mapped()
    except InvalidType:
        return None
    return mapped.type if parser.at == len(parser.text) else None


def _of_canonical(kind: Type) -> Type:
    match kind:
        case ListType(element):
            return ListType(_of_canonical(element))
        case MapType(key, value):
            return MapType(_of_canonical(key), _of_canonical(value))
        case StructType(fields):
            return StructType(tuple(type(part)(part.name, _of_canonical(part.type)) for part in fields))
        case Fixed():
            return Primitive("varbinary")
        case Primitive(name):
            return Primitive(_OF_CANONICAL.get(name, name))
        case _:
            return kind


def _printed(kind: Type, context: TypeContext) -> str:
    in_hive = context is TypeContext.HIVE
    match kind:
        case ListType(element):
            return f"array<{_printed(element, context)}>" if in_hive else f"array({_printed(element, context)})"
        case MapType(key, value):
            parts = f"{_printed(key, context)},{_printed(value, context)}"
            return f"map<{parts}>" if in_hive else f"map({parts})"
        case StructType(fields):
            joint = ":" if in_hive else " "
            parts = ",".join(f"{part.name}{joint}{_printed(part.type, context)}" for part in fields)
            return f"struct<{parts}>" if in_hive else f"row({parts})"
        case Primitive(name):
            return _IN_HIVE.get(name, name) if in_hive else name
        case _:
            return str(kind)


def _json(kind: Type, context: TypeContext) -> Any:
    match kind:
        case ListType(element):
            return {"type": "array", "elementType": _json(element, context)}
        case MapType(key, value):
            return {"type": "map", "keyType": _json(key, context), "valueType": _json(value, context)}
        case StructType(fields):
            return {
                "type": "row",
                "fields": [{"name": part.name, "type": _json(part.type, context)} for part in fields],
            }
        case Decimal(precision, scale):
            return {"type": "decimal", "precision": precision, "scale": scale}
        case _:
            text = _printed(kind, context)
            sized = _SIZED.match(text)
            return {"type": sized.group(1), "length": int(sized.group(2))} if sized else text


@lru_cache(maxsize=5_000)
def metacat_type(platform: str, source_type: str, canonical: str, context: TypeContext) -> tuple[str, Any]:
    """Return a column's type as text and as JSON, from the source's print of it and the canonical one."""
    own = _of_hive(source_type) if platform == "hive" else None
    kind = own if own is not None else _of_canonical(parse_type(canonical))
    return _printed(kind, context), _json(kind, context)
