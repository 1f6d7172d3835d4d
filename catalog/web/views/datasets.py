"""The dataset page: schema, versions, SQL, who said what; and its metadata, edited in place."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from catalog import selectors
from catalog.access import gate
from catalog.access.selectors import display_names, find_owner_handles
from catalog.connectors.base import ConnectorError
from catalog.domain.documents import counted
from catalog.domain.names import InvalidName
from catalog.domain.partitions import MAX_FILTER, InvalidFilter
from catalog.domain.snippets import snippets
from catalog.selectors import StoredDataset
from catalog.services import annotating
from catalog.services.annotating import Annotated
from catalog.services.definitions import VersionConflict
from catalog.templatetags.cairn import dataset_url, words
from catalog.templatetags.tabs import tabs_of
from catalog.web import errors
from catalog.web.context import number_of
from catalog.web.seen import remember
from catalog.web.signing_in import page_view, web_caller, web_principal

COLUMNS = 100
PARTITIONS = 50
SNAPSHOTS = 50
VERSIONS = 100
CLAIMS = 100


@page_view
def dataset(request: HttpRequest, name: str) -> HttpResponse:
    """Show a dataset, or carry out what one of its forms asks."""
    principal = web_principal(request)
    try:
        stored = selectors.get_dataset_by_name(name=name, principal=principal)
    except selectors.NoSuchDataset as error:
        return _not_found(request, error)
    except selectors.AmbiguousName as error:
        return errors.page(request, 409, "Several datasets have this name", str(error))
    except InvalidName as error:
        return errors.page(request, 404, "No dataset can have this name", str(error))
    more: dict[str, Any] = {}
    status = 200
    if request.method == "POST":
        try:
            done, text = _carry_out(request, stored)
            undo = (
                reverse("undo", args=[stored.uuid, done.claim])
                if done.claim and request.POST.get("action") != "undo"
                else ""
            )
            messages.success(request, text, extra_tags=undo)
            return redirect(dataset_url(stored.qualified_name, tab=request.GET.get("tab", "")))
        except VersionConflict:
            stored = selectors.get_dataset_by_name(name=name, principal=principal)
            more = {
                "conflict": "Compare it with what stands now, then save again.",
                "draft": request.POST.get("text", ""),
                "edit": "description",
            }
            status = 409
        except (annotating.InvalidAnnotation, annotating.NoSuchClaim, annotating.NoSuchColumn, ValueError) as error:
            more, status = {"error": str(error)}, 400
    response = render(request, "catalog/dataset.html", _context(request, stored) | more, status=status)
    remember(request, response, stored.uuid)
    return response


@page_view
def by_id(request: HttpRequest, dataset: uuid.UUID) -> HttpResponse:
    """Lead from an id, as programs keep it, to the page of the name it has now."""
    try:
        stored = selectors.get_dataset(dataset_uuid=dataset, principal=web_principal(request))
    except selectors.NoSuchDataset as error:
        return _not_found(request, error)
    return redirect(dataset_url(stored.qualified_name))


def _not_found(request: HttpRequest, error: selectors.NoSuchDataset) -> HttpResponse:
    return errors.page(
        request,
        404,
        "No dataset is named",
        "Check the spelling, or search for a part of the name.",
        asked=error.asked,
        renamed_to=error.renamed_to,
        renamed_at=selectors.former_name_ended_at(error.asked) if error.renamed_to else None,
        near=error.near,
        search=error.asked.rpartition("/")[2],
    )


def _carry_out(request: HttpRequest, stored: StoredDataset) -> tuple[Annotated, str]:
    """Make the one call that a form asks for; return what it did and what to say."""
    caller = web_caller(request)
    given = request.POST
    column = given.get("column") or None
    where = f" of {column}" if column else ""
    match given.get("action"):
        case "describe":
            expected = given.get("expected_version", "")
            done = annotating.describe(
                caller=caller,
                dataset_uuid=stored.uuid,
                text=given.get("text", "").replace("\r\n", "\n"),
                column=column,
                expected_version=int(expected) if expected.isdigit() else None,
            )
            return done, f"Description{where} saved."
        case "add_tag":
            tag = given.get("tag", "").strip()
            return annotating.add_tag(caller=caller, dataset_uuid=stored.uuid, tag=tag, column=column), f"Tagged {tag}."
        case "remove_tag":
            tag = given.get("tag", "")
            done = annotating.remove_tag(caller=caller, dataset_uuid=stored.uuid, tag=tag, column=column)
            return done, f"Tag {tag} removed."
        case "add_owner":
            owner = given.get("owner", "").strip()
            return annotating.add_owner(caller=caller, dataset_uuid=stored.uuid, owner=owner), f"{owner} owns it now."
        case "remove_owner":
            owner = given.get("owner", "")
            done = annotating.remove_owner(caller=caller, dataset_uuid=stored.uuid, owner=owner)
            return done, f"{owner} does not own it any more."
        case "undo":
            claim = uuid.UUID(given.get("claim", ""))
            return annotating.undo_claim(caller=caller, dataset_uuid=stored.uuid, claim_uuid=claim), "Taken back."
        case action:
            raise ValueError(f"there is no action {str(action)[:50]!r} on a dataset")


@page_view
def undo(request: HttpRequest, dataset: uuid.UUID, claim: uuid.UUID) -> HttpResponse:
    """Take back what the last form did, as its toast offers."""
    stored = selectors.get_dataset(dataset_uuid=dataset, principal=web_principal(request))
    if request.method == "POST":
        annotating.undo_claim(caller=web_caller(request), dataset_uuid=dataset, claim_uuid=claim)
        messages.success(request, "Taken back.")
    return redirect(dataset_url(stored.qualified_name))


def _context(request: HttpRequest, stored: StoredDataset) -> dict[str, Any]:
    principal = web_principal(request)
    body = orjson.loads(stored.body)
    shown = display_names([*body["owners"], *_authors(body)])
    context: dict[str, Any] = {
        "section": "search",
        "current_catalog": body["catalog"],
        "d": body,
        "owners": [{"handle": handle, "shown": shown[handle]} for handle in body["owners"]],
        "bookmarked": selectors.is_bookmarked(principal=principal, dataset_uuid=stored.uuid),
        "may_edit": gate.may(principal, gate.EDIT, stored.access_class_id),
        "description_author": shown.get(body["description"]["author"], "") if body["description"] else "",
        "own_description": body["description"]["text"]
        if body["description"] and body["description"]["said_by"] == "person"
        else "",
    }
    if not stored.is_whole:
        return context
    tab = request.GET.get("tab", "schema")
    tab = tab if tab in {each.key for each in tabs_of(body) if each.is_own} else "schema"
    tags = {tag for column in body["columns"] for tag in column["tags"]} | set(body["tags"])
    context |= {
        "tab": tab,
        "tab_template": f"catalog/parts/tab_{tab}.html",
        "columns_total": len(body["columns"]),
        "snippets": snippets(body),
        "sensitive": "pii" in tags,
    }
    if context["may_edit"]:
        context |= {
            "owner_choices": find_owner_handles("", limit=50),
            "tag_choices": selectors.list_tags(principal=principal, limit=50),
        }
    return context | _TAB_CONTEXTS[tab](request, stored, body, shown)


def _authors(body: Mapping[str, Any]) -> Sequence[str]:
    claims = [body["description"], *(column["description"] for column in body.get("columns", ()))]
    return [claim["author"] for claim in claims if claim and claim["author"]]


def _schema(
    request: HttpRequest, stored: StoredDataset, body: Mapping[str, Any], shown: Mapping[str, str]
) -> dict[str, Any]:
    find = request.GET.get("column", "")[:200]
    found = selectors.matching_columns(body["columns"], find)
    start = min(number_of(request.GET.get("start"), digits=8) or 0, max(0, len(found) - 1))
    columns = [
        {
            **column,
            "short_type": "struct" if column["type"].startswith("struct<") else _short(column["type"]),
            "author": shown.get(column["description"]["author"], "") if column["description"] else "",
        }
        for column in found[start : start + COLUMNS]
    ]
    following = start + COLUMNS
    return {
        "columns": columns,
        "find": find,
        "found_total": len(found),
        "more": len(found) > COLUMNS,
        "shown_from": start + 1,
        "shown_to": min(following, len(found)),
        "previous": max(0, start - COLUMNS) if start else None,
        "following": following if following < len(found) else None,
    }


def _short(printed: str) -> str:
    for outer in ("list<struct<", "map<"):
        if printed.startswith(outer) and len(printed) > 40:
            return outer.rstrip("<").replace("<", " of ")
    return printed


def _partitions(
    request: HttpRequest, stored: StoredDataset, body: Mapping[str, Any], shown: Mapping[str, str]
) -> dict[str, Any]:
    wanted = request.GET.get("filter", "")
    context: dict[str, Any] = {"filter": wanted[:MAX_FILTER], "partitions": (), "example": _example(body)}
    try:
        page = selectors.list_partitions(
            dataset_uuid=stored.uuid,
            principal=web_principal(request),
            wanted=wanted,
            after=request.GET.get("after", ""),
            limit=PARTITIONS,
        )
    except InvalidFilter as error:
        return context | {"filter_error": str(error)}
    except (ConnectorError, selectors.Unsupported) as error:
        return context | {"source_error": str(error)}
    usual = (body["location"] or "").rstrip("/")
    shown_items = [
        {
            "name": partition.name,
            # Where it lies is worth a line only if that is elsewhere than its name says.
            "location": "" if partition.location == f"{usual}/{partition.name}" else partition.location,
            "created_at": partition.created_at,
            "rows": counted(partition.properties.get("numRows", "")),
            "size": counted(partition.properties.get("totalSize", "")),
        }
        for partition in page.items
    ]
    return context | {"partitions": shown_items, "after": page.next}


def _snapshots(
    request: HttpRequest, stored: StoredDataset, body: Mapping[str, Any], shown: Mapping[str, str]
) -> dict[str, Any]:
    try:
        history = selectors.get_table_history(dataset_uuid=stored.uuid, principal=web_principal(request))
    except (ConnectorError, selectors.Unsupported) as error:
        return {"source_error": str(error)}
    total = len(history.snapshots)
    start = min(number_of(request.GET.get("start"), digits=8) or 0, max(0, total - 1))
    following = start + SNAPSHOTS
    return {
        "snapshots": history.snapshots[start:following],
        "first": start + 1,
        "last": min(following, total),
        "total": total,
        "previous": max(0, start - SNAPSHOTS) if start else None,
        "following": following if following < total else None,
        "refs": history.refs,
        "layouts_by_title": (("Partitioning", history.specs), ("Sort order", history.sort_orders)),
    }


def _example(body: Mapping[str, Any]) -> str:
    """Return a filter that the table's first key could have."""
    key = selectors.partition_keys(body)[0]
    return f"{key.name} >= 1" if key.is_numeric else f"{key.name} >= '2026-11-01'"


