"""Tables as subjects: a version for each change of the columns, ids that stay, names that follow the table."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.access import gate
from catalog.access.services import create_grant, create_restriction
from catalog.domain.documents import Column, DatasetDocument, content_digest
from catalog.domain.operations import AddColumn, RenameTable
from catalog.domain.types import Fidelity, parse_type
from catalog.journal import clock
from catalog.journal.projections import request_rebuild
from catalog.models import Dataset, DatasetVersion, DefinitionDocument
from catalog.selectors.definitions import load_definitions
from schema_registry.domain.subjects import TABLES, SubjectName
from schema_registry.domain.tables import avro_name, table_schema
from schema_registry.formats.avro import AvroFormat
from schema_registry.models import Schema, Subject, SubjectVersion
from schema_registry.selectors import comparing, schemas, subjects
from schema_registry.selectors.errors import NoSuchSubject
from schema_registry.selectors.schemas import LATEST, Submitted
from schema_registry.services import registering, table_subjects
from tests.conftest import pump, refreshed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_schemas():
    schemas.forget()


def name(table: str = "orders") -> SubjectName:
    return SubjectName(TABLES, f"mem/db/{table}")


def described(source, table: str, comment: str) -> None:
    """Give a table another description at its source, which makes a version of its definition."""
    dataset = Dataset.objects.get(uuid=source.id_of(table))
    definition = load_definitions([bytes(dataset.definition_digest)])[bytes(dataset.definition_digest)]
    canonical = orjson.dumps({**definition, "comment": comment}, option=orjson.OPT_SORT_KEYS)
    digest = content_digest(canonical)
    DefinitionDocument.objects.create(digest=digest, body=zlib.compress(canonical))
    number = dataset.schema_version + 1
    DatasetVersion.objects.create(
        dataset=dataset, number=number, digest=digest, diff=zlib.compress(b"[]"), recorded_at=clock.now()
    )
    Dataset.objects.filter(pk=dataset.pk).update(schema_version=number, definition_digest=digest)


def latest(operator, table: str = "orders"):
    return subjects.get_version(principal=operator.principal, name=name(table), number=LATEST)


def test_a_table_is_a_subject_and_its_columns_are_its_schema(source, operator):
    source.creates("orders", {"id": "long", "total": "decimal(9,2)"})
    source.sync()
    pump()
    found = latest(operator)
    assert str(name()) == found.subject == ":.tables:mem/db/orders"
    assert found.number == 1
    fields = json.loads(found.text)["fields"]
    assert [field["name"] for field in fields] == ["id", "total"]
    assert fields[1]["type"][1]["logicalType"] == "decimal"
    assert Schema.objects.get().text is None, "the catalog has it already"
    body = schemas.get_schema_body(principal=operator.principal, context=TABLES, schema_id=found.schema_id)
    assert json.loads(body.plain)["schema"] == found.text
    assert subjects.find_table_subject(principal=operator.principal, dataset_uuid=source.id_of("orders")).versions == 1


def test_only_changed_columns_make_a_version(source, operator):
    source.creates("orders", {"id": "long"})
    source.sync()
    pump()
    first = latest(operator)
    described(source, "orders", "What people buy.")
    request_rebuild("table_subjects")
    pump()
    assert Subject.objects.get().dataset_version == 2
    assert latest(operator) == first
    source.does(AddColumn("db", "orders", Column("note", parse_type("string"), "string")))
    source.sync()
    pump()
    second = latest(operator)
    assert (second.number, second.schema_id != first.schema_id) == (2, True)
    check = comparing.check_compatibility(
        principal=operator.principal, name=name(), submitted=Submitted(second.text), number=1, normalizes=False
    )
    assert check.is_compatible


def test_tables_with_the_same_columns_share_an_id(source, operator, monkeypatch):
    source.creates("orders", {"id": "long"})
    source.creates("returns", {"id": "long"})
    source.sync()
    # The memory source numbers its columns through all tables, and numbers are part of the shape.
    monkeypatch.setattr(table_subjects, "table_schema", lambda document: table_schema(_unnumbered(document)))
    pump()
    assert latest(operator).schema_id == latest(operator, "returns").schema_id
    assert Schema.objects.count() == 1
    places = subjects.list_places(principal=operator.principal, context=TABLES, schema_id=latest(operator).schema_id)
    assert [subject for subject, _ in places] == [":.tables:mem/db/orders", ":.tables:mem/db/returns"]


def _unnumbered(document: DatasetDocument) -> DatasetDocument:
    return replace(document, columns=tuple(replace(column, source_column_id=None) for column in document.columns))


def test_a_renamed_table_keeps_its_subject_and_what_its_ids_mean(source, operator):
    source.creates("orders", {"id": "long"})
    source.sync()
    pump()
    before = latest(operator)
    source.does(RenameTable("db", "orders", "sales"))
    source.sync()
    pump()
    after = latest(operator, "sales")
    assert (after.schema_id, after.text, after.number) == (before.schema_id, before.text, 1)
    with pytest.raises(NoSuchSubject):
        latest(operator)
    source.creates("orders", {"other": "int"})
    source.sync()
    pump()
    assert latest(operator).text != before.text
    assert Subject.objects.count() == 2


def test_names_that_change_hands_at_once(source, operator):
    source.creates("a", {"one": "int"})
    source.creates("b", {"two": "int"})
    source.sync()
    pump()
    texts = latest(operator, "a").text, latest(operator, "b").text
    for before, after in (("a", "c"), ("b", "a"), ("c", "b")):
        source.does(RenameTable("db", before, after))
    source.sync()
    pump()
    assert (latest(operator, "b").text, latest(operator, "a").text) == texts or (
        # Identity goes by name first: both names are still there, so each table's columns changed.
        latest(operator, "a").number,
        latest(operator, "b").number,
    ) == (2, 2)


def test_a_dropped_table_is_no_subject_and_its_ids_still_mean_what_they_meant(source, operator):
    source.creates("orders", {"id": "long"})
    source.creates("kept", {"id": "int"})
    source.sync()
    pump()
    ident = latest(operator).schema_id
    source.drops("orders")
    for _ in range(2):
        source.sync()
        pump()
    with pytest.raises(NoSuchSubject):
        latest(operator)
    schemas.forget()
    assert schemas.get_schema_body(principal=operator.principal, context=TABLES, schema_id=ident).guid
    source.creates("orders", {"id": "long"})
    source.sync()
    pump()
    assert latest(operator).number == 2, "it is the same table again"


def test_made_anew_nothing_changes(source, operator):
    source.creates("orders", {"id": "long"})
    source.sync()
    pump()
    rows = list(SubjectVersion.objects.values_list("subject__name", "number", "schema__schema_id"))
    request_rebuild("table_subjects")
    pump()
    assert list(SubjectVersion.objects.values_list("subject__name", "number", "schema__schema_id")) == rows
    Subject.objects.all().delete()
    request_rebuild("table_subjects")
    pump()
    assert list(SubjectVersion.objects.values_list("subject__name", "number", "schema__schema_id")) == rows


def test_nobody_writes_a_tables_subject(source, operator):
    source.creates("orders", {"id": "long"})
    source.sync()
    pump()
    with pytest.raises(registering.NotPermitted, match="table's"):
        registering.register_schema(caller=operator, name=name(), submitted=Submitted('"string"'))
    with pytest.raises(registering.NotPermitted):
        registering.delete_subject(caller=operator, name=name())


def test_whoever_may_not_know_a_table_does_not_know_its_subject(source, operator, make_user):
    source.creates("orders", {"id": "long"})
    source.sync()
    pump()
    mara = make_user("mara")
    create_grant(caller=operator, role="reader", pattern="mem/**")
    pump()
    found = subjects.get_version(principal=refreshed(mara), name=name(), number=1)
    create_restriction(caller=operator, pattern="mem/db/orders")
    pump()
    schemas.forget()
    mara = refreshed(mara)
    with pytest.raises(NoSuchSubject):
        subjects.get_version(principal=mara, name=name(), number=1)
    with pytest.raises(LookupError):
        schemas.get_schema_body(principal=mara, context=TABLES, schema_id=found.schema_id)
    assert subjects.list_subject_names(principal=mara, context=TABLES) == []
    assert gate.may(operator.principal, gate.READ, Subject.objects.get().access_class_id)


PRIMITIVES = [
    "boolean",
    "int",
    "long",
    "float",
    "double",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "string",
    "uuid",
    "binary",
    "variant",
    "decimal(9,2)",
    "fixed[4]",
    "timestamp_ns",
]
_types = st.recursive(
    st.sampled_from(PRIMITIVES),
    lambda inner: st.one_of(
        inner.map("list<{}>".format),
        st.tuples(st.sampled_from(["string", "int"]), inner).map(lambda pair: f"map<{pair[0]},{pair[1]}>"),
        st.lists(inner, max_size=3).map(
            lambda kinds: "struct<" + ",".join(f"f{n}:{kind}" for n, kind in enumerate(kinds)) + ">"
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(min_size=1, max_size=6), _types, st.booleans()), max_size=5, unique_by=lambda part: part[0]
    )
)
def test_whatever_the_columns_the_schema_is_avro(columns):
    document = DatasetDocument(
        "table",
        tuple(Column(each, parse_type(kind), kind, Fidelity.EXACT, nullable) for each, kind, nullable in columns),
    )
    text = table_schema(document)
    parsed = AvroFormat().parse(text, {})
    assert parsed.text == text, "it is in the one spelling already"
    assert len(json.loads(text)["fields"]) == len(columns)


def test_types_are_icebergs():
    """PyIceberg writes the same types for what both know."""
    from pyiceberg.schema import Schema as IcebergSchema
    from pyiceberg.types import (
        BinaryType,
        BooleanType,
        DateType,
        DecimalType,
        DoubleType,
        FixedType,
        FloatType,
        IntegerType,
        LongType,
        NestedField,
        StringType,
        TimestampType,
        TimestamptzType,
        TimeType,
        UUIDType,
    )
    from pyiceberg.utils.schema_conversion import AvroSchemaConversion

    kinds = {
        "boolean": BooleanType(),
        "int": IntegerType(),
        "long": LongType(),
        "float": FloatType(),
        "double": DoubleType(),
        "date": DateType(),
        "time": TimeType(),
        "timestamp": TimestampType(),
        "timestamptz": TimestamptzType(),
        "string": StringType(),
        "binary": BinaryType(),
        "uuid": UUIDType(),
        "decimal(9,2)": DecimalType(9, 2),
        "fixed[4]": FixedType(4),
    }
    theirs = AvroSchemaConversion().iceberg_to_avro(
        IcebergSchema(*(NestedField(n, f"f{n}", kind, required=True) for n, kind in enumerate(kinds.values(), 1))),
        "table",
    )
    ours = json.loads(
        table_schema(
            DatasetDocument(
                "table",
                tuple(
                    Column(f"f{n}", parse_type(kind), kind, nullable=False, source_column_id=n)
                    for n, kind in enumerate(kinds, 1)
                ),
            )
        )
    )

    def told(field):
        kind = field["type"]
        if not isinstance(kind, dict):
            return kind
        # Names differ, and decimals may be bytes or fixed: https://avro.apache.org/docs/1.12.0/specification/#decimal
        return {key: each for key, each in kind.items() if key not in ("name", "type", "size")}

    for mine, other in zip(ours["fields"], theirs["fields"], strict=True):
        assert (mine["name"], mine["field-id"]) == (other["name"], other["field-id"])
        if kinds.keys() and mine["name"] != "f14":
            assert told(mine) == told(other)


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [("a", "a"), ("1a", "_1a"), ("a b", "a_x20b"), ("ü", "_xFC"), ("", "_"), ("a-1", "a_x2D1")],
)
def test_names_are_made_avros_as_iceberg_makes_them(given_name, expected):
    assert avro_name(given_name) == expected
