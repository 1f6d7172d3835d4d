"""Applying events: jobs, runs and edges told from the events that wait, each event once, in the order they came."""

from __future__ import annotations

import functools
import hashlib
import logging
import time
import uuid
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import orjson
from django.db import OperationalError, transaction

from catalog import bulk
from catalog.access.principals import Caller, system_principal
from catalog.bodies import new_uuid
from catalog.domain.openlineage import SourceName
from catalog.journal import clock, failpoints
from catalog.journal.selectors import Change
from catalog.selectors.definitions import columns_of
from catalog.services.observing import observe_datasets
from lineage.domain.events import DatasetName, Event, EventDataset, InputField, RunState, parse_event
from lineage.domain.sql import (
    StatementLineage,
    TableName,
    UnreadableSql,
    dialect_of,
    masked_sql,
    statements_lineage,
)
from lineage.models import Job, JobRun, LineageEvent
from lineage.services.edges import EdgeKey, Shown, Told, record_shown

logger = logging.getLogger(__name__)

PAGE = 200
TOGETHER = 20
"""Events of one transaction, unless one job has more: SQLite lets nobody else write meanwhile."""
WITHIN_SECONDS = 20.0
MAX_NAMES = 20
"""Names of one dataset that a run is remembered with."""
MAX_PAIRS = 20_000
"""Pairs of an input and an output of one run."""
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
    Apply events that wait, in pages, until none is left or the time is over; return how many.

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


@dataclass(slots=True)
class _Page:
    """Events of one page, and what their names mean."""

    events: list[tuple[LineageEvent, Event]]
    ids: Mapping[DatasetName, uuid.UUID] = field(default_factory=dict)
    columns: dict[uuid.UUID, Sequence[str]] = field(default_factory=dict)

    def know_columns(self, datasets: Sequence[uuid.UUID]) -> None:
        """Read the columns of datasets that are not read yet."""
        unknown = [key for key in dict.fromkeys(datasets) if key not in self.columns]
        if unknown:
            found = columns_of(unknown)
            self.columns |= {key: found.get(key, ()) for key in unknown}

    def spelled(self, dataset: uuid.UUID, column: str) -> str:
        """Return a column's name as its dataset spells it, where that differs in letter case only."""
        known = self.columns.get(dataset, ())
        if column in known:
            return column
        folded = column.casefold()
        return next((name for name in known if name.casefold() == folded), column)


_OfJob = tuple[DatasetName | None, list[tuple[LineageEvent, Event]]]
JobName = tuple[str, str, str]
"""A job's kind, namespace and name."""


def _apply(rows: Sequence[LineageEvent], caller: Caller) -> None:
    page = _Page([(row, parse_event(orjson.loads(zlib.decompress(row.body)))) for row in rows])
    page.ids = _resolve([event for _, event in page.events], caller)
    if any(event.sql or any(output.columns for output in event.outputs) for _, event in page.events):
        page.know_columns(list(page.ids.values()))
    by_job: dict[DatasetName | None, list[tuple[LineageEvent, Event]]] = {}
    for row, event in page.events:
        by_job.setdefault(event.job, []).append((row, event))
    group: list[_OfJob] = []
    for at, each in enumerate(by_job.items(), 1):
        group.append(each)
        if at == len(by_job) or sum(len(mine) for _, mine in group) >= TOGETHER:
            _apply_together(group, page)
            group = []


def _apply_together(group: Sequence[_OfJob], page: _Page) -> None:
    """Apply the events of some jobs in one transaction; where that fails, each job's in one of its own."""
    keys = [(row.received_at, row.pk) for _, mine in group for row, _ in mine]
    try:
        with transaction.atomic():
            _apply_to_jobs({name: mine for name, mine in group if name is not None}, page)
            _set_aside(keys, "")
            failpoints.reach(APPLIED)
    except OperationalError:
        raise
    except Exception as error:
        # One job's events must not hold up all others'; what went wrong stays with them.
        if len(group) > 1:
            for each in group:
                _apply_together([each], page)
            return
        logger.exception("events of a job could not be applied")
        _set_aside(keys, _told(error))


