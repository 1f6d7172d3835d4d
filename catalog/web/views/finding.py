"""Home, search results, the palette, the keyboard page."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.module_loading import import_string

from catalog import selectors
from catalog.access.principals import Principal
from catalog.access.selectors import display_names
from catalog.domain.query import Filter, InvalidQuery, Query, Text, parse_query
from catalog.search.base import MAX_OFFSET
from catalog.services.finding import SearchResult, search
from catalog.web.context import catalogs_of, holds_of
from catalog.web.seen import seen
from catalog.web.signing_in import page_view, web_principal

PAGE = 20
PALETTE_HITS = 8
MINE = 8
FACETS = (("platform", "Platform"), ("catalog", "Catalog"), ("owner", "Owner"), ("tag", "Tag"), ("finding", "Finding"))
SHOWN_VALUES = 12


def _mine(principal: Principal) -> Query:
    """Return the query for what somebody owns; teams are asked for one by one, the first that finds counts."""
    return Query((), (Filter("owner", principal.handle),))


@page_view
def home(request: HttpRequest) -> HttpResponse:
    """One box, what needs attention, what is mine, what changed, how syncs are."""
    principal = web_principal(request)
    catalogs = catalogs_of(request, principal)
    if not catalogs and principal.is_operator:
        return redirect("connect")
    owned = _owned(principal)
    mine = [found.summary for found in owned.items]
    changed = selectors.list_recently_changed(principal=principal, limit=MINE)
    context = {
        "section": "home",
        "catalogs": catalogs,
        "mine": mine,
        "mine_total": owned.total,
        "mine_query": str(_mine(principal)),
        "changed": changed,
        "owner_names": owner_names([*mine, *changed]),
        "seen": seen(request, principal),
        "bookmarks": [kept for _, kept in selectors.list_bookmarks(principal=principal, limit=MINE)],
        "bookmarks_total": selectors.count_bookmarks(principal=principal),
        "tags": selectors.list_tags(principal=principal, limit=12),
        "tries": ["customer", "tag:pii", "column:email", "kind:view"],
        "attention": [
            *_attention(holds_of(request, principal), catalogs),
            *(item for tells in settings.ATTENTION for item in import_string(tells)(principal)),
        ],
    }
    return render(request, "catalog/home.html", context)


def owner_names(summaries: Sequence[selectors.DatasetSummary]) -> dict[str, str]:
    """Return the names to show for the owners of some datasets, by one query."""
    return display_names(sorted({owner for summary in summaries for owner in summary.owners}))


def _owned(principal: Principal) -> SearchResult:
    return search(query=_mine(principal), principal=principal, limit=MINE, facets=False)


def _attention(holds: Sequence[selectors.HoldView], catalogs: Sequence[selectors.CatalogView]) -> list[dict[str, Any]]:
    items = [
        {
            "tone": "warn",
            "icon": "warn",
            "title": f"A sync wants to drop {hold.vanished} datasets from",
            "name": hold.catalog,
            "at": hold.asked_at,
            "text": f"That is {hold.vanished * 100 // max(hold.known, 1)} % of the catalog. Nothing is dropped until somebody decides.",
            "href": reverse("run", args=[hold.run_uuid]),
            "action": "Review the run",
        }
        for hold in holds
    ]
    items += [
        {
            "tone": "fail",
            "icon": "fail",
            "title": "The source does not sync:",
            "name": view.name,
            "at": view.synced_at,
            "text": view.last_error,
            "href": reverse("catalog", args=[view.name]),
            "action": "Open the catalog",
        }
        for view in catalogs
        if view.last_error
    ]
    return items


def _offset(request: HttpRequest) -> int:
    text = request.GET.get("offset", "")
    return min(int(text), MAX_OFFSET) if text.isascii() and text.isdigit() and len(text) < 8 else 0


@page_view
def view(request: HttpRequest, view: uuid.UUID) -> HttpResponse:
    """What a saved view finds now."""
    principal = web_principal(request)
    return _results(request, selectors.find_view(principal=principal, view_uuid=view).query)


@page_view
def results(request: HttpRequest) -> HttpResponse:
    """What a query finds; ticked facets become filters of the query, so that the address says everything."""
    return _results(request, request.GET.get("q", ""))


def _results(request: HttpRequest, text: str) -> HttpResponse:
    principal = web_principal(request)
    try:
        query = parse_query(text)
    except InvalidQuery as error:
        return render(
            request, "catalog/search.html", {"section": "search", "q": text[:1_000], "error": str(error)}, status=400
        )
    ticked = [Filter(name, value) for name, _ in FACETS for value in request.GET.getlist(name) if value.strip()]
    if ticked:
        for each in ticked[:20]:
            query = query.narrowed(each)
        return redirect(f"{reverse('search')}?{_encoded(query)}")
    offset = _offset(request)
    is_folded = bool(query.words) and request.GET.get("fold") != "0"
    result = search(query=query, principal=principal, limit=PAGE, offset=offset, fold_families=is_folded)
    facet_names = tuple(name for name, _ in FACETS)
    unfiltered = Query(query.texts, tuple(f for f in query.filters if f.excluded or f.field not in facet_names))
    context = {
        "section": "search",
        "q": text,
        "words": query.words,
        "result": result,
        "first": offset + 1,
        "last": offset + len(result.items),
        "is_folded": is_folded and any(found.folded for found in result.items),
        "previous_offset": max(0, offset - PAGE) if offset else None,
        "chips": _chips(query),
        "unfiltered": str(unfiltered),
        "facets": _facets(query, result),
        "owner_names": owner_names([found.summary for found in result.items]),
        "saved": (saved := next(iter(selectors.list_views(principal=principal, limit=1, query=text.strip())), None)),
        "current_view": saved.uuid if saved else None,
    }
    return render(request, "catalog/search.html", context)


def _chips(query: Query) -> list[dict[str, str]]:
    parts: list[Filter | Text] = [*query.texts, *query.filters]
    return [{"text": str(part), "without": str(query.without(part))} for part in parts]


def _encoded(query: Query) -> str:
    return urlencode({"q": str(query)})


def _facets(query: Query, result: SearchResult) -> list[dict[str, Any]]:
    owners = [value for value, _ in result.facets.get("owner", [])]
    shown_owners = display_names(owners)
    facets = []
    for name, title in FACETS:
        chosen = {item.value for item in query.filters if item.field == name and not item.excluded}
        values = [
            {
                "value": value,
                "label": shown_owners.get(value, value) if name == "owner" else value,
                "count": count,
                "chosen": value in chosen,
            }
            for value, count in result.facets.get(name, [])[:SHOWN_VALUES]
        ]
        if values:
            facets.append({"name": name, "title": title, "values": values})
    return facets


PLACES = (
    ("Home", "home", "home", False),
    ("Datasets", "search", "search", False),
    ("Bookmarks", "bookmark", "bookmarks", False),
    ("Views", "filter", "views", False),
    ("Settings", "gear", "settings", False),
    ("API tokens", "lock", "tokens", False),
    ("Audit", "book", "audit", False),
    ("Keyboard and search language", "info", "keyboard", False),
    ("Runs", "run", "runs", True),
    ("Access", "lock", "access", True),
    ("Users and teams", "user", "users", True),
    ("System", "gear", "system", True),
    ("Connect a source", "plus", "connect", True),
)
"""Title, glyph, address, and whether only operators go there."""


@page_view
def palette(request: HttpRequest) -> HttpResponse:
    """The palette's list: datasets, catalogs and pages that fit what is typed."""
    principal = web_principal(request)
    text = request.GET.get("q", "")[:200].strip()
    items: Any = ()
    if text:
        try:
            items = search(query=parse_query(text), principal=principal, limit=PALETTE_HITS, facets=False).items
        except InvalidQuery:
            items = ()
    folded = text.casefold()
    places = [
        {"title": title, "icon": icon, "href": reverse(address), "kind": "page"}
        for title, icon, address, for_operators in (*PLACES, *((*page, False) for page in settings.RAIL_PAGES))
        if folded in title.casefold() and (principal.is_operator or not for_operators)
    ]
    places += [
        {"title": view.name, "icon": "filter", "href": reverse("view", args=[view.uuid]), "kind": "view"}
        for view in (selectors.list_views(principal=principal, limit=PALETTE_HITS, containing=text) if text else ())
    ]
    places += [
        {"title": view.name, "icon": "archive", "href": reverse("catalog", args=[view.name]), "kind": "catalog"}
        for view in catalogs_of(request, principal)
        if folded and folded in view.name.casefold()
    ]
    return render(request, "catalog/parts/palette.html", {"items": items, "places": places, "q": text})


@page_view
def keyboard(request: HttpRequest) -> HttpResponse:
    """Keys and the search language."""
    return render(request, "catalog/keyboard.html", {})
