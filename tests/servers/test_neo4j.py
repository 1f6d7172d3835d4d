"""The graph in a real Neo4j: the contract, the projection that fills it, who answers while it is down, and its rebuild."""

from __future__ import annotations

import uuid

import pytest

from catalog.journal.projections import request_rebuild
from lineage import backends
from lineage.domain.walks import Direction, Moment, Node
from lineage.graph.base import GraphUnavailable
from lineage.graph.neo4j import Neo4jGraph
from lineage.graph.relational import RelationalGraph
from lineage.selectors.graphs import get_graph
from tests.conftest import NEO4J_URL, pump
from tests.contracts.graph_store import JOBS, GraphStoreContract
from tests.integration.test_lineage import run_event, send, shop  # noqa: F401  a fixture

PREFIX = "Test"
pytestmark = [pytest.mark.server("neo4j"), pytest.mark.slow]


@pytest.fixture(scope="module")
def neo4j():
    graph = Neo4jGraph(url=NEO4J_URL, prefix=PREFIX)
    graph.clear()
    yield graph
    graph.clear()
    graph.close()


class TestNeo4j(GraphStoreContract):
    @pytest.fixture
    def store(self, neo4j):
        return neo4j

    @pytest.fixture
    def fill(self, neo4j):
        def fill(made):
            for job in JOBS:
                neo4j.record(job, made.get(job, []))

        return fill


def test_a_server_that_does_not_answer_is_named_without_its_password():
    graph = Neo4jGraph(url="bolt://neo4j:secret-4711@127.0.0.1:9")
    with pytest.raises(GraphUnavailable) as refused:
        graph.neighbours([Node(uuid.uuid4())], Direction.UPSTREAM, Moment())
    assert "4711" not in str(refused.value)
    graph.close()


@pytest.fixture
def chosen(settings, neo4j):
    """Have lineage's edges recorded in Neo4j."""
    neo4j.clear()
    settings.LINEAGE_GRAPH = {
        "BACKEND": "lineage.graph.neo4j.Neo4jGraph",
        "OPTIONS": {"url": NEO4J_URL, "prefix": PREFIX},
    }
    backends._graph.cache_clear()
    yield
    backends.graph_store().close()
    backends._graph.cache_clear()


def answers(shop, name="revenue"):  # noqa: F811
    return get_graph(principal=shop.caller.principal, dataset_uuid=shop.id_of(name))


@pytest.mark.django_db
def test_edges_are_recorded_and_walks_answered_by_it(shop, chosen):  # noqa: F811
    pump()
    send(shop, run_event(1, ["db.orders"], ["db.revenue"]))
    pump()
    graph = answers(shop)
    assert graph.answered_by == "graph"
    assert [node.name for node in graph.nodes] == ["revenue", "orders"]
    send(shop, *(run_event(number, ["db.customers"], ["db.revenue"]) for number in range(2, 8)))
    pump()
    graph = answers(shop)
    assert (graph.answered_by, [node.name for node in graph.nodes]) == ("graph", ["revenue", "customers"])
    assert graph.links[0].edges[0].runs_seen == 6
    key = Node(shop.id_of("revenue"))
    for moment in (Moment(), Moment(as_of=graph.links[0].edges[0].since)):
        found = [
            store.neighbours([key], Direction.UPSTREAM, moment) for store in (backends.graph_store(), RelationalGraph())
        ]
        assert set(found[0]) == set(found[1])


def points_to(settings, url):
    """Have the process use a server at another address."""
    backends.graph_store().close()
    backends._graph.cache_clear()
    settings.LINEAGE_GRAPH["OPTIONS"]["url"] = url


@pytest.mark.django_db
def test_the_tables_answer_while_it_is_down_and_it_catches_up(shop, chosen, settings):  # noqa: F811
    pump()
    url = settings.LINEAGE_GRAPH["OPTIONS"]["url"]
    points_to(settings, "bolt://neo4j:x@127.0.0.1:9")
    send(shop, run_event(1, ["db.orders"], ["db.revenue"]))
    pump()
    graph = answers(shop)
    assert (graph.answered_by, [node.name for node in graph.nodes]) == ("tables", ["revenue", "orders"])
    points_to(settings, url)
    pump()
    graph = answers(shop)
    assert (graph.answered_by, [node.name for node in graph.nodes]) == ("graph", ["revenue", "orders"])


@pytest.mark.django_db
def test_it_is_made_anew_from_the_tables(shop, chosen):  # noqa: F811
    pump()
    send(shop, run_event(1, ["db.orders"], ["db.revenue"]))
    pump()
    request_rebuild("graph")
    assert answers(shop).answered_by == "tables"
    pump()
    graph = answers(shop)
    assert (graph.answered_by, len(graph.nodes)) == ("graph", 2)


@pytest.mark.django_db
def test_one_that_lost_everything_is_found_out_and_made_anew(shop, chosen, neo4j, monkeypatch):  # noqa: F811
    pump()
    send(shop, run_event(1, ["db.orders"], ["db.revenue"]))
    pump()
    assert answers(shop).answered_by == "graph"
    neo4j.clear()  # as somebody else would
    monkeypatch.setattr("lineage.graph.neo4j.LOOK_SECONDS", 0)
    graph = answers(shop)
    assert (graph.answered_by, len(graph.nodes)) == ("tables", 2)
    send(shop, run_event(2, ["db.customers"], ["db.report"], job="another"))
    pump()
    graph = answers(shop)
    assert (graph.answered_by, len(graph.nodes)) == ("graph", 2)


def test_a_prefix_that_is_no_label_is_refused():
    with pytest.raises(ValueError, match="letters, digits"):
        Neo4jGraph(url=NEO4J_URL, prefix="x) DETACH DELETE n //")
