"""Avro: compatibility as the specification says and as Apache's library judges; hostile texts cost little."""

from __future__ import annotations

import json
import time
import warnings
from pathlib import Path
from typing import Any

import avro.schema
import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from hypothesis import given, settings
from hypothesis import strategies as st

from schema_registry.formats.avro import AvroFormat
from schema_registry.formats.base import InvalidSchema, Parsed, TooComplex

FORMAT = AvroFormat()


def _cases() -> list[Any]:
    found = []
    for block in (Path(__file__).parent / "avro_compatibility.txt").read_text().split("\n## ")[1:]:
        title, *lines = block.strip().splitlines()
        said = dict(line.split(": ", 1) for line in lines)
        found.append(pytest.param(said, id=title))
    return found


CASES = _cases()


def _flawless(text: str) -> Parsed:
    """Return a schema as it is read. :raises InvalidSchema: if it has a flaw, too."""
    parsed = FORMAT.parse(text, {})
    if parsed.flaw is not None:
        raise parsed.flaw
    return parsed


def _record_of(kind: Any, default: Any) -> str:
    return json.dumps({"type": "record", "name": "R", "fields": [{"name": "a", "type": kind, "default": default}]})


def _kinds(reader: str, writer: str) -> list[str]:
    return [each.kind for each in FORMAT.incompatibilities(FORMAT.parse(reader, {}), FORMAT.parse(writer, {}))]


def test_there_are_at_least_sixty_cases():
    assert len(CASES) >= 60


@pytest.mark.parametrize("case", CASES)
def test_compatibility(case):
    for direction, reader, writer in (("backward", "new", "old"), ("forward", "old", "new")):
        expected = [] if case[direction] == "ok" else case[direction].split()
        assert _kinds(case[reader], case[writer]) == expected, direction


def _apache(text: str) -> avro.schema.Schema:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return avro.schema.parse(text)


def _apache_reads(reader: str, writer: str) -> bool:
    found = ReaderWriterCompatibilityChecker().get_compatibility(_apache(reader), _apache(writer))
    return found.compatibility is SchemaCompatibilityType.compatible


@pytest.mark.parametrize("case", CASES)
def test_apaches_library_judges_the_same(case):
    assert _apache_reads(case["new"], case["old"]) == (case["backward"] == "ok")
    assert _apache_reads(case["old"], case["new"]) == (case["forward"] == "ok")


_primitives = st.sampled_from(["null", "boolean", "int", "long", "float", "double", "bytes", "string"])
_DEFAULTS = {
    "null": None,
    "boolean": True,
    "int": 3,
    "long": 4,
    "float": 0.5,
    "double": 1.5,
    "bytes": "ab",
    "string": "x",
}


def _named(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    field = st.builds(
        lambda name, kind, has_default: {
            "name": name,
            "type": kind,
            **({"default": _DEFAULTS[kind]} if has_default and isinstance(kind, str) else {}),
        },
        st.sampled_from("abcd"),
        inner,
        st.booleans(),
    )
    fields = st.lists(field, max_size=3, unique_by=lambda each: each["name"])
    return st.one_of(
        st.builds(lambda name, made: {"type": "record", "name": name, "fields": made}, st.sampled_from("RST"), fields),
        st.builds(
            lambda name, symbols: {"type": "enum", "name": name, "symbols": symbols},
            st.sampled_from("EF"),
            st.lists(st.sampled_from("XYZ"), min_size=1, unique=True),
        ),
        st.builds(lambda size: {"type": "fixed", "name": "H", "size": size}, st.integers(1, 3)),
    )


_schemas = st.recursive(
    _primitives,
    lambda inner: st.one_of(
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(lambda values: {"type": "map", "values": values}, inner),
        st.lists(inner, min_size=1, max_size=3),
        _named(inner),
    ),
    max_leaves=6,
)


@settings(max_examples=600, deadline=None)
@given(_schemas, _schemas)
def test_schemas_are_read_and_compared_as_by_apaches_library(first, second):
    texts = [json.dumps(first), json.dumps(second)]
    for text in texts:
        try:
            _flawless(text)
        except InvalidSchema:
            with pytest.raises(avro.errors.AvroException):
                _apache(text)
            return
        _apache(text)
    assert (not _kinds(*texts)) == _apache_reads(*texts)


@settings(max_examples=300, deadline=None)
@given(_schemas)
def test_the_one_spelling_means_the_same_to_apaches_library(schema):
    text = json.dumps(schema)
    try:
        parsed = _flawless(text)
    except InvalidSchema:
        return
    assert _apache(parsed.text).canonical_form == _apache(text).canonical_form
    assert _apache(parsed.normal).canonical_form == _apache(text).canonical_form


@settings(max_examples=500, deadline=None)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.text(max_size=8), _primitives),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(
                st.sampled_from(
                    [
                        "type",
                        "name",
                        "fields",
                        "items",
                        "values",
                        "symbols",
                        "size",
                        "default",
                        "aliases",
                        "namespace",
                        "doc",
                        "order",
                    ]
                ),
                st.one_of(inner, st.sampled_from(["record", "enum", "fixed", "array", "map"])),
                max_size=6,
            ),
        ),
        max_leaves=20,
    )
)
def test_no_json_is_a_fault(value):
    try:
        FORMAT.parse(json.dumps(value), {})
    except InvalidSchema as refusal:
        assert refusal.reason


