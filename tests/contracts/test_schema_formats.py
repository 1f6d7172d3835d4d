"""The formats that there are, held to the contract."""

from __future__ import annotations

from schema_registry.formats.avro import AvroFormat
from tests.contracts.schema_format import SchemaFormatContract


class TestAvro(SchemaFormatContract):
    format = AvroFormat()
    schemas = (
        '"string"',
        '{"type": "record", "name": "R", "fields": []}',
        '{"type": "record", "name": "R", "namespace": "a.b", "fields": []}',
        '{"type": "record", "name": "R", "doc": "One.", "fields": [{"name": "a", "type": "int", "default": 1}]}',
        '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int", "default": 2, "order": "ignore"}]}',
        '{"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"], "default": null}]}',
        '{"type": "record", "name": "x.L", "fields": [{"name": "e", "type": {"type": "enum", "name": "y.E", "symbols": ["A"]}}]}',
        '{"type": "map", "values": {"type": "array", "items": {"type": "fixed", "name": "F", "size": 3}}}',
        '{"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}',
        '{"type": "error", "name": "Failed", "fields": [{"name": "why", "type": "string"}]}',
        '["null", {"type": "fixed", "name": "F", "size": 16, "aliases": ["G"], "owner": {"b": 1, "a": [2]}}]',
    )
    invalid = (
        "",
        "{",
        "5",
        "null",
        "{}",
        '"strin"',
        '["null", "null"]',
        '["null", ["int"]]',
        '{"type": "record", "name": "R"}',
        '{"type": "record", "fields": []}',
        '{"type": "record", "name": "1R", "fields": []}',
        '{"type": "record", "name": "int", "fields": []}',
        '{"type": "record", "name": "R", "fields": [{"name": "1a", "type": "int"}]}',
        '{"type": "record", "name": "R", "fields": [{"name": "a"}]}',
        '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, {"name": "a", "type": "int"}]}',
        '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int", "default": "x"}]}',
        '{"type": "record", "name": "R", "fields": [{"name": "a", "type": ["null", "int"], "default": "x"}]}',
        '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int", "default": 2147483648}]}',
        '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int", "order": "up"}]}',
        '{"type": "record", "name": "R", "fields": [{"name": "a", "type": {"type": "record", "name": "R", "fields": []}}]}',
        '{"type": "enum", "name": "E"}',
        '{"type": "enum", "name": "E", "symbols": ["A", "A"]}',
        '{"type": "enum", "name": "E", "symbols": ["a b"]}',
        '{"type": "enum", "name": "E", "symbols": ["A"], "default": "B"}',
        '{"type": "fixed", "name": "F", "size": -1}',
        '{"type": "fixed", "name": "F", "size": "big"}',
        '{"type": "array"}',
        '{"type": "map", "values": "R"}',
    )
    referenced = (
        '{"type": "record", "name": "shop.Address", "fields": [{"name": "city", "type": "string"}]}',
        "shop.Address",
        '{"type": "record", "name": "shop.Order", "fields": [{"name": "to", "type": "Address"}]}',
    )
    breaking = (
        '{"type": "record", "name": "R", "fields": []}',
        '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}',
    )
