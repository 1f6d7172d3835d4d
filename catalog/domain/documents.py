"""Dataset documents: what a source says of one dataset, in one canonical, content-addressed form."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from catalog.domain.storable import json_holds_nul, nul_replaced
from catalog.domain.types import (
    Fidelity,
    Field,
    ListType,
    MapType,
    StructType,
    Type,
    parse_type,
)

MAX_COLUMNS = 100_000
MAX_PATH = 2_000
"""Bytes of a column's path; a longer one keeps its beginning and gets a digest for the rest."""


@dataclass(frozen=True, slots=True)
class Column:
    """A top-level column; its nested parts stand in its type."""

    name: str
    type: Type
    source_type: str
    fidelity: Fidelity = Fidelity.EXACT
    nullable: bool = True
    comment: str = ""
    default: str | None = None
    source_column_id: int | None = None
    """The source's own id for it (field id, attnum), where it has one."""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Columns that hold keys of another dataset of the same catalog; ``database`` is None where it is the same one."""

    columns: tuple[str, ...]
    table: str
    referenced_columns: tuple[str, ...]
    database: str | None = None


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What a source says of the data now; None where it does not count. A change here is a data change."""

    rows: int | None = None
    size_bytes: int | None = None
    files: int | None = None
    snapshot_id: str | None = None
    changed_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the facts that are known, times in ISO 8601."""
        facts = {
            "rows": self.rows,
            "size_bytes": self.size_bytes,
            "files": self.files,
            "snapshot_id": self.snapshot_id,
            "changed_at": self.changed_at.astimezone(UTC).isoformat() if self.changed_at else None,
        }
        return {name: value for name, value in facts.items() if value is not None}


def counted(text: str) -> int | None:
    """Return a count that a source wrote as text; None for what is none, such as the -1 of one that nobody counted."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


@dataclass(frozen=True, slots=True)
class DatasetDocument:
    """One dataset as its source describes it. Order of columns is the source's; everything but ``data`` makes versions."""

    kind: str
    columns: tuple[Column, ...]
    comment: str = ""
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    partitioning: tuple[str, ...] = ()
    sort_order: tuple[str, ...] = ()
    location: str | None = None
    format: str | None = None
    view_text: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    storage: Mapping[str, str] = field(default_factory=dict)
    """How the source reads the files, where it says so: formats, serializers and their parameters."""
    data: DataFacts = DataFacts()

    def definition_json(self) -> dict[str, Any]:
        """Return the definition as plain JSON values; equal definitions give equal JSON."""
        stated = {
            "kind": self.kind,
            "comment": self.comment,
            "columns": [_column_json(column) for column in self.columns],
            "primary_key": list(self.primary_key),
            "foreign_keys": [
                {
                    "columns": list(key.columns),
                    "database": key.database,
                    "table": key.table,
                    "referenced_columns": list(key.referenced_columns),
                }
                for key in self.foreign_keys
            ],
            "partitioning": list(self.partitioning),
            "sort_order": list(self.sort_order),
            "location": self.location,
            "format": self.format,
            "view_text": self.view_text,
            "properties": dict(sorted(self.properties.items())),
        }
        return stated | {"storage": dict(sorted(self.storage.items()))} if self.storage else stated


def definition_bytes(document: DatasetDocument) -> bytes:
    """Return the definition in its one canonical spelling."""
    return orjson.dumps(document.definition_json(), option=orjson.OPT_SORT_KEYS)


def storable(document: DatasetDocument) -> tuple[DatasetDocument, bytes]:
    """Return the document with NUL characters, which PostgreSQL cannot keep, shown as replacement characters, and its spelling."""
    canonical = definition_bytes(document)
    if not json_holds_nul(canonical):
        return document, canonical
    cleaned = document_from_json(orjson.loads(nul_replaced(canonical)))
    return replace(cleaned, data=document.data), definition_bytes(cleaned)


def content_digest(canonical: bytes) -> bytes:
    """Return the address of a canonical document: the first 16 bytes of its SHA-256."""
    return hashlib.sha256(canonical).digest()[:16]


def _field_json(part: Field) -> dict[str, Any]:
    return {
        "name": part.name,
        "type": type_json(part.type),
        "nullable": part.nullable,
        "comment": part.comment,
        "field_id": part.field_id,
    }


