"""The journal: entries commit with their change, positions never move, projections converge; runs lose nothing."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from catalog.journal import clock, projections, runs
from catalog.journal import selectors as journal
from catalog.journal.models import JournalEntry, JournalHead, PendingDataChange, ProjectionCursor, Run, RunKey
from catalog.journal.partitions import Kept
from catalog.journal.projections import Projection, advance, request_rebuild
from catalog.journal.services import (
    Entry,
    flush_data_changes,
    number_entries,
    publish,
    publish_data_changes,
    trim,
)
from deploy.flow import PROJECTIONS, PUBLISHES

pytestmark = pytest.mark.django_db


def add(*aspects):
    with transaction.atomic():
        publish([Entry(aspect, "changed", "dataset", uuid.uuid4()) for aspect in aspects])


def settle():
    while number_entries():
        pass


def test_positions_follow_the_order_of_ids_without_gaps():
    add(*["a"] * 7)
    add(*["b"] * 5)
    settle()
    assert list(JournalEntry.objects.order_by("pk").values_list("position", flat=True)) == list(range(1, 13))
    assert journal.head_position() == 12


def test_numbering_goes_on_where_it_stopped_in_batches():
    add(*["a"] * 1_200)
    assert [number_entries(), number_entries(), number_entries(), number_entries()] == [500, 500, 200, 0]
    add("b")
    settle()
    assert journal.list_changes(after=1_200, limit=10)[0].position == 1_201


def test_a_change_that_is_rolled_back_leaves_no_entry():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        publish([Entry("a", "changed", "dataset", uuid.uuid4())])
        raise ZeroDivisionError
    assert not JournalEntry.objects.exists()


def test_data_changes_of_one_dataset_become_one_entry_when_ten_seconds_have_passed():
    subject = uuid.uuid4()
    for _ in range(5):
        publish_data_changes([subject], {"run": "r"})
    assert flush_data_changes() == 0
    PendingDataChange.objects.update(due_at=clock.now())
    assert flush_data_changes() == 1
    entry = JournalEntry.objects.get()
    assert (entry.aspect, entry.subject_uuid, entry.payload) == ("data", subject, {"changes": 5})


class Recorder:
    """A projection that remembers what it saw."""

    def __init__(self, aspects=("a",), name="recorder"):
        self.seen: list[int] = []
        self.rebuilt = 0
        self.fails = False
        self.projection = Projection(name, frozenset(aspects), self.apply, self.rebuild)

    def apply(self, changes):
        if self.fails:
            raise RuntimeError("down")
        self.seen += [change.position for change in changes]

    def rebuild(self):
        self.rebuilt += 1
        self.seen = list(range(1, journal.head_position() + 1))


def test_a_new_projection_is_built_from_the_tables_and_then_follows():
    add("a", "a")
    settle()
    recorder = Recorder()
    advance([recorder.projection], holder="me")
    assert recorder.rebuilt == 1
    add("a", "b", "a")
    settle()
    advance([recorder.projection], holder="me")
    assert recorder.seen == [1, 2, 3, 5]


def test_a_projection_that_is_down_stays_where_it_was_and_says_since_when():
    recorder = Recorder()
    advance([recorder.projection], holder="me")
    recorder.fails = True
    add("a")
    settle()
    advance([recorder.projection], holder="me")
    (state,) = journal.list_projections(now=clock.now())
    assert (state.lag_entries, state.last_error) == (1, "RuntimeError: down")
    assert state.failing_since is not None
    recorder.fails = False
    advance([recorder.projection], holder="me")
    (state,) = journal.list_projections(now=clock.now())
    assert (state.lag_entries, state.failing_since, recorder.seen) == (0, None, [1])


def test_one_that_fails_for_long_is_tried_ever_more_rarely_and_said_once(caplog):
    recorder = Recorder()
    advance([recorder.projection], holder="me")
    recorder.fails = True
    add("a")
    settle()
    for seconds, waits in ((0, 0), (8, 4), (3_600, 10)):
        ProjectionCursor.objects.update(failing_since=clock.now() - timedelta(seconds=seconds), retry_at=None)
        advance([recorder.projection], holder="me")
        cursor = ProjectionCursor.objects.get(name="recorder")
        assert (cursor.retry_at - clock.now()).total_seconds() == pytest.approx(waits, abs=1)
    assert [record.message for record in caplog.records] == ["projection recorder failed; it is tried again"]
    recorder.fails = False
    advance([recorder.projection], holder="me")
    assert recorder.seen == []
    ProjectionCursor.objects.update(retry_at=clock.now())
    advance([recorder.projection], holder="me")
    assert recorder.seen == [1]
    assert ProjectionCursor.objects.get(name="recorder").retry_at is None


def test_one_that_is_down_delays_no_other():
    first, broken, last = (Recorder(name=name) for name in ("first", "broken", "last"))
    all_of_them = [each.projection for each in (first, broken, last)]
    advance(all_of_them, holder="me")
    broken.fails = True
    add("a", "a")
    settle()
    assert advance(all_of_them, holder="me") == 4
    assert (first.seen, broken.seen, last.seen) == ([1, 2], [], [1, 2])
    add("a")
    settle()
    broken.fails = False
    advance(all_of_them, holder="me")
    assert first.seen == broken.seen == last.seen == [1, 2, 3]


def reads_and_writes(asked):
    """Return the statements but those that ask PostgreSQL for the time."""
    return [each["sql"] for each in asked if "clock_timestamp" not in each["sql"]]


def test_a_tick_costs_about_as_much_for_many_projections_as_for_one():
    concerned = Recorder(name="concerned")
    others = [Recorder(aspects=("b",), name=f"other{number}") for number in range(20)]
    all_of_them = [each.projection for each in (concerned, *others)]
    advance(all_of_them, holder="me")
    with CaptureQueriesContext(connection) as idle:
        advance(all_of_them, holder="me")
    assert len(reads_and_writes(idle)) == 2
    add("a")
    settle()
    with CaptureQueriesContext(connection) as asked:
        advance(all_of_them, holder="me")
    assert len(reads_and_writes(asked)) <= 7
    assert concerned.seen == [1]
    assert set(ProjectionCursor.objects.values_list("position", flat=True)) == {1}
    with CaptureQueriesContext(connection) as idle:
        assert advance(all_of_them, holder="me") == 0
    assert len(reads_and_writes(idle)) == 2


def test_a_long_way_is_gone_in_batches_and_each_entry_is_seen_once(monkeypatch):
    monkeypatch.setattr(projections, "BATCH_ENTRIES", 3)
    one, other = Recorder(name="one"), Recorder(aspects=("b",), name="other")
    pair = [one.projection, other.projection]
    advance(pair, holder="me")
    add(*"aabbabaaab")
    settle()
    assert advance(pair, holder="me", batches=2) == 12
    assert (one.seen, other.seen) == ([1, 2, 5], [3, 4, 6])
    assert advance(pair, holder="me") == 8
    assert (one.seen, other.seen) == ([1, 2, 5, 7, 8, 9], [3, 4, 6, 10])


def test_a_lease_lost_while_a_batch_is_applied_ends_the_way(monkeypatch):
    monkeypatch.setattr(projections, "BATCH_ENTRIES", 1)
    applied = []

    def loses(changes):
        applied.append(changes)
        ProjectionCursor.objects.update(holder="them", lease_until=clock.now() + timedelta(seconds=60))

    other = Recorder(name="other")
    pair = [Projection("slow", frozenset("a"), loses, lambda: None), other.projection]
    advance(pair, holder="me")
    add("a", "a", "a")
    settle()
    assert advance(pair, holder="me") == 0
    assert set(ProjectionCursor.objects.values_list("position", "holder")) == {(0, "them")}
    assert (len(applied), other.seen) == (1, [1])


def test_only_the_holder_of_the_lease_moves_a_projection():
    recorder = Recorder()
    advance([recorder.projection], holder="me")
    add("a")
    settle()
    assert advance([recorder.projection], holder="other") == 0
    ProjectionCursor.objects.update(lease_until=clock.now() - timedelta(seconds=1))
    assert advance([recorder.projection], holder="other") == 1


def test_a_projection_can_be_made_anew():
    recorder = Recorder()
    advance([recorder.projection], holder="me")
    request_rebuild("recorder")
    advance([recorder.projection], holder="me")
    assert recorder.rebuilt == 2


def test_a_cursor_older_than_what_is_kept_is_told_where_to_start_afresh():
    add(*["a"] * 5)
    settle()
    JournalHead.objects.update(first_kept=4)
    with pytest.raises(journal.CursorExpired) as caught:
        journal.list_changes(after=1, limit=10)
    assert caught.value.first_kept == 3
    assert [change.position for change in journal.list_changes(after=3, limit=10)] == [4, 5]


def test_old_entries_go_and_the_first_kept_position_moves():
    add(*["a"] * 3)
    settle()
    JournalEntry.objects.filter(position__lte=2).update(recorded_at=clock.now() - timedelta(days=40))
    trim([Kept("journal_entry", "recorded_at", 30)])
    assert list(JournalEntry.objects.values_list("position", flat=True)) == [3]
    assert JournalHead.objects.get().first_kept == 3


def test_following_the_flow_never_leads_back():
    followers = {projection.name: projection.aspects for projection in PROJECTIONS}
    assert set(PUBLISHES) == set(followers)

    def reached(name, path):
        assert name not in path, f"projections react to one another in a circle: {[*path, name]}"
        for other, aspects in followers.items():
            if aspects & PUBLISHES[name]:
                reached(other, (*path, name))

    for name in followers:
        reached(name, ())


# Runs


def ask(**more):
    return runs.create_run(kind=more.pop("kind", "job"), requested_by="test", **more)


def test_a_run_is_done_once_and_keeps_its_result():
    run = ask()
    runs.execute(run, jobs={"job": lambda attempt: {"answer": 42}}, holder="a")
    view = journal.get_run(run)
    assert (view.state, view.result, view.attempt) == ("done", {"answer": 42}, 1)
    runs.execute(run, jobs={"job": lambda attempt: pytest.fail("done twice")}, holder="b")


def test_the_same_key_queues_nothing_twice():
    assert ask(idempotency_key="k") == ask(idempotency_key="k")
    assert Run.objects.count() == 1


def test_a_run_whose_worker_fell_silent_is_taken_again_and_the_old_one_is_fenced_off():
    run = ask()
    first = runs.claim(run, holder="a")
    assert runs.claim(run, holder="b") is None
    Run.objects.update(lease_until=clock.now() - timedelta(seconds=1))
    assert (run, "write") in runs.list_claimable(queues=runs.QUEUES, limit=10)
    second = runs.claim(run, holder="b")
    assert second.number == 2
    with pytest.raises(runs.LostLease), transaction.atomic():
        first.fence()
    with pytest.raises(runs.LostLease):
        first.renew()
    with transaction.atomic():
        second.fence()


def test_a_run_that_kills_every_worker_is_given_up():
    run = ask()
    for _ in range(runs.MAX_ATTEMPTS):
        assert runs.claim(run, holder="a")
        Run.objects.update(lease_until=clock.now() - timedelta(seconds=1))
    assert runs.claim(run, holder="a") is None
    view = journal.get_run(run)
    assert view.state == "failed"
    assert "given up after 5 attempts" in view.error


def test_a_run_that_its_worker_gives_back_waits_for_nobody_and_fences_the_worker_off():
    run = ask()
    first = runs.claim(run, holder="a")
    assert runs.release("a") == 1
    with pytest.raises(runs.LostLease), transaction.atomic():
        first.fence()
    assert runs.claim(run, holder="b").number == 2


def test_a_queued_run_is_cancelled_at_once_and_a_running_one_when_it_looks():
    queued = ask()
    assert runs.request_cancel(queued, by="me")
    assert journal.get_run(queued).state == "cancelled"

    def job(attempt):
        runs.request_cancel(attempt.run_uuid, by="me")
        attempt.check_cancelled()

    running = ask()
    runs.execute(running, jobs={"job": job}, holder="a")
    assert journal.get_run(running).state == "cancelled"
    assert runs.request_cancel(running, by="me") is False


def test_a_failure_tells_people_what_they_may_know():
    run = ask()

    def job(attempt):
        raise ValueError("password=hunter2")

    runs.execute(run, jobs={"job": job}, holder="a")
    view = journal.get_run(run)
    assert (view.state, "hunter2" in view.error) == ("failed", False)
    other = ask(kind="unheard of")
    runs.execute(other, jobs={}, holder="a")
    assert "knows no job of kind 'unheard of'" in journal.get_run(other).error


def test_keys_of_what_is_gone_go_too():
    now = clock.now()
    for key, days in (("old", 40), ("new", 1)):
        RunKey.objects.create(key=key, run_uuid=uuid.uuid4(), created_at=now - timedelta(days=days))
    assert trim([Kept("journal_run_key", "created_at", 30, key="key")]) == {"journal_run_key": 1}
    assert list(RunKey.objects.values_list("key", flat=True)) == ["new"]
