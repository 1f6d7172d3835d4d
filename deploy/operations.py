"""What operators and their tools ask: is it alive, is it ready, how is it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from datetime import datetime

import orjson
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count
from django.db.utils import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from catalog.access.middleware import principal_of
from catalog.api.v1.errors import problem
from catalog.journal import clock
from catalog.journal import selectors as journal
from catalog.journal.models import ProjectionCursor, Run
from catalog.models import Dataset, Intent, SyncHold
from detection.selectors import count_by_status
from lineage.selectors.events import count_waiting_events
from policy.selectors.violations import count_open

_registry = CollectorRegistry()
ProcessCollector(registry=_registry)
_requests = Counter("cairn_http_requests", "Requests answered", ["door", "method", "status"], registry=_registry)
_seconds = Histogram(
    "cairn_http_request_seconds",
    "Seconds a request took",
    ["door"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
    registry=_registry,
)


@functools.cache
def _counted(door: str, method: str, status: int) -> Counter:
    return _requests.labels(door, method, status)


@functools.cache
def _timed(door: str) -> Histogram:
    return _seconds.labels(door)


_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"})
_DOORS = {
    "v1": "rest",
    "mds": "metacat",
    "api": "openlineage",
    "registry": "registry",
    "graphql": "graphql",
    "static": "static",
    "livez": "operations",
    "readyz": "operations",
    "metrics": "operations",
}


class MetricsMiddleware:
    """Counts requests and times them, by door."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Time the request."""
        began = time.perf_counter()
        response = self.get_response(request)
        count_request(request.path_info, request.method or "", response.status_code, time.perf_counter() - began)
        return response


def count_request(path: str, method: str, status: int, seconds: float) -> None:
    """Count a request that was answered."""
    door = _DOORS.get(path[1:].partition("/")[0], "web")
    _counted(door, method if method in _METHODS else "other", status).inc()
    _timed(door).observe(seconds)


def livez(request: HttpRequest) -> HttpResponse:
    """Answer as long as the process does."""
    return HttpResponse(b"alive\n", content_type="text/plain")


_migrated: list[bool] = []
"""Holds an item once all migrations were seen applied; they stay so for the life of this process."""


def _pending_migrations() -> int:
    if _migrated:
        return 0
    executor = MigrationExecutor(connection)
    pending = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if pending == 0:
        _migrated.append(True)
    return pending


def worker_state(now: datetime) -> str:
    """Return ``ok`` if a worker holds the journal's projections, else since when none does."""
    until = (
        ProjectionCursor.objects.exclude(lease_until=None)
        .order_by("-lease_until")
        .values_list("lease_until", flat=True)
        .first()
    )
    if until is None:
        return "no worker has moved the journal yet"
    return "ok" if until > now else f"no worker has moved the journal since {until.isoformat(timespec='seconds')}"


def readyz(request: HttpRequest) -> HttpResponse:
    """
    Answer 200 if requests can be served, else 503; name each part that is not well.

    A silent worker delays search and syncs but stops no request, so it is named and does not make this fail.
    """
    parts: dict[str, str] = {}
    try:
        pending = _pending_migrations()
        parts["database"] = (
            "ok" if not pending else f"{pending} migrations are not applied; run `python manage.py migrate`"
        )
        if not pending:
            parts["worker"] = worker_state(clock.now())
    except DatabaseError as error:
        parts["database"] = f"does not answer ({type(error).__name__})"
    ready = parts["database"] == "ok"
    body = {"status": "ready" if ready else "not ready", "parts": parts}
    response = HttpResponse(orjson.dumps(body), status=200 if ready else 503, content_type="application/json")
    response._has_been_logged = True  # type: ignore[attr-defined]  # asked every second; whoever asks is told
    return response


def metrics(request: HttpRequest) -> HttpResponse:
    """Return metrics in Prometheus' text form, to whoever is signed in."""
    if principal_of(request) is None:
        return problem(401, "not-signed-in", "metrics need an API token (Authorization: Bearer …)")
    return HttpResponse(
        generate_latest(_registry) + generate_latest(_state()), content_type="text/plain; version=0.0.4"
    )


def _state() -> CollectorRegistry:
    registry = CollectorRegistry()

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=registry)

    datasets = gauge("cairn_datasets", "Datasets by state", "state")
    for state, count in Dataset.objects.values_list("state").annotate(n=Count("id")):
        datasets.labels(state).set(count)
    runs = gauge("cairn_runs", "Runs by kind and state", "kind", "state")
    for kind, state, count in Run.objects.values_list("kind", "state").annotate(n=Count("id")):
        runs.labels(kind, state).set(count)
    checks = gauge("cairn_checks", "Checks by how they ended last", "status")
    for status, count in count_by_status().items():
        checks.labels(status or "new").set(count)
    violations = gauge("cairn_violations", "Open violations by verdict", "verdict")
    for verdict, count in count_open().items():
        violations.labels(verdict).set(count)
    gauge("cairn_journal_position", "The last position given out").set(journal.head_position())
    lag = gauge("cairn_projection_lag_seconds", "Age of the oldest entry a projection has not seen", "projection")
    behind = gauge("cairn_projection_lag_entries", "Entries a projection has not seen", "projection")
    failing = gauge("cairn_projection_failing", "1 while a projection fails", "projection")
    for projection in journal.list_projections(now=clock.now()):
        lag.labels(projection.name).set(projection.lag_seconds)
        behind.labels(projection.name).set(projection.lag_entries)
        failing.labels(projection.name).set(projection.failing_since is not None)
    gauge("cairn_open_intents", "Writes whose outcome is not stored yet").set(
        Intent.objects.filter(state="open").count()
    )
    gauge("cairn_waiting_holds", "Syncs that ask before they drop").set(
        SyncHold.objects.filter(state="waiting").count()
    )
    gauge("cairn_lineage_events_waiting", "Lineage events whose edges are not told yet, a thousand at most").set(
        count_waiting_events()
    )
    return registry
