"""Lineage, from events as producers send them to edges: each event once, in whatever order, and nothing forgotten."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.domain.operations import CreateTable
from catalog.journal.models import JournalEntry
from catalog.models import Catalog, Dataset, DatasetState
from catalog.services import catalogs
from deploy.upkeep import do
from lineage.domain.timelines import Observation, observed
from lineage.domain.walks import Direction, Edge, Moment, Node
from lineage.graph.relational import RelationalGraph
from lineage.models import Edge as EdgeRow
from lineage.models import Job, JobRun, LineageEvent, WantedTable
from lineage.selectors.graphs import get_graph
from lineage.services import edges, views
from lineage.services.applying import apply_waiting
from lineage.services.receiving import receive_events
from lineage.services.views import tell_all_views
from tests.conftest import document, pump, sync

pytestmark = pytest.mark.django_db
NAMESPACE = "memory://shop"
START = datetime(2026, 11, 1, tzinfo=UTC)


def dataset(name: str, namespace: str = NAMESPACE, **facets: Any) -> dict[str, Any]:
    return {"namespace": namespace, "name": name, "facets": facets}


def run_event(
    number: int,
    inputs: Sequence[Any] = (),
    outputs: Sequence[Any] = (),
    *,
    state: str = "COMPLETE",
    hours: float | None = None,
    job: str = "daily",
    sql: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    def named(items: Sequence[Any]) -> list[Any]:
        return [dataset(item) if isinstance(item, str) else item for item in items]

    facets = {"sql": {"query": sql, "dialect": "postgres"}} if sql else {}
    return {
        "eventType": state,
        "eventTime": (START + timedelta(hours=number if hours is None else hours)).isoformat(),
        "producer": "https://example.com/etl",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": str(uuid.UUID(int=number + 1))},
        "job": {"namespace": "etl", "name": job, "facets": facets},
        "inputs": named(inputs),
        "outputs": named(outputs),
    } | more


def at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


@pytest.fixture
def shop(source):
    """A catalog that declares the namespace of the events."""
    Catalog.objects.filter(name=source.name).update(namespaces=[NAMESPACE])
    source.creates("orders", {"order_id": "long", "customer_id": "long", "amount": "double", "status": "string"})
    source.creates("customers", {"customer_id": "long", "email": "string"})
    source.creates("revenue", {"customer_id": "long", "total": "double"})
    source.sync()
    return source


def send(shop, *events: Any) -> None:
    assert all(one.is_taken for one in receive_events(caller=shop.caller, bodies=events))
    apply_waiting()


def upstream(shop, name: str, moment: Moment | None = None) -> list[str]:
    return sorted({name_of(edge.upstream) for edge in edges_to(shop, name, moment)})


def edges_to(shop, name: str, moment: Moment | None = None) -> Sequence[Edge]:
    key = Dataset.objects.get(qualified_name=f"{shop.name}/db/{name}", holds_name=True).uuid
    return met(Node(key), moment or Moment())


def met(node: Node, moment: Moment | None = None) -> Sequence[Edge]:
    """Return the edges into a node."""
    graph = RelationalGraph()
    return graph.edges(list(graph.neighbours([node], Direction.UPSTREAM, moment or Moment())), moment or Moment())


def name_of(node: Node) -> str:
    return Dataset.objects.get(uuid=node.dataset).name


def columns_to(shop, name: str, column: str) -> list[str]:
    key = Dataset.objects.get(qualified_name=f"{shop.name}/db/{name}", holds_name=True).uuid
    found = met(Node(key, column), Moment())
    return sorted(f"{name_of(edge.upstream)}.{edge.upstream.column} {edge.subtype} {edge.origin}" for edge in found)


def test_a_run_links_what_it_read_and_what_it_wrote(shop):
    send(shop, run_event(1, ["db.orders", "db.customers"], ["db.revenue"]))
    assert upstream(shop, "revenue") == ["customers", "orders"]
    run = JobRun.objects.get()
    assert (run.state, run.started_at, run.ended_at) == ("COMPLETE", at(1), at(1))
    assert Job.objects.get().last_run_uuid == run.uuid


def test_events_of_a_run_add_up_whatever_order_they_come_in(shop):
    end = run_event(1, [], ["db.revenue"], hours=3)
    begin = run_event(1, ["db.orders"], [], state="START", hours=1)
    between = run_event(1, ["db.customers"], [], state="RUNNING", hours=2)
    send(shop, end)
    assert upstream(shop, "revenue") == []
    send(shop, between)
    send(shop, begin)
    assert upstream(shop, "revenue") == ["customers", "orders"]
    run = JobRun.objects.get()
    assert (run.state, run.started_at, run.ended_at) == ("COMPLETE", at(1), at(3))
    assert [edge.since for edge in edges_to(shop, "revenue")] == [at(1)] * 2


def test_an_event_sent_again_is_taken_once(shop):
    event = run_event(1, ["db.orders"], ["db.revenue"])
    outcomes = receive_events(caller=shop.caller, bodies=[event, event])
    assert [(one.is_taken, one.is_new) for one in outcomes] == [(True, True), (True, False)]
    assert [one.is_new for one in receive_events(caller=shop.caller, bodies=[event])] == [False]
    assert LineageEvent.objects.count() == 1
    apply_waiting()
    assert edges_to(shop, "revenue")[0].runs_seen == 1


def test_the_journal_tells_each_change_of_a_job_with_its_version(shop):
    for number, source in enumerate(["db.orders", "db.customers", "db.customers"], start=1):
        send(shop, run_event(number, [source], ["db.revenue"]))
    job = Job.objects.get()
    told = JournalEntry.objects.filter(aspect="lineage", subject_uuid=job.uuid).order_by("pk")
    assert list(told.values_list("operation", "subject_version")) == [("changed", 1), ("changed", 2)]
    assert job.version == 2


def test_a_broken_event_costs_itself_alone(shop):
    outcomes = receive_events(caller=shop.caller, bodies=[{}, run_event(1, ["db.orders"], ["db.revenue"]), 5])
    assert [one.is_taken for one in outcomes] == [False, True, False]
    assert outcomes[0].problems[0].pointer == "/eventTime"
    apply_waiting()
    assert upstream(shop, "revenue") == ["orders"]


def test_an_edge_ends_after_five_runs_without_it_and_begins_anew(shop):
    send(shop, run_event(1, ["db.orders"], ["db.revenue"]))
    send(shop, *(run_event(number, ["db.customers"], ["db.revenue"]) for number in range(2, 6)))
    (orders,) = [edge for edge in edges_to(shop, "revenue") if name_of(edge.upstream) == "orders"]
    assert (orders.runs_seen, orders.runs_missed, orders.last_seen_at) == (1, 4, at(1))
    send(shop, run_event(6, ["db.customers"], ["db.revenue"]))
    assert upstream(shop, "revenue") == ["customers"]
    assert upstream(shop, "revenue", Moment(as_of=at(1))) == ["orders"]
    send(shop, run_event(7, ["db.orders"], ["db.revenue"]))
    assert upstream(shop, "revenue") == ["customers", "orders"]
    assert upstream(shop, "revenue", Moment(as_of=at(4))) == ["customers"]


def test_runs_that_show_the_same_write_no_edge(shop):
    send(shop, run_event(1, ["db.orders"], ["db.revenue"]))
    before = list(EdgeRow.objects.values_list("pk", "recorded_at"))
    version = Job.objects.get().version
    send(shop, *(run_event(number, ["db.orders"], ["db.revenue"]) for number in range(2, 40)))
    assert list(EdgeRow.objects.values_list("pk", "recorded_at")) == before
    assert Job.objects.get().version == version
    graph = get_graph(principal=shop.caller.principal, dataset_uuid=shop.id_of("revenue"))
    (edge,) = graph.links[0].edges
    assert (edge.runs_seen, edge.last_seen_at, edge.since) == (39, at(39), at(1))


def test_what_was_known_when_can_be_asked(shop):
    send(shop, run_event(5, ["db.orders"], ["db.revenue"]))
    known = datetime.now(UTC)
    send(shop, run_event(1, ["db.customers"], ["db.revenue"]))
    assert upstream(shop, "revenue", Moment(as_of=at(5))) == ["customers", "orders"]
    assert upstream(shop, "revenue", Moment(as_of=at(5), known_at=known)) == ["orders"]
    assert upstream(shop, "revenue", Moment(as_of=at(4))) == ["customers"]


def test_columns_are_told_by_the_producer(shop):
    facet = {
        "fields": {
            "TOTAL": {
                "inputFields": [
                    {
                        **dataset("db.orders"),
                        "field": "Amount",
                        "transformations": [{"type": "DIRECT", "subtype": "AGGREGATION"}],
                    }
                ]
            }
        },
        "dataset": [
            {**dataset("db.orders"), "field": "status", "transformations": [{"type": "INDIRECT", "subtype": "FILTER"}]}
        ],
    }
    send(shop, run_event(1, ["db.orders"], [dataset("db.revenue", columnLineage=facet)]))
    assert columns_to(shop, "revenue", "total") == ["orders.amount AGGREGATION openlineage"]
    assert EdgeRow.objects.filter(upstream_column="status", downstream_column="", subtype="FILTER").exists()


def test_columns_are_told_by_the_sql_where_the_producer_does_not(shop):
    sql = "INSERT INTO db.revenue SELECT o.customer_id, sum(o.amount) FROM db.orders o WHERE status = 'secret-4711' GROUP BY 1"
    send(shop, run_event(1, ["db.orders"], ["db.revenue"], sql=sql))
    assert columns_to(shop, "revenue", "total") == ["orders.amount AGGREGATION sql"]
    assert columns_to(shop, "revenue", "customer_id") == ["orders.customer_id IDENTITY sql"]
    job = Job.objects.get()
    assert "4711" not in job.sql
    assert "revenue" in job.sql
    assert job.problems == []


def test_sql_says_which_input_goes_where_if_it_accounts_for_all(shop):
    shop.creates("mails", {"email": "string"})
    shop.sync()
    sql = "INSERT INTO revenue SELECT customer_id, amount FROM orders; INSERT INTO mails SELECT email FROM customers"
    send(shop, run_event(1, ["db.orders", "db.customers"], ["db.revenue", "db.mails"], sql=sql))
    assert upstream(shop, "revenue") == ["orders"]
    assert upstream(shop, "mails") == ["customers"]


TWO_WAYS = "INSERT INTO revenue SELECT customer_id, amount FROM orders; INSERT INTO mails SELECT email FROM customers"


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::4])
@pytest.mark.parametrize("is_at_once", [True, False])
def test_sql_that_comes_with_one_event_counts_for_all_of_its_run_whatever_their_order(shop, order, is_at_once):
    shop.creates("mails", {"email": "string"})
    shop.sync()
    told = [
        run_event(1, [], [], state="START", hours=1, sql=TWO_WAYS),
        run_event(1, ["db.orders", "db.customers"], [], state="RUNNING", hours=2),
        run_event(1, [], ["db.revenue"], state="RUNNING", hours=3),
        run_event(1, [], ["db.mails"], hours=4),
    ]
    events = [told[at] for at in order]
    if is_at_once:
        send(shop, *events)
    else:
        for event in events:
            send(shop, event)
    assert upstream(shop, "revenue") == ["orders"]
    assert upstream(shop, "mails") == ["customers"]
    assert columns_to(shop, "revenue", "total") == ["orders.amount IDENTITY sql"]


def test_an_event_that_breaks_its_whole_page_is_found_and_set_aside(shop, monkeypatch):
    from lineage.services import applying

    def fails(events: Any, caller: Any) -> Any:
        if any(event.job and event.job.name == "broken" for event in events):
            raise ValueError("no")
        return resolved(events, caller)

    resolved = applying._resolve
    monkeypatch.setattr(applying, "_resolve", fails)
    send(
        shop,
        run_event(1, ["db.orders"], ["db.revenue"], job="broken"),
        run_event(2, ["db.customers"], ["db.revenue"]),
    )
    assert upstream(shop, "revenue") == ["customers"]
    assert LineageEvent.objects.get(job="etl broken").error == "ValueError: no"


def test_a_database_that_is_not_well_sets_no_event_aside(shop, monkeypatch):
    from lineage.services import applying

    def fails(*_: Any, **__: Any) -> None:
        raise OperationalError("database is locked")

    applied = applying._apply_to_jobs
    receive_events(caller=shop.caller, bodies=[run_event(1, ["db.orders"], ["db.revenue"])])
    monkeypatch.setattr(applying, "_apply_to_jobs", fails)
    with pytest.raises(OperationalError):
        apply_waiting()
    monkeypatch.setattr(applying, "_apply_to_jobs", applied)
    assert apply_waiting() == 1
    assert upstream(shop, "revenue") == ["orders"]


def test_sql_that_cannot_be_read_is_told_and_the_tables_stay(shop):
    send(shop, run_event(1, ["db.orders"], ["db.revenue"], sql="INSERT INTO revenue SELEC 'secret-4711"))
    assert upstream(shop, "revenue") == ["orders"]
    job = Job.objects.get()
    assert "4711" not in job.sql + str(job.problems)
    assert job.problems


def test_another_statement_ends_at_once_what_it_does_not_read(shop):
    one = "INSERT INTO revenue SELECT customer_id, 1 FROM orders JOIN customers USING (customer_id)"
    two = "INSERT INTO revenue SELECT customer_id, 1 FROM orders"
    send(shop, run_event(1, ["db.orders", "db.customers"], ["db.revenue"], sql=one))
    assert upstream(shop, "revenue") == ["customers", "orders"]
    send(shop, run_event(2, ["db.orders"], ["db.revenue"], sql=two))
    assert upstream(shop, "revenue") == ["orders"]


def test_what_no_catalog_has_becomes_an_observed_stub_out_of_the_catalogs(shop):
    send(shop, run_event(1, [dataset("topic.clicks", "kafka://broker:9092"), "db.landing"], ["db.revenue"]))
    assert upstream(shop, "revenue") == ["landing", "topic.clicks"]
    stub = Dataset.objects.get(name="topic.clicks")
    assert (stub.qualified_name, stub.state, stub.kind) == (
        "elsewhere/kafka:%2F%2Fbroker:9092/topic.clicks",
        DatasetState.OBSERVED,
        "topic",
    )
    landing = Dataset.objects.get(name="landing")
    assert landing.qualified_name == f"{shop.name}/db/landing"
    shop.creates("landing", {"a": "string"})
    shop.sync()
    landing.refresh_from_db()
    assert landing.state == DatasetState.LIVE


def test_files_are_the_table_that_lies_there_whatever_partition_is_written(shop):
    Dataset.objects.filter(name="orders").update(location_key="s3://lake/shop/orders")
    place = dataset("shop/orders/day=2026-11-01/hour=3", "s3://lake")
    send(shop, run_event(1, [place], ["db.revenue"]))
    assert upstream(shop, "revenue") == ["orders"]


def test_a_symlink_leads_to_the_table(shop):
    link = {"identifiers": [{"namespace": NAMESPACE, "name": "db.orders", "type": "TABLE"}]}
    send(shop, run_event(1, [dataset("warehouse/orders", "s3://elsewhere", symlinks=link)], ["db.revenue"]))
    assert upstream(shop, "revenue") == ["orders"]
    assert not Dataset.objects.filter(state=DatasetState.OBSERVED).exists()


def test_a_jobs_own_words_hold_until_it_says_otherwise(shop):
    def job_event(hour: float, *inputs: str) -> dict[str, Any]:
        event = run_event(0, inputs, ["db.revenue"], hours=hour)
        del event["run"], event["eventType"]
        return event

    send(shop, job_event(1, "db.orders", "db.customers"))
    send(shop, job_event(3, "db.orders"))
    assert upstream(shop, "revenue") == ["orders"]
    assert upstream(shop, "revenue", Moment(as_of=at(2))) == ["customers", "orders"]


def test_events_that_cannot_be_applied_are_set_aside_with_the_reason(shop, monkeypatch):
    from lineage.services import applying

    def fails(by_name: Any, page: Any) -> None:
        applied(by_name, page)
        if any(name.name == "broken" for name in by_name):
            raise RuntimeError("no")

    applied = applying._apply_to_jobs
    monkeypatch.setattr(applying, "_apply_to_jobs", fails)
    send(
        shop, run_event(1, ["db.orders"], ["db.revenue"], job="broken"), run_event(2, ["db.customers"], ["db.revenue"])
    )
    assert upstream(shop, "revenue") == ["customers"]
    assert LineageEvent.objects.get(job="etl broken").error == "RuntimeError: no"
    assert apply_waiting() == 0


def test_a_run_of_very_many_pairs_keeps_those_of_its_first_outputs_and_says_so(shop):
    send(shop, run_event(1, [f"db.in{n}" for n in range(300)], [f"db.out{n}" for n in range(100)]))
    assert EdgeRow.objects.count() == 300 * 66
    assert "20,000 pairs" in Job.objects.get().problems[0]


def test_a_run_of_too_many_edges_is_set_aside_and_holds_nothing_up(shop, monkeypatch):
    monkeypatch.setattr(edges, "MAX_EDGES", 3)
    send(
        shop,
        run_event(1, ["db.orders", "db.customers"], ["db.a", "db.b"]),
        run_event(2, ["db.orders"], ["db.revenue"], job="b"),
    )
    assert upstream(shop, "revenue") == ["orders"]
    assert "at most 3 are kept" in LineageEvent.objects.exclude(error="").get().error


def test_what_a_projection_has_no_time_for_is_taken_up_by_the_upkeep(shop):
    receive_events(caller=shop.caller, bodies=[run_event(1, ["db.orders"], ["db.revenue"])])
    assert apply_waiting(within_seconds=0) == 0
    assert upstream(shop, "revenue") == []
    do("lineage")
    assert upstream(shop, "revenue") == ["orders"]


def replay(events: Sequence[dict[str, Any]], as_of: datetime) -> set[str]:
    """Return what goes into revenue at a time, told from all events at once by the rules of the domain."""
    runs: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        runs.setdefault(event["run"]["runId"], []).append(event)
    seen = [
        Observation(
            min(datetime.fromisoformat(event["eventTime"]) for event in told),
            key,
            any(event["eventType"] == "COMPLETE" for event in told),
            None,
            frozenset(
                each["name"].split(".")[-1]
                for event in told
                for each in event["inputs"]
                if any(other["outputs"] for other in told)
            ),
        )
        for key, told in runs.items()
    ]
    return {
        edge
        for edge, intervals in observed(seen).items()
        for one in intervals
        if one.since <= as_of and (one.until is None or as_of <= one.until)
    }


def standing() -> set[tuple[Any, ...]]:
    """Return what is said of the edges that runs of the one job showed, with what is counted with the job."""
    job = Job.objects.get()
    found = set()
    for row in EdgeRow.objects.filter(superseded_at__isnull=True):
        counts = (row.last_seen_at, row.runs_seen, row.runs_missed)
        if row.until is None and job.steady_runs:
            counts = (max(row.last_seen_at, job.steady_last_at), row.runs_seen + job.steady_runs, 0)
        found.add((row.upstream, row.downstream, row.since, row.until, *counts))
    return found


def told_of_all_runs() -> set[tuple[Any, ...]]:
    """Return the same, told from all runs at once."""
    seen = edges._load_seen(Job.objects.get(), is_declared=False)
    return {
        (edge.upstream, edge.downstream, one.since, one.until, one.last_seen_at, one.runs_seen, one.runs_missed)
        for edge, intervals in observed(seen).items()
        for one in intervals
    }


def test_runs_that_begin_with_nothing_are_counted_when_they_show_something(shop):
    for number in range(1, 5):
        send(shop, run_event(number, state="START"))
        send(shop, run_event(number, ["db.orders"], ["db.revenue"], hours=number + 0.5))
    assert standing() == told_of_all_runs()
    graph = get_graph(
        principal=shop.caller.principal,
        dataset_uuid=shop.id_of("revenue"),
        directions=(Direction.UPSTREAM,),
        depth=1,
        limit=5,
        moment=Moment(),
    )
    (edge,) = graph.links[0].edges
    assert (edge.runs_seen, edge.last_seen_at) == (4, at(4))


def test_a_job_that_shows_ever_other_edges_is_told_without_a_look_at_its_past(shop, monkeypatch):
    send(shop, run_event(0, ["db.orders"], ["db.revenue"]))
    monkeypatch.setattr(edges, "_load_seen", lambda *_, **__: pytest.fail("all runs were read"))
    for number in range(1, 30):
        inputs = ["db.orders", *(["db.customers"] if number % 3 else []), *(["db.mails"] if number % 7 == 0 else [])]
        send(shop, run_event(number, inputs[:1], ["db.revenue"], state="START"))
        send(shop, run_event(number, inputs, ["db.revenue"], hours=number + 0.5))
    monkeypatch.undo()
    assert standing() == told_of_all_runs()
    assert {(until is None) for *_, until, _, _, _ in standing()} == {True, False}


@pytest.mark.parametrize("state", ["FAIL", "COMPLETE"])
def test_a_late_run_is_not_counted_as_if_it_came_after_one_that_showed_less(shop, state):
    send(shop, run_event(1, ["db.orders", "db.customers"], ["db.revenue"]))
    send(shop, run_event(5, ["db.orders"], ["db.revenue"], state=state))
    send(shop, run_event(3, ["db.orders", "db.customers"], ["db.revenue"]))
    assert standing() == told_of_all_runs()
    send(shop, run_event(6, ["db.orders", "db.customers"], ["db.revenue"]))
    send(shop, run_event(7, ["db.orders", "db.customers"], ["db.revenue"], hours=5.5))
    assert standing() == told_of_all_runs()


@st.composite
def nearly_in_order(draw: st.DrawFn) -> list[list[dict[str, Any]]]:
    """Runs of one job in the order of their times, but for a few; some begin with a part of what they show, or ran something else."""
    events = []
    for number in range(draw(st.integers(1, 16))):
        inputs = draw(st.lists(st.sampled_from(["db.orders", "db.customers", "db.mails"]), unique=True))
        begin = number if draw(st.integers(0, 5)) else draw(st.integers(0, number))
        if draw(st.booleans()):
            part = inputs[: draw(st.integers(0, len(inputs)))]
            events.append(run_event(number, part, ["db.revenue"] if part else [], state="START", hours=begin))
        end = draw(st.sampled_from(["COMPLETE", "COMPLETE", "COMPLETE", "FAIL"]))
        sql = draw(st.sampled_from([None, None, "SELECT 1", "SELECT 2"]))
        events.append(run_event(number, inputs, ["db.revenue"], state=end, hours=begin + 0.5, sql=sql))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(events) - 1))
        events.insert(draw(st.integers(0, len(events) - 1)), events.pop(place))
    batches = []
    while events:
        size = draw(st.integers(1, 3))
        batches.append(events[:size])
        events = events[size:]
    return batches


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nearly_in_order())
def test_going_on_and_telling_anew_come_to_the_same_with_all_counts(shop, batches):
    EdgeRow.objects.all().delete()
    Job.objects.all().delete()
    JobRun.objects.all().delete()
    for batch in batches:
        for event in batch:
            event["producer"] = f"https://example.com/{uuid.uuid4()}"  # not one that was taken before
        send(shop, *batch)
        assert standing() == told_of_all_runs()


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    events = []
    for number in range(draw(st.integers(1, 14))):
        inputs = draw(st.sets(st.sampled_from(["db.orders", "db.customers", "db.mails"])))
        begin = draw(st.integers(0, 30))
        if draw(st.booleans()):
            events.append(run_event(number, [], ["db.revenue"], state="START", hours=begin))
        end = draw(st.sampled_from(["COMPLETE", "COMPLETE", "COMPLETE", "FAIL", "RUNNING"]))
        events.append(
            run_event(
                number, sorted(inputs), ["db.revenue"], state=end, hours=begin + draw(st.sampled_from([0, 0.5, 2]))
            )
        )
    return draw(st.permutations(events))


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories())
def test_at_any_time_as_known_at_any_time_the_graph_is_what_a_replay_gives(shop, events):
    EdgeRow.objects.all().delete()
    Job.objects.all().delete()
    JobRun.objects.all().delete()
    known: list[datetime] = []
    for event in events:
        event["producer"] = f"https://example.com/{uuid.uuid4()}"  # not one that was taken before
        send(shop, event)
        known.append(datetime.now(UTC))
    for number, moment in enumerate(known):
        for hour in range(0, 34, 3):
            found = upstream(shop, "revenue", Moment(as_of=at(hour), known_at=moment))
            assert found == sorted(replay(events[: number + 1], at(hour))), (number, hour)
    for hour in range(0, 34, 3):
        assert upstream(shop, "revenue", Moment(as_of=at(hour))) == sorted(replay(events, at(hour)))


@pytest.fixture
def analytics(tmp_path, operator):
    """A SQLite catalog with a view over a view over a table."""
    import sqlite3

    path = tmp_path / "shop.sqlite3"
    with sqlite3.connect(path) as database:
        database.executescript(
            "CREATE TABLE orders (order_id INTEGER, amount REAL, status TEXT);"
            "CREATE VIEW paid AS SELECT order_id, amount * 2 AS doubled FROM orders WHERE status = 'paid';"
            "CREATE VIEW a_sum AS SELECT sum(doubled) AS total FROM paid;"
        )
    database.close()
    catalogs.register_catalog(caller=operator, name="shop", platform="sqlite", options={"path": str(path)})
    sync(operator, "shop")
    return path


def test_views_are_read_by_column_and_follow_their_definition(analytics, operator):
    import sqlite3

    tell_all_views()
    total = Dataset.objects.get(name="a_sum").uuid

    def above(node: Node) -> list[tuple[str, str]]:
        found = met(node)
        return sorted((name_of(edge.upstream), edge.upstream.column) for edge in found)

    assert above(Node(total, "total")) == [("paid", "doubled")]
    assert above(Node(total)) == [("paid", "")]
    paid = Dataset.objects.get(name="paid").uuid
    assert above(Node(paid, "doubled")) == [("orders", "amount")]
    with sqlite3.connect(analytics) as database:
        database.executescript("DROP VIEW paid; CREATE VIEW paid AS SELECT order_id, order_id AS doubled FROM orders;")
    database.close()
    sync(operator, "shop")
    tell_all_views()
    assert above(Node(paid, "doubled")) == [("orders", "order_id")]
    assert Job.objects.filter(kind="view", problems=[]).count() == 2


def test_a_view_that_came_before_its_table_is_read_anew_when_the_table_comes(source):
    view = replace(document({"x": "long"}), kind="view", view_text="SELECT x FROM later")
    source.does(CreateTable("db", "early", view))
    source.sync()
    pump()
    early = source.id_of("early")
    assert not met(Node(early), Moment())
    source.creates("later", {"x": "long"})
    source.sync()
    pump()
    (edge,) = met(Node(early, "x"), Moment())
    assert (name_of(edge.upstream), edge.subtype) == ("later", "IDENTITY")
    assert not WantedTable.objects.exists()


def test_a_view_that_is_dropped_has_no_edges_any_more_but_had(source):
    source.creates("orders", {"x": "long"})
    source.does(
        CreateTable("db", "seen", replace(document({"x": "long"}), kind="view", view_text="SELECT x FROM orders"))
    )
    source.sync()
    pump()
    seen = Node(source.id_of("seen"))
    assert met(seen, Moment())
    before = datetime.now(UTC)
    source.drops("seen")
    Catalog.objects.update(drop_limit_ratio=1)
    source.sync()
    source.sync()
    pump()
    assert not met(seen, Moment())
    assert met(seen, Moment(as_of=before))


def test_a_view_that_fails_holds_up_no_other(source, monkeypatch):
    monkeypatch.setattr(edges, "MAX_EDGES", 3)
    for name, text in (("wide", "SELECT a, b, c, d FROM wide_table"), ("narrow", "SELECT x FROM orders")):
        columns = {"a": "long", "b": "long", "c": "long", "d": "long"} if name == "wide" else {"x": "long"}
        source.creates("wide_table" if name == "wide" else "orders", columns)
        source.does(CreateTable("db", name, replace(document(columns), kind="view", view_text=text)))
    source.sync()
    pump()
    assert upstream(source, "narrow") == ["orders"]
    assert "at most 3 are kept" in Job.objects.get(name=str(source.id_of("wide"))).problems[0]
    monkeypatch.setattr(views, "_edges_of", lambda *_: 1 / 0)
    tell_all_views()
    assert {tuple(job.problems) for job in Job.objects.filter(kind="view")} == {
        ("its SQL could not be told (ZeroDivisionError)",)
    }


def test_a_view_whose_text_cannot_be_read_says_so(source):
    source.does(
        CreateTable("db", "odd", replace(document({"x": "long"}), kind="view", view_text="SELEC 'secret-4711' FRM"))
    )
    source.sync()
    pump()
    job = Job.objects.get(kind="view")
    assert job.problems
    assert "4711" not in job.sql + str(job.problems)
