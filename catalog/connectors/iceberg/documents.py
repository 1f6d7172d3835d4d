"""Iceberg's tables and views as documents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from catalog.connectors.base import Layout, Snapshot, SnapshotRef, TableHistory
from catalog.domain import types
from catalog.domain.documents import Column, DataFacts, DatasetDocument
from catalog.domain.types import Fidelity

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot as IcebergSnapshot
    from pyiceberg.types import IcebergType
    from pyiceberg.view import View

# What engines write with every commit.
_OF_THE_DATA = frozenset({"last_modified_time", "transient_lastDdlTime", "numFiles", "numRows", "totalSize"})


def _type(iceberg_type: IcebergType) -> types.Type:
    from pyiceberg import types as iceberg

    if isinstance(iceberg_type, iceberg.StructType):
        return types.StructType(
            tuple(
                types.Field(field.name, _type(field.field_type), not field.required, field.field_id, field.doc or "")
                for field in iceberg_type.fields
            )
        )
    if isinstance(iceberg_type, iceberg.ListType):
        return types.ListType(_type(iceberg_type.element_type))
    if isinstance(iceberg_type, iceberg.MapType):
        return types.MapType(_type(iceberg_type.key_type), _type(iceberg_type.value_type))
    if isinstance(iceberg_type, iceberg.DecimalType):
        return types.Decimal(iceberg_type.precision, iceberg_type.scale)
    if isinstance(iceberg_type, iceberg.FixedType):
        return types.Fixed(len(iceberg_type))
    name = str(iceberg_type)
    return types.Primitive(name) if name in types.PRIMITIVES else types.UNKNOWN


def _columns(schema: Schema) -> tuple[Column, ...]:
    columns = []
    for field in schema.fields:
        mapped = _type(field.field_type)
        fidelity = Fidelity.OPAQUE if mapped == types.UNKNOWN and str(field.field_type) != "unknown" else Fidelity.EXACT
        default = None if field.initial_default is None else str(field.initial_default)
        columns.append(
            Column(
                field.name,
                mapped,
                str(field.field_type),
                fidelity,
                not field.required,
                field.doc or "",
                default,
                field.field_id,
            )
        )
    return tuple(columns)


def table_document(table: Table) -> DatasetDocument:
    """Return a table's current schema, spec and order; its current snapshot is its data."""
    schema = table.schema()

    def name(field_id: int) -> str:
        return schema.find_column_name(field_id) or f"field {field_id}"

    partitioning = tuple(_transform(str(part.transform), name(part.source_id)) for part in table.spec().fields)
    order = tuple(
        f"{_transform(str(part.transform), name(part.source_id))} {part.direction.name.lower()}"
        for part in table.sort_order().fields
    )
    properties = {key: value for key, value in table.properties.items() if key not in _OF_THE_DATA}
    snapshot = table.current_snapshot()
    summary = snapshot.summary.additional_properties if snapshot and snapshot.summary else {}
    return DatasetDocument(
        kind="table",
        columns=_columns(schema),
        comment=properties.pop("comment", ""),
        primary_key=tuple(name(key) for key in schema.identifier_field_ids),
        partitioning=partitioning,
        sort_order=order,
        location=table.location(),
        format=f"iceberg {table.metadata.format_version}, {properties.get('write.format.default', 'parquet')}",
        properties=properties,
        data=DataFacts(
            rows=_number(summary.get("total-records")),
            size_bytes=_number(summary.get("total-files-size")),
            files=_number(summary.get("total-data-files")),
            snapshot_id=str(snapshot.snapshot_id) if snapshot else None,
            changed_at=datetime.fromtimestamp(snapshot.timestamp_ms / 1_000, UTC) if snapshot else None,
        ),
    )


