"""Bodies: the stored answers of ``GET /v1/datasets/{uuid}``, made when a dataset is written and served as they are."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from catalog.models import Annotation, Catalog, ColumnRow, Dataset


def _time(value: datetime | None) -> str | None:
    return value.astimezone(UTC).isoformat() if value else None


def effective_description(comment: str, claims: Iterable[Annotation]) -> dict[str, Any] | None:
    """Return the description that counts and who said it: a person's before an inference's that was accepted, then the source's."""
    for claim in claims:
        if claim.aspect == "description" and claim.status == "accepted" and claim.value:
            return {
                "text": claim.value,
                "said_by": claim.said_by,
                "author": claim.author,
                "said_at": _time(claim.said_at),
            }
    return {"text": comment, "said_by": "source", "author": "", "said_at": None} if comment else None


@dataclass(slots=True)
class NewColumn:
    """A column on its way into the tables; a model object would cost ten times as much, and there are millions."""

    uuid: uuid.UUID
    dataset_id: int
    ordinal: int
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
    pk: int | None = None


AnyColumn = ColumnRow | NewColumn


def column_json(column: AnyColumn, claims: Sequence[Annotation]) -> dict[str, Any]:
    """Return a column as it stands in answers."""
    return {
        "uuid": str(column.uuid),
        "path": column.path,
        "name": column.name,
        "depth": column.depth,
        "type": column.type,
        "source_type": column.source_type,
        "fidelity": column.fidelity,
        "nullable": column.nullable,
        "default": column.default,
        "description": effective_description(column.comment, claims),
        "tags": sorted(claim.key for claim in claims if claim.aspect == "tag" and claim.status == "accepted"),
        "findings": [_finding_json(claim) for claim in claims if claim.aspect == "finding"],
    }


def _finding_json(claim: Annotation) -> dict[str, Any]:
    return {
        "uuid": str(claim.uuid),
        "type": claim.key,
        "status": claim.status,
        "confidence": claim.confidence,
        "said_at": _time(claim.said_at),
        **(claim.value or {}),
        **(claim.evidence or {}),
    }


def summary_json(dataset: Dataset, catalog: Catalog, comment: str, claims: Sequence[Annotation]) -> dict[str, Any]:
    """Return what everybody who may discover a dataset sees of it."""
    return {
        "uuid": str(dataset.uuid),
        "qualified_name": dataset.qualified_name,
        "name": dataset.name,
        "catalog": catalog.name,
        "platform": catalog.platform,
        "kind": dataset.kind,
        "state": dataset.state,
        "description": effective_description(comment, claims),
        "owners": [claim.key for claim in claims if claim.aspect == "owner" and claim.status == "accepted"],
    }


def dataset_body(
    *,
    dataset: Dataset,
    catalog: Catalog,
    database: str | None,
    definition: Mapping[str, Any] | None,
    columns: Sequence[AnyColumn],
    claims: Sequence[Annotation],
) -> bytes:
    """Return a dataset's whole answer as JSON bytes; ``columns`` are the current ones in order, ``claims`` the current claims."""
    by_column: dict[int, list[Annotation]] = {}
    own: list[Annotation] = []
    for claim in claims:
        if claim.column_id is None:
            own.append(claim)
        else:
            by_column.setdefault(claim.column_id, []).append(claim)
    stated = definition or {}
    body = summary_json(dataset, catalog, str(stated.get("comment", "")), own)
    body |= {
        "database": database,
        "environment": catalog.environment,
        "version": dataset.version,
        "schema_version": dataset.schema_version,
        "tags": sorted(claim.key for claim in own if claim.aspect == "tag" and claim.status == "accepted"),
        "properties": {claim.key: claim.value for claim in own if claim.aspect == "property"},
        "columns": [column_json(column, by_column.get(column.pk or 0, ())) for column in columns],
        "primary_key": stated.get("primary_key", []),
        "foreign_keys": stated.get("foreign_keys", []),
        "partitioning": stated.get("partitioning", []),
        "sort_order": stated.get("sort_order", []),
        "location": stated.get("location"),
        "format": stated.get("format"),
        "view_text": stated.get("view_text"),
        "source_properties": stated.get("properties", {}),
        "storage": stated.get("storage", {}),
        "data": dataset.data,
        "created_at": _time(dataset.created_at),
        "definition_changed_at": _time(dataset.definition_changed_at),
        "recreated_at": _time(dataset.recreated_at),
        "missing_since": _time(dataset.missing_since),
        "stale_reason": dataset.stale_reason or None,
    }
    return orjson.dumps(body)


def new_uuid() -> uuid.UUID:
    """
    Return a fresh id for a dataset or a column: RFC 9562's version 7, which begins with the time.

    Indexes of such ids grow at their end; those of random ones are written all over, once there are millions.
    """
    milliseconds = time.time_ns() // 1_000_000
    dice = int.from_bytes(os.urandom(10))
    low = dice & 0x3FFFFFFFFFFFFFFF | 0x8000000000000000
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | dice >> 68 << 64 | low)
