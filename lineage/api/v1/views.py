"""Graphs, jobs, their runs, and events that failed."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.v1.errors import InvalidCursor, InvalidParameter
from catalog.api.v1.paging import choice, decode_cursor, limit, number
from catalog.api.v1.views.base import CURSOR, LIMIT, View, described, page, paged, problems, query
from lineage.api.v1 import bodies
from lineage.domain.events import RunState
from lineage.domain.walks import MAX_DEPTH, Direction, Moment
from lineage.graph.base import GraphUnavailable
from lineage.selectors import events, graphs, jobs

MAX_GRAPH = 2_000
DIRECTIONS = ("both", *Direction)


class LineageView(View):
    """A view that also knows the errors of lineage."""

    statuses = ((jobs.NoSuchJob, 404, "no-such-job"), (GraphUnavailable, 503, "graph-unavailable"))


def moment_of(params: QueryDict) -> Moment:
    """Return the moment of a query. :raises InvalidParameter: for what is no time."""
    return Moment(_time(params, "as_of"), _time(params, "known_at"))


def _time(params: QueryDict, name: str) -> datetime | None:
    text = params.get(name)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidParameter(f"'{name}' must be a time such as 2026-11-25T12:00:00Z, found {text[:50]!r}") from None


def directions_of(params: QueryDict) -> tuple[Direction, ...]:
    """Return the directions of a query, both without any. :raises InvalidParameter: for another word."""
    text = choice(params, "direction", DIRECTIONS, "both")
    return tuple(Direction) if text == "both" else (Direction(text),)


def _place(kind: str, params: QueryDict) -> tuple[datetime, uuid.UUID] | None:
    held = decode_cursor(kind, params.get("cursor"), str)
    if held is None:
        return None
    key, _, at = held.partition(" ")
    try:
        return datetime.fromisoformat(at), uuid.UUID(key)
    except ValueError:
        raise InvalidCursor("this cursor was not given out here; leave it out to begin at the first page") from None


class GraphView(LineageView):
    @described(
        parameters=[
            query("direction", {"type": "string", "enum": list(DIRECTIONS), "default": "both"}, "which way to go"),
            query("depth", {"type": "integer", "minimum": 1, "maximum": MAX_DEPTH, "default": 3}, "how many steps"),
            query(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": MAX_GRAPH, "default": 200},
                "how many nodes in each direction at most",
            ),
            query("column", str, "go by this column of the dataset, from column to column"),
            query("as_of", OpenApiTypes.DATETIME, "the edges that held at this time; now without it"),
            query("known_at", OpenApiTypes.DATETIME, "as far as was known at this time"),
        ],
        responses={200: bodies.GraphShape, **problems(404, 503)},
    )
    def get(self, request: Request, dataset: uuid.UUID) -> Response:
        """Return what a dataset, or one of its columns, is made of, and what is made of it."""
        graph = graphs.get_graph(
            principal=self.principal,
            dataset_uuid=dataset,
            column=request.GET.get("column") or "",
            directions=directions_of(request.GET),
            depth=number(request.GET, "depth", 3, least=1, most=MAX_DEPTH),
            limit=number(request.GET, "limit", 200, least=1, most=MAX_GRAPH),
            moment=moment_of(request.GET),
        )
        return Response(graph)


class JobsView(LineageView):
    @described(
        parameters=[
            query("q", str, "a text in the job's name or namespace"),
            query("state", {"type": "string", "enum": list(RunState)}, "jobs whose last run is in this state"),
            LIMIT,
            CURSOR,
        ],
        responses={200: paged(bodies.JobShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """List jobs that report their runs, the one that ran last first."""
        asked = limit(request.GET)
        found = jobs.list_jobs(
            principal=self.principal,
            limit=asked + 1,
            after=_place("jobs", request.GET),
            containing=request.GET.get("q", "")[:200],
            state=choice(request.GET, "state", list(RunState)),
        )
        return page(found, asked, "jobs", lambda job: f"{job.uuid} {job.last_run_at.isoformat()}")


class JobView(LineageView):
    @described(responses={200: bodies.JobDetailShape, **problems(404)})
    def get(self, request: Request, job: uuid.UUID) -> Response:
        """Return a job with what it reads and writes now, as far as you may know that."""
        return Response(jobs.get_job(principal=self.principal, job_uuid=job))


class JobRunsView(LineageView):
    @described(parameters=[LIMIT, CURSOR], responses={200: paged(bodies.JobRunShape), **problems(404)})
    def get(self, request: Request, job: uuid.UUID) -> Response:
        """List the runs of a job, newest first."""
        asked = limit(request.GET)
        found = jobs.list_job_runs(
            principal=self.principal, job_uuid=job, limit=asked + 1, after=_place("job-runs", request.GET)
        )
        return page(found, asked, "job-runs", lambda run: f"{run.uuid} {run.started_at.isoformat()}")


class FailedEventsView(LineageView):
    @described(parameters=[LIMIT, CURSOR], responses={200: paged(bodies.FailedEventShape), **problems()})
    def get(self, request: Request) -> Response:
        """List events whose edges could not be told, newest first (operators)."""
        asked = limit(request.GET)
        before = decode_cursor("failed-events", request.GET.get("cursor"), int)
        found = events.list_failed_events(principal=self.principal, limit=asked + 1, before=before)
        return page(found, asked, "failed-events", lambda event: event.id)
