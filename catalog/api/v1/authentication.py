"""Tells REST framework what the middleware found out; it authenticates nobody itself."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from catalog.access.gate import NotSignedIn
from catalog.access.middleware import principal_of


class CrossSite(PermissionError):
    """A request that a cookie authorises came without the proof that one of our pages sent it."""


class PrincipalAuthentication(BaseAuthentication):
    """Hands over the request's principal as ``request.user``."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        """
        Return the principal, if there is one.

        :raises CrossSite: if a cookie or an open home gives the authority and the CSRF token is missing. REST framework exempts
            its views from Django's middleware, so the check stands here; what brings its own authority is marked as needing none.
        """
        principal = principal_of(request._request)
        if principal is None:
            return None
        check = CSRFCheck(lambda _: HttpResponse())
        check.process_request(request._request)
        if check.process_view(request._request, lambda _: HttpResponse(), (), {}) is not None:
            raise CrossSite(
                "the CSRF token is missing or out of date; programs send an API token, or to an open home what is said to be JSON"
            )
        return (principal, None)

    def authenticate_header(self, request: Request) -> str:
        """Return what a 401 says of how to sign in."""
        return 'Bearer realm="Cairn"'


def not_signed_in(request: HttpRequest) -> NotSignedIn:
    """Return the refusal of a request that nobody is behind, saying so if a token was sent in vain."""
    need = "this needs an API token (Authorization: Bearer …) or a session"
    sent = "; the token sent is unknown, expired or revoked" if "HTTP_AUTHORIZATION" in request.META else ""
    return NotSignedIn(need + sent)


class IsSignedIn(BasePermission):
    """Lets in whoever is somebody."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """:raises NotSignedIn: if nobody is signed in."""
        if principal_of(request._request) is None:
            raise not_signed_in(request._request)
        return True


class PrincipalScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes bearer tokens in the OpenAPI document."""

    target_class = "catalog.api.v1.authentication.PrincipalAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the scheme."""
        return {"type": "http", "scheme": "bearer"}