def _set_aside(keys: Sequence[tuple[datetime, int]], error: str) -> None:
    first, last = min(at for at, _ in keys), max(at for at, _ in keys)
    # The time lets PostgreSQL look into the days that hold them alone.
    rows = LineageEvent.objects.filter(received_at__range=(first, last), pk__in=[pk for _, pk in keys])
    rows.update(applied_at=clock.now(), error=error)


def _datasets(event: Event) -> Iterator[EventDataset]:
    yield from event.inputs
    yield from event.outputs


def _fields(output: EventDataset) -> Iterator[InputField]:
    for parts in output.columns.values():
        yield from parts
    yield from output.deciding


def _resolve(events: Sequence[Event], caller: Caller) -> dict[DatasetName, uuid.UUID]:
    """Return the ids of all datasets that events name, by the names they are told by."""
    links: dict[DatasetName, tuple[DatasetName, ...]] = {}
    for event in events:
        for dataset in _datasets(event):
            links[dataset.name] = tuple(dict.fromkeys((*links.get(dataset.name, ()), *dataset.also_known_as)))
            for part in _fields(dataset):
                links.setdefault(part.dataset, ())
    named = [[SourceName(each.namespace, each.name) for each in (name, *also)] for name, also in links.items()]
    return dict(zip(links, observe_datasets(caller=caller, names=named), strict=True))


def job_digest(kind: str, namespace: str, name: str) -> bytes:
    """Return what a job is found by."""
    return hashlib.blake2b(orjson.dumps([kind, namespace, name]), digest_size=16).digest()


def locked_jobs(names: Collection[JobName]) -> dict[JobName, Job]:
    """Return jobs, made if need be, with their rows locked until the transaction ends."""
    digests = {job_digest(*name): name for name in names}
    found = _lock(digests)
    missing = {digest: name for digest, name in digests.items() if digest not in found}
    if missing:
        now = clock.now()
        rows = [
            Job(digest=digest, uuid=new_uuid(), kind=kind, namespace=namespace, name=name, created_at=now)
            for digest, (kind, namespace, name) in missing.items()
        ]
        Job.objects.bulk_create(rows, ignore_conflicts=True)
        found |= _lock(missing)
    return {digests[digest]: job for digest, job in found.items()}


def _lock(digests: Collection[bytes]) -> dict[bytes, Job]:
    # In one order, so that two who lock some of the same never wait for each other.
    rows = Job.objects.select_for_update().filter(digest__in=list(digests)).order_by("digest")
    return {bytes(row.digest): row for row in rows}


def _apply_to_jobs(by_name: Mapping[DatasetName, Sequence[tuple[LineageEvent, Event]]], page: _Page) -> None:
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
        shown, changed, problems = _shown(job, mine, known, page)
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
    page: _Page,
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
            inputs, outputs = _added([], event.inputs, page), _added([], event.outputs, page)
            edges = _Edges(inputs, outputs, page, origin="declared")
            shown.append(Shown(f"job {event.at.timestamp():.6f}", event.at, edges.of([event]), is_declared=True))
            problems += edges.problems
    for key, pairs in runs.items():
        told = [event for _, event in pairs]
        run = _run_told(job, key, pairs, known.get((job.pk, key)), page)
        changed.append(run)
        if not any(event.sql for event in told):
            told += _with_sql(run)
        edges = _Edges(run.inputs, run.outputs, page, origin="openlineage")
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
_JOB = tuple(each.attname for each in Job._meta.concrete_fields if not each.primary_key)


def _save_runs(runs: Sequence[JobRun]) -> None:
    bulk.insert(JobRun, _RUN, [_values(run, _RUN) for run in runs if run.pk is None])
    bulk.update(JobRun, _RUN, [(run.pk, _values(run, _RUN)) for run in runs if run.pk is not None])


