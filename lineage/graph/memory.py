"""A graph in memory, for tests."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence

from lineage.domain.walks import Direction, Edge, Moment, Node, Pair
from lineage.graph.base import Recorded, holds


class MemoryGraph:
    """Keeps the edges of each job in a list and looks at all of them."""

    def __init__(self) -> None:
        self._edges: dict[uuid.UUID, list[Recorded]] = {}
        self._is_whole = False

    def record(self, job: uuid.UUID, edges: Sequence[Recorded]) -> None:
        """Make the edges of a job these."""
        self._edges[job] = list(edges)

    def clear(self) -> None:
        """Forget all edges."""
        self._edges.clear()
        self._is_whole = False

    def finish(self) -> None:
        """Note that all edges are here."""
        self._is_whole = True

    def is_whole(self) -> bool:
        """Return whether they are."""
        return self._is_whole

    def neighbours(self, nodes: Sequence[Node], direction: Direction, moment: Moment) -> Iterable[Pair]:
        """Return the pairs that edges of a moment link nodes in, on one side of nodes."""
        wanted = set(nodes)
        side = 1 if direction is Direction.UPSTREAM else 0
        return {
            edge.pair
            for edge in self._of(moment)
            if edge.pair[side] in wanted and bool(edge.upstream.column) == bool(edge.downstream.column)
        }

    def edges(self, pairs: Collection[Pair], moment: Moment) -> Sequence[Edge]:
        """Return all edges of a moment that link pairs."""
        return [edge for edge in self._of(moment) if edge.pair in pairs]

    def _of(self, moment: Moment) -> Iterator[Edge]:
        return (one.edge for edges in self._edges.values() for one in edges if holds(one, moment))
