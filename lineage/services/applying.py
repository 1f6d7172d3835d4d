"""Applying events: jobs, runs and edges told from the events that wait, each event once, in the order they came."""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import orjson
from django.db import OperationalError, transaction

from catalog import bulk
from catalog.access.principals import Caller, system_principal
from catalog.domain.openlineage import SourceName
from catalog.journal import clock, failpoints
from catalog.journal.selectors import Change
from catalog.services.observing import observe_datasets
from lineage.domain.events import DatasetName, Event, EventDataset, RunState, parse_event
from lineage.domain.sql import (
    masked_sql,
)
from lineage.models import Job, JobRun, LineageEvent
from lineage.services.edges import Shown, Told, record_shown
from lineage.services.jobs import JobName, job_digest, locked_jobs, save_jobs
from lineage.services.run_edges import Named, Resolved, RunEdges, dialect_used

logger = logging.getLogger(__name__)

PAGE = 200
TOGETHER = 20
"""Events of one transaction, unless one job has more: SQLite lets nobody else write meanwhile."""
WITHIN_SECONDS = 20.0
MAX_NAMES = 20
"""Names of one dataset that a run is remembered with."""
FOLLOWED = frozenset({"event"})
ENDED = (RunState.COMPLETE, RunState.FAIL, RunState.ABORT)
APPLIED = failpoints.declare("lineage.applied", "events of one job applied, not committed")


def apply_changes(changes: Sequence[Change]) -> None:
    """Apply the events that wait; the entries only say that there are some."""
    apply_waiting()


def apply_all() -> None:
    """Apply what waits: edges are told from what is kept of each run, so there is nothing else to make anew."""
    apply_waiting()


def apply_waiting(*, within_seconds: float = WITHIN_SECONDS) -> int:
    """
    Apply events that wait, in pages, until one is not full or the time is over; return how many.

    One that cannot be applied is set aside with the reason. What is left when the time is over is taken up by the upkeep: a
    projection must come back before its lease ends.
    """
    caller = Caller(system_principal("lineage"), "lineage")
    applied, until = 0, time.monotonic() + within_seconds
    while time.monotonic() < until:
        rows = list(LineageEvent.objects.filter(applied_at__isnull=True).order_by("pk")[:PAGE])
        if not rows:
            break
        _apply_or_set_aside(rows, caller)
        applied += len(rows)
        if len(rows) < PAGE:
            break  # what came meanwhile has entries of its own: at the next tick it is taken together, and not one by one
    return applied


def _apply_or_set_aside(rows: Sequence[LineageEvent], caller: Caller) -> None:
    """Apply a page of events; where that fails as a whole, one by one, so that the one it fails at is found."""
    try:
        _apply(rows, caller)
    except OperationalError:
        raise  # the database is not well, which is no fault of the events
    except Exception as error:
        if len(rows) > 1:
            for row in rows:
                _apply_or_set_aside([row], caller)
            return
        logger.exception("an event could not be applied")
        _set_aside([(row.received_at, row.pk) for row in rows], _told(error))


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:2_000]


_OfJob = tuple[DatasetName | None, list[tuple[LineageEvent, Event]]]


def _apply(rows: Sequence[LineageEvent], caller: Caller) -> None:
    events = [(row, parse_event(orjson.loads(zlib.decompress(row.body)))) for row in rows]
    resolved = Resolved(_resolve([event for _, event in events], caller))
    if any(event.sql or any(output.columns for output in event.outputs) for _, event in events):
        resolved.know_columns(list(resolved.ids.values()))
    by_job: dict[DatasetName | None, list[tuple[LineageEvent, Event]]] = {}
    for row, event in events:
        by_job.setdefault(event.job, []).append((row, event))
    group: list[_OfJob] = []
    for at, each in enumerate(by_job.items(), 1):
        group.append(each)
        if at == len(by_job) or sum(len(mine) for _, mine in group) >= TOGETHER:
            _apply_together(group, resolved)
            group = []


