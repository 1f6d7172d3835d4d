"""Signing in and out, and the guard that every page stands behind."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, authenticate, login, logout
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from catalog.access.middleware import caller_of, principal_of
from catalog.access.models import User
from catalog.access.principals import Caller, Principal
from catalog.api.v1.errors import answer_for
from catalog.web import errors, seen

MAX_FAILURES = 10
FAILURE_SECONDS = 300

View = Callable[..., HttpResponse]


def page_view(view: View) -> View:
    """Let in whoever is signed in, send others to sign in and back; a refusal becomes a page."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if principal_of(request) is None:
            query = urlencode({"next": request.get_full_path()})
            return redirect(f"{reverse(settings.LOGIN_URL)}?{query}")
        if any("\x00" in value for _, values in request.POST.lists() for value in values):
            # No database keeps one in a text.
            return errors.page(request, 400, "Not understood", "A form cannot hold a NUL character. Take it out.")
        try:
            return view(request, *args, **kwargs)
        except Exception as error:
            # The same table as for programs: whoever asks is told the same, as a page.
            known = answer_for(error)
            if known is None:
                raise
            return errors.page(request, known.status_code, errors.title_of(known.status_code), str(error))

    return never_cache(guarded)


def web_caller(request: HttpRequest) -> Caller:
    """Return who asks, through the web."""
    return caller_of(request, "web")


def web_principal(request: HttpRequest) -> Principal:
    """Return who asks."""
    return web_caller(request).principal


def _safe_next(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return wanted
    return "/"


def _failures_key(request: HttpRequest, username: str) -> str:
    return f"sign-in:{request.META.get('REMOTE_ADDR', '')}:{username[:100]}"


@never_cache
def sign_in(request: HttpRequest) -> HttpResponse:
    """Show the form, or check what it sent; ten failures in five minutes close it for that user and address."""
    context: dict[str, Any] = {
        "next": _safe_next(request),
        "credentials_hint": not settings.CAIRN_OPEN,
        "theme": request.COOKIES.get("theme") if request.COOKIES.get("theme") in ("light", "dark") else None,
    }
    if request.method != "POST":
        return render(request, "catalog/login.html", context)
    username = request.POST.get("username", "")[:150].replace("\x00", "")
    password = request.POST.get("password", "")[:1_000]
    key = _failures_key(request, username)
    if (cache.get(key) or 0) >= MAX_FAILURES:
        context |= {"error": "Too many failures. Wait five minutes.", "username": username}
        return render(request, "catalog/login.html", context, status=429)
    user = authenticate(request, username=username, password=password)
    if user is None:
        cache.add(key, 0, FAILURE_SECONDS)
        cache.incr(key)
        context |= {"error": "User or password is wrong.", "username": username}
        return render(request, "catalog/login.html", context, status=401)
    login(request, user)
    return redirect(_safe_next(request))


def stay_signed_in(request: HttpRequest) -> None:
    """Keep the session of whoever just set their own password; all their others have ended with the old one."""
    if request.session.get(SESSION_KEY):
        request.session.cycle_key()
        request.session[HASH_SESSION_KEY] = User.objects.get(pk=request.session[SESSION_KEY]).get_session_auth_hash()


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    response = redirect("login")
    seen.forget(response)
    return response
