"""Pages of one's tokens, of access for operators, and of the audit."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from catalog.access import gate, selectors, services
from catalog.access.principals import ROLES
from catalog.domain.names import InvalidName
from catalog.journal import clock
from catalog.web.signing_in import page_view, web_caller, web_principal

PAGE = 100
LIFETIMES = {"30": 30, "90": 90, "365": 365, "": None}


@page_view
def tokens(request: HttpRequest) -> HttpResponse:
    """One's own tokens; a new one's secret is shown in the answer to its form and never again."""
    caller = web_caller(request)
    context: dict[str, Any] = {"section": "tokens"}
    if request.method == "POST":
        try:
            if request.POST.get("action") == "revoke":
                services.revoke_token(caller=caller, token_uuid=uuid.UUID(request.POST.get("token", "")))
                messages.success(request, "Token revoked.")
                return redirect("tokens")
            days = LIFETIMES.get(request.POST.get("days", "90"), 90)
            assert caller.principal.user_id is not None
            _, context["secret"] = services.create_token(
                caller=caller,
                user_id=caller.principal.user_id,
                name=request.POST.get("name", ""),
                expires_at=clock.now() + timedelta(days=days) if days is not None else None,
            )
        except (services.InvalidAccess, services.NoSuchPrincipal, ValueError) as error:
            context["error"] = str(error)
    context["tokens"] = selectors.list_tokens(principal=caller.principal)
    return render(request, "catalog/tokens.html", context, status=400 if "error" in context else 200)


@page_view
def access(request: HttpRequest) -> HttpResponse:
    """Grants, restrictions and users, for operators."""
    principal = web_principal(request)
    gate.require_operator(principal, what="managing access")
    error = ""
    if request.method == "POST":
        try:
            messages.success(request, _carry_out(request))
            return redirect("access")
        except (services.InvalidAccess, services.NoSuchPrincipal, InvalidName, ValueError) as refused:
            error = str(refused)
    context = {
        "section": "access",
        "grants": selectors.list_grants(principal=principal),
        "restrictions": selectors.list_restrictions(principal=principal),
        "users": selectors.list_users(principal=principal),
        "roles": ROLES,
        "handles": selectors.find_owner_handles("", limit=200),
        "error": error,
    }
    return render(request, "catalog/access.html", context, status=400 if error else 200)


def _carry_out(request: HttpRequest) -> str:
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
            return "Granted."
        case "revoke_grant":
            services.revoke_grant(caller=caller, grant_uuid=uuid.UUID(given.get("id", "")))
            return "Grant revoked."
        case "restrict":
            services.create_restriction(caller=caller, pattern=given.get("pattern", "").strip())
            return "Restricted."
        case "lift":
            services.revoke_restriction(caller=caller, restriction_uuid=uuid.UUID(given.get("id", "")))
            return "Restriction lifted."
        case "user":
            services.create_user(
                caller=caller,
                username=given.get("username", "").strip(),
                password=given.get("password") or None,
                display_name=given.get("display_name", "")[:200],
            )
            return "User created."
        case action:
            raise ValueError(f"there is no action {str(action)[:50]!r} here")


@page_view
def audit(request: HttpRequest) -> HttpResponse:
    """Who changed what."""
    before = request.GET.get("before", "")
    records = selectors.list_audit(
        principal=web_principal(request),
        by=request.GET.get("by") or None,
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 18 else None,
        limit=PAGE + 1,
    )
    context = {
        "section": "audit",
        "records": records[:PAGE],
        "before": records[PAGE - 1].number if len(records) > PAGE else None,
    }
    return render(request, "catalog/audit.html", context)
