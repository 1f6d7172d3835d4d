"""Pages of runs: the list, and one with its live progress and what it asks."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from catalog import selectors
from catalog.access import gate
from catalog.journal import runs as journal_runs
from catalog.journal import selectors as journal
from catalog.journal.selectors import RunView
from catalog.services import catalogs
from catalog.templatetags.cairn import counts
from catalog.web import errors
from catalog.web.context import holds_of, number_of
from catalog.web.signing_in import page_view, web_caller, web_principal

PAGE = 50
UNITS = 200
FAILURES = 50
STATES = ("queued", "running", "done", "failed", "cancelled")
STEPS = (("listing", "Listed"), ("comparing", "Compared"), ("reading", "Read and stored"), ("done", "Done"))


@page_view
def runs(request: HttpRequest) -> HttpResponse:
    """The newest runs."""
    gate.require_operator(web_principal(request), what="listing runs")
    state = request.GET.get("state", "")
    before = request.GET.get("before", "")
    subject = request.GET.get("subject", "")[:200]
    found = journal.list_runs(
        state=state if state in STATES else None,
        subject=subject or None,
        before=number_of(before),
        limit=PAGE + 1,
    )
    context = {
        "section": "runs",
        "runs": found[:PAGE],
        "before": found[PAGE - 1].number if len(found) > PAGE else None,
        "states": STATES,
        "chosen": state if state in STATES else "",
        "subject": subject,
    }
    return render(request, "catalog/runs.html", context)


@page_view
def run(request: HttpRequest, run: uuid.UUID) -> HttpResponse:
    """One run, or the answer to what it asks."""
    principal = web_principal(request)
    gate.require_operator(principal, what="reading runs")
    error = ""
    try:
        view = journal.get_run(run)
    except journal.NoSuchRun as missing:
        return errors.page(request, 404, "No such run", str(missing))
    if request.method == "POST":
        try:
            return _carry_out(request, view)
        except (catalogs.NoSuchHold, catalogs.InvalidCatalog, ValueError) as refused:
            error = str(refused)
    after = request.GET.get("after")
    units = selectors.list_sync_units(run_uuid=run, principal=principal, after=after, limit=UNITS + 1)
    failed = selectors.list_sync_units(run_uuid=run, principal=principal, failed=True, limit=FAILURES)
    context = {
        "section": "runs",
        "run": view,
        "catalog": _catalog(view, principal),
        "steps": _steps(view),
        "units": units[:UNITS],
        "after": units[UNITS - 1].database if len(units) > UNITS else None,
        "failures": [failure for unit in failed for failure in unit.failures][:FAILURES],
        "holds": [hold for hold in holds_of(request, principal) if hold.run_uuid == run],
        "error": error,
    }
    return render(request, "catalog/run.html", context, status=400 if error else 200)


def _catalog(view: RunView, principal: Any) -> selectors.CatalogView | None:
    try:
        return selectors.get_catalog(name=view.subject, principal=principal) if view.subject else None
    except selectors.NoSuchCatalog:
        return None


def _carry_out(request: HttpRequest, view: RunView) -> HttpResponse:
    caller = web_caller(request)
    match request.POST.get("action"):
        case "cancel":
            asked = journal_runs.request_cancel(view.uuid, by=caller.principal.handle)
            messages.success(request, "The run stops." if asked else "The run had ended already.")
            return redirect("run", view.uuid)
        case "again":
            return redirect("run", catalogs.request_sync(caller=caller, name=view.subject))
        case "keep" | "drop" as action:
            started = catalogs.decide_hold(
                caller=caller, hold_uuid=uuid.UUID(request.POST.get("hold", "")), drop=action == "drop"
            )
            messages.success(request, "All are kept." if started is None else "They are dropped by this run.")
            return redirect("run", started or view.uuid)
        case action:
            raise ValueError(f"there is no action {str(action)[:50]!r} on a run")


@page_view
def progress(request: HttpRequest, run: uuid.UUID) -> HttpResponse:
    """The progress of a run, asked for every second; when it has ended, the whole page is to be shown anew."""
    gate.require_operator(web_principal(request), what="reading runs")
    try:
        view = journal.get_run(run)
    except journal.NoSuchRun as missing:
        return errors.page(request, 404, "No such run", str(missing))
    response = render(request, "catalog/parts/progress_live.html", {"run": view, "steps": _steps(view)})
    if view.is_finished:
        response["HX-Refresh"] = "true"
    return response


def _step(view: RunView) -> dict[str, Any]:
    """Return how far a run is that has no steps of its own."""
    done, total = view.progress.get("done", 0), view.progress.get("total", 0)
    return {
        "title": view.state.capitalize(),
        "state": {"running": "now", "done": "done"}.get(view.state, "todo"),
        "seconds": None,
        "text": f"{done:,} of {total:,}" if total else counts(view.progress),
        "total": total if view.state == "running" else 0,
        "done": done,
    }


def _steps(view: RunView) -> list[dict[str, Any]]:
    if view.kind != "sync":
        return [_step(view)]
    finished = view.progress.get("steps", {})
    phase = view.progress.get("phase", "")
    steps = []
    for name, title in STEPS:
        numbers = finished.get(name, {})
        state = "done" if name in finished or (name == "done" and view.state == "done") else "todo"
        if name == phase and not view.is_finished:
            state = "now"
        step: dict[str, Any] = {
            "title": title,
            "state": state,
            "seconds": numbers.get("seconds"),
            "text": ", ".join(f"{value:,} {key}" for key, value in numbers.items() if key != "seconds"),
            "total": 0,
            "done": 0,
        }
        if name == "reading" and state == "now" and view.progress.get("total"):
            step |= {"total": view.progress["total"], "done": view.progress["done"]}
            step["text"] = f"{view.progress['done']:,} of {view.progress['total']:,}"
        if name == "listing" and state == "now" and view.progress.get("databases"):
            step |= {"total": view.progress["databases"], "done": view.progress.get("listed", 0)}
        steps.append(step)
    return steps
