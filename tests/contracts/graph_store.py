"""What every graph store promises: the edges that touch some nodes, at any moment, as a replay of all that was recorded says."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage.domain.walks import Direction, Edge, Moment, Node, walk
from lineage.graph.base import GraphStore, Recorded, holds

START = datetime(2026, 11, 1, tzinfo=UTC)
JOBS = [uuid.UUID(int=1_000 + number) for number in range(3)]
NODES = [uuid.UUID(int=1 + number) for number in range(6)]
Fill = Callable[[dict[uuid.UUID, Sequence[Recorded]]], None]


def at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


def edge(
    upstream: Node,
    downstream: Node,
    *,
    job: uuid.UUID = JOBS[0],
    since: float = 1,
    until: float | None = None,
    **more: Any,
) -> Edge:
    given = {"origin": "openlineage", "last_seen_at": at(since), "runs_seen": 1, "runs_missed": 0} | more
    return Edge(upstream, downstream, job, since=at(since), until=None if until is None else at(until), **given)


def of(number: int, column: str = "") -> Node:
    return Node(NODES[number], column)


def told(edges: Sequence[Edge]) -> list[tuple[Any, ...]]:
    return sorted(
        (e.upstream, e.downstream, e.job, e.origin, e.subtype, e.masking, e.since, e.until or at(10_000)) for e in edges
    )


@st.composite
def recordings(draw: st.DrawFn) -> dict[uuid.UUID, list[Recorded]]:
    made: dict[uuid.UUID, list[Recorded]] = {job: [] for job in JOBS}
    seen = set()
    for _ in range(draw(st.integers(0, 25))):
        job = draw(st.sampled_from(JOBS))
        column = draw(st.sampled_from(["", "", "a", "größe"]))
        upstream, downstream = (Node(draw(st.sampled_from(NODES)), column) for _ in range(2))
        since, length = draw(st.integers(0, 20)), draw(st.none() | st.integers(0, 10))
        recorded, later = draw(st.integers(0, 20)), draw(st.none() | st.integers(0, 10))
        made_edge = edge(upstream, downstream, job=job, since=since, until=None if length is None else since + length)
        key = (upstream, downstream, job, since, length, recorded)
        if key not in seen:
            seen.add(key)
            made[job].append(Recorded(made_edge, at(recorded), None if later is None else at(recorded + later)))
    return made


NOW = Moment()
moments = st.builds(Moment, st.none() | st.integers(0, 32).map(at), st.none() | st.integers(0, 32).map(at))


def met(store: GraphStore, nodes: Sequence[Node], direction: Direction, moment: Moment = NOW) -> list[Edge]:
    """Return the edges that touch nodes on one side: the pairs first, as a walk asks, then what links them."""
    pairs = list(store.neighbours(nodes, direction, moment))
    assert len(pairs) == len(set(pairs))
    return list(store.edges(pairs, moment))


class GraphStoreContract:
    """Subclasses give a store, and a way to fill it with the edges of jobs, which takes the place of what it held."""

    @pytest.fixture
    def store(self) -> GraphStore:
        raise NotImplementedError

    @pytest.fixture
    def fill(self, store: GraphStore) -> Fill:
        raise NotImplementedError

    def test_an_empty_store_has_no_neighbours(self, store, fill):
        fill({})
        assert met(store, [of(0)], Direction.UPSTREAM) == []
        assert met(store, [], Direction.UPSTREAM) == []

    def test_edges_are_found_from_both_ends_with_all_they_say(self, store, fill):
        whole = edge(of(0), of(1), since=2, last_seen_at=at(5), runs_seen=7, runs_missed=2)
        fill({JOBS[0]: [Recorded(whole, at(2))]})
        assert met(store, [of(1)], Direction.UPSTREAM) == [whole]
        assert met(store, [of(0)], Direction.DOWNSTREAM) == [whole]
        assert met(store, [of(0)], Direction.UPSTREAM) == []

    def test_datasets_and_columns_are_told_apart(self, store, fill):
        between = edge(of(0, "a"), of(1, "b"), subtype="AGGREGATION", masking=True)
        deciding = edge(of(0, "c"), of(1), subtype="FILTER")
        whole = edge(of(0), of(1))
        fill({JOBS[0]: [Recorded(one, at(2)) for one in (between, deciding, whole)]})
        assert met(store, [of(1, "b")], Direction.UPSTREAM) == [between]
        assert met(store, [of(0, "a")], Direction.DOWNSTREAM) == [between]
        assert met(store, [of(0, "c")], Direction.DOWNSTREAM) == []
        assert met(store, [of(1)], Direction.UPSTREAM) == [whole]

    def test_columns_of_very_long_names_are_told_apart(self, store, fill):
        names = ["ü" * 1_999 + end for end in "ab"]
        fill({JOBS[0]: [Recorded(edge(of(0, name), of(1, name)), at(1)) for name in names]})
        for name in names:
            (found,) = met(store, [of(1, name)], Direction.UPSTREAM)
            assert found.upstream == of(0, name)

    def test_both_ends_of_an_interval_belong_to_it(self, store, fill):
        fill({JOBS[0]: [Recorded(edge(of(0), of(1), since=2, until=4), at(9))]})

        def found(as_of: datetime | None) -> int:
            return len(met(store, [of(1)], Direction.UPSTREAM, Moment(as_of)))

        assert [found(at(hour)) for hour in (1.99, 2, 3, 4, 4.01)] == [0, 1, 1, 1, 0]
        assert found(None) == 0

    def test_what_was_superseded_is_known_as_of_before(self, store, fill):
        fill({JOBS[0]: [Recorded(edge(of(0), of(1)), at(3), at(6))]})

        def found(known_at: datetime | None) -> int:
            return len(met(store, [of(1)], Direction.UPSTREAM, Moment(None, known_at)))

        assert [found(at(hour)) for hour in (2, 3, 5, 6)] == [0, 1, 1, 0]
        assert found(None) == 0

    def test_many_nodes_are_asked_for_at_once(self, store, fill):
        many = [Node(uuid.UUID(int=50_000 + number)) for number in range(1_500)]
        fill({JOBS[0]: [Recorded(edge(of(0), node), at(1)) for node in many]})
        assert len(met(store, many, Direction.UPSTREAM)) == 1_500
        assert len(met(store, [of(0)], Direction.DOWNSTREAM)) == 1_500

    def test_an_edge_recorded_again_is_there_once(self, store, fill):
        for _ in range(2):
            fill({JOBS[0]: [Recorded(edge(of(0), of(1)), at(1))]})
        assert len(met(store, [of(1)], Direction.UPSTREAM)) == 1
        fill({JOBS[0]: []})
        assert met(store, [of(1)], Direction.UPSTREAM) == []

    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(recordings(), moments, st.sampled_from(Direction), st.sampled_from(["", "a"]))
    def test_at_every_moment_neighbours_and_walks_are_what_was_recorded(
        self, store, fill, made, moment, direction, column
    ):
        fill(made)

        def model(nodes: Sequence[Node], way: Direction) -> list[Edge]:
            return [
                one.edge
                for edges in made.values()
                for one in edges
                if (one.edge.downstream if way is Direction.UPSTREAM else one.edge.upstream) in nodes
                and holds(one, moment)
            ]

        nodes = [Node(key, column) for key in NODES]
        assert told(met(store, nodes, direction, moment)) == told(model(nodes, direction))
        assert set(store.neighbours(nodes, direction, moment)) == {edge.pair for edge in model(nodes, direction)}
        for cap in (3, 100):
            walks = [
                walk(nodes[0], direction, neighbours=find, known=list, depth=3, cap=cap)
                for find in (
                    lambda asked, way: store.neighbours(asked, way, moment),
                    lambda asked, way: {edge.pair for edge in model(asked, way)},
                )
            ]
            assert walks[0].nodes == walks[1].nodes
            assert walks[0].links == walks[1].links
            assert (walks[0].truncated, walks[0].frontier) == (walks[1].truncated, walks[1].frontier)
