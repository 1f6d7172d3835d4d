"""
Tables as schemas: the Avro record that a table's columns make.

Source: https://iceberg.apache.org/spec/#avro, whose types, logical types and field ids these are; types without a place in Avro are
strings that name the source's type.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from catalog.domain.documents import DatasetDocument
from catalog.domain.types import Decimal, Field, Fixed, ListType, MapType, Primitive, StructType, Type

_PRIMITIVES: dict[str, Any] = {
    "boolean": "boolean",
    "int": "int",
    "long": "long",
    "float": "float",
    "double": "double",
    "string": "string",
    "binary": "bytes",
    "date": {"type": "int", "logicalType": "date"},
    "time": {"type": "long", "logicalType": "time-micros"},
    "timestamp": {"type": "long", "logicalType": "timestamp-micros", "adjust-to-utc": False},
    "timestamptz": {"type": "long", "logicalType": "timestamp-micros", "adjust-to-utc": True},
    "timestamp_ns": {"type": "long", "logicalType": "timestamp-nanos", "adjust-to-utc": False},
    "timestamptz_ns": {"type": "long", "logicalType": "timestamp-nanos", "adjust-to-utc": True},
}


def table_schema(document: DatasetDocument) -> str:
    """
    Return the Avro record of a table's columns.

    Neither the table's name, which may change, nor descriptions are in it: they are no part of the shape. Iceberg calls it ``table``, too.
    """
    maker = _Maker()
    parts = [Field(column.name, column.type, column.nullable, column.source_column_id) for column in document.columns]
    return orjson.dumps(maker.record("table", parts)).decode()


def avro_name(name: str) -> str:
    """
    Return a name that Avro allows: what it does not allow stands as ``_x`` and its number.

    Source: https://github.com/apache/iceberg, core/src/main/java/org/apache/iceberg/avro/AvroSchemaUtil.java, sanitize
    """
    if not name:
        return "_"
    first = name[0]
    head = first if first.isascii() and (first.isalpha() or first == "_") else _escaped(first)
    return head + re.sub(r"[^A-Za-z0-9_]", lambda found: _escaped(found.group()), name[1:])


def _escaped(character: str) -> str:
    return f"_{character}" if character.isascii() and character.isdigit() else f"_x{ord(character):X}"


class _Maker:
    """Makes Avro types, and gives each named one a name of its own."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def named(self, wanted: str) -> str:
        name, number = wanted, 2
        while name in self.taken:
            name, number = f"{wanted}_{number}", number + 1
        self.taken.add(name)
        return name

    def record(self, name: str, parts: list[Field]) -> dict[str, Any]:
        own = self.named(name)
        used: set[str] = set()
        fields = []
        for part in parts:
            field = self.field(own, part)
            while field["name"] in used:  # two columns whose names Avro does not tell apart
                field["name"] += "_"
            used.add(field["name"])
            fields.append(field)
        return {"type": "record", "name": own, "fields": fields}

    def field(self, within: str, part: Field) -> dict[str, Any]:
        name = avro_name(part.name)
        made = self.type(f"{within}_{name}", part.type)
        field: dict[str, Any] = {"name": name, "type": ["null", made] if part.nullable else made}
        if part.nullable:
            field["default"] = None
        if name != part.name:
            field["iceberg-field-name"] = part.name
        if part.field_id is not None:
            field["field-id"] = part.field_id
        return field

    def type(self, name: str, kind: Type) -> Any:
        made: Any
        match kind:
            case Primitive("uuid"):
                made = {"type": "fixed", "name": self.named(f"{name}_uuid"), "size": 16, "logicalType": "uuid"}
            case Primitive(plain):
                made = _PRIMITIVES.get(plain) or {"type": "string", "cairn-type": plain}
            case Decimal(precision, scale):
                made = {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}
            case Fixed(length):
                made = {"type": "fixed", "name": self.named(f"{name}_fixed"), "size": length}
            case ListType(element):
                made = {"type": "array", "items": self.type(f"{name}_element", element)}
            case MapType(Primitive("string"), value):
                made = {"type": "map", "values": self.type(f"{name}_value", value)}
            case MapType(key, value):
                pair = [Field("key", key, nullable=False), Field("value", value, nullable=False)]
                made = {"type": "array", "items": self.record(f"{name}_entry", pair), "logicalType": "map"}
            case StructType(fields):
                made = self.record(name, list(fields))
        return made
