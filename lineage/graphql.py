"""Lineage in GraphQL: graphs as nodes, edges and a frontier to go on from; paths; what a change would reach."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import graphene
from graphql import GraphQLError

from catalog.graphql import DatasetSummary, Summaries, bounded, id_in, principal_in
from lineage.domain.walks import MAX_DEPTH, Moment
from lineage.domain.walks import Direction as Way
from lineage.selectors import graphs

MAX_LIMIT = 2_000
DirectionEnum = graphene.Enum("Direction", [("UPSTREAM", "upstream"), ("DOWNSTREAM", "downstream"), ("BOTH", "both")])


class Job(graphene.ObjectType):
    """What moves data along an edge: a job as producers name it, or the definition of a view."""

    id = graphene.ID(required=True)
    name = graphene.String(required=True)
    kind = graphene.String(required=True)


class Evidence(graphene.ObjectType):
    """One reason for an edge."""

    job = graphene.Field(Job, required=True)
    origin = graphene.String(required=True, description="openlineage, sql, view or declared")
    subtype = graphene.String(required=True, description="of columns: IDENTITY, TRANSFORMATION, AGGREGATION…")
    masking = graphene.Boolean(required=True)
    since = graphene.DateTime(required=True)
    until = graphene.DateTime()
    last_seen_at = graphene.DateTime(required=True)
    runs_seen = graphene.Int(required=True)
    runs_missed = graphene.Int(required=True)


class GraphEdge(graphene.ObjectType):
    """That data goes from one node to another; a restricted one goes through what may not be known."""

    upstream = graphene.ID(required=True)
    downstream = graphene.ID(required=True)
    restricted = graphene.Boolean(required=True)
    evidence = graphene.List(graphene.NonNull(Evidence), required=True)


class GraphNode(graphene.ObjectType):
    """A dataset, or one of its columns."""

    id = graphene.ID(required=True)
    dataset_id = graphene.ID(required=True)
    column = graphene.String(required=True)
    distance = graphene.Int(required=True, description="steps from the start; negative upstream")
    name = graphene.String(required=True)
    qualified_name = graphene.String(required=True)
    platform = graphene.String(required=True)
    kind = graphene.String(required=True)
    state = graphene.String(required=True)
    dataset = graphene.Field(DatasetSummary, description="null for one that is not live")

    @staticmethod
    def resolve_dataset(root: Any, info: graphene.ResolveInfo) -> DatasetSummary | None:
        """Return the dataset; all of a graph are read at once."""
        found: DatasetSummary | None = root.summaries.get(root.dataset_id)
        return found


class Graph(graphene.ObjectType):
    """What lies around a node. ``truncated`` says that the limit cut it; go on from the ``frontier``."""

    start = graphene.ID(required=True)
    nodes = graphene.List(graphene.NonNull(GraphNode), required=True)
    edges = graphene.List(graphene.NonNull(GraphEdge), required=True)
    truncated = graphene.Boolean(required=True)
    frontier = graphene.List(graphene.NonNull(graphene.ID), required=True)
    as_of = graphene.DateTime()
    known_at = graphene.DateTime()
    answered_by = graphene.String(required=True)


class Path(graphene.ObjectType):
    """A shortest way on which data goes from one dataset to another."""

    nodes = graphene.List(graphene.NonNull(GraphNode), required=True)
    edges = graphene.List(graphene.NonNull(GraphEdge), required=True)


class Paths(graphene.ObjectType):
    """Ways between two datasets. None, and not ``truncated``, means that there is none that you may know."""

    paths = graphene.List(graphene.NonNull(Path), required=True)
    truncated = graphene.Boolean(required=True)


class Count(graphene.ObjectType):
    """How many there are of something."""

    value = graphene.String(required=True)
    count = graphene.Int(required=True)


class Impact(graphene.ObjectType):
    """What lies downstream, as far as it goes."""

    total = graphene.Int(required=True)
    by_distance = graphene.List(graphene.NonNull(graphene.Int), required=True, description="one step away, two, …")
    by_kind = graphene.List(graphene.NonNull(Count), required=True)
    by_owner = graphene.List(graphene.NonNull(Count), required=True)
    truncated = graphene.Boolean(required=True)
    nodes = graphene.List(graphene.NonNull(GraphNode), required=True, first=graphene.Int(default_value=50))

    @staticmethod
    def resolve_nodes(root: Any, info: graphene.ResolveInfo, first: int) -> Sequence[GraphNode]:
        """Return the nearest of them."""
        found: Sequence[GraphNode] = root.all_nodes[: bounded(first, MAX_LIMIT, "first")]
        return found


def _moment(as_of: datetime | None, known_at: datetime | None) -> Moment:
    return Moment(*(at if at is None or at.tzinfo else at.replace(tzinfo=UTC) for at in (as_of, known_at)))


def _nodes(info: graphene.ResolveInfo, found: Sequence[graphs.GraphNode]) -> list[GraphNode]:
    summaries = Summaries(principal_in(info), list(dict.fromkeys(node.dataset for node in found)))
    made = []
    for node in found:
        shown = GraphNode(
            id=node.id,
            dataset_id=node.dataset,
            column=node.column,
            distance=node.distance,
            name=node.name,
            qualified_name=node.qualified_name,
            platform=node.platform,
            kind=node.kind,
            state=node.state,
        )
        shown.summaries = summaries
        made.append(shown)
    return made


def _edges(found: Sequence[graphs.GraphLink]) -> list[GraphEdge]:
    return [
        GraphEdge(
            upstream=link.upstream,
            downstream=link.downstream,
            restricted=link.restricted,
            evidence=[
                Evidence(
                    job=Job(id=edge.job, name=edge.job_name, kind=edge.job_kind),
                    origin=edge.origin,
                    subtype=edge.subtype,
                    masking=edge.masking,
                    since=edge.since,
                    until=edge.until,
                    last_seen_at=edge.last_seen_at,
                    runs_seen=edge.runs_seen,
                    runs_missed=edge.runs_missed,
                )
                for edge in link.edges
            ],
        )
        for link in found
    ]


def _graph(info: graphene.ResolveInfo, found: graphs.Graph) -> Graph:
    return Graph(
        start=found.start,
        nodes=_nodes(info, found.nodes),
        edges=_edges(found.links),
        truncated=found.truncated,
        frontier=found.frontier,
        as_of=found.as_of,
        known_at=found.known_at,
        answered_by=found.answered_by,
    )


_AROUND = {
    "id": graphene.ID(required=True),
    "direction": DirectionEnum(default_value="both"),
    "depth": graphene.Int(default_value=3),
    "limit": graphene.Int(default_value=200, description="nodes in each direction at most"),
    "as_of": graphene.DateTime(description="the edges that held then; now without it"),
    "known_at": graphene.DateTime(description="as far as was known then"),
}


class LineageQuery(graphene.ObjectType):
    """What may be asked of lineage."""

    lineage = graphene.Field(Graph, required=True, description="What a dataset is made of, and what of it.", **_AROUND)
    column_lineage = graphene.Field(
        Graph,
        required=True,
        description="What a column is made of, and what of it.",
        column=graphene.String(required=True),
        **_AROUND,
    )
    path = graphene.Field(
        Paths,
        required=True,
        description="A shortest way on which data goes between two datasets, whichever is upstream.",
        from_id=graphene.ID(required=True),
        to_id=graphene.ID(required=True),
        as_of=graphene.DateTime(),
    )
    impact = graphene.Field(
        Impact,
        required=True,
        description="Whatever a change of a dataset, or of one of its columns, would reach.",
        id=graphene.ID(required=True),
        column=graphene.String(default_value=""),
        as_of=graphene.DateTime(),
    )

    @staticmethod
    def resolve_lineage(root: None, info: graphene.ResolveInfo, **given: Any) -> Graph:
        """Return what lies around a dataset."""
        return _graph(info, _around(info, "", **given))

    @staticmethod
    def resolve_column_lineage(root: None, info: graphene.ResolveInfo, column: str, **given: Any) -> Graph:
        """Return what lies around a column."""
        if not column:
            raise GraphQLError("'column' is empty; ask 'lineage' for the whole dataset")
        return _graph(info, _around(info, column, **given))

    @staticmethod
    def resolve_path(
        root: None, info: graphene.ResolveInfo, from_id: str, to_id: str, as_of: datetime | None = None
    ) -> Paths:
        """Return a shortest way between two datasets."""
        found, truncated = graphs.find_path(
            principal=principal_in(info), first=id_in(from_id), last=id_in(to_id), moment=_moment(as_of, None)
        )
        paths = [Path(nodes=_nodes(info, found[0]), edges=_edges(found[1]))] if found is not None else []
        return Paths(paths=paths, truncated=truncated)

    @staticmethod
    def resolve_impact(
        root: None,
        info: graphene.ResolveInfo,
        id: str,
        column: str,
        as_of: datetime | None = None,
    ) -> Impact:
        """Return what lies downstream."""
        found = graphs.get_impact(
            principal=principal_in(info), dataset_uuid=id_in(id), column=column, moment=_moment(as_of, None)
        )
        made = Impact(
            total=found.total,
            by_distance=found.by_distance,
            by_kind=[Count(value=value, count=count) for value, count in found.by_kind],
            by_owner=[Count(value=value, count=count) for value, count in found.by_owner],
            truncated=found.truncated,
        )
        made.all_nodes = _nodes(info, found.nodes)
        return made


def _around(
    info: graphene.ResolveInfo,
    column: str,
    *,
    id: str,
    direction: Any,
    depth: int,
    limit: int,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
) -> graphs.Graph:
    way = getattr(direction, "value", direction)
    return graphs.get_graph(
        principal=principal_in(info),
        dataset_uuid=id_in(id),
        column=column,
        directions=tuple(Way) if way == "both" else (Way(way),),
        depth=bounded(depth, MAX_DEPTH, "depth"),
        limit=bounded(limit, MAX_LIMIT, "limit"),
        moment=_moment(as_of, known_at),
    )
