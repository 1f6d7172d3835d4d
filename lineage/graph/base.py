"""
The graph port: which edges touch some nodes. What a walk is stands in ``lineage/domain/walks.py``, once for all stores.

Errors a store may raise::

    GraphUnavailable    no answer within the deadline; another store may have one
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable
from uuid import UUID

from lineage.domain.walks import Direction, Edge, Moment, Node, Pair


class GraphUnavailable(Exception):
    """The store does not answer; the message names no secret."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An edge with when it was recorded, and when something known later took its place (None: nothing did)."""

    edge: Edge
    recorded_at: datetime
    superseded_at: datetime | None = None


class GraphStore(Protocol):
    """A store of edges between datasets and between their columns."""

    def neighbours(self, nodes: Sequence[Node], direction: Direction, moment: Moment) -> Iterable[Pair]:
        """
        Return the pairs that edges of a moment link nodes in, on one side of nodes, each once, in no order.

        A dataset's are those between datasets; a column's those of values that go over, between columns, of whatever way.
        :raises GraphUnavailable: if the store does not answer.
        """

    def edges(self, pairs: Collection[Pair], moment: Moment) -> Sequence[Edge]:
        """Return all edges of a moment that link pairs, in no order. :raises GraphUnavailable: if the store does not answer."""


@runtime_checkable
class RecordsEdges(Protocol):
    """A store that must be told of edges; one that reads the tables need not be."""

    def record(self, job: UUID, edges: Sequence[Recorded]) -> None:
        """Make the edges of a job these. Safe to do twice. :raises GraphUnavailable: if the store does not answer."""

    def clear(self) -> None:
        """Forget all edges; the store is not whole any more. :raises GraphUnavailable: if the store does not answer."""

    def finish(self) -> None:
        """Note that the store was told of all edges there are. :raises GraphUnavailable: if the store does not answer."""

    def is_whole(self) -> bool:
        """
        Return whether it was told of all edges once and has not lost them since; looked at once a minute.

        :raises GraphUnavailable: if the store does not answer.
        """


def holds(recorded: Recorded, moment: Moment) -> bool:
    """Return whether an edge counts at a moment; what every store must agree with."""
    edge = recorded.edge
    if moment.known_at is None:
        known = recorded.superseded_at is None
    else:
        known = recorded.recorded_at <= moment.known_at and (
            recorded.superseded_at is None or recorded.superseded_at > moment.known_at
        )
    if moment.as_of is None:
        return known and edge.until is None
    return known and edge.since <= moment.as_of and (edge.until is None or edge.until >= moment.as_of)
