"""Policies: their list, the editor with its dry run, what they say of a dataset, and what violates them."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from catalog.access import gate
from catalog.access.selectors import display_names
from catalog.selectors import get_dataset_by_name, require_details
from catalog.selectors.datasets import Listed, names_by_uuid
from catalog.web import errors
from catalog.web.context import number_of
from catalog.web.signing_in import page_view, web_caller, web_principal
from policy.domain.envelope import MAX_TEXT, InvalidPolicy
from policy.domain.facts import RESOURCES
from policy.selectors.dry_runs import DryRun, dry_run
from policy.selectors.policies import (
    NoSuchPolicy,
    VersionView,
    get_policy,
    get_version,
    known_policies,
    lint,
    list_policies,
    list_versions,
    may_write_policies,
)
from policy.selectors.verdicts import dataset_verdicts, find_waiver
from policy.selectors.violations import NoSuchViolation, ViolationView, count_by_owner, get_violation, list_violations
from policy.services import policies as writes
from policy.starters import starter_policies

PAGE = 50
CHOICES = 200
"""So many policies are offered to choose from; each one's own page leads to what breaks it."""
VERSIONS = 20
WAIVER_DAYS = 30
BLANK = """\
policy: name-of-the-policy
title: What shall be true
resource: dataset
scope:
  datasets: ["**"]
assert: dataset.owners.size() > 0
severity: medium
message: "{dataset.qualified_name} has no owner"
examples:
  pass:
    - dataset: {owners: ["user:mara"]}
  fail:
    - dataset: {owners: []}
"""
CHANGES = (
    ("newly_failing", "newly failing", "fail"),
    ("newly_passing", "newly passing", "ok"),
    ("still_failing", "still failing", ""),
    ("still_passing", "still passing", ""),
)