def _versions(
    request: HttpRequest, stored: StoredDataset, body: Mapping[str, Any], shown: Mapping[str, str]
) -> dict[str, Any]:
    principal = web_principal(request)
    found = selectors.list_versions(
        dataset_uuid=stored.uuid,
        principal=principal,
        before=number_of(request.GET.get("before"), digits=8),
        limit=VERSIONS + 1,
    )
    versions = found[:VERSIONS]
    first, last = number_of(request.GET.get("from"), digits=8), number_of(request.GET.get("to"), digits=8)
    comparison = None
    if first and last:
        try:
            comparison = [
                change.to_json()
                for change in selectors.diff_versions(
                    dataset_uuid=stored.uuid, first=first, last=last, principal=principal
                )
            ]
        except selectors.NoSuchVersion:
            comparison = None
    return {
        "versions": [
            {
                "number": version.number,
                "recorded_at": version.recorded_at,
                "changes": version.changes,
                "cause_text": "changed through Cairn" if "intent" in version.cause else "found by a sync",
            }
            for version in versions
        ],
        "comparison": comparison,
        "compare_from": first or (versions[1].number if len(versions) > 1 else None),
        "compare_to": last or (versions[0].number if versions else None),
        "before": versions[-1].number if len(found) > VERSIONS else None,
    }


