"""Access for operators: grants, restrictions, users, teams; and the audit."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from catalog.access import gate, selectors, services
from catalog.access.principals import ROLES, NoSuchPrincipal
from catalog.domain.names import InvalidName
from catalog.web import undoing
from catalog.web.context import number_of, place_of
from catalog.web.signing_in import page_view, web_caller, web_principal

PAGE = 100
GRANTS = 500
MEMBERS = 1_000
_REFUSALS = (services.InvalidAccess, NoSuchPrincipal, InvalidName, ValueError)


@page_view
def access(request: HttpRequest) -> HttpResponse:
    """Grants and restrictions, for operators."""
    principal = web_principal(request)
    gate.require_operator(principal, what="managing access")
    error = ""
    if request.method == "POST":
        try:
            _carry_out(request)
            return redirect("access")
        except _REFUSALS as refused:
            error = str(refused)
    grants = selectors.list_grants(principal=principal, after=place_of(request), limit=PAGE + 1)
    restricted_after = request.GET.get("restricted_after", "")[:500]
    restrictions = selectors.list_restrictions(principal=principal, after=restricted_after, limit=PAGE + 1)
    context = {
        "section": "access",
        "grants": grants[:PAGE],
        "last_grant": grants[PAGE - 1] if len(grants) > PAGE else None,
        "restrictions": restrictions[:PAGE],
        "last_restriction": restrictions[PAGE - 1][1] if len(restrictions) > PAGE else None,
        "roles": ROLES,
        "handles": selectors.find_owner_handles("", limit=200),
        "error": error,
    }
    return render(request, "catalog/access.html", context, status=400 if error else 200)


def _carry_out(request: HttpRequest) -> None:
    caller = web_caller(request)
    given = request.POST
    match given.get("action"):
        case "grant":
            kind, _, name = given.get("to", "").strip().partition(":")
            if kind and kind not in ("user", "team"):
                raise ValueError("grant to user:NAME, to team:NAME, or leave it empty for everyone")
            services.create_grant(
                caller=caller,
                role=given.get("role", ""),
                pattern=given.get("pattern", "").strip(),
                username=name if kind == "user" else None,
                team=name if kind == "team" else None,
            )
            messages.success(request, "Granted.")
        case "revoke_grant":
            was = services.revoke_grant(caller=caller, grant_uuid=uuid.UUID(given.get("id", "")))
            undoing.offer(request, "Grant revoked.", "grant", was)
        case "restrict":
            services.create_restriction(caller=caller, pattern=given.get("pattern", "").strip())
            messages.success(request, "Restricted.")
        case "lift":
            pattern = services.revoke_restriction(caller=caller, restriction_uuid=uuid.UUID(given.get("id", "")))
            undoing.offer(request, "Restriction lifted.", "restriction", {"pattern": pattern})
        case action:
            raise ValueError(f"there is no action {str(action)[:50]!r} here")


@page_view
def users(request: HttpRequest) -> HttpResponse:
    """Users and teams, and the forms that make them."""
    principal = web_principal(request)
    gate.require_operator(principal, what="managing users")
    context: dict[str, Any] = {"section": "users", "given": request.POST}
    if request.method == "POST":
        try:
            return _make(request)
        except _REFUSALS as error:
            context["error"] = str(error)
    text, team = request.GET.get("q", "")[:200], request.GET.get("team", "")[:100]
    found = selectors.list_users(
        principal=principal, text=text, team=team or None, after=request.GET.get("after", ""), limit=PAGE + 1
    )
    teams = selectors.list_teams(principal=principal, after=request.GET.get("after_team", "")[:100], limit=PAGE + 1)
    context |= {
        "users": found[:PAGE],
        "after": found[PAGE - 1].username if len(found) > PAGE else None,
        "teams": teams[:PAGE],
        "last_team": teams[PAGE - 1].name if len(teams) > PAGE else None,
        "text": text,
        "team": team,
    }
    return render(request, "catalog/users.html", context, status=400 if "error" in context else 200)


def _make(request: HttpRequest) -> HttpResponse:
    caller, given = web_caller(request), request.POST
    match given.get("action"):
        case "user":
            user = services.create_user(
                caller=caller,
                username=given.get("username", "").strip(),
                password=given.get("password") or None,
                display_name=given.get("display_name", "")[:200],
                email=given.get("email", "").strip()[:254],
            )
            messages.success(request, f"{user.username} can sign in." if given.get("password") else "User created.")
            return redirect("user", user.username)
        case "team":
            team = services.create_team(
                caller=caller,
                name=given.get("name", "").strip(),
                display_name=given.get("display_name", "")[:200],
                members=_names(given.get("members", "")),
            )
            messages.success(request, f"Team {team.name} created.")
            return redirect("team", team.name)
        case action:
            raise ValueError(f"there is no action {str(action)[:50]!r} here")


def _names(text: str) -> list[str]:
    return text.replace(",", " ").split()


@page_view
def user(request: HttpRequest, username: str) -> HttpResponse:
    """A user: who they are, what they are granted, their tokens; and the forms that change that."""
    principal = web_principal(request)
    gate.require_operator(principal, what="managing users")
    error = ""
    found = selectors.get_user(principal=principal, username=username)
    if request.method == "POST":
        try:
            _change_user(request, found)
            return redirect("user", username)
        except _REFUSALS as refused:
            error = str(refused)
    context = {
        "section": "users",
        "user": found,
        "grants": selectors.list_grants(principal=principal, username=username, limit=GRANTS),
        "tokens": selectors.list_tokens(principal=principal, username=username),
        "error": error,
    }
    return render(request, "catalog/user.html", context, status=400 if error else 200)


def _change_user(request: HttpRequest, found: selectors.UserView) -> None:
    caller, given = web_caller(request), request.POST
    match given.get("action"):
        case "profile":
            changes = {"display_name": given.get("display_name", "")[:200], "email": given.get("email", "")[:254]}
            services.change_user(caller=caller, username=found.username, changes=changes)
            messages.success(request, "Saved.")
        case "activate" | "deactivate" | "promote" | "demote" as action:
            field, value = {
                "activate": ("active", True),
                "deactivate": ("active", False),
                "promote": ("operator", True),
                "demote": ("operator", False),
            }[action]
            services.change_user(caller=caller, username=found.username, changes={field: value})
            said = {
                "activate": f"{found.username} is active again.",
                "deactivate": f"{found.username} is deactivated: no password and no token lets them in.",
                "promote": f"{found.username} is an operator.",
                "demote": f"{found.username} is no operator any more.",
            }[action]
            undoing.offer(request, said, "user", {"username": found.username, "changes": {field: not value}})
        case "password":
            services.set_password(caller=caller, username=found.username, password=given.get("password", ""))
            messages.success(request, f"Password set; {found.username} is signed out everywhere.")
        case "revoke_token":
            services.revoke_token(caller=caller, token_uuid=uuid.UUID(given.get("token", "")))
            messages.success(request, "Token revoked.")
        case action:
            raise ValueError(f"there is no action {str(action)[:50]!r} on a user")


@page_view
def team(request: HttpRequest, name: str) -> HttpResponse:
    """A team: who is in it and what it is granted; and the forms that change that."""
    principal = web_principal(request)
    gate.require_operator(principal, what="managing teams")
    error = ""
    found = selectors.get_team(principal=principal, name=name)
    if request.method == "POST":
        try:
            _change_team(request, name)
            return redirect("team", name)
        except _REFUSALS as refused:
            error = str(refused)
    context = {
        "section": "users",
        "team": found,
        "members": selectors.list_users(principal=principal, team=name, limit=MEMBERS),
        "grants": selectors.list_grants(principal=principal, team=name, limit=GRANTS),
        "error": error,
    }
    return render(request, "catalog/team.html", context, status=400 if error else 200)


def _change_team(request: HttpRequest, name: str) -> None:
    caller, given = web_caller(request), request.POST
    match given.get("action"):
        case "name":
            services.change_team(caller=caller, name=name, display_name=given.get("display_name", "")[:200])
            messages.success(request, "Saved.")
        case "add":
            services.add_members(caller=caller, name=name, members=_names(given.get("members", "")))
            messages.success(request, "Added.")
        case "remove":
            gone = given.get("member", "")
            services.remove_member(caller=caller, name=name, member=gone)
            undoing.offer(request, f"{gone} is out of {name}.", "member", {"team": name, "member": gone})
        case action:
            raise ValueError(f"there is no action {str(action)[:50]!r} on a team")


@page_view
def audit(request: HttpRequest) -> HttpResponse:
    """Who changed what."""
    before = request.GET.get("before", "")
    records = selectors.list_audit(
        principal=web_principal(request),
        by=request.GET.get("by") or None,
        before=number_of(before),
        limit=PAGE + 1,
    )
    context = {
        "section": "audit",
        "records": records[:PAGE],
        "before": records[PAGE - 1].number if len(records) > PAGE else None,
    }
    return render(request, "catalog/audit.html", context)
