"""The quality of a dataset; findings and checks of all."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from catalog.access import gate
from catalog.domain.findings import standing_findings
from catalog.selectors import StoredDataset, get_dataset_by_name, require_details
from catalog.selectors.datasets import names_by_uuid
from catalog.selectors.findings import FindingView, count_findings, list_findings
from catalog.services import inferring
from catalog.services.annotating import NoSuchClaim, NoSuchColumn
from catalog.web.context import number_of
from catalog.web.signing_in import page_view, web_caller, web_principal
from detection import selectors
from detection.domain.checks import CheckKind, InvalidCheck, Severity
from detection.services import checks as writes
from detection.services import scans

COLUMNS = 200
PAGE = 50
KINDS = {
    CheckKind.COMPLETENESS: "Completeness: it is never empty",
    CheckKind.UNIQUENESS: "Uniqueness: each value once",
    CheckKind.RANGE: "Range: between two numbers or times",
    CheckKind.ACCEPTED_VALUES: "Accepted values: one of a list",
    CheckKind.FRESHNESS: "Freshness: the newest is not too old",
    CheckKind.ROW_COUNT: "Row count: of the whole dataset",
}
METHODS = {
    "all": "all rows",
    "reservoir": "rows drawn at random",
    "blocks": "runs of rows from places drawn at random",
    "first": "the first rows that the source gave",
}
TRIED_FIELDS = ("kind", "column", "share", "least", "greatest", "values", "hours", "severity")


@page_view
def quality(request: HttpRequest, name: str) -> HttpResponse:
    """Show what a dataset's rows are like, or carry out what one of the forms asks."""
    principal = web_principal(request)
    stored = get_dataset_by_name(name=name, principal=principal)
    require_details(stored, principal, "reading what its rows are like")
    problem = ""
    if request.method == "POST":
        try:
            messages.success(request, _carry_out(request, stored))
            return redirect("quality", stored.qualified_name)
        except (InvalidCheck, NoSuchColumn, NoSuchClaim, selectors.NoSuchCheck) as error:
            problem = str(error)
    return render(request, "detection/quality.html", _context(request, stored, problem), status=400 if problem else 200)


def _context(request: HttpRequest, stored: StoredDataset, problem: str) -> dict[str, Any]:
    principal = web_principal(request)
    body = orjson.loads(stored.body)
    found = selectors.get_quality(principal=principal, dataset_uuid=stored.uuid)
    history = selectors.last_statuses([check.uuid for check in found.checks])
    passing = sum(check.status == "pass" for check in found.checks)
    profile = found.profile or {}
    known = {column["path"]: column for column in body["columns"]}
    columns = [_column(column, known.get(column["path"], {}), profile["rows"]) for column in profile.get("columns", ())]
    return {
        "section": "search",
        "current_catalog": body["catalog"],
        "d": body,
        "parts": stored.qualified_name.split("/"),
        "quality": found,
        "profile": profile,
        "method": METHODS.get(profile.get("method", ""), ""),
        "columns": columns[:COLUMNS],
        "more_columns": max(0, len(columns) - COLUMNS),
        "findings": [
            {"column": column["path"], **finding}
            for column in body["columns"]
            for finding in column.get("findings", ())
        ],
        "checks": [{"row": check, "history": history[check.uuid]} for check in found.checks],
        "passing": passing,
        "failing": sum(check.status == "fail" for check in found.checks),
        "may_edit": gate.may(principal, gate.EDIT, stored.access_class_id),
        "may_decide": gate.may(principal, gate.STEWARD, stored.access_class_id),
        "kinds": KINDS.items(),
        "severities": list(Severity),
        "choices": [column["path"] for column in body["columns"]][:1_000],
        "problem": problem,
        "tried": {field: request.POST.get(field, "") if problem else "" for field in TRIED_FIELDS},
    }


def _column(profiled: Mapping[str, Any], known: Mapping[str, Any], rows: int) -> dict[str, Any]:
    empty = profiled["nulls"] / rows if rows else 0.0
    return {
        **profiled,
        "type": known.get("type", ""),
        "empty": f"{empty:.1%}" if 0.0005 <= empty < 1 else f"{empty:.0%}",
        "empty_width": round(empty * 100, 1),
        "range": _range(profiled),
        "finding": next((each["type"] for each in standing_findings(known)), ""),
    }


def _range(profiled: Mapping[str, Any]) -> str:
    if "longest" in profiled:
        least, greatest = profiled["shortest"], profiled["longest"]
        return f"{least:,} to {greatest:,} characters" if least != greatest else f"{least:,} characters"
    if "least" not in profiled:
        return ""
    ends = [_told(profiled["least"]), _told(profiled["greatest"])]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _told(value: Any) -> str:
    if isinstance(value, str):
        return value.replace("T", " ").removesuffix(" 00:00:00")
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"


