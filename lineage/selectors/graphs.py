"""Graphs: what datasets and columns are made of and what is made of them, ways between two, and what a change would reach."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from catalog.access import gate
from catalog.access.principals import Principal
from catalog.journal import clock
from catalog.journal.selectors import find_projection
from catalog.selectors import get_dataset, require_details
from catalog.selectors.datasets import DatasetName, names_by_uuid, summarized_by_uuid
from lineage.backends import PROJECTION, graph_store, tables
from lineage.domain.walks import MAX_DEPTH, Direction, Edge, Link, Moment, Node, Pair, Walk, place, walk
from lineage.graph.base import GraphStore, GraphUnavailable, RecordsEdges
from lineage.models import DECLARED_ORIGINS, Job

logger = logging.getLogger(__name__)

LAG_SECONDS = 5


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A dataset, or one of its columns, in an answer. ``distance`` is negative upstream of the start."""

    id: str
    """What links name it by: the dataset's id, for a column with its name behind a slash."""
    dataset: UUID
    column: str
    distance: int
    name: str
    qualified_name: str
    platform: str
    kind: str
    state: str


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """One reason of a link: a job that moves data so, since when, until when, and how often it was seen."""

    job: UUID
    job_name: str
    job_kind: str
    origin: str
    subtype: str
    masking: bool
    since: datetime
    until: datetime | None
    last_seen_at: datetime
    runs_seen: int
    runs_missed: int


@dataclass(frozen=True, slots=True)
class GraphLink:
    """That data goes from one node to another. One that goes through what may not be known is ``restricted`` and has no edges."""

    upstream: str
    downstream: str
    restricted: bool
    edges: Sequence[GraphEdge]


@dataclass(frozen=True, slots=True)
class Graph:
    """
    What lies around a node: nodes, nearest first, links, and where the walk would have gone on.

    ``truncated`` says that the limit cut it; ``frontier`` are nodes with more behind them.
    """

    start: str
    nodes: Sequence[GraphNode]
    links: Sequence[GraphLink]
    truncated: bool
    frontier: Sequence[str]
    as_of: datetime | None
    known_at: datetime | None
    answered_by: str
    """``graph`` where a graph store answered, ``tables`` where the tables did, because there is no other or it is behind or down."""


def get_graph(
    *,
    principal: Principal,
    dataset_uuid: UUID,
    column: str = "",
    directions: Sequence[Direction] = tuple(Direction),
    depth: int = 3,
    limit: int = 200,
    moment: Moment | None = None,
    with_edges: bool = True,
    opened: Collection[UUID] = (),
) -> Graph:
    """
    Return what a dataset, or one of its columns, is made of and what is made of it, ``limit`` nodes in each direction at most.

    Without edges, links have no reasons. From ``opened`` datasets the graph goes one step on, whatever the depth.

    :raises NoSuchDataset: if there is none, or the principal may not know that there is.
    :raises Denied: for columns of a dataset that the principal may only discover.
    """
    stored = get_dataset(dataset_uuid=dataset_uuid, principal=principal)
    if column:
        require_details(stored, principal, "seeing its columns")
    start, when = Node(stored.uuid, column), moment or Moment()
    known = _Known(principal, gate.READ if column else gate.DISCOVER)
    for store in (graph_store(), tables()):
        try:
            name = "tables"
            if isinstance(store, RecordsEdges):
                name = "graph"
                if not (_is_level() and store.is_whole()):
                    continue
            walks = {
                direction: walk(
                    start,
                    direction,
                    neighbours=_neighbours(store, when),
                    known=known,
                    depth=depth,
                    cap=limit,
                    opened=opened,
                )
                for direction in directions
            }
            return _answer(start, walks, known, when, (name, store if with_edges else None))
        except GraphUnavailable:
            logger.warning("the graph store does not answer; the tables do")
    raise GraphUnavailable("no graph store answers")


MAX_PATH = 30
MAX_IMPACT = 5_000


def find_path(
    *, principal: Principal, first: UUID, last: UUID, moment: Moment | None = None
) -> tuple[tuple[Sequence[GraphNode], Sequence[GraphLink]] | None, bool]:
    """
    Return a shortest way on which data goes between two datasets, from upstream to downstream, and whether the search was cut.

    :raises NoSuchDataset: if one of them is not there, or the principal may not know that it is.
    """
    goal = get_dataset(dataset_uuid=last, principal=principal).uuid
    cut, when = False, moment or Moment()
    for direction in (Direction.DOWNSTREAM, Direction.UPSTREAM):
        graph = get_graph(
            principal=principal,
            dataset_uuid=first,
            directions=(direction,),
            depth=MAX_PATH,
            limit=MAX_IMPACT,
            moment=when,
            with_edges=False,
        )
        cut = cut or graph.truncated or bool(graph.frontier)
        found = _way(graph, str(goal))
        if found is not None:
            return (found[0], _with_edges(found[1], when)), cut
    return None, cut