def _apply_together(group: Sequence[_OfJob], resolved: Resolved) -> None:
    """Apply the events of some jobs in one transaction; where that fails, each job's in one of its own."""
    keys = [(row.received_at, row.pk) for _, mine in group for row, _ in mine]
    try:
        with transaction.atomic():
            _apply_to_jobs({name: mine for name, mine in group if name is not None}, resolved)
            _set_aside(keys, "")
            failpoints.reach(APPLIED)
    except OperationalError:
        raise
    except Exception as error:
        # One job's events must not hold up all others'; what went wrong stays with them.
        if len(group) > 1:
            for each in group:
                _apply_together([each], resolved)
            return
        logger.exception("events of a job could not be applied")
        _set_aside(keys, _told(error))


def _set_aside(keys: Sequence[tuple[datetime, int]], error: str) -> None:
    first, last = min(at for at, _ in keys), max(at for at, _ in keys)
    # The time lets PostgreSQL look into the days that hold them alone.
    rows = LineageEvent.objects.filter(received_at__range=(first, last), pk__in=[pk for _, pk in keys])
    rows.update(applied_at=clock.now(), error=error)


def _resolve(events: Sequence[Event], caller: Caller) -> dict[DatasetName, uuid.UUID]:
    """Return the ids of all datasets that events name, by the names they are told by."""
    links: dict[DatasetName, tuple[DatasetName, ...]] = {}
    for event in events:
        for dataset in event.datasets:
            links[dataset.name] = tuple(dict.fromkeys((*links.get(dataset.name, ()), *dataset.also_known_as)))
            for part in dataset.sources:
                links.setdefault(part.dataset, ())
    named = [[SourceName(each.namespace, each.name) for each in (name, *also)] for name, also in links.items()]
    return dict(zip(links, observe_datasets(caller=caller, names=named), strict=True))


def _apply_to_jobs(by_name: Mapping[DatasetName, Sequence[tuple[LineageEvent, Event]]], resolved: Resolved) -> None:
    jobs = locked_jobs([_job_name(name) for name in by_name])
    events = [event for mine in by_name.values() for _, event in mine]
    known = {
        (row.job_id, row.uuid): row
        for row in JobRun.objects.filter(job__in=jobs.values(), uuid__in={event.run for event in events if event.run})
    }
    parents = _parents(events)
    runs: list[JobRun] = []
    told: list[Told] = []
    for name, mine in by_name.items():
        job = jobs[_job_name(name)]
        shown, changed, problems = _shown(job, mine, known, resolved)
        runs += changed
        told.append(Told(job, shown, {"principal": mine[-1][0].principal, "door": "openlineage"}))
        _describe(job, [event for _, event in mine], problems, parents)
    _save_runs(runs)
    record_shown(told, now=clock.now())
    save_jobs([one.job for one in told])


def _job_name(name: DatasetName) -> JobName:
    return "job", name.namespace, name.name


def _parents(events: Sequence[Event]) -> dict[DatasetName, uuid.UUID]:
    """Return the ids of the jobs that are parents, of those that are known."""
    named = {job_digest(*_job_name(event.parent_job)): event.parent_job for event in events if event.parent_job}
    rows = Job.objects.filter(digest__in=list(named)).values_list("digest", "uuid") if named else ()
    return {named[bytes(digest)]: key for digest, key in rows}


def _shown(
    job: Job,
    mine: Sequence[tuple[LineageEvent, Event]],
    known: Mapping[tuple[int, uuid.UUID], JobRun],
    resolved: Resolved,
) -> tuple[list[Shown], list[JobRun], list[str]]:
    """Return what runs and declarations of a job show, the runs as they are to be written, and what could not be told."""
    shown: list[Shown] = []
    changed: list[JobRun] = []
    problems: list[str] = []
    runs: dict[uuid.UUID, list[tuple[LineageEvent, Event]]] = {}
    for row, event in mine:
        if event.run is not None:
            runs.setdefault(event.run, []).append((row, event))
        else:
            inputs, outputs = _added([], event.inputs, resolved), _added([], event.outputs, resolved)
            edges = RunEdges(inputs, outputs, resolved, origin="declared")
            shown.append(Shown(f"job {event.at.timestamp():.6f}", event.at, edges.of([event]), is_declared=True))
            problems += edges.problems
    for key, pairs in runs.items():
        told = [event for _, event in pairs]
        run = _run_told(job, key, pairs, known.get((job.pk, key)), resolved)
        changed.append(run)
        if not any(event.sql for event in told):
            told += _with_sql(run)
        edges = RunEdges(run.inputs, run.outputs, resolved, origin="openlineage")
        shown.append(
            Shown(
                str(key),
                run.started_at,
                edges.of(told),
                is_completed=any(event.state is RunState.COMPLETE for event in told),
                statement=next((_digest(event.sql) for event in told if event.sql), None),
            )
        )
        problems += edges.problems
    return shown, changed, problems