def type_json(kind: Type) -> Any:
    """Return a type as JSON: its printed name, or an object where it has parts with ids and comments of their own."""
    match kind:
        case StructType(fields):
            return {"struct": [_field_json(part) for part in fields]}
        case ListType(element):
            return {"list": type_json(element)}
        case MapType(key, value):
            return {"map": [type_json(key), type_json(value)]}
        case _:
            return str(kind)


def type_from_json(value: Any) -> Type:
    """Return the type that :func:`type_json` wrote."""
    if isinstance(value, str):
        return parse_type(value)
    if "list" in value:
        return ListType(type_from_json(value["list"]))
    if "map" in value:
        return MapType(type_from_json(value["map"][0]), type_from_json(value["map"][1]))
    return StructType(
        tuple(
            Field(part["name"], type_from_json(part["type"]), part["nullable"], part["field_id"], part["comment"])
            for part in value["struct"]
        )
    )


def _column_json(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": type_json(column.type),
        "source_type": column.source_type,
        "fidelity": column.fidelity.value,
        "nullable": column.nullable,
        "comment": column.comment,
        "default": column.default,
        "source_column_id": column.source_column_id,
    }


def document_from_json(value: Mapping[str, Any]) -> DatasetDocument:
    """Return the document whose definition :meth:`DatasetDocument.definition_json` wrote; data facts are not part of it."""
    return DatasetDocument(
        kind=value["kind"],
        comment=value["comment"],
        columns=tuple(
            Column(
                name=column["name"],
                type=type_from_json(column["type"]),
                source_type=column["source_type"],
                fidelity=Fidelity(column["fidelity"]),
                nullable=column["nullable"],
                comment=column["comment"],
                default=column["default"],
                source_column_id=column["source_column_id"],
            )
            for column in value["columns"]
        ),
        primary_key=tuple(value["primary_key"]),
        foreign_keys=tuple(
            ForeignKey(tuple(key["columns"]), key["table"], tuple(key["referenced_columns"]), key["database"])
            for key in value["foreign_keys"]
        ),
        partitioning=tuple(value["partitioning"]),
        sort_order=tuple(value["sort_order"]),
        location=value["location"],
        format=value["format"],
        view_text=value["view_text"],
        properties=dict(value["properties"]),
        storage=dict(value.get("storage", {})),
    )


class FlatColumn(NamedTuple):
    """A column or a nested part of one, as a row. ``path`` joins names by dots, a dot inside a name is ``%2E``."""

    path: str
    parent_path: str
    name: str
    depth: int
    type: str
    source_type: str
    fidelity: str
    nullable: bool
    comment: str
    default: str | None
    source_column_id: int | None


def path_part(name: str) -> str:
    """Return a column's name as a part of a path."""
    return name.replace("%", "%25").replace(".", "%2E")


def flatten_columns(columns: Iterable[Column]) -> Iterator[FlatColumn]:
    """
    Return columns and their nested parts in reading order, parents first; lists of structs step through as if flat.

    A name that a source gives twice at one level gets ``%2`` behind its path, which no name can, so that paths are unique.
    """
    taken: dict[str, int] = {}
    for column in columns:
        path = _unique(path_part(column.name), taken)
        yield FlatColumn(
            path,
            "",
            column.name,
            0,
            str(column.type),
            column.source_type,
            column.fidelity.value,
            column.nullable,
            column.comment,
            column.default,
            column.source_column_id,
        )
        yield from _flatten_parts(column.type, path, 1, column.fidelity.value, taken)


def _unique(path: str, taken: dict[str, int]) -> str:
    if len(path) > MAX_PATH and len(path.encode()) > MAX_PATH:
        path = f"{path[: MAX_PATH // 8]}…{hashlib.sha256(path.encode()).hexdigest()[:16]}"
    taken[path] = taken.get(path, 0) + 1
    return path if taken[path] == 1 else f"{path}%{taken[path]}"


def _flatten_parts(kind: Type, parent: str, depth: int, fidelity: str, taken: dict[str, int]) -> Iterator[FlatColumn]:
    match kind:
        case ListType(element):
            yield from _flatten_parts(element, parent, depth, fidelity, taken)
        case MapType(_, value):
            yield from _flatten_parts(value, parent, depth, fidelity, taken)
        case StructType(fields):
            for part in fields:
                path = _unique(f"{parent}.{path_part(part.name)}", taken)
                yield FlatColumn(
                    path,
                    parent,
                    part.name,
                    depth,
                    str(part.type),
                    "",
                    fidelity,
                    part.nullable,
                    part.comment,
                    None,
                    part.field_id,
                )
                yield from _flatten_parts(part.type, path, depth + 1, fidelity, taken)
