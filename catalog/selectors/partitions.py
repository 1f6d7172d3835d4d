"""Partitions, read through from their source at the time of asking: there may be ten million of them in one table."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from catalog.access.principals import Principal
from catalog.connectors.base import Context, DatasetRef, HasPartitions, Page, Partition
from catalog.domain.partitions import Key, parse_partition_filter
from catalog.models import Dataset
from catalog.selectors.connecting import open_connector
from catalog.selectors.datasets import dataset_for_details
from catalog.selectors.errors import Unsupported

LIVE_SECONDS = 10
"""How long somebody who waits for an answer waits for a source."""


def partition_keys(body: Mapping[str, Any]) -> Sequence[Key]:
    """Return the keys of a dataset's body, with the types that its columns have."""
    types = {column["path"]: column["type"] for column in body["columns"]}
    return [Key(name, types.get(name, "string")) for name in body["partitioning"]]


def list_partitions(
    *, dataset_uuid: uuid.UUID, principal: Principal, wanted: str = "", after: str = "", limit: int
) -> Page[Partition]:
    """
    Return partitions in name order behind a name, those that a filter wants.

    :raises InvalidFilter: for a filter that cannot be read, or that speaks of keys which the table does not have.
    :raises Unsupported: if the dataset has no partitions that its source can list.
    :raises ConnectorError: if the source does not answer.
    """
    stored = dataset_for_details(dataset_uuid, principal, "reading partitions")
    body = orjson.loads(stored.body)
    keys = partition_keys(body)
    compiled = parse_partition_filter(wanted, keys) if wanted.strip() else None
    row = Dataset.objects.select_related("catalog").get(uuid=stored.uuid)
    connector = open_connector(row.catalog)
    try:
        if not isinstance(connector, HasPartitions):
            raise Unsupported(f"{connector.spec.title} does not list partitions")
        if not keys:
            raise Unsupported(f"'{stored.qualified_name}' is not partitioned")
        ref = DatasetRef(body["database"], body["name"])
        return connector.partitions(Context.within(LIVE_SECONDS, page_size=limit), ref, compiled, after or None)
    finally:
        connector.close()
