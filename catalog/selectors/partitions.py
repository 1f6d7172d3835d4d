"""Partitions, read through from their source at the time of asking: there may be ten million of them in one table."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from catalog.access.principals import Principal
from catalog.connectors.base import Connector, Context, DatasetRef, HasPartitions, Page, Partition, each_page
from catalog.domain.partitions import InvalidFilter, Key, PartitionFilter, could_be_of, parse_partition_filter
from catalog.models import Catalog
from catalog.selectors.connecting import LIVE_SECONDS, ask, place_of
from catalog.selectors.datasets import dataset_for_details
from catalog.selectors.errors import Unsupported

NAMES_A_PAGE = 100_000
MAX_NAMES = 2_000_000
"""Names of partitions that one answer without pages may look at."""


@dataclass(frozen=True, slots=True)
class PartitionedTable:
    """A table that somebody may read, and the keys of its partitions."""

    catalog: Catalog
    ref: DatasetRef
    qualified_name: str
    keys: Sequence[Key]


def partition_keys(body: Mapping[str, Any]) -> Sequence[Key]:
    """Return the keys of a dataset's body, with the types that its columns have."""
    types = {column["path"]: column["type"] for column in body["columns"]}
    return [Key(name, types.get(name, "string")) for name in body["partitioning"]]


def partitioned_table(*, dataset_uuid: uuid.UUID, principal: Principal) -> PartitionedTable:
    """Return a table by its id. :raises NoSuchDataset, Denied: as the gate says."""
    stored = dataset_for_details(dataset_uuid, principal, "reading partitions")
    body = orjson.loads(stored.body)
    catalog, ref = place_of(body)
    return PartitionedTable(catalog, ref, stored.qualified_name, partition_keys(body))


def list_partitions(
    *, dataset_uuid: uuid.UUID, principal: Principal, wanted: str = "", after: str = "", limit: int
) -> Page[Partition]:
    """
    Return partitions in name order behind a name, those that a filter wants.

    :raises InvalidFilter: for a filter that cannot be read, or that speaks of keys which the table does not have.
    :raises Unsupported: if the dataset has no partitions that its source can list.
    :raises ConnectorError: if the source does not answer.
    """
    table = partitioned_table(dataset_uuid=dataset_uuid, principal=principal)
    compiled = _filter(table, wanted)
    if not table.keys:
        raise Unsupported(f"'{table.qualified_name}' is not partitioned")
    ctx = Context.within(LIVE_SECONDS, page_size=limit)

    def question(connector: Connector) -> Page[Partition]:
        lister = _lister(connector)
        names = lister.partition_names(ctx, table.ref, compiled, after or None)
        return Page(lister.partitions(ctx, table.ref, names.items), names.next)

    return ask(table.catalog, question)


def list_partition_names(table: PartitionedTable, wanted: str = "", *, first: int | None = None) -> Sequence[str]:
    """
    Return the names of the partitions that a filter wants, in order, all or so many; none for a table without partitions.

    :raises InvalidFilter: if there are more than one answer may hold, or as :func:`list_partitions`.
    :raises Unsupported, ConnectorError: as that does.
    """

    def question(pages: Iterator[Sequence[str]]) -> Sequence[str]:
        names: list[str] = []
        for page in pages:
            names += page
            if len(names) > MAX_NAMES or (first is not None and len(names) >= first):
                break
        return names

    names = _ask_names(table, wanted, question, a_page=NAMES_A_PAGE if first is None else first)
    if len(names) > MAX_NAMES:
        raise InvalidFilter(f"there are more than {MAX_NAMES:,} such partitions; give a filter, or a limit")
    return names[:first]


def count_partitions(table: PartitionedTable, wanted: str = "") -> int:
    """Return how many partitions a filter wants, of however many. :raises: as :func:`list_partitions`."""
    return _ask_names(table, wanted, lambda pages: sum(map(len, pages)))


Answer = TypeVar("Answer")


def _ask_names(
    table: PartitionedTable,
    wanted: str,
    question: Callable[[Iterator[Sequence[str]]], Answer],
    a_page: int = NAMES_A_PAGE,
) -> Answer:
    """Return what a question makes of the pages of names, of which it may leave some unread."""
    compiled = _filter(table, wanted)
    if not table.keys:
        return question(iter(()))
    ctx = Context.within(LIVE_SECONDS, page_size=max(1, min(a_page, NAMES_A_PAGE)))

    def asked(connector: Connector) -> Answer:
        lister = _lister(connector)
        return question(each_page(lambda page: lister.partition_names(ctx, table.ref, compiled, page)))

    return ask(table.catalog, asked)


def pick_partition_names(table: PartitionedTable, names: Sequence[str], wanted: str) -> Sequence[str]:
    """
    Return those of some names that could be of the table's partitions and that a filter wants.

    :raises InvalidFilter: as :func:`list_partitions`.
    """
    compiled = _filter(table, wanted)
    return [name for name in names if could_be_of(name, table.keys) and (compiled is None or compiled.wants(name))]


def get_partitions(table: PartitionedTable, names: Sequence[str]) -> Sequence[Partition]:
    """Return partitions by their names, in this order; those that are gone are left out."""
    ctx = Context.within(LIVE_SECONDS)
    return ask(table.catalog, lambda connector: _lister(connector).partitions(ctx, table.ref, names)) if names else ()


def _filter(table: PartitionedTable, wanted: str) -> PartitionFilter | None:
    return parse_partition_filter(wanted, table.keys) if wanted.strip() else None


def _lister(connector: Connector) -> HasPartitions:
    if not isinstance(connector, HasPartitions):
        raise Unsupported(f"{connector.spec.title} does not list partitions")
    return connector