def _with_edges(links: Sequence[GraphLink], moment: Moment) -> Sequence[GraphLink]:
    """Return links between datasets with their reasons, which were not read for all that was walked over."""
    pairs = [(Node(UUID(link.upstream)), Node(UUID(link.downstream))) for link in links]
    asked = [pair for pair, link in zip(pairs, links, strict=True) if not link.restricted]
    reasons = _reasons(tables(), asked, moment)
    return [replace(link, edges=reasons.get(pair, ())) for pair, link in zip(pairs, links, strict=True)]


def _way(graph: Graph, goal: str) -> tuple[Sequence[GraphNode], Sequence[GraphLink]] | None:
    """Return the way back from a node of a one-sided graph to its start, in the data's direction."""
    nodes = {node.id: node for node in graph.nodes}
    if goal not in nodes:
        return None
    nearer: dict[str, tuple[str, GraphLink]] = {}
    for link in graph.links:
        for far, near in ((link.upstream, link.downstream), (link.downstream, link.upstream)):
            if abs(nodes[near].distance) == abs(nodes[far].distance) - 1 and (
                far not in nearer or near < nearer[far][0]
            ):
                nearer[far] = (near, link)
    at, links = goal, []
    while at != graph.start:
        at, link = nearer[at]
        links.append(link)
    if nodes[goal].distance > 0:
        links.reverse()
    ids = [links[0].upstream, *(link.downstream for link in links)] if links else [goal]
    return [nodes[each] for each in ids], links


@dataclass(frozen=True, slots=True)
class Impact:
    """What lies downstream: how much at each distance, of which kinds and whose, and all of it, nearest first."""

    total: int
    by_distance: Sequence[int]
    by_kind: Sequence[tuple[str, int]]
    by_owner: Sequence[tuple[str, int]]
    truncated: bool
    nodes: Sequence[GraphNode]


def get_impact(*, principal: Principal, dataset_uuid: UUID, column: str = "", moment: Moment | None = None) -> Impact:
    """Return whatever a change of a dataset, or one of its columns, would reach. :raises NoSuchDataset, Denied: as get_graph."""
    graph = get_graph(
        principal=principal,
        dataset_uuid=dataset_uuid,
        column=column,
        directions=(Direction.DOWNSTREAM,),
        depth=MAX_DEPTH,
        limit=MAX_IMPACT,
        moment=moment,
        with_edges=False,
    )
    nodes = graph.nodes[1:]
    datasets = {node.dataset: node for node in nodes if str(node.dataset) != graph.start.partition("/")[0]}
    distances = Counter(node.distance for node in nodes)
    keys = list(datasets)
    owners: Counter[str] = Counter()
    for start in range(0, len(keys), 1_000):
        for found in summarized_by_uuid(principal=principal, uuids=keys[start : start + 1_000]).values():
            owners.update(found.summary.owners or ("nobody",))
    return Impact(
        total=len(nodes),
        by_distance=[distances[step] for step in range(1, max(distances, default=0) + 1)],
        by_kind=Counter(node.kind for node in datasets.values()).most_common(),
        by_owner=owners.most_common(100),
        truncated=graph.truncated or bool(graph.frontier),
        nodes=nodes,
    )


def _neighbours(store: GraphStore, moment: Moment) -> Callable[[Sequence[Node], Direction], Iterable[Pair]]:
    return lambda nodes, way: store.neighbours(nodes, way, moment)


def _is_level() -> bool:
    """Whether the graph store was told of all edges but those of a moment ago."""
    projection = find_projection(PROJECTION, now=clock.now())
    if projection is None or projection.is_rebuilt or projection.failing_since is not None:
        return False
    return projection.lag_seconds <= LAG_SECONDS


class _Known:
    """Which nodes a principal may know, asked for once each, with their names."""

    def __init__(self, principal: Principal, role: str) -> None:
        self._principal = principal
        self._role = role
        self.names: dict[UUID, DatasetName | None] = {}

    def __call__(self, nodes: Collection[Node]) -> Collection[Node]:
        """Return those of some nodes that may be known."""
        self.load({node.dataset for node in nodes})
        return [node for node in nodes if self.names[node.dataset] is not None]

    def load(self, uuids: Collection[UUID]) -> None:
        """Read the names of datasets that were not asked for yet."""
        unknown = [key for key in uuids if key not in self.names]
        found = names_by_uuid(principal=self._principal, uuids=unknown, role=self._role)
        self.names |= {key: found.get(key) for key in unknown}


