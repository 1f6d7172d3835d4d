"""What all views share: who asks, checked bodies, pages, and the descriptions of parameters and refusals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.access.middleware import caller_of
from catalog.access.principals import Caller, Principal
from catalog.api.v1 import bodies
from catalog.api.v1.errors import InvalidParameter, handle, problem
from catalog.api.v1.paging import encode_cursor

DOOR = "rest"


def query(name: str, kind: Any, text: str, *, required: bool = False, many: bool = False) -> OpenApiParameter:
    """Return the description of a query parameter."""
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, required=required, description=text, many=many)


LIMIT = query("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "how many items a page has")


CURSOR = query("cursor", str, "`next` of the page before")


KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="the same key gives the first request's answer again"
)


def problems(*statuses: int) -> dict[int | str, Any]:
    """Return the descriptions of refusals, the common ones included."""
    return {(status, "application/problem+json"): bodies.ProblemShape for status in (400, 401, 403, *statuses)}  # type: ignore[misc]


def paged(shape: type[bodies.Shape], **more: Any) -> serializers.Serializer[Any]:
    """Return the shape of a page: ``items`` and the cursor of the next one, null after the last."""
    fields = {"items": shape(many=True), "next": serializers.CharField(allow_null=True), **more}
    return inline_serializer(f"{shape.__name__.removesuffix('Shape')}Page", fields)


def page(items: Sequence[Any], asked: int, kind: str, key: Callable[[Any], int | str], **more: Any) -> Response:
    """Return a page of the items, of which one more than asked was fetched to know whether there are more."""
    shown = items[:asked]
    following = encode_cursor(kind, key(shown[-1])) if len(items) > asked else None
    return Response({"items": shown, "next": following, **more})


class View(APIView):
    """A view of somebody who is signed in."""

    statuses: ClassVar[Sequence[tuple[type[Exception], int, str]]] = ()
    """Errors that an app adds to those that all know, with their statuses and kinds; the first class that fits counts."""

    def get_exception_handler(self) -> Callable[[Exception, Any], HttpResponseBase | None]:
        """Return what answers errors: the app's own first, then those that all know."""

        def answer(error: Exception, context: Any) -> HttpResponseBase | None:
            for kind, status, name in self.statuses:
                if isinstance(error, kind):
                    return problem(status, name, str(error))
            return handle(error, context)

        return answer

    @property
    def caller(self) -> Caller:
        """Who asks, through this door."""
        return caller_of(self.request._request, DOOR)

    @property
    def principal(self) -> Principal:
        """Who asks."""
        return self.caller.principal

    def checked(self, shape: type[bodies.Shape]) -> dict[str, Any]:
        """Return the request's body after its checks. :raises ValidationError: with the fields that fail."""
        body = shape(data=self.request.data)
        body.is_valid(raise_exception=True)
        values: dict[str, Any] = body.validated_data
        return values


def idempotency_key(request: Request) -> str | None:
    """Return the request's idempotency key, None without one. :raises InvalidParameter: if it is too long."""
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    if not 1 <= len(key) <= 200:
        raise InvalidParameter("an Idempotency-Key has 1 to 200 characters")
    return str(key)
