"""From when to when an edge held: compared with a model that looks at each pair of sightings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.domain.timelines import INSTANT, Frontier, Interval, Observation, declared, observed

START = datetime(2026, 11, 1, tzinfo=UTC)


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def run(
    hour: int, edges: str, *, completed: bool = True, statement: bytes | None = None, key: str = ""
) -> Observation[str]:
    return Observation(at(hour), key or f"{hour:04}", completed, statement, frozenset(edges))


def spans(found: tuple[Interval, ...]) -> list[tuple[datetime, datetime | None]]:
    return [(one.since, one.until) for one in found]


def test_an_edge_holds_from_the_first_run_that_shows_it():
    found = observed([run(1, "a"), run(2, "ab"), run(3, "ab")])
    assert spans(found["a"]) == [(at(1), None)]
    assert found["b"] == (Interval(at(2), None, at(3), 2, 0),)


def test_it_ends_with_the_last_run_that_showed_it_once_five_completed_ones_did_not():
    runs = [run(1, "ab"), *(run(hour, "b") for hour in range(2, 6))]
    assert observed(runs)["a"] == (Interval(at(1), None, at(1), 1, 4),)
    assert spans(observed([*runs, run(6, "b")])["a"]) == [(at(1), at(1))]


def test_runs_that_failed_or_go_on_show_edges_and_no_absence():
    runs = [run(1, "a"), *(run(hour, "b", completed=False) for hour in range(2, 20))]
    assert spans(observed(runs)["a"]) == [(at(1), None)]
    assert spans(observed(runs)["b"]) == [(at(2), None)]


def test_another_statement_ends_at_once_what_it_does_not_show():
    runs = [run(1, "ab", statement=b"1"), run(2, "ab", statement=b"1"), run(3, "b", statement=b"2")]
    assert spans(observed(runs)["a"]) == [(at(1), at(2))]
    assert spans(observed(runs)["b"]) == [(at(1), None)]


def test_shown_again_it_begins_anew_and_a_late_run_mends_the_gap():
    runs = [run(1, "a"), *(run(hour, "") for hour in range(2, 10)), run(10, "a")]
    assert spans(observed(runs)["a"]) == [(at(1), at(1)), (at(10), None)]
    late = run(5, "a", key="late")
    assert spans(observed([*runs, late])["a"]) == [(at(1), None)]


def test_a_declaration_holds_until_the_next():
    found = declared([run(1, "ab"), run(5, "b"), run(9, "ab")])
    assert spans(found["a"]) == [(at(1), at(5) - INSTANT), (at(9), None)]
    assert spans(found["b"]) == [(at(1), None)]
    (kept,) = found["b"]
    assert (kept.last_seen_at, kept.runs_seen) == (at(9), 3)


observations = st.lists(
    st.builds(
        Observation,
        st.integers(0, 12).map(at),
        st.uuids().map(str),
        st.booleans(),
        st.sampled_from([None, b"1", b"2"]),
        st.frozensets(st.sampled_from("abc")),
    ),
    max_size=25,
)


def model(runs: list[Observation[str]], edge: str, close_after: int) -> list[tuple[datetime, datetime | None]]:
    """Look at each pair of sightings, and at what completed between them."""
    runs = sorted(runs, key=lambda one: (one.at, one.key))
    changed = []
    statement = None
    for one in runs:
        tells = one.completed and one.statement is not None
        changed.append(tells and statement is not None and one.statement != statement)
        statement = one.statement if tells else statement
    places = [place for place, one in enumerate(runs) if edge in one.edges]
    made: list[tuple[datetime, datetime | None]] = []
    for number, place in enumerate(places):
        following = places[number + 1] if number + 1 < len(places) else len(runs)
        between = range(place + 1, following)
        ended = sum(runs[k].completed for k in between) >= close_after or any(changed[k] for k in between)
        if not made or made[-1][1] is not None:
            made.append((runs[place].at, None))
        if ended:
            made[-1] = (made[-1][0], runs[place].at)
    return made


@settings(max_examples=400, deadline=None)
@given(observations, st.integers(1, 4), st.randoms())
def test_any_runs_in_any_order_give_what_the_model_gives(runs, close_after, random):
    shuffled = list(runs)
    random.shuffle(shuffled)
    found = observed(shuffled, close_after=close_after)
    for edge in "abc":
        assert spans(found.get(edge, ())) == model(runs, edge, close_after)
        for one in found.get(edge, ()):
            assert one.since <= one.last_seen_at
            assert one.until is None or one.until == one.last_seen_at


@settings(max_examples=400, deadline=None)
@given(observations, st.integers(1, 4), st.randoms())
def test_going_on_from_the_last_run_gives_what_all_runs_give(runs, close_after, random):
    """Runs come in order, some first with a part of what they show; now and then what holds is put down and read again."""
    frontier: Frontier[str] = Frontier({}, (at(-1), ""), None)
    ended: dict[str, list[Interval]] = {}
    for whole in sorted(runs, key=lambda one: (one.at, one.key)):
        part = replace(whole, completed=False, edges=frozenset(e for e in sorted(whole.edges) if random.random() < 0.5))
        steps = [(None, part), (part, whole)] if random.random() < 0.5 else [(None, whole)]
        for before, seen in steps:
            assert frontier.go_on(before, seen, close_after=close_after)
        if random.random() < 0.3:
            for edge, intervals in frontier.ended.items():
                ended.setdefault(edge, []).extend(intervals)
            frontier = Frontier(dict(frontier.holding), frontier.last, frontier.statement)
    for edge, intervals in frontier.ended.items():
        ended.setdefault(edge, []).extend(intervals)
    found = {edge: tuple(ended.get(edge, [])) for edge in "abc"}
    for edge, one in frontier.holding.items():
        found[edge] += (one,)
    assert {edge: intervals for edge, intervals in found.items() if intervals} == observed(
        runs, close_after=close_after
    )


def test_a_run_that_comes_late_or_takes_back_what_it_showed_is_not_gone_on_with():
    frontier: Frontier[str] = Frontier({}, (at(-1), ""), None)
    assert frontier.go_on(None, run(5, "a"))
    assert not frontier.go_on(None, run(4, "a"))
    assert not frontier.go_on(run(5, "a"), run(5, "ab"))
    assert frontier.go_on(None, run(6, "ab", completed=False))
    assert not frontier.go_on(run(6, "ab", completed=False), run(6, "a"))
    assert not frontier.go_on(run(6, "ab", completed=False), run(5, "ab", key="0006"))
    assert not frontier.go_on(None, run(3, "", completed=False))


@settings(max_examples=200, deadline=None)
@given(observations)
def test_what_is_declared_holds_at_a_time_as_the_last_declaration_before_it_says(told):
    found = declared(told)
    ordered = sorted(told, key=lambda one: (one.at, one.key))
    for hour in range(13):
        moment = at(hour) + timedelta(minutes=30)
        before = [one for one in ordered if one.at <= moment]
        holding = {
            e
            for e, all_ in found.items()
            for one in all_
            if one.since <= moment and (one.until is None or moment <= one.until)
        }
        assert holding == (set(before[-1].edges) if before else set())