def _id(node: Node) -> str:
    return f"{node.dataset}/{node.column}" if node.column else str(node.dataset)


def _answer(
    start: Node,
    walks: Mapping[Direction, Walk],
    known: _Known,
    moment: Moment,
    answering: tuple[str, GraphStore | None],
) -> Graph:
    answered_by, store = answering
    known.load([start.dataset])
    distances: dict[Node, int] = {start: 0}
    links: dict[Pair, Link] = {}
    for direction, found in walks.items():
        sign = -1 if direction is Direction.UPSTREAM else 1
        for node, distance in found.nodes:
            distances.setdefault(node, sign * distance)
        for link in found.links:
            links.setdefault((link.upstream, link.downstream), link)
    asked = [pair for pair, link in links.items() if not link.is_restricted]
    reasons = _reasons(store, asked, moment) if store is not None else {}
    return Graph(
        start=_id(start),
        nodes=[
            _node(node, distance, name)
            for node, distance in sorted(distances.items(), key=lambda item: (abs(item[1]), item[1], place(item[0])))
            if (name := known.names[node.dataset]) is not None
        ],
        links=[
            GraphLink(
                _id(link.upstream),
                _id(link.downstream),
                link.is_restricted,
                reasons.get(pair, ()),
            )
            for pair, link in sorted(links.items(), key=lambda item: (place(item[0][0]), place(item[0][1])))
        ],
        truncated=any(found.truncated for found in walks.values()),
        frontier=[_id(node) for found in walks.values() for node in found.frontier],
        as_of=moment.as_of,
        known_at=moment.known_at,
        answered_by=answered_by,
    )


def _reasons(store: GraphStore, pairs: Sequence[Pair], moment: Moment) -> Mapping[Pair, Sequence[GraphEdge]]:
    found: dict[Pair, list[Edge]] = {}
    for edge in store.edges(pairs, moment) if pairs else ():
        found.setdefault(edge.pair, []).append(edge)
    jobs = _jobs({edge.job for edges in found.values() for edge in edges})
    return {
        pair: [_edge(edge, jobs) for edge in sorted(edges, key=lambda edge: edge.order) if edge.job in jobs]
        for pair, edges in found.items()
    }


def _node(node: Node, distance: int, name: DatasetName) -> GraphNode:
    return GraphNode(
        id=_id(node),
        dataset=node.dataset,
        column=node.column,
        distance=distance,
        name=name.name,
        qualified_name=name.qualified_name,
        platform=name.platform,
        kind=name.kind,
        state=name.state,
    )


@dataclass(frozen=True, slots=True)
class _JobOfEdges:
    """What edges say of their job, and the runs that showed all its edges and are counted with it."""

    kind: str
    name: str
    steady_last_at: datetime | None
    steady_runs: int


def _jobs(uuids: Collection[UUID]) -> dict[UUID, _JobOfEdges]:
    found: dict[UUID, _JobOfEdges] = {}
    wanted = list(uuids)
    for start in range(0, len(wanted), 1_000):
        rows = Job.objects.filter(uuid__in=wanted[start : start + 1_000])
        for key, kind, name, last_at, runs in rows.values_list("uuid", "kind", "name", "steady_last_at", "steady_runs"):
            found[key] = _JobOfEdges(kind, "" if kind == "view" else name, last_at, runs)
    return found


def _edge(edge: Edge, jobs: Mapping[UUID, _JobOfEdges]) -> GraphEdge:
    job = jobs[edge.job]
    seen, runs_seen, runs_missed = edge.last_seen_at, edge.runs_seen, edge.runs_missed
    if edge.until is None and job.steady_runs and job.steady_last_at and edge.origin not in DECLARED_ORIGINS:
        seen, runs_seen, runs_missed = max(seen, job.steady_last_at), runs_seen + job.steady_runs, 0
    return GraphEdge(
        job=edge.job,
        job_name=job.name,
        job_kind=job.kind,
        origin=edge.origin,
        subtype=edge.subtype,
        masking=edge.masking,
        since=edge.since,
        until=edge.until,
        last_seen_at=seen,
        runs_seen=runs_seen,
        runs_missed=runs_missed,
    )
