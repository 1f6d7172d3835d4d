"""Finds out who asks: bearer token, session, or, on an open home, the operator. No view runs before it."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from ipaddress import ip_address

from django.conf import settings
from django.contrib.auth import get_user
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse

from catalog.access.models import User
from catalog.access.principals import Caller, Principal, principal_for_name, principal_for_token, principal_for_user

_DOORS = ("/v1/", "/mds/", "/api/", "/registry/", "/graphql")
"""Where programs ask."""
_PROBED = ("/livez", "/readyz", "/metrics")
"""What is asked by address, and shows nobody's data."""


class PrincipalMiddleware:
    """Sets ``request.principal``, None where nobody is signed in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Resolve the principal and go on. Requests that bring their own authority borrow no cookie's, so they need no CSRF token."""
        if "\x00" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            return _refuse(request.path_info, "An address cannot contain a NUL character.")
        if request.path_info not in _PROBED and not _is_ours(request):
            name = request.META.get("HTTP_HOST", "")[:200]
            return _refuse(
                request.path_info, f"{name!r} is no host name of this Cairn; CAIRN_ALLOWED_HOSTS says which are."
            )
        header = request.META.get("HTTP_AUTHORIZATION", "")
        principal: Principal | None = None
        secret = secret_in(header, request.path_info)
        if secret is not None:
            principal = principal_for_token(secret)
        elif not header:
            principal = _from_session(request) or _named_by_engine(request) or _open_principal()
        # Whoever is nobody has no authority to borrow; a program is answered 401, and no CSRF page.
        is_nobody = principal is None and request.path_info.startswith(_DOORS)
        if is_nobody or brings_own_authority(request):
            request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        request.principal = principal  # type: ignore[attr-defined]
        response = self.get_response(request)
        if principal is not None and not response.has_header("Cache-Control"):
            # Somebody else may not be shown it; whoever has it may ask whether it is still so.
            response["Cache-Control"] = "private, no-cache"
        return response


def brings_own_authority(request: HttpRequest) -> bool:
    """
    Whether a request acts by an authority of its own, and not by a browser's cookie or by where it comes from alone.

    That is a token, or at an open home what no page of another site can send without asking first: what is said to be JSON,
    PUT, PATCH and DELETE. Source: WHATWG Fetch, CORS-safelisted methods and request headers.
    """
    if request.META.get("HTTP_AUTHORIZATION"):
        return True
    asks_first = request.method not in ("GET", "HEAD", "POST") or "json" in (request.content_type or "")
    return bool(settings.CAIRN_OPEN) and asks_first


def _is_ours(request: HttpRequest) -> bool:
    """
    Whether the host that a request names is one of ours.

    A page of another site can have its own name lead to this machine, and then asks as if it were ours (DNS rebinding).
    """
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return True


def _refuse(path: str, said: str) -> HttpResponse:
    """Return the refusal of a request that no view shall see, in the form of its door."""
    if path.startswith("/registry/"):
        return JsonResponse({"error_code": 400, "message": said}, status=400)
    if path.startswith("/v1/"):
        body = {"type": "/docs/errors#bad-request", "title": "bad request", "status": 400, "detail": said}
        return JsonResponse(body, status=400, content_type="application/problem+json")
    return HttpResponse(f"{said}\n", status=400, content_type="text/plain")


def secret_in(header: str, path: str) -> str | None:
    """Return the token that a header of authorization brings: a bearer's, or at the registry's door the password of the basic scheme, which its clients send."""
    if header[:7].lower() == "bearer ":
        return header[7:].strip()
    if header[:6].lower() == "basic " and path.startswith("/registry/"):
        try:
            return b64decode(header[6:].strip(), validate=True).decode().partition(":")[2]
        except ValueError:
            return None
    return None


def _from_session(request: HttpRequest) -> Principal | None:
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return None
    user = get_user(request)
    return principal_for_user(user.pk) if user.is_authenticated and user.pk is not None else None


def _named_by_engine(request: HttpRequest) -> Principal | None:
    """
    Return the user that an engine names in Metacat's header, if its address is trusted to name users; ``metacat`` without one.

    Metacat's clients send no token.
    """
    if not request.path_info.startswith("/mds/") or not settings.METACAT_TRUSTED_ADDRESSES:
        return None
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return None
    if not any(address in network for network in settings.METACAT_TRUSTED_ADDRESSES):
        return None
    return principal_for_name(metacat_header(request, "user.name") or "metacat")


def metacat_header(request: HttpRequest, name: str) -> str:
    """Return one of Metacat's headers, empty without it. Its dots reach us as they are; some proxies make dashes of them."""
    dotted = request.META.get(f"HTTP_X_NETFLIX.{name.upper()}")
    return str(dotted or request.META.get(f"HTTP_X_NETFLIX_{name.upper().replace('.', '_')}", ""))


def _open_principal() -> Principal | None:
    if not settings.CAIRN_OPEN:
        return None
    operator = (
        User.objects.filter(is_superuser=True, is_active=True).order_by("pk").values_list("pk", flat=True).first()
    )
    return principal_for_user(operator) if operator is not None else None


def principal_of(request: HttpRequest) -> Principal | None:
    """Return who asks, or None."""
    found: Principal | None = getattr(request, "principal", None)
    return found


def caller_of(request: HttpRequest, door: str) -> Caller:
    """Return who asks through which door. Views behind the sign-in check may rely on somebody being there."""
    principal = principal_of(request)
    assert principal is not None, "a view that needs a principal was reached without one"
    return Caller(principal, door)