def _history(
    request: HttpRequest, stored: StoredDataset, body: Mapping[str, Any], shown: Mapping[str, str]
) -> dict[str, Any]:
    found = selectors.list_claims(
        dataset_uuid=stored.uuid,
        principal=web_principal(request),
        before=number_of(request.GET.get("before")),
        limit=CLAIMS + 1,
    )
    claims = found[:CLAIMS]
    names = display_names(
        sorted({claim.author for claim in claims} | {claim.ended_by for claim in claims if claim.ended_by})
    )
    return {
        "claims": [
            {
                "uuid": claim.uuid,
                "text": _claim_text(claim),
                "said_by": claim.said_by,
                "can_be_undone": claim.aspect != "finding",
                "author": names.get(claim.author, claim.author),
                "said_at": claim.said_at,
                "ended_at": claim.ended_at,
                "ended_by": names.get(claim.ended_by, claim.ended_by),
            }
            for claim in claims
        ],
        "before": claims[-1].number if len(found) > CLAIMS else None,
    }


def _claim_text(claim: selectors.ClaimView) -> str:
    of = f" of {claim.column}" if claim.column else ""
    match claim.aspect:
        case "description":
            return f"Description{of}: {str(claim.value)[:300]}"
        case "property":
            value = claim.value if isinstance(claim.value, str) else orjson.dumps(claim.value).decode()
            return f"Property {claim.key}: {value[:300]}"
        case "finding":
            return f"Finding{of}: {words(claim.key)}, {claim.status}"
        case aspect:
            return f"{aspect.title()}{of}: {claim.key}"


def _sql(
    request: HttpRequest, stored: StoredDataset, body: Mapping[str, Any], shown: Mapping[str, str]
) -> dict[str, Any]:
    return {}


_TAB_CONTEXTS = {
    "schema": _schema,
    "partitions": _partitions,
    "snapshots": _snapshots,
    "versions": _versions,
    "history": _history,
    "sql": _sql,
}
