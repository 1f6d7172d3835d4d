"""Metacat's documents (its DTOs): catalogs, databases, tables, partitions, names. Fields it knows and we do not are null."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from catalog.api.mds.types import TypeContext, metacat_type
from catalog.connectors.base import Partition
from catalog.domain.documents import DatasetDocument
from catalog.domain.names import QualifiedName
from catalog.selectors import LiveDatabase, LiveDataset

Document = dict[str, Any]

# A transform of a column, such as ``day(created_at)`` or ``bucket(id, 16)``.
_TRANSFORMED = re.compile(r"[a-z]+\(([^,)]+)(?:, [^)]*)?\)\Z")


def name_json(*segments: str, partition: str | None = None) -> Document:
    """Return the name of a catalog, database or table, or of a partition of one. Metacat's names are in lower case."""
    lower = [segment.lower() for segment in segments]
    named: Document = dict(zip(("catalogName", "databaseName", "tableName"), lower, strict=False))
    printed = str(QualifiedName(tuple(lower)))
    if partition is None:
        return {**named, "qualifiedName": printed}
    return {**named, "partitionName": partition, "qualifiedName": f"{printed}/{partition}"}


def cluster_json(platform: str) -> Document:
    """Return what a catalog says of its cluster: nothing but the kind."""
    return {"name": None, "type": platform, "account": None, "accountId": None, "env": None, "region": None}


def mapping_json(catalog: str, platform: str) -> Document:
    """Return a catalog as it stands in the list of all."""
    return {"catalogName": catalog.lower(), "connectorName": platform, "clusterDto": cluster_json(platform)}


def catalog_json(catalog: str, platform: str, databases: Sequence[str] | None, *, described: bool) -> Document:
    """Return a catalog; ``databases`` is None where their names are not wanted."""
    return {
        "databases": None if databases is None else [name.lower() for name in databases],
        "definitionMetadata": {} if described else None,
        "name": name_json(catalog),
        "type": platform,
        "cluster": cluster_json(platform),
        "metadata": None,
    }


def database_json(database: LiveDatabase, *, described: bool, with_tables: bool) -> Document:
    """Return a database, with the names of its tables if they are wanted."""
    return {
        "dateCreated": None,
        "definitionMetadata": {} if described else None,
        "lastUpdated": None,
        "name": name_json(database.catalog, database.ref.name),
        "tables": [name.lower() for name in database.datasets] if with_tables else None,
        "type": database.platform,
        "metadata": dict(database.ref.properties),
        "uri": database.ref.location,
    }


def definition_metadata(body: Mapping[str, Any] | None) -> Document | None:
    """
    Return what people said of a dataset in Metacat's words: properties, the first owner of each kind, and tags.

    None for a dataset of which nobody said anything.
    """
    if body is None:
        return None
    stated = dict(body["properties"])
    owner = dict(stated["owner"]) if isinstance(stated.get("owner"), dict) else {}
    for kind, key in (("user", "userId"), ("team", "team")):
        handles = [handle.partition(":")[2] for handle in body["owners"] if handle.startswith(f"{kind}:")]
        if handles:
            owner[key] = handles[0]
    if owner:
        stated["owner"] = owner
    if body["tags"]:
        stated["tags"] = body["tags"]
    return stated or None


def _milliseconds(moment: datetime | None) -> int | None:
    return round(moment.timestamp() * 1_000) if moment else None


def _audit(created: datetime | None, changed: datetime | None = None) -> Document:
    return {
        "createdBy": None,
        "createdDate": _milliseconds(created),
        "lastModifiedBy": None,
        "lastModifiedDate": _milliseconds(changed),
    }


def _serde(storage: Mapping[str, str], location: str | None) -> Document:
    of_files = bool(storage)
    parameters = {
        name.removeprefix("serializer."): value for name, value in storage.items() if name.startswith("serializer.")
    }
    return {
        "inputFormat": storage.get("input_format"),
        "outputFormat": storage.get("output_format"),
        "owner": storage.get("owner", "") if of_files else None,
        "parameters": parameters if of_files else None,
        "serdeInfoParameters": {} if of_files else None,
        "serializationLib": storage.get("serializer"),
        "uri": location,
    }


def _partition_columns(partitioning: Sequence[str]) -> list[str]:
    """Return the columns that a table is partitioned by, those that are transformed included."""
    columns = []
    for key in partitioning:
        match = _TRANSFORMED.match(key)
        columns.append(match.group(1) if match else key)
    return columns


