"""Canonical types: printing and parsing agree; each source's types map as the tables say, and never to an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.documents import type_from_json, type_json
from catalog.domain.source_types import map_duckdb, map_hive, map_postgresql, map_sqlite
from catalog.domain.types import (
    PRIMITIVES,
    Decimal,
    Field,
    Fixed,
    InvalidType,
    ListType,
    MapType,
    Primitive,
    StructType,
    is_widening,
    parse_type,
)

names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
leaves = (
    st.sampled_from(sorted(PRIMITIVES)).map(Primitive)
    | st.builds(Decimal, st.integers(1, 38), st.integers(0, 38))
    | st.builds(Fixed, st.integers(1, 1000))
)
types = st.recursive(
    leaves,
    lambda inner: (
        st.builds(ListType, inner)
        | st.builds(MapType, inner, inner)
        | st.lists(st.builds(Field, names, inner), max_size=4).map(lambda fields: StructType(tuple(fields)))
    ),
    max_leaves=12,
)


@given(types)
def test_parsing_a_printed_type_gives_it_back(kind):
    assert parse_type(str(kind)) == kind


@given(types)
def test_a_type_survives_json(kind):
    assert type_from_json(type_json(kind)) == kind


@given(st.text(max_size=60))
def test_any_text_is_a_type_or_a_clear_error(text):
    try:
        parse_type(text)
    except InvalidType as error:
        assert "character" in str(error)


def test_a_type_deeper_than_the_limit_is_refused():
    with pytest.raises(InvalidType, match="64 levels"):
        parse_type("list<" * 70 + "int" + ">" * 70)


@pytest.mark.parametrize(
    ("source_type", "canonical", "fidelity"),
    [
        ("integer", "int", "exact"),
        ("smallint", "int", "widened"),
        ("numeric(10,2)", "decimal(10,2)", "exact"),
        ("numeric", "string", "opaque"),
        ("character varying(30)", "string", "widened"),
        ("timestamp(3) with time zone", "timestamptz", "exact"),
        ("timestamp without time zone", "timestamp", "exact"),
        ("integer[]", "list<int>", "exact"),
        ("jsonb", "variant", "exact"),
        ("tsvector", "unknown", "opaque"),
    ],
)
def test_postgresql_types_map(source_type, canonical, fidelity):
    mapped = map_postgresql(source_type)
    assert (str(mapped.type), mapped.fidelity.value) == (canonical, fidelity)


@pytest.mark.parametrize(
    ("source_type", "canonical", "fidelity"),
    [
        ("INTEGER", "int", "exact"),
        ("UBIGINT", "decimal(20,0)", "widened"),
        ("DECIMAL(18,3)", "decimal(18,3)", "exact"),
        ('STRUCT(a INTEGER, "b c" VARCHAR[])', "struct<a:int,`b c`:list<string>>", "exact"),
        ("MAP(VARCHAR, INTEGER[])", "map<string,list<int>>", "exact"),
        ("INTEGER[3]", "list<int>", "widened"),
        ("ENUM('a', 'b)', 'c''d')", "string", "widened"),
        ("UNION(num INTEGER, str VARCHAR)", "struct<num:int,str:string>", "lossy"),
        ("TIMESTAMP WITH TIME ZONE", "timestamptz", "exact"),
        ("STRUCT(a", "unknown", "opaque"),
    ],
)
def test_duckdb_types_map(source_type, canonical, fidelity):
    mapped = map_duckdb(source_type)
    assert (str(mapped.type), mapped.fidelity.value) == (canonical, fidelity)


@pytest.mark.parametrize(
    ("source_type", "canonical", "fidelity"),
    [
        ("INTEGER", "long", "exact"),
        ("varchar(30)", "string", "widened"),
        ("DECIMAL(10,5)", "decimal(10,5)", "lossy"),
        ("", "unknown", "opaque"),
        ("WHATEVER", "unknown", "opaque"),
    ],
)
def test_sqlite_types_map(source_type, canonical, fidelity):
    mapped = map_sqlite(source_type)
    assert (str(mapped.type), mapped.fidelity.value) == (canonical, fidelity)


@pytest.mark.parametrize(
    ("source_type", "canonical", "fidelity"),
    [
        ("bigint", "long", "exact"),
        ("tinyint", "int", "widened"),
        ("decimal(10,2)", "decimal(10,2)", "exact"),
        ("decimal", "decimal(10,0)", "exact"),
        ("varchar(100)", "string", "widened"),
        ("ARRAY<STRING>", "list<string>", "exact"),
        ("map<string,array<int>>", "map<string,list<int>>", "exact"),
        ("struct<a:int,b c:struct<d:timestamp>>", "struct<a:int,`b c`:struct<d:timestamp>>", "lossy"),
        ("timestamp with local time zone", "timestamptz", "lossy"),
        ("uniontype<int,string>", "struct<option_0:int,option_1:string>", "lossy"),
        ("struct<>", "struct<>", "exact"),
        ("interval_day_time", "unknown", "opaque"),
        ("map<string>", "unknown", "opaque"),
        ("array<int", "unknown", "opaque"),
        ("array<" * 40 + "int" + ">" * 40, "list<" * 40 + "int" + ">" * 40, "exact"),
        ("array<" * 5_000 + "int" + ">" * 5_000, "unknown", "opaque"),
    ],
)
def test_hive_types_map(source_type, canonical, fidelity):
    mapped = map_hive(source_type)
    assert (str(mapped.type), mapped.fidelity.value) == (canonical, fidelity)


@given(st.text(max_size=80))
def test_no_text_of_a_source_is_an_error(text):
    for mapper in (map_postgresql, map_duckdb, map_sqlite, map_hive):
        mapper(text)


def test_widening_keeps_every_value():
    assert is_widening(parse_type("int"), parse_type("long"))
    assert is_widening(parse_type("decimal(5,2)"), parse_type("decimal(9,2)"))
    assert not is_widening(parse_type("long"), parse_type("int"))
    assert not is_widening(parse_type("decimal(5,2)"), parse_type("decimal(9,3)"))