def _page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page that says of a policy or violation that is not there what to do."""

    @functools.wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NoSuchPolicy as error:
            return errors.page(request, 404, "No such policy", f"{error}. It may have another name.")
        except NoSuchViolation as error:
            return errors.page(request, 404, "No such violation", f"{error}. It may have been mended.")

    return page_view(shown)


@_page
def policies(request: HttpRequest) -> HttpResponse:
    """List policies; those to begin with that are not there yet."""
    if request.method == "POST":
        return _start(request)
    principal = web_principal(request)
    found = list_policies(principal=principal, after=request.GET.get("after", ""), limit=PAGE + 1)
    may_write = may_write_policies(principal)
    starters = starter_policies() if may_write else {}
    known = known_policies(starters)
    offered = [
        {"slug": slug, "title": rule.title, "description": rule.description}
        for slug, text in starters.items()
        if slug not in known and (rule := lint(text).rule) is not None
    ]
    return render(
        request,
        "policy/policies.html",
        {
            "section": "policies",
            "policies": found[:PAGE],
            "after": found[PAGE - 1].slug if len(found) > PAGE else None,
            "may_write": may_write,
            "starters": offered,
        },
    )


def _start(request: HttpRequest) -> HttpResponse:
    """Save one of the policies to begin with, and lead to it."""
    text = starter_policies().get(request.POST.get("starter", ""))
    if text is None:
        return redirect("policies")
    slug, number = writes.save_policy(caller=web_caller(request), text=text)
    messages.success(request, "It is a draft; a dry run shows what it would find.")
    return redirect(f"{reverse('policy', args=[slug])}?version={number}&dry=1")


@_page
def new_policy(request: HttpRequest) -> HttpResponse:
    """The editor of a policy that is not there yet."""
    if not may_write_policies(web_principal(request)):
        raise gate.Denied("writing policies needs the role steward on some part of the catalog")
    return _editor(request, None)


@_page
def policy(request: HttpRequest, slug: str) -> HttpResponse:
    """The editor of a policy: its text, what is wrong with it, a dry run, versions, and what violates it."""
    shown = get_version(slug=slug, number=number_of(request.GET.get("version"), digits=8))
    return _editor(request, shown)


def _editor(request: HttpRequest, shown: VersionView | None) -> HttpResponse:
    principal = web_principal(request)
    text = shown.text if shown is not None else BLANK
    problem, status = "", 200
    wants_dry_run = request.GET.get("dry") == "1"
    if request.method == "POST":
        text = request.POST.get("text", text)[: MAX_TEXT + 1].replace("\r\n", "\n")
        try:
            answer = _done(request, shown, text)
            if answer is not None:
                return answer
            wants_dry_run = request.POST.get("action") == "dry_run"
        except InvalidPolicy as error:
            problem, status = str(error), 400
    linted = lint(text)
    may_write = may_write_policies(principal)
    found = None
    if wants_dry_run and may_write and linted.rule is not None:
        found = dry_run(principal=principal, text=text)
    slug = shown.slug if shown is not None else ""
    before = number_of(request.GET.get("before"), digits=8)
    versions = list_versions(slug=slug, before=before, limit=VERSIONS + 1) if slug else ()
    open_ones: Listed[ViolationView] = (
        list_violations(principal=principal, policy=slug, limit=PAGE) if slug else Listed([])
    )
    owners = display_names(sorted({owner for each in open_ones.items for owner in each.owners}))
    facts = RESOURCES[linted.rule.resource if linted.rule is not None else "column"]
    context = {
        "section": "policies",
        "shown": shown,
        "text": text,
        "lines": text.count("\n") + 1,
        "is_changed": shown is None or text != shown.text,
        "linted": linted,
        "problem": problem if problem and linted.is_sound else "",
        "may_write": may_write,
        "dry": _told(found) if found is not None else None,
        "versions": versions[:VERSIONS],
        "older": versions[VERSIONS - 1].number if len(versions) > VERSIONS else None,
        "view": get_policy(principal=principal, slug=slug) if slug else None,
        "violations": open_ones.items,
        "more_violations": open_ones.next is not None,
        "owner_names": owners,
        "facts": facts,
        "told_facts": [asdict(fact) for fact in facts],
    }
    return render(request, "policy/policy.html", context, status=status)


def _done(request: HttpRequest, shown: VersionView | None, text: str) -> HttpResponse | None:
    """Do what a form asks; return where to go, None for what stores nothing. :raises InvalidPolicy: if the text is none."""
    caller, action = web_caller(request), request.POST.get("action")
    if action == "save":
        slug, number = writes.save_policy(caller=caller, text=text)
        messages.success(request, f"Version {number} is saved. It judges once it is activated.")
        return redirect(f"{reverse('policy', args=[slug])}?version={number}&dry=1")
    if action == "activate" and shown is not None:
        writes.activate(caller=caller, slug=shown.slug, number=shown.number)
        messages.success(request, f"Version {shown.number} judges now; everything is judged anew in a moment.")
        return redirect("policy", shown.slug)
    if action == "retire" and shown is not None:
        writes.retire(caller=caller, slug=shown.slug)
        messages.success(request, "It judges no more; its violations are resolved in a moment.")
        return redirect("policy", shown.slug)
    return None


def _told(found: DryRun) -> Mapping[str, Any]:
    total = max(1, found.judged)
    bars, at = [], 0.0
    for name, tone in (
        ("newly_failing", "fail"),
        ("still_failing", "still"),
        ("newly_passing", "ok"),
        ("still_passing", "rest"),
    ):
        width = found.changes[name] * 100 / total
        bars.append({"tone": tone, "x": f"{at:.2f}", "width": f"{width:.2f}"})
        at += width
    return {
        "run": found,
        "figures": [(title, found.changes[name], tone) for name, title, tone in CHANGES],
        "bars": bars,
        "catalogs": sorted(
            (
                (name, counts["newly_failing"], counts["newly_passing"], counts["still_failing"])
                for name, counts in found.by_catalog.items()
            ),
            key=lambda row: (-row[1], row[0]),
        ),
        "errors": found.counts["error"],
        "not_applicable": found.counts["not_applicable"],
        "newly": found.newly_failing,
        "owners": display_names(sorted({owner for each in found.newly_failing for owner in each["owners"]})),
    }


@_page
def dataset_policies(request: HttpRequest, name: str) -> HttpResponse:
    """Show what the active policies say of a dataset."""
    principal = web_principal(request)
    stored = get_dataset_by_name(name=name, principal=principal)
    require_details(stored, principal, "reading what policies say of it")
    body = orjson.loads(stored.body)
    found = dataset_verdicts(principal=principal, dataset_uuid=stored.uuid)
    order = {"fail": 0, "error": 1, "waived": 2, "pass": 3, "not_applicable": 4}
    return render(
        request,
        "policy/dataset.html",
        {
            "section": "search",
            "current_catalog": body["catalog"],
            "d": body,
            "verdicts": sorted(found, key=lambda each: (order[each.verdict], each.policy, each.column)),
            "bad": sum(each.columns or 1 for each in found if each.verdict in ("fail", "error")),
            "passing": sum(each.verdict == "pass" for each in found),
            "past": list_violations(principal=principal, dataset_uuid=stored.uuid, resolved=True, limit=20).items,
        },
    )


@_page
def violations(request: HttpRequest) -> HttpResponse:
    """List violations, by owner and by policy."""
    principal = web_principal(request)
    given = request.GET
    slug, owner = given.get("policy", ""), given.get("owner", "")
    verdict = given.get("verdict", "")
    verdict = verdict if verdict in ("fail", "error", "waived") else ""
    resolved = given.get("resolved") == "1"
    found = list_violations(
        principal=principal,
        policy=slug,
        owner=owner,
        verdict=verdict,
        resolved=resolved,
        before=number_of(given.get("before")),
        limit=PAGE,
    )
    owners = count_by_owner(principal=principal, policy=slug)
    shown = {handle for each in found.items for handle in each.owners}
    names = display_names([handle for handle, _ in owners.counts] + sorted(shown))
    choices = list_policies(principal=principal, limit=CHOICES)
    return render(
        request,
        "policy/violations.html",
        {
            "section": "violations",
            "violations": found.items,
            "before": found.next,
            "slug": slug,
            "owner": owner,
            "verdict": verdict,
            "resolved": resolved,
            "owners": [
                (handle, "Nobody" if handle == "-" else names[handle], count) for handle, count in owners.counts[:12]
            ],
            "total": owners.total,
            "all_are_counted": owners.is_whole,
            "owner_names": names,
            "policies": choices,
            "is_offered": any(each.slug == slug for each in choices),
        },
    )


@_page
def violation(request: HttpRequest, violation: uuid.UUID) -> HttpResponse:
    """Show why something breaks a policy; let it be for a time."""
    principal = web_principal(request)
    found = get_violation(principal=principal, violation_uuid=violation)
    problem = ""
    if request.method == "POST":
        try:
            _waive(request, found)
            return redirect("violation", violation)
        except writes.InvalidWaiver as error:
            problem = str(error)
    stewarded = names_by_uuid(principal=principal, uuids=[found.dataset_uuid], role=gate.STEWARD)
    waiver = find_waiver(policy=found.policy, dataset_uuid=found.dataset_uuid, column_uuid=found.column_uuid)
    return render(
        request,
        "policy/violation.html",
        {
            "section": "violations",
            "violation": found,
            "version": get_version(slug=found.policy, number=found.policy_version),
            "waiver": waiver,
            "may_waive": bool(stewarded) and found.resolved_at is None,
            "until": (datetime.now(UTC) + timedelta(days=WAIVER_DAYS)).date().isoformat(),
            "problem": problem,
            "reason": request.POST.get("reason", ""),
            "owner_names": display_names(list(found.owners)),
        },
        status=400 if problem else 200,
    )


def _waive(request: HttpRequest, found: ViolationView) -> None:
    caller, given = web_caller(request), request.POST
    if given.get("action") == "end":
        try:
            waiver = uuid.UUID(given.get("waiver", ""))
        except ValueError:
            raise writes.InvalidWaiver("the form names no waiver; load the page anew") from None
        writes.end_waiver(caller=caller, waiver_uuid=waiver)
        messages.success(request, "The waiver is ended; it counts as violated again in a moment.")
        return
    try:
        until = datetime.fromisoformat(given.get("until", "")).replace(tzinfo=UTC)
    except ValueError:
        raise writes.InvalidWaiver("write the day until which it is let be, such as 2026-12-31") from None
    writes.waive(
        caller=caller, violation_uuid=found.uuid, reason=given.get("reason", ""), expires_at=until + timedelta(days=1)
    )
    messages.success(request, f"It is let be until {until.date().isoformat()}.")