def _carry_out(request: HttpRequest, stored: StoredDataset) -> str:
    """Make the one call that a form asks for; return what to say."""
    caller, given = web_caller(request), request.POST
    match given.get("action"):
        case "scan":
            run = scans.request_scan(caller=caller, dataset_uuid=stored.uuid)
            return "It is scanned in a moment." if run else "Its catalog is paused; it is scanned when that is resumed."
        case "add_check":
            writes.add_check(
                caller=caller,
                dataset_uuid=stored.uuid,
                kind=given.get("kind", ""),
                column="" if given.get("kind") == CheckKind.ROW_COUNT else given.get("column", ""),
                arguments=_arguments(given),
                severity=given.get("severity", Severity.MEDIUM),
            )
            return "The check is added; it is judged in a moment."
        case "remove_check":
            writes.remove_check(caller=caller, check_uuid=_uuid(given.get("check")))
            return "The check is taken away."
        case "accepted" | "rejected" as decision:
            finding = _uuid(given.get("finding"))
            inferring.decide(caller=caller, dataset_uuid=stored.uuid, finding=finding, accept=decision == "accepted")
            return (
                "Accepted; the column is tagged." if decision == "accepted" else "Rejected; it is not suggested again."
            )
        case action:
            raise InvalidCheck(f"there is no action {str(action)[:50]!r} here")


def _uuid(text: str | None) -> uuid.UUID:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        raise InvalidCheck("the form names nothing that is here; load the page anew") from None


def _arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a check's arguments from a form, those of its kind. :raises InvalidCheck: for what is no number."""
    kind = given.get("kind")
    found: dict[str, Any] = {}
    if kind in (CheckKind.RANGE, CheckKind.ROW_COUNT):
        found |= {name: _bound(given.get(name, "")) for name in ("least", "greatest") if given.get(name, "").strip()}
    if kind == CheckKind.ACCEPTED_VALUES:
        found["values"] = [line.strip() for line in given.get("values", "").splitlines() if line.strip()]
    if kind == CheckKind.FRESHNESS:
        found["max_age_seconds"] = _number(given.get("hours", ""), "Hours") * 3_600
    if kind not in (CheckKind.FRESHNESS, CheckKind.ROW_COUNT) and given.get("share", "").strip() not in ("", "100"):
        found["share"] = _number(given["share"], "Share") / 100
    return found


def _bound(text: str) -> int | float | str:
    text = text.strip()
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _number(text: str, what: str) -> float:
    try:
        return float(text.strip())
    except ValueError:
        raise InvalidCheck(f"{what}: {text[:30]!r} is no number") from None


@page_view
def findings(request: HttpRequest) -> HttpResponse:
    """List what columns seem to hold, those that nobody has decided about first of all."""
    principal = web_principal(request)
    status = request.GET.get("status", "suggested")
    status = status if status in ("suggested", "accepted", "rejected") else "suggested"
    kind = request.GET.get("type", "")
    before = number_of(request.GET.get("before"))
    found = list_findings(principal=principal, kind=kind, status=status, before=before, limit=PAGE + 1)
    counted = count_findings(principal=principal, status=status)
    return render(
        request,
        "detection/findings.html",
        {
            "section": "findings",
            "findings": found[:PAGE],
            "before": found[PAGE - 1].number if len(found) > PAGE else None,
            "status": status,
            "statuses": (("suggested", "Waiting"), ("accepted", "Accepted"), ("rejected", "Rejected")),
            "decidable": _decidable(request, found[:PAGE]),
            "kind": kind,
            "counts": [(each, each.replace("_", " "), count) for each, count in counted.counts],
            "total": counted.total,
            "all_are_counted": counted.is_whole,
        },
    )


def _decidable(request: HttpRequest, found: Sequence[FindingView]) -> set[uuid.UUID]:
    """Return those of some findings that who asks may decide about."""
    datasets = names_by_uuid(
        principal=web_principal(request), uuids=[each.dataset_uuid for each in found], role=gate.STEWARD
    )
    return {each.uuid for each in found if each.dataset_uuid in datasets and each.status == "suggested"}


@page_view
def checks(request: HttpRequest) -> HttpResponse:
    """List checks of all datasets, by how they ended."""
    principal = web_principal(request)
    status = request.GET.get("status", "fail")
    status = status if status in ("fail", "error", "pass", "all") else "fail"
    found = selectors.list_checks(
        principal=principal,
        status="" if status == "all" else status,
        before=number_of(request.GET.get("before")),
        limit=PAGE,
    )
    return render(
        request,
        "detection/checks.html",
        {
            "section": "checks",
            "checks": found.items,
            "before": found.next,
            "status": status,
            "statuses": (("fail", "Failing"), ("error", "Not judged"), ("pass", "Passing"), ("all", "All")),
        },
    )
