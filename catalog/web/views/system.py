"""How Cairn itself is: the index, the projections, the workers, what is kept for how long."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from catalog import backends
from catalog.access import gate
from catalog.journal import clock
from catalog.journal import selectors as journal
from catalog.journal.projections import request_rebuild
from catalog.search.base import SearchUnavailable
from catalog.web.signing_in import page_view, web_principal

KEPT = {
    "journal_entry": "Changes",
    "journal_run": "Runs",
    "access_audit": "Audit",
    "lineage_event": "Lineage events",
    "lineage_run": "Runs of jobs",
    "detection_profile": "Row counts",
    "detection_check_result": "How checks ended",
    "policy_violation": "Violations that are over",
}


@page_view
def system(request: HttpRequest) -> HttpResponse:
    """The state of the parts, for operators, and the form that has a projection made anew."""
    gate.require_operator(web_principal(request), what="looking after Cairn")
    projections = journal.list_projections(now=clock.now())
    if request.method == "POST":
        name = request.POST.get("rebuild", "")
        if name in {projection.name for projection in projections}:
            request_rebuild(name)
            messages.success(request, f"{name} is rebuilt from the tables; the old one serves meanwhile.")
        return redirect("system")
    index = backends.search_index()
    try:
        documents, trouble = index.count(), ""
    except SearchUnavailable as error:
        documents, trouble = None, str(error)
    context = {
        "section": "system",
        "projections": projections,
        "head": journal.head_position(),
        "index": type(index).__name__.removesuffix("Index"),
        "documents": documents,
        "trouble": trouble,
        "database": connection.vendor,
        "broker": str(settings.CELERY["broker_url"]).partition(":")[0],
        "active_runs": journal.count_active_runs(),
        "kept": [(KEPT[table], days) for table, days in settings.KEEP_DAYS.items()],
        "connectors": backends.list_connector_specs(),
    }
    return render(request, "catalog/system.html", context)
