"""Documents: one canonical spelling, flat columns with unique paths, and differences a reader would notice."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.diff import diff
from catalog.domain.documents import (
    Column,
    DatasetDocument,
    content_digest,
    definition_bytes,
    document_from_json,
    flatten_columns,
    storable,
)
from catalog.domain.operations import (
    AddColumn,
    AlreadyThere,
    CreateTable,
    DropColumn,
    DropTable,
    ImpossibleOperation,
    RenameColumn,
    RenameTable,
    is_reached,
    operation_from_json,
    operation_json,
    predict,
)
from catalog.domain.types import parse_type
from tests.unit.test_types import names, types

columns = st.builds(
    Column, names, types, st.text(st.characters(exclude_categories=("Cs",)), max_size=8), nullable=st.booleans()
)
documents = st.lists(columns, max_size=5).map(lambda made: DatasetDocument("table", tuple(made)))


def doc(**types_by_name):
    made = [
        Column(name, parse_type(kind), kind, source_column_id=at)
        for at, (name, kind) in enumerate(types_by_name.items(), 1)
    ]
    return DatasetDocument("table", tuple(made))


@given(documents)
def test_a_document_survives_json_and_keeps_its_address(document):
    again = document_from_json(document.definition_json())
    assert content_digest(definition_bytes(again)) == content_digest(definition_bytes(document))


@given(documents)
def test_paths_of_flat_columns_are_unique(document):
    paths = [column.path for column in flatten_columns(document.columns)]
    assert len(paths) == len(set(paths))


@given(documents)
def test_a_document_differs_in_nothing_from_itself(document):
    assert diff(document, document) == []


def test_properties_in_another_order_are_the_same_definition():
    one = DatasetDocument("table", (), properties={"a": "1", "b": "2"})
    other = DatasetDocument("table", (), properties={"b": "2", "a": "1"})
    assert definition_bytes(one) == definition_bytes(other)


def test_nested_parts_become_rows_below_their_parents():
    flat = list(flatten_columns(doc(device="struct<os:struct<name:string>,ids:list<struct<id:long>>>").columns))
    assert [(c.path, c.depth) for c in flat] == [
        ("device", 0),
        ("device.os", 1),
        ("device.os.name", 2),
        ("device.ids", 1),
        ("device.ids.id", 2),
    ]


def test_a_dot_in_a_name_does_not_look_like_nesting():
    made = DatasetDocument("table", (Column("a.b", parse_type("int"), "int"),))
    assert next(flatten_columns(made.columns)).path == "a%2Eb"


def test_nul_characters_are_shown_as_replacements():
    made = replace(doc(id="int"), comment="be\x00fore")
    cleaned, canonical = storable(made)
    assert cleaned.comment == "be\ufffdfore"
    assert canonical == definition_bytes(cleaned)
    assert storable(doc(id="int")) == (doc(id="int"), definition_bytes(doc(id="int")))
    spelled = replace(made, comment=r"a pattern: \u0000")
    assert storable(spelled)[0] == spelled


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (doc(id="int"), doc(id="long"), [("column_type_widened", "id", False)]),
        (doc(id="long"), doc(id="int"), [("column_type_changed", "id", True)]),
        (
            doc(id="struct<a:int>"),
            doc(id="string"),
            [("column_removed", "id.a", True), ("column_type_changed", "id", True)],
        ),
        (doc(id="int"), doc(id="int", name="string"), [("column_added", "name", False)]),
        (doc(id="int", name="string"), doc(id="int"), [("column_removed", "name", True)]),
        (doc(id="int", name="string"), doc(id="int", title="string"), [("column_renamed", "title", True)]),
        (doc(d="struct<a:int>"), doc(d="struct<a:int,b:int>"), [("column_added", "d.b", False)]),
    ],
)
def test_differences_say_what_a_reader_notices(before, after, expected):
    assert [(change.what, change.path, change.breaking) for change in diff(before, after)] == expected


OPERATIONS = [
    CreateTable("db", "t", doc(id="int")),
    AddColumn("db", "t", doc(extra="string").columns[0]),
    RenameColumn("db", "t", "id", "key"),
    DropColumn("db", "t", "id"),
    RenameTable("db", "t", "u"),
    DropTable("db", "t"),
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: type(operation).__name__)
def test_operations_survive_json(operation):
    assert operation_from_json(operation_json(operation)) == operation


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: type(operation).__name__)
def test_what_an_operation_predicts_is_what_it_aims_at(operation):
    before = None if isinstance(operation, CreateTable) else doc(id="int", other="int")
    after = predict(before, operation)
    found = {"t": None, "u": after} if isinstance(operation, RenameTable) else {"t": after}
    assert is_reached(operation, found)
    assert not is_reached(operation, {"t": before, "u": None})


def test_impossible_operations_say_why():
    with pytest.raises(AlreadyThere, match="already"):
        predict(doc(id="int"), CreateTable("db", "t", doc(id="int")))
    with pytest.raises(ImpossibleOperation, match="has no column 'x'; it has id"):
        predict(doc(id="int"), DropColumn("db", "t", "x"))
