"""Walks: from a dataset or column upstream or downstream, level by level, with a depth, a cap, and no more than may be known."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

MAX_DEPTH = 50
MAX_NODES = 5_000
MAX_LOOKED_BEHIND = 200
"""Nodes of the last level that are looked behind; the others count as leading on."""
MAX_CROSSED = 2_000
"""Hidden nodes that one walk goes across."""


class Direction(enum.StrEnum):
    """Where a walk goes: to what a node is made of, or to what is made of it."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"


class Node(NamedTuple):
    """A dataset, or one of its columns where ``column`` is not empty."""

    dataset: uuid.UUID
    column: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """Which edges count: those that held at a time (None: those that hold), as far as was recorded at another (None: now)."""

    as_of: datetime | None = None
    known_at: datetime | None = None


class Edge(NamedTuple):
    """That something of one node went into another, by which job, and from when to when. There are very many: it is a plain tuple."""

    upstream: Node
    downstream: Node
    job: uuid.UUID
    origin: str
    since: datetime
    until: datetime | None
    last_seen_at: datetime
    runs_seen: int
    runs_missed: int
    subtype: str = ""
    masking: bool = False

    @property
    def order(self) -> tuple[object, ...]:
        """What edges are ordered by, so that every store tells them in the same order."""
        return (self.upstream, self.downstream, self.job.hex, self.origin, self.subtype, self.since)


@dataclass(frozen=True, slots=True)
class Link:
    """An edge of a walk's answer, between nodes that may be known. ``crossed`` is one that goes through what may not be."""

    upstream: Node
    downstream: Node
    edges: tuple[Edge, ...] = ()

    @property
    def is_restricted(self) -> bool:
        """Whether it goes through datasets that who asks may not know."""
        return not self.edges


@dataclass(frozen=True, slots=True)
class Walk:
    """
    What a walk found: each node with its distance, nearest first; the links among them; whether the cap cut it.

    ``frontier`` are the nodes from which it would have gone on, because of depth or cap.
    """

    nodes: tuple[tuple[Node, int], ...]
    links: tuple[Link, ...]
    truncated: bool
    frontier: tuple[Node, ...]


Neighbours = Callable[[Sequence[Node], Direction], Sequence[Edge]]
Known = Callable[[Collection[Node]], Collection[Node]]


def walk(start: Node, direction: Direction, *, neighbours: Neighbours, known: Known, depth: int, cap: int) -> Walk:
    """
    Return what lies within ``depth`` steps of a node in one direction, at most ``cap`` nodes, the start among them.

    Every node is visited once, so circles end. Nodes that are not ``known`` are gone across, and what lies behind them counts as one
    step away; within a level, nodes are taken in the order of their ids.
    """
    distance = {start: 0}
    links: dict[tuple[Node, Node], list[Edge]] = {}
    level, truncated = [start], False
    hidden_seen: set[Node] = set()
    frontier: list[Node] = []
    for step in range(1, depth + 1):
        found, crossed, cut = _level(level, direction, neighbours, known, hidden_seen)
        truncated = truncated or cut
        new = sorted({far for _, far in (*found, *crossed)} - distance.keys())
        room = max(0, cap - len(distance))
        if len(new) > room:
            truncated = True
            kept = set(new[:room])
            frontier += sorted({near for near, far in (*found, *crossed) if far not in kept and far not in distance})
            new = new[:room]
        for node in new:
            distance[node] = step
        for (near, far), edges in found.items():
            if far in distance:
                links.setdefault((near, far), []).extend(edges)
        for near, far in crossed:
            if far in distance:
                links.setdefault((near, far), [])
        level = new
        if not level:
            break
    else:
        # One step more, to know where there is more, and how the last ones are linked among themselves.
        found, crossed, _ = _level(level[:MAX_LOOKED_BEHIND], direction, neighbours, known, hidden_seen)
        frontier += sorted({near for near, far in (*found, *crossed) if far not in distance})
        frontier += level[MAX_LOOKED_BEHIND:]
        for (near, far), edges in found.items():
            if far in distance:
                links.setdefault((near, far), []).extend(edges)
    return Walk(
        nodes=tuple(sorted(distance.items(), key=lambda item: (item[1], item[0]))),
        links=tuple(_link(near, far, edges, direction) for (near, far), edges in sorted(links.items())),
        truncated=truncated,
        frontier=tuple(dict.fromkeys(frontier)),
    )


def _link(near: Node, far: Node, edges: Sequence[Edge], direction: Direction) -> Link:
    told = tuple(edges) if len(edges) == 1 else tuple(sorted(set(edges), key=lambda edge: edge.order))
    return Link(far, near, told) if direction is Direction.UPSTREAM else Link(near, far, told)


Pair = tuple[Node, Node]


def _level(
    level: Sequence[Node], direction: Direction, neighbours: Neighbours, known: Known, hidden_seen: set[Node]
) -> tuple[dict[Pair, list[Edge]], set[Pair], bool]:
    """Return what is one step from a level: pairs of near and far nodes with their edges, and pairs across hidden nodes."""
    found: dict[Pair, list[Edge]] = {}
    crossed: set[Pair] = set()
    origins: dict[Node, set[Node]] = {node: {node} for node in level}
    asked, cut, is_first = list(level), False, True
    while asked:
        edges = neighbours(asked, direction)
        pairs = [(_near(edge, direction), _far(edge, direction), edge) for edge in edges]
        shown = set(known({far for _, far, _ in pairs}))
        behind: dict[Node, set[Node]] = {}
        for near, far, edge in pairs:
            if far in shown and is_first:
                found.setdefault((near, far), []).append(edge)
            elif far in shown:
                crossed |= {(origin, far) for origin in origins[near] if origin != far}
            else:
                behind.setdefault(far, set()).update(origins[near])
        fresh = {node: nears for node, nears in behind.items() if not nears <= origins.get(node, set())}
        hidden_seen |= fresh.keys()
        if len(hidden_seen) > MAX_CROSSED:
            cut, fresh = True, {}
        for node, nears in fresh.items():
            origins.setdefault(node, set()).update(nears)
        asked, is_first = sorted(fresh), False
    return found, crossed - found.keys(), cut


def _near(edge: Edge, direction: Direction) -> Node:
    return edge.downstream if direction is Direction.UPSTREAM else edge.upstream


def _far(edge: Edge, direction: Direction) -> Node:
    return edge.upstream if direction is Direction.UPSTREAM else edge.downstream
