"""One's own pages: settings and tokens."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from catalog.access import selectors, services
from catalog.access.principals import NoSuchPrincipal
from catalog.journal import clock
from catalog.web.signing_in import page_view, stay_signed_in, web_caller

LIFETIMES = {"30": 30, "90": 90, "365": 365, "": None}


THEMES = ("light", "dark")
YEAR_SECONDS = 31_536_000


@page_view
def settings(request: HttpRequest) -> HttpResponse:
    """What is shown of oneself, in which time zone, the theme, and one's password."""
    caller = web_caller(request)
    username = caller.principal.handle.partition(":")[2]
    context: dict[str, Any] = {"section": "settings"}
    if request.method == "POST":
        try:
            return _save(request, username)
        except (services.InvalidAccess, ValueError) as error:
            context["error"] = str(error)
    context["user"] = selectors.get_user(principal=caller.principal, username=username)
    context["zones"] = sorted(available_timezones())
    return render(request, "catalog/settings.html", context, status=400 if "error" in context else 200)


def _save(request: HttpRequest, username: str) -> HttpResponse:
    caller, given = web_caller(request), request.POST
    response = redirect("settings")
    match given.get("action"):
        case "profile":
            changes = {name: given.get(name, "").strip()[:200] for name in ("display_name", "email", "time_zone")}
            services.change_user(caller=caller, username=username, changes=changes)
            messages.success(request, "Saved.")
        case "password":
            if given.get("password") != given.get("again"):
                raise ValueError("the two new passwords differ")
            services.set_password(
                caller=caller, username=username, password=given.get("password", ""), current=given.get("current", "")
            )
            stay_signed_in(request)
            messages.success(request, "Password set. You are signed out everywhere else.")
        case "theme":
            theme = given.get("theme")
            if theme in THEMES:
                response.set_cookie("theme", theme, max_age=YEAR_SECONDS, samesite="Lax")
            else:
                response.delete_cookie("theme", samesite="Lax")
        case action:
            raise ValueError(f"there is no action {str(action)[:50]!r} here")
    return response


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
        except (services.InvalidAccess, NoSuchPrincipal, ValueError) as error:
            context["error"] = str(error)
    context["tokens"] = selectors.list_tokens(principal=caller.principal)
    return render(request, "catalog/tokens.html", context, status=400 if "error" in context else 200)
