"""Jobs and their runs, of those that touch what the asker may know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from catalog.access import gate
from catalog.access.principals import Principal
from catalog.selectors.datasets import DatasetName, names_by_uuid
from lineage.models import Edge, Job, JobRun

MAX_PAGES = 20
"""Pages that a list looks through for jobs that may be known."""
MAX_LINKS = 10_000
"""Links of one job that are looked at."""


class NoSuchJob(LookupError):
    """There is no such job."""


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as lists show it."""

    uuid: UUID
    kind: str
    namespace: str
    name: str
    description: str
    job_type: str
    last_run_uuid: UUID | None
    last_run_state: str
    last_run_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobDetail:
    """
    A job with what it reads and writes, as far as the principal may know that.

    ``sql`` is what it ran last, without literals; None for whoever may not read every dataset that it names.
    """

    job: JobView
    sql: str | None
    problems: Sequence[str]
    inputs: Sequence[DatasetName]
    outputs: Sequence[DatasetName]


@dataclass(frozen=True, slots=True)
class JobRunView:
    """One run of a job."""

    uuid: UUID
    state: str
    started_at: datetime
    ended_at: datetime | None
    duration_seconds: float | None
    error: str
    parent_uuid: UUID | None


def _job_view(row: Job) -> JobView:
    return JobView(
        uuid=row.uuid,
        kind=row.kind,
        namespace=row.namespace,
        name=row.name,
        description=row.description,
        job_type=row.job_type,
        last_run_uuid=row.last_run_uuid,
        last_run_state=row.last_run_state,
        last_run_at=row.last_run_at,
    )


def list_jobs(
    *,
    principal: Principal,
    limit: int,
    after: tuple[datetime, UUID] | None = None,
    containing: str = "",
    state: str = "",
) -> Sequence[JobView]:
    """
    Return jobs of producers, the one that ran last first; those that never ran are left out.

    So are those all of whose datasets the principal may not know: their names would tell of them. ``after`` are last run and id of
    the last one of the page before; ``containing`` is a text in name or namespace.
    """
    rows = Job.objects.filter(kind="job", last_run_at__isnull=False)
    if containing:
        rows = rows.filter(Q(name__icontains=containing) | Q(namespace__icontains=containing))
    if state:
        rows = rows.filter(last_run_state=state)
    found: list[Job] = []
    for _ in range(MAX_PAGES):
        behind = rows
        if after is not None:
            at, key = after
            behind = rows.filter(Q(last_run_at__lt=at) | Q(last_run_at=at, uuid__gt=key))
        page = list(behind.order_by("-last_run_at", "uuid")[:limit])
        known = _known_jobs(page, principal)
        found += [row for row in page if row.pk in known]
        if len(found) >= limit or len(page) < limit:
            break
        last = page[-1]
        assert last.last_run_at is not None
        after = last.last_run_at, last.uuid
    return [_job_view(row) for row in found[:limit]]


def _touched(jobs: Sequence[Job]) -> dict[int, set[UUID]]:
    """Return the datasets that jobs read and write now, or did in their last run, or are the definition of."""
    keys = [row.pk for row in jobs]
    found: dict[int, set[UUID]] = {row.pk: {UUID(row.name)} if row.kind == "view" else set() for row in jobs}
    edges = Edge.objects.filter(job__in=keys, superseded_at__isnull=True, until__isnull=True, upstream_column="")
    for key, up, down in edges.values_list("job_id", "upstream", "downstream"):
        found[key] |= {up, down}
    runs = JobRun.objects.filter(uuid__in=[row.last_run_uuid for row in jobs if row.last_run_uuid], job__in=keys)
    for key, inputs, outputs in runs.values_list("job_id", "inputs", "outputs"):
        found[key] |= {UUID(each[0]) for each in (*inputs, *outputs)}
    return found


def _known_jobs(jobs: Sequence[Job], principal: Principal) -> set[int]:
    """Return the keys of jobs that touch something which the principal may know, or nothing at all."""
    if principal.classes is None:
        return {row.pk for row in jobs}
    touched = _touched(jobs)
    every = {key for keys in touched.values() for key in keys}
    names = names_by_uuid(principal=principal, uuids=list(every), role=gate.DISCOVER)
    return {pk for pk, keys in touched.items() if not keys or any(key in names for key in keys)}


@dataclass(frozen=True, slots=True)
class _Seen:
    """A job as a principal may see it: the names of what it touches, and whether all of that may be read."""

    row: Job
    names: Mapping[UUID, DatasetName]
    may_read: bool


def _seen(job_uuid: UUID, principal: Principal) -> _Seen:
    row = Job.objects.filter(uuid=job_uuid).first()
    if row is not None:
        touched = _touched([row])[row.pk]
        names = names_by_uuid(principal=principal, uuids=list(touched), role=gate.DISCOVER)
        own = UUID(row.name) if row.kind == "view" else None
        if (names or not touched) and (own is None or own in names):
            readable = names_by_uuid(principal=principal, uuids=list(touched), role=gate.READ)
            return _Seen(row, names, principal.is_operator or all(key in readable for key in touched))
    raise NoSuchJob(f"there is no job with the id {job_uuid}")


def get_job(*, principal: Principal, job_uuid: UUID) -> JobDetail:
    """Return a job. :raises NoSuchJob: if there is none, or the principal may know nothing of what it touches."""
    seen = _seen(job_uuid, principal)
    edges = Edge.objects.filter(
        job=seen.row, superseded_at__isnull=True, until__isnull=True, upstream_column="", downstream_column=""
    ).values_list("upstream", "downstream")[:MAX_LINKS]
    return JobDetail(
        job=_job_view(seen.row),
        sql=seen.row.sql if seen.may_read else None,
        problems=seen.row.problems if seen.may_read else (),
        inputs=[seen.names[key] for key in dict.fromkeys(up for up, _ in edges) if key in seen.names],
        outputs=[seen.names[key] for key in dict.fromkeys(down for _, down in edges) if key in seen.names],
    )


def list_job_runs(
    *, principal: Principal, job_uuid: UUID, limit: int, after: tuple[datetime, UUID] | None = None
) -> Sequence[JobRunView]:
    """
    Return the runs of a job, newest first; their errors, which may hold values, for whoever may read all that it touches.

    :raises NoSuchJob: if there is no such job, or the principal may know nothing of what it touches.
    """
    seen = _seen(job_uuid, principal)
    rows = JobRun.objects.filter(job=seen.row)
    if after is not None:
        at, key = after
        rows = rows.filter(Q(started_at__lt=at) | Q(started_at=at, uuid__gt=key))
    return [
        JobRunView(
            uuid=row.uuid,
            state=row.state,
            started_at=row.started_at,
            ended_at=row.ended_at,
            duration_seconds=(row.ended_at - row.started_at).total_seconds() if row.ended_at else None,
            error=row.error if seen.may_read else "",
            parent_uuid=row.parent_uuid,
        )
        for row in rows.order_by("-started_at", "uuid")[:limit]
    ]
