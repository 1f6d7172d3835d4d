"""Partitions of a table, by filter or by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse

from catalog import selectors
from catalog.api.mds import documents
from catalog.api.mds.errors import InvalidRequest
from catalog.api.mds.views.base import Asked, add_data_metadata, json_answer
from catalog.domain.names import QualifiedName
from catalog.selectors import PartitionedTable

MOST_PARTITIONS = 100_000
"""Partitions of one answer, with their storage."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which partitions of a table are wanted, and how many of them in which order."""

    table: PartitionedTable
    filter: str
    names: Sequence[str] | None
    by_date: bool
    descending: bool
    offset: int
    limit: int | None

    def _cut(self, items: Sequence[Any]) -> Sequence[Any]:
        ordered = items[::-1] if self.descending else items
        return ordered[self.offset : None if self.limit is None else self.offset + self.limit]

    def _all_names(self, first: int | None = None) -> Sequence[str]:
        if self.names is None:
            return selectors.list_partition_names(self.table, self.filter, first=first)
        picked = selectors.pick_partition_names(self.table, self.names, self.filter)
        return [each.name for each in selectors.get_partitions(self.table, picked)]

    def _some_names(self) -> Sequence[str]:
        """Return the names that are wanted in order of names; no more are asked for than that takes."""
        is_cut = self.limit is not None and not self.descending
        return self._cut(self._all_names(self.offset + (self.limit or 0) if is_cut else None))

    def count(self) -> int:
        """Return how many there are."""
        if self.names is None:
            return selectors.count_partitions(self.table, self.filter)
        return len(self._all_names())

    def partition_names(self) -> Sequence[str]:
        """Return their names."""
        return [each.name for each in self.partitions()] if self.by_date else self._some_names()

    def partitions(self) -> Sequence[Any]:
        """Return them. :raises InvalidRequest: if they are too many for one answer."""
        names = self._all_names() if self.by_date else self._some_names()
        if len(names) > MOST_PARTITIONS:
            raise InvalidRequest(
                f"{len(names)} partitions are more than one answer may hold ({MOST_PARTITIONS}); give a filter or a limit"
            )
        found = selectors.get_partitions(self.table, names)
        if not self.by_date:
            return found
        return self._cut(sorted(found, key=lambda each: (each.created_at is not None, each.created_at or 0, each.name)))


def _wanted(asked: Asked, name: QualifiedName, body: Mapping[str, Any] | None = None) -> _Wanted:
    body = body or {}
    order, by = asked.text("sortOrder").upper(), asked.text("sortBy")
    if order not in ("", "ASC", "DESC"):
        raise InvalidRequest(f"'sortOrder' must be ASC or DESC, found {order[:50]!r}")
    if by not in ("", "part_name", "name", "dateCreated", "createDate"):
        raise InvalidRequest(f"'sortBy' must be part_name or dateCreated, found {by[:50]!r}")
    names = body.get("partitionNames") or None
    if names is not None and not (isinstance(names, list) and all(isinstance(each, str) for each in names)):
        raise InvalidRequest("'partitionNames' must be a list of texts")
    if names is not None and len(names) > MOST_PARTITIONS:
        raise InvalidRequest(f"'partitionNames' has {len(names)} names; at most {MOST_PARTITIONS} are allowed")
    text = body.get("filter") or asked.text("filter")
    if not isinstance(text, str):
        raise InvalidRequest("'filter' must be a text")
    return _Wanted(
        table=selectors.find_partitioned_table(name=name, principal=asked.principal),
        filter=text,
        names=names,
        by_date=by in ("dateCreated", "createDate"),
        descending=order == "DESC",
        offset=asked.number("offset", 0),
        limit=asked.number("limit", 0) if asked.text("limit") else None,
    )


def partitions(asked: Asked, name: QualifiedName) -> HttpResponse:
    """Return partitions by a filter."""
    return _partitions(asked, name, {})


def requested_partitions(asked: Asked, name: QualifiedName) -> HttpResponse:
    """Return partitions by names, a filter, or both."""
    return _partitions(asked, name, asked.body())


def _partitions(asked: Asked, name: QualifiedName, body: Mapping[str, Any]) -> HttpResponse:
    with_data = asked.flag("includeUserMetadata", False)
    wanted = _wanted(asked, name, body)
    found = wanted.partitions()
    ref = wanted.table.ref
    table = QualifiedName.of(wanted.table.catalog.name, ref.database, ref.name)
    answer = [
        documents.partition_json(
            table,
            partition,
            with_details=body.get("includePartitionDetails") is True,
            audit_only=body.get("includeAuditOnly") is True,
        )
        for partition in found
    ]
    if with_data:
        add_data_metadata(answer)
    return json_answer(answer)


def partition_keys(asked: Asked, name: QualifiedName) -> HttpResponse:
    """Return names of partitions by a filter."""
    return json_answer(_wanted(asked, name).partition_names())


def requested_partition_keys(asked: Asked, name: QualifiedName) -> HttpResponse:
    """Return names of partitions by names, a filter, or both."""
    return json_answer(_wanted(asked, name, asked.body()).partition_names())


def partition_uris(asked: Asked, name: QualifiedName) -> HttpResponse:
    """Return where partitions lie, by a filter."""
    return json_answer([each.location for each in _wanted(asked, name).partitions()])


def requested_partition_uris(asked: Asked, name: QualifiedName) -> HttpResponse:
    """Return where partitions lie, by names, a filter, or both."""
    return json_answer([each.location for each in _wanted(asked, name, asked.body()).partitions()])


def partition_count(asked: Asked, name: QualifiedName) -> HttpResponse:
    """Return how many partitions there are."""
    return json_answer(_wanted(asked, name).count())