_RUN = tuple(each.attname for each in JobRun._meta.concrete_fields if not each.primary_key)


def _save_runs(runs: Sequence[JobRun]) -> None:
    bulk.insert(JobRun, _RUN, [_run_values(run) for run in runs if run.pk is None])
    bulk.update(JobRun, _RUN, [(run.pk, _run_values(run)) for run in runs if run.pk is not None])


def _run_values(run: JobRun) -> list[object]:
    return [getattr(run, name) for name in _RUN]


def _digest(sql: str) -> bytes:
    return hashlib.blake2b(" ".join(sql.split()).encode(), digest_size=16).digest()


def _with_sql(run: JobRun) -> list[Event]:
    """Return the event that brought a run's SQL, for those after it that do not; none if no event did, or it is kept no more."""
    if run.sql_event is None:
        return []
    number, received_at = run.sql_event
    rows = LineageEvent.objects.filter(pk=number, received_at=datetime.fromisoformat(received_at))
    events = [parse_event(orjson.loads(zlib.decompress(row.body))) for row in rows]
    # For its SQL alone: its datasets, and what it said of their columns, are known with the run.
    return [replace(event, dialect=dialect_used(event), inputs=(), outputs=(), state=None) for event in events]


def _run_told(
    job: Job, key: uuid.UUID, pairs: Sequence[tuple[LineageEvent, Event]], known: JobRun | None, resolved: Resolved
) -> JobRun:
    """Return a run with what events tell of it: the latest state counts, whatever order they come in; an end is not taken back."""
    told = [event for _, event in pairs]
    first, last = min(event.at for event in told), max(told, key=_weight)
    run = known or JobRun(
        created_at=clock.now(),
        uuid=key,
        job=job,
        state=last.state or RunState.OTHER,
        state_at=last.at,
        started_at=first,
    )
    run.started_at = min(run.started_at, first)
    if _weight(last) >= (run.state in ENDED, run.state_at):
        run.state, run.state_at = last.state or RunState.OTHER, last.at
    if run.state in ENDED:
        run.ended_at = run.state_at
    run.parent_uuid = next((event.parent_run for event in told if event.parent_run), run.parent_uuid)
    run.error = next((event.error for event in told if event.error), run.error)
    for row, event in pairs:
        if event.sql:
            run.sql_event = [row.pk, row.received_at.isoformat()]
    run.inputs = _added(run.inputs, [each for event in told for each in event.inputs], resolved)
    run.outputs = _added(run.outputs, [each for event in told for each in event.outputs], resolved)
    if job.last_run_at is None or run.started_at >= job.last_run_at:
        job.last_run_uuid, job.last_run_state, job.last_run_at = run.uuid, run.state, run.started_at
    return run


def _weight(event: Event) -> tuple[bool, datetime]:
    return event.state in ENDED, event.at


def _added(known: Sequence[Named], datasets: Sequence[EventDataset], resolved: Resolved) -> list[Named]:
    found = {each[0]: dict.fromkeys(each[1:]) for each in known}
    for each in datasets:
        names = found.setdefault(str(resolved.ids[each.name]), {})
        names |= dict.fromkeys(name.name for name in (each.name, *each.also_known_as))
    return [[key, *list(names)[:MAX_NAMES]] for key, names in found.items()]


def _describe(
    job: Job, events: Sequence[Event], problems: Sequence[str], parents: Mapping[DatasetName, uuid.UUID]
) -> None:
    """Take in what the latest event says of the job itself."""
    for event in sorted(events, key=lambda one: one.at):
        job.description = event.description or job.description
        job.job_type = event.job_type or job.job_type
        if event.parent_job is not None:
            job.parent_uuid = parents.get(event.parent_job, job.parent_uuid)
        if event.sql:
            job.sql = masked_sql(event.sql, dialect=dialect_used(event))
    job.problems = list(dict.fromkeys(problems))[:20]