def save_jobs(jobs: Sequence[Job]) -> None:
    """Write all of jobs that are locked."""
    bulk.update(Job, _JOB, [(job.pk, _values(job, _JOB)) for job in jobs])


def _values(row: JobRun | Job, names: Sequence[str]) -> list[object]:
    return [getattr(row, name) for name in names]


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
    return [replace(event, dialect=_dialect(event), inputs=(), outputs=(), state=None) for event in events]


def _run_told(
    job: Job, key: uuid.UUID, pairs: Sequence[tuple[LineageEvent, Event]], known: JobRun | None, page: _Page
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
    run.inputs = _added(run.inputs, [each for event in told for each in event.inputs], page)
    run.outputs = _added(run.outputs, [each for event in told for each in event.outputs], page)
    if job.last_run_at is None or run.started_at >= job.last_run_at:
        job.last_run_uuid, job.last_run_state, job.last_run_at = run.uuid, run.state, run.started_at
    return run


def _weight(event: Event) -> tuple[bool, datetime]:
    return event.state in ENDED, event.at


Named = list[str]
"""A dataset's id, and the names it was told by."""


def _added(known: Sequence[Named], datasets: Sequence[EventDataset], page: _Page) -> list[Named]:
    found = {each[0]: dict.fromkeys(each[1:]) for each in known}
    for each in datasets:
        names = found.setdefault(str(page.ids[each.name]), {})
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
            job.sql = masked_sql(event.sql, dialect=_dialect(event))
    job.problems = list(dict.fromkeys(problems))[:20]


class _Edges:
    """The edges of one run, or one declaration, and what could not be told of them."""

    def __init__(self, inputs: Sequence[Named], outputs: Sequence[Named], page: _Page, *, origin: str) -> None:
        self.problems: list[str] = []
        self._page = page
        self._origin = origin
        self._named = [*inputs, *outputs]
        self._inputs = [uuid.UUID(each[0]) for each in inputs]
        self._outputs = [uuid.UUID(each[0]) for each in outputs]

    def of(self, events: Sequence[Event]) -> frozenset[EdgeKey]:
        """
        Return the edges from all inputs to all outputs, and between columns.

        Columns are told by what producers say of them, else by the SQL. Where the SQL accounts for every input and output, it
        says which goes into which.
        """
        outputs = self._outputs
        if len(self._inputs) * len(outputs) > MAX_PAIRS:
            self.problems.append(
                f"it links more than {MAX_PAIRS:,} pairs of datasets: those of its first outputs are kept"
            )
            outputs = outputs[: max(1, MAX_PAIRS // len(self._inputs))]
        pairs = {(up, down) for up in self._inputs for down in outputs}
        made = {edge for event in events for edge in _reported(event, self._page, self._origin)}
        if not made:
            for event in _with_different_sql(events):
                found = self._by_sql(event)
                made |= found
                told = {(edge.upstream, edge.downstream) for edge in found if not edge.upstream_column}
                if {down for _, down in told} == set(outputs) and {up for up, _ in told} >= set(self._inputs):
                    pairs = told
        pairs |= {(edge.upstream, edge.downstream) for edge in made}
        made = {edge for edge in made if edge.upstream_column and not _is_itself(edge)}
        return frozenset(
            made | {EdgeKey(up, "", down, "", "", False, self._origin) for up, down in pairs if up != down}
        )

    def _by_sql(self, event: Event) -> set[EdgeKey]:
        tails = _Tails()
        for key, *names in self._named:
            for name in names:
                tails.add(name, uuid.UUID(key))
        self._page.know_columns([*self._inputs, *self._outputs])
        try:
            found = _read(event.sql or "", _dialect(event), tails.columns(self._page))
        except UnreadableSql as error:
            self.problems.append(str(error))
            return set()
        made: set[EdgeKey] = set()
        for statement in found:
            self.problems += statement.problems
            down = tails.find(statement.target) if statement.target is not None else None
            if down is not None:
                made.update(self._of_statement(statement, down, tails))
        return made

    def _of_statement(self, statement: StatementLineage, down: uuid.UUID, tails: _Tails) -> Iterator[EdgeKey]:
        for table in statement.inputs:
            up = tails.find(table)
            if up is not None:
                yield EdgeKey(up, "", down, "", "", False, "sql")
        for column, parts in (*statement.columns.items(), ("", statement.indirect)):
            for part in parts:
                up = tails.find(part.table)
                if up is not None:
                    made = self._page.spelled(down, column) if column else ""
                    source = self._page.spelled(up, part.column)
                    yield EdgeKey(up, source, down, made, part.subtype, part.masking, "sql")


def _is_itself(edge: EdgeKey) -> bool:
    return (edge.upstream, edge.upstream_column) == (edge.downstream, edge.downstream_column)


def _reported(event: Event, page: _Page, origin: str) -> Iterator[EdgeKey]:
    for output in event.outputs:
        down = page.ids[output.name]
        for column, parts in output.columns.items():
            for part in parts:
                up = page.ids[part.dataset]
                names = page.spelled(up, part.field), page.spelled(down, column)
                yield EdgeKey(up, names[0], down, names[1], part.subtype, part.masking, origin)
        for part in output.deciding:
            up = page.ids[part.dataset]
            yield EdgeKey(up, page.spelled(up, part.field), down, "", part.subtype, part.masking, origin)


def _with_different_sql(events: Sequence[Event]) -> list[Event]:
    return list({event.sql: event for event in events if event.sql}.values())


def _dialect(event: Event) -> str:
    """Return the dialect that an event names, or that of its producer or of the sources it speaks of."""
    if event.dialect:
        return dialect_of(event.dialect)
    named = [name for each in _datasets(event) for name in (each.name, *each.also_known_as)]
    schemes = [name.namespace.partition(":")[0] for name in named]
    if "/spark" in event.producer:
        schemes.insert(0, "spark")
    return next((found for scheme in schemes if (found := dialect_of(scheme))), "")


class _Tails:
    """The datasets of a run by the ends of their names, as a statement may call them."""

    def __init__(self) -> None:
        self._names: dict[TableName, uuid.UUID] = {}

    def add(self, name: str, key: uuid.UUID) -> None:
        """Add a dataset under one of its names."""
        parts = name.strip("/").split("/") if "/" in name else name.split(".")
        self._names[tuple(part.casefold() for part in parts if part)] = key

    def find(self, table: TableName) -> uuid.UUID | None:
        """Return the only dataset whose name ends as a table's does."""
        folded = tuple(part.casefold() for part in table)
        found = {key for name, key in self._names.items() if name[-len(folded) :] == folded}
        if not found and len(folded) > 1:
            # Statements may begin with the engine's name for the catalog, which producers leave out.
            return self.find(table[1:]) if len(folded) > 2 else None
        return found.pop() if len(found) == 1 else None

    def columns(self, page: _Page) -> Known:
        """Return the columns of those known, in a form to remember statements by."""
        return tuple((name, tuple(page.columns.get(key, ()))) for name, key in sorted(self._names.items()))


Known = tuple[tuple[TableName, tuple[str, ...]], ...]


@functools.lru_cache(maxsize=500)
def _read(sql: str, dialect: str, known: Known) -> tuple[StatementLineage, ...]:
    """Return a text's lineage; the same text over the same columns is read once."""

    def schemas(names: Sequence[TableName]) -> dict[TableName, Sequence[str]]:
        found: dict[TableName, Sequence[str]] = {}
        for name in names:
            folded = tuple(part.casefold() for part in name)
            alike = [
                columns for tail, columns in known if tail[-len(folded) :] == folded or folded[-len(tail) :] == tail
            ]
            if len(alike) == 1 and alike[0]:
                found[name] = alike[0]
        return found

    return tuple(statements_lineage(sql, dialect=dialect, schemas=schemas))