def _within(seconds: float, text: str) -> None:
    before = time.process_time()
    try:
        parsed = FORMAT.parse(text, {})
        FORMAT.fields(parsed)
        FORMAT.incompatibilities(parsed, FORMAT.parse(parsed.text, {}))
    except (InvalidSchema, TooComplex):
        pass
    assert time.process_time() - before < seconds


def _chain(length: int, fields: int) -> str:
    """Records that each have the one before, so that what a walk of all ways would see doubles with each."""
    records = [{"type": "record", "name": "R0", "fields": []}]
    for index in range(1, length):
        parts = [{"name": f"f{n}", "type": f"R{index - 1}"} for n in range(fields)]
        records.append({"type": "record", "name": f"R{index}", "fields": parts})
    return json.dumps(records)


_UNION = [
    {"type": "record", "name": f"U{n}", "fields": [{"name": "a", "type": "U0" if n else "null"}]} for n in range(800)
]
HOSTILE = {
    "a chain that doubles with each step": _chain(2_000, 3),
    "a long chain": _chain(3_000, 1),
    "unions of many records": json.dumps([*_UNION, {"type": "array", "items": [f"U{n}" for n in range(800)]}]),
    "defaults that fit late": json.dumps(
        {
            "type": "record",
            "name": "D",
            "fields": [
                {"name": "u", "type": _UNION},
                {
                    "name": "v",
                    "type": {"type": "array", "items": [f"U{n}" for n in range(800)]},
                    "default": [{"b": 1}] * 50_000,
                },
            ],
        }
    ),
    "deep types": '{"type":"array","items":' * 20_000 + '"int"' + "}" * 20_000,
    "deep types within bounds of JSON": '{"type":"array","items":' * 240 + '"int"' + "}" * 240,
    "a deep default": '{"type":"record","name":"L","fields":[{"name":"n","type":["null","L"],"default":'
    + '{"n":' * 240
    + "null"
    + "}" * 240
    + "}]}",
    "a deep property": '{"type":"int","x":' + "[" * 900 + "]" * 900 + "}",
    "many symbols": json.dumps({"type": "enum", "name": "E", "symbols": [f"S{n}" for n in range(60_000)]}),
    "a default of many symbols": json.dumps(
        {
            "type": "record",
            "name": "R",
            "fields": [
                {
                    "name": "a",
                    "type": {
                        "type": "array",
                        "items": {"type": "enum", "name": "E", "symbols": [f"S{n}" for n in range(30_000)]},
                    },
                    "default": ["S29999"] * 40_000,
                }
            ],
        }
    ),
    "many fields": json.dumps(
        {"type": "record", "name": "R", "fields": [{"name": f"f{n}", "type": "int"} for n in range(20_000)]}
    ),
    "a wrong type of a great size": json.dumps(
        {"type": "record", "name": "R", "fields": [{"name": "a", "type": ["x" * 900_000]}]}
    ),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_schemas_cost_little(text):
    _within(5.0, text)


def test_cycles_of_many_types_are_bounded():
    def cycle(length: int) -> str:
        inner: Any = "C0"
        for index in reversed(range(length)):
            inner = {
                "type": "record",
                "name": f"C{index}",
                "aliases": [f"C{n}" for n in range(60)],
                "fields": [{"name": "n", "type": ["null", inner]}],
            }
        return json.dumps(inner)

    with pytest.raises(TooComplex):
        FORMAT.incompatibilities(FORMAT.parse(cycle(29), {}), FORMAT.parse(cycle(30), {}))


@pytest.mark.parametrize(
    ("text", "pointer", "reason"),
    [
        (
            '{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"strin"}]}',
            "/fields/1/type",
            "no type is named",
        ),
        (
            '{"type":"record","name":"R","fields":[{"name":"a","type":["null",{"type":"array"}]}]}',
            "/fields/0/type/1",
            "no 'items'",
        ),
        ('{"type":"record","name":"R","fields":[{"name":"a b","type":"int"}]}', "/fields/0/name", "letters, digits"),
        (
            '{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":"x"}]}',
            "/fields/0/default",
            "is no int",
        ),
        ('{"type":"enum","name":"E","symbols":["A","B","A"]}', "/symbols/2", "twice"),
        *(
            (_record_of(kind, default), "/fields/0/default", reason)
            for kind, default, reason in (
                ({"type": "fixed", "name": "F", "size": 2}, "x", "is no fixed F"),
                ({"type": "fixed", "name": "F", "size": 1}, "\u0100", "is no fixed F"),
                ({"type": "enum", "name": "E", "symbols": ["A"]}, "B", "is no enum E"),
                ({"type": "enum", "name": "E", "symbols": ["A"]}, 1, "is no enum E"),
            )
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, pointer, reason):
    with pytest.raises(InvalidSchema) as refusal:
        _flawless(text)
    assert refusal.value.pointer == pointer
    assert reason in refusal.value.reason