def _table(
    *,
    name: QualifiedName,
    fields: list[Document],
    partition_keys: Sequence[str],
    metadata: Mapping[str, str],
    storage: Mapping[str, str],
    location: str | None,
    view_text: str | None,
    created: datetime | None,
) -> Document:
    return {
        "audit": _audit(created),
        "dataMetadata": None,
        "definitionMetadata": None,
        "fields": fields,
        "metadata": dict(metadata),
        "name": name_json(*name.segments),
        "serde": _serde(storage, location),
        "view": None if view_text is None else {"viewOriginalText": view_text, "viewExpandedText": view_text},
        "partition_keys": list(partition_keys),
        "dataExternal": bool(location),
    }


def _field(
    position: int,
    *,
    platform: str,
    name: str,
    source_type: str,
    canonical: str,
    nullable: bool,
    comment: str,
    default: str | None,
    is_key: bool,
    context: TypeContext,
) -> Document:
    text, as_json = metacat_type(platform, source_type, canonical, context)
    return {
        "comment": comment or None,
        "name": name,
        "partition_key": is_key,
        "pos": position,
        "source_type": source_type,
        "type": text,
        "jsonType": as_json,
        # Hive does not say whether a column may be null.
        "isNullable": None if platform == "hive" else nullable,
        "size": None,
        "defaultValue": default,
        "isSortKey": None,
        "isIndexKey": None,
    }


def live_table_json(live: LiveDataset, context: TypeContext, *, location_only: bool = False) -> Document:
    """Return a table as its source has it now. ``location_only`` leaves its columns out."""
    document: DatasetDocument = live.loaded.document
    keys = _partition_columns(document.partitioning)
    fields = [] if location_only else document.columns
    return _table(
        name=live.name,
        fields=[
            _field(
                position,
                platform=live.platform,
                name=column.name,
                source_type=column.source_type,
                canonical=str(column.type),
                nullable=column.nullable,
                comment=column.comment,
                default=column.default,
                is_key=column.name in keys,
                context=context,
            )
            for position, column in enumerate(fields)
        ],
        partition_keys=keys,
        metadata=live.loaded.parameters or _with_comment(document.properties, document.comment),
        storage=document.storage,
        location=document.location,
        view_text=document.view_text if document.kind == "view" else None,
        created=live.loaded.created_at,
    )


def stored_table_json(body: Mapping[str, Any], context: TypeContext) -> Document:
    """Return a table as the catalog last saw it, without what changes with every load of data."""
    keys = _partition_columns(body["partitioning"])
    platform = body["platform"]
    top = [column for column in body["columns"] if column["depth"] == 0]
    said = body["description"]
    return _table(
        name=QualifiedName.parse(body["qualified_name"]),
        fields=[
            _field(
                position,
                platform=platform,
                name=column["name"],
                source_type=column["source_type"],
                canonical=column["type"],
                nullable=column["nullable"],
                comment=column["description"]["text"] if column["description"] else "",
                default=column["default"],
                is_key=column["name"] in keys,
                context=context,
            )
            for position, column in enumerate(top)
        ],
        partition_keys=keys,
        metadata=_with_comment(body["source_properties"], said["text"] if said and said["said_by"] == "source" else ""),
        storage=body["storage"],
        location=body["location"],
        view_text=body["view_text"] if body["kind"] == "view" else None,
        created=None,
    )


def _with_comment(properties: Mapping[str, str], comment: str) -> Mapping[str, str]:
    return {**properties, "comment": comment} if comment else properties


def partition_json(
    table: QualifiedName, partition: Partition, *, with_details: bool = False, audit_only: bool = False
) -> Document:
    """Return a partition; its parameters where details are wanted, no storage where only its dates are."""
    # What serializers are told stands with the table.
    serde = _serde(partition.storage, partition.location) | {
        "owner": None,
        "parameters": None,
        "serdeInfoParameters": None,
    }
    return {
        "audit": _audit(partition.created_at, partition.created_at),
        "dataMetadata": None,
        "definitionMetadata": None,
        "name": name_json(*table.segments, partition=partition.name),
        "serde": None if audit_only else serde,
        "metadata": dict(partition.properties) if with_details else None,
        "dataExternal": bool(partition.location),
    }
