"""A graph in memory, for tests."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from lineage.domain.walks import Direction, Edge, Moment, Node
from lineage.graph.base import Recorded, holds


class MemoryGraph:
    """Keeps the edges of each job in a list and looks at all of them."""

    def __init__(self) -> None:
        self._edges: dict[uuid.UUID, list[Recorded]] = {}

    def record(self, job: uuid.UUID, edges: Sequence[Recorded]) -> None:
        """Make the edges of a job these."""
        self._edges[job] = list(edges)

    def clear(self) -> None:
        """Forget all edges."""
        self._edges.clear()

    def neighbours(self, nodes: Sequence[Node], direction: Direction, moment: Moment) -> Sequence[Edge]:
        """Return the edges that touch nodes on one side, those of a moment."""
        wanted = set(nodes)
        return [
            one.edge
            for edges in self._edges.values()
            for one in edges
            if (one.edge.downstream if direction is Direction.UPSTREAM else one.edge.upstream) in wanted
            and bool(one.edge.upstream.column) == bool(one.edge.downstream.column)
            and holds(one, moment)
        ]