def table_history(table: Table) -> TableHistory:
    """Return a table's snapshots, references, partition specs and sort orders."""
    metadata = table.metadata
    names = {column: path for path, column in _paths(table)}

    def field(transform: str, source_id: int) -> str:
        return _transform(transform, names.get(source_id, f"field {source_id}"))

    refs = [
        SnapshotRef(name, str(ref.snapshot_ref_type), str(ref.snapshot_id))
        for name, ref in sorted(metadata.refs.items())
    ]
    return TableHistory(
        snapshots=[_snapshot(each, refs) for each in sorted(metadata.snapshots, key=lambda s: -s.timestamp_ms)],
        refs=refs,
        specs=[
            Layout(
                spec.spec_id,
                [field(str(part.transform), part.source_id) for part in spec.fields],
                spec.spec_id == metadata.default_spec_id,
            )
            for spec in metadata.partition_specs
        ],
        sort_orders=[
            Layout(
                order.order_id,
                [
                    f"{field(str(part.transform), part.source_id)} {part.direction.name.lower()}"
                    for part in order.fields
                ],
                order.order_id == metadata.default_sort_order_id,
            )
            for order in metadata.sort_orders
        ],
    )


def _paths(table: Table) -> Iterator[tuple[str, int]]:
    """Return paths and ids of all columns that any schema of a table has, those of the newest last."""
    for schema in table.metadata.schemas:
        for field_id in schema.field_ids:
            yield schema.find_column_name(field_id) or f"field {field_id}", field_id


def _snapshot(found: IcebergSnapshot, refs: Sequence[SnapshotRef]) -> Snapshot:
    key = str(found.snapshot_id)
    summary = found.summary.additional_properties if found.summary else {}
    return Snapshot(
        id=key,
        parent_id=str(found.parent_snapshot_id) if found.parent_snapshot_id is not None else None,
        made_at=datetime.fromtimestamp(found.timestamp_ms / 1_000, UTC),
        operation=str(found.summary.operation.value) if found.summary else "",
        rows=_number(summary.get("total-records")),
        size_bytes=_number(summary.get("total-files-size")),
        files=_number(summary.get("total-data-files")),
        added_rows=_number(summary.get("added-records")),
        deleted_rows=_number(summary.get("deleted-records")),
        refs=[ref.name for ref in refs if ref.snapshot_id == key],
    )


def table_parameters(table: Table) -> dict[str, str]:
    """Return a table's properties, and what engines that know it by a metastore find beside them."""
    snapshot = table.current_snapshot()
    kinds = {name: reference.snapshot_ref_type for name, reference in table.metadata.refs.items()}
    return {
        **table.properties,
        "table_type": "ICEBERG",
        "metadata_location": table.metadata_location,
        "table_version": str(table.metadata.format_version),
        "current_snapshot_id": str(snapshot.snapshot_id) if snapshot else "-1",
        "partition_spec": json.dumps([part.name for part in table.spec().fields]),
        "branches": json.dumps(sorted(name for name, kind in kinds.items() if kind == "branch")),
        "iceberg.has.tags": json.dumps("tag" in kinds.values()),
    }


def view_document(view: View) -> DatasetDocument:
    """Return a view's current version: its columns, and its SQL in the first dialect that it is kept in."""
    metadata = view.metadata
    current = next(version for version in metadata.versions if version.version_id == metadata.current_version_id)
    schema = next(schema for schema in metadata.schemas if schema.schema_id == current.schema_id)
    spoken = [representation.root for representation in current.representations]
    properties = dict(metadata.properties)
    return DatasetDocument(
        kind="view",
        columns=_columns(schema),
        comment=properties.pop("comment", ""),
        format="iceberg view",
        view_text=spoken[0].sql if spoken else None,
        properties=properties | {f"dialect.{number}": each.dialect for number, each in enumerate(spoken)},
    )


def _transform(transform: str, column: str) -> str:
    if transform == "identity":
        return column
    name, bracket, rest = transform.partition("[")
    return f"{name}({column}, {rest.rstrip(']')})" if bracket else f"{name}({column})"


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
