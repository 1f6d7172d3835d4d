"""OpenLineage events: what is read out of them, and how broken ones are refused."""

from __future__ import annotations

import copy
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.domain.events import DatasetName, InputField, InvalidEvent, RunState, parse_event

RUN = "0197f9d0-0000-7000-8000-000000000001"


def event(**more: Any) -> dict[str, Any]:
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-11-25T12:00:00.123456789+01:00",
        "producer": "https://example.com/etl",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": RUN, "facets": {"errorMessage": {"message": "no", "programmingLanguage": "PYTHON"}}},
        "job": {"namespace": "etl", "name": "daily", "facets": {"sql": {"query": "SELECT 1", "dialect": "postgres"}}},
        "inputs": [{"namespace": "postgres://db:5432", "name": "shop.public.orders"}],
        "outputs": [
            {
                "namespace": "s3://lake",
                "name": "marts/revenue",
                "facets": {
                    "symlinks": {
                        "identifiers": [{"namespace": "hive://h:9083", "name": "marts.revenue", "type": "TABLE"}]
                    },
                    "columnLineage": {
                        "fields": {
                            "total": {
                                "inputFields": [
                                    {
                                        "namespace": "postgres://db:5432",
                                        "name": "shop.public.orders",
                                        "field": "amount",
                                        "transformations": [
                                            {"type": "DIRECT", "subtype": "AGGREGATION", "masking": False},
                                            {"type": "INDIRECT", "subtype": "GROUP_BY"},
                                        ],
                                    }
                                ]
                            },
                            "old": {
                                "inputFields": [{"namespace": "n", "name": "t", "field": "f"}],
                                "transformationType": "IDENTITY",
                            },
                        },
                        "dataset": [
                            {
                                "namespace": "postgres://db:5432",
                                "name": "shop.public.orders",
                                "field": "status",
                                "transformations": [{"type": "INDIRECT", "subtype": "FILTER"}],
                            }
                        ],
                    },
                },
            }
        ],
    } | more


def test_a_run_event_is_read():
    found = parse_event(event())
    orders = DatasetName("postgres://db:5432", "shop.public.orders")
    assert found.at == datetime(2026, 11, 25, 11, 0, 0, 123456, UTC)
    assert found.run == uuid.UUID(RUN)
    assert found.state is RunState.COMPLETE
    assert found.job == DatasetName("etl", "daily")
    assert (found.sql, found.dialect, found.error) == ("SELECT 1", "postgres", "no")
    assert [one.name for one in found.inputs] == [orders]
    (output,) = found.outputs
    assert output.also_known_as == (DatasetName("hive://h:9083", "marts.revenue"),)
    assert output.columns["total"] == (
        InputField(orders, "amount", "AGGREGATION", masking=False),
        InputField(orders, "amount", "GROUP_BY", masking=False),
    )
    assert output.columns["old"] == (InputField(DatasetName("n", "t"), "f", "IDENTITY", masking=False),)
    assert output.deciding == (InputField(orders, "status", "FILTER", masking=False),)


def test_a_job_event_and_a_dataset_event_are_read():
    job = event()
    del job["run"], job["eventType"]
    assert parse_event(job).run is None
    assert parse_event(job).job == DatasetName("etl", "daily")
    dataset = {name: event()[name] for name in ("eventTime", "producer", "schemaURL")}
    found = parse_event(dataset | {"dataset": {"namespace": "n", "name": "d"}})
    assert found.job is None
    assert [one.name for one in found.outputs] == [DatasetName("n", "d")]


BROKEN = [
    ([], "/", "an event is an object, found a list"),
    ("x", "/", "found a text"),
    (event(eventTime=None), "/eventTime", "is missing"),
    (event(eventTime="yesterday"), "/eventTime", "is no time"),
    (event(eventTime="0001-01-01T00:00:00+14:00"), "/eventTime", "between 1970 and 2200"),
    (event(eventTime="9999-12-31T23:59:59Z"), "/eventTime", "between 1970 and 2200"),
    (event(eventTime=5), "/eventTime", "is a text, found a number"),
    (event(producer=""), "/producer", "is empty"),
    (event(eventType="DONE"), "/eventType", "is one of START"),
    (event(eventType=["START"]), "/eventType", "is one of START"),
    (event(run={"runId": "seven"}), "/run/runId", "is no UUID"),
    (event(run=[]), "/run", "is an object, found a list"),
    (event(job={"namespace": "x"}), "/job/name", "is missing"),
    (event(job=None), "/job", "a run belongs to a job"),
    (event(job={"namespace": "x", "name": "a\x00b"}), "/job/name", "cannot be kept"),
    (event(job={"namespace": "x", "name": "\ud800"}), "/job/name", "cannot be kept"),
    (event(job={"namespace": "x" * 501, "name": "a"}), "/job/namespace", "at most 500"),
    (event(inputs={}), "/inputs", "is a list, found an object"),
    (event(inputs=[{"namespace": "a"}]), "/inputs/0/name", "is missing"),
    (event(outputs=[None]), "/outputs/0", "found nothing"),
    (event(outputs=[{}] * 2_001), "/outputs", "at most 2,000"),
    (
        {name: event()[name] for name in ("eventTime", "producer", "schemaURL")},
        "/",
        "none of 'run', 'job' and 'dataset'",
    ),
]


@pytest.mark.parametrize(("body", "pointer", "message"), BROKEN, ids=[f"{p} {m[:20]}" for _, p, m in BROKEN])
def test_what_is_no_event_is_refused_with_the_place(body, pointer, message):
    with pytest.raises(InvalidEvent) as refused:
        parse_event(body)
    assert any(one.pointer == pointer and message in one.message for one in refused.value.problems)


def test_every_place_that_is_wrong_is_told_at_once():
    with pytest.raises(InvalidEvent) as refused:
        parse_event(event(eventTime="x", producer=None, run={"runId": "x"}))
    assert [one.pointer for one in refused.value.problems] == ["/eventTime", "/producer", "/run/runId"]


@pytest.mark.parametrize(
    "facets",
    [[], "x", {"columnLineage": 5}, {"columnLineage": {"fields": []}}, {"columnLineage": {"fields": {"a": 5}}},
     {"columnLineage": {"fields": {"a": {"inputFields": [5, None, {"field": "x"}, {"namespace": "n" * 501, "name": "x", "field": "y"}]}}}},
     {"symlinks": {"identifiers": 5}}, {"symlinks": {"identifiers": [None, {"namespace": ""}]}}, {"columnLineage": {"_deleted": True, "fields": {"a": 1}}}],
)  # fmt: skip
def test_broken_facets_cost_themselves_alone(facets):
    found = parse_event(event(outputs=[{"namespace": "n", "name": "d", "facets": facets}]))
    assert [one.name for one in found.outputs] == [DatasetName("n", "d")]
    assert not any(found.outputs[0].columns.values())


def test_a_flood_of_input_fields_is_refused():
    field = {"namespace": "n", "name": "t", "field": "f"}
    facets = {"columnLineage": {"fields": {f"c{number}": {"inputFields": [field] * 1_000} for number in range(60)}}}
    with pytest.raises(InvalidEvent, match="50,000 input fields"):
        parse_event(event(outputs=[{"namespace": "n", "name": "d", "facets": facets}]))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [place for key, inner in pairs for place in places(inner, (*at, key))]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(places(event())), json_values)
def test_an_event_with_anything_anywhere_is_read_or_refused(place, value):
    body = copy.deepcopy(event())
    inside = body
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    try:
        parse_event(body)
    except InvalidEvent as refused:
        assert refused.problems
