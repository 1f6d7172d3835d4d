"""Bookmarks and saved views."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from catalog import selectors
from catalog.services import keeping
from catalog.templatetags.cairn import dataset_url
from catalog.web import undoing
from catalog.web.context import number_of, place_of
from catalog.web.signing_in import page_view, web_caller, web_principal
from catalog.web.views.finding import owner_names

PAGE = 50


@page_view
def bookmarks(request: HttpRequest) -> HttpResponse:
    """What one keeps at hand, newest first."""
    after = request.GET.get("after", "")
    found = selectors.list_bookmarks(
        principal=web_principal(request),
        after=number_of(after),
        limit=PAGE + 1,
    )
    shown = [summary for _, summary in found[:PAGE]]
    context = {
        "section": "bookmarks",
        "bookmarks": shown,
        "owner_names": owner_names(shown),
        "after": found[PAGE - 1][0] if len(found) > PAGE else None,
    }
    return render(request, "catalog/bookmarks.html", context)


@page_view
def bookmark(request: HttpRequest, dataset: uuid.UUID) -> HttpResponse:
    """Keep a dataset at hand, or no longer, as the form of its page or of the list says."""
    caller = web_caller(request)
    stored = selectors.get_dataset(dataset_uuid=dataset, principal=caller.principal)
    if request.method == "POST":
        if request.POST.get("keep") == "1":
            keeping.add_bookmark(caller=caller, dataset_uuid=dataset)
            messages.success(request, "Bookmarked. It is on your home page.")
        else:
            keeping.remove_bookmark(caller=caller, dataset_uuid=dataset)
            undoing.offer(request, "Bookmark removed.", "bookmark", {"dataset": str(dataset)})
    return redirect("bookmarks" if request.POST.get("from") == "list" else dataset_url(stored.qualified_name))


@page_view
def views(request: HttpRequest) -> HttpResponse:
    """One's own views and those that are shared; the forms that save, change and remove them."""
    context: dict[str, Any] = {"section": "views", "given": request.POST}
    if request.method == "POST":
        try:
            return _carry_out(request)
        except (keeping.NotKept, ValueError) as error:
            context["error"] = str(error)
    found = selectors.list_views(principal=web_principal(request), after=place_of(request), limit=PAGE + 1)
    context["views"] = found[:PAGE]
    context["last"] = found[PAGE - 1] if len(found) > PAGE else None
    return render(request, "catalog/views.html", context, status=400 if "error" in context else 200)


def _carry_out(request: HttpRequest) -> HttpResponse:
    caller, given = web_caller(request), request.POST
    match given.get("action"):
        case "save":
            view = keeping.save_view(
                caller=caller,
                name=given.get("name", ""),
                query=given.get("query", ""),
                is_shared=given.get("shared") == "1",
            )
            messages.success(request, f"View “{view.name}” saved.")
            return redirect("view", view.uuid)
        case "change":
            view = keeping.change_view(
                caller=caller,
                view_uuid=uuid.UUID(given.get("view", "")),
                name=given.get("name"),
                query=given.get("query"),
                is_shared=given.get("shared") == "1",
            )
            messages.success(request, f"View “{view.name}” saved.")
        case "remove":
            was = keeping.remove_view(caller=caller, view_uuid=uuid.UUID(given.get("view", "")))
            said = f"View “{was.name}” removed."
            if was.is_mine:
                note = {"name": was.name, "query": was.query, "is_shared": was.is_shared}
                undoing.offer(request, said, "view", note)
            else:
                messages.success(request, said)
        case action:
            raise ValueError(f"there is no action {str(action)[:50]!r} on views")
    return redirect("views")
