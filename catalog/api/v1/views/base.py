"""What all views share: who asks, checked bodies, pages, and the descriptions of parameters and refusals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.access.middleware import caller_of
from catalog.access.principals import Caller, Principal
from catalog.api.v1.bodies.base import ProblemShape, Shape
from catalog.api.v1.errors import InvalidParameter, handle, problem
from catalog.api.v1.paging import encode_cursor, refuse_unknown
from catalog.selectors.datasets import Listed

DOOR = "rest"


def query(name: str, kind: Any, text: str, *, required: bool = False, many: bool = False) -> OpenApiParameter:
    """Return the description of a query parameter."""
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, required=required, description=text, many=many)


LIMIT = query("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "how many items a page has")


CURSOR = query("cursor", str, "`next` of the page before; a page without it is the last, however few items others have")


KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="the same key gives the first request's answer again"
)


Handler = TypeVar("Handler", bound=Callable[..., Any])
_query_names: dict[Callable[..., Any], frozenset[str]] = {}


def described(*, parameters: Sequence[OpenApiParameter] = (), **more: Any) -> Callable[[Handler], Handler]:
    """Describe a handler to OpenAPI; what it is asked with is what its description has, and nothing else."""

    def describe(handler: Handler) -> Handler:
        _query_names[handler] = frozenset(
            parameter.name for parameter in parameters if parameter.location == OpenApiParameter.QUERY
        )
        return extend_schema(parameters=list(parameters), **more)(handler)

    return describe


def problems(*statuses: int) -> dict[int | str, Any]:
    """Return the descriptions of refusals, the common ones included."""
    return {(status, "application/problem+json"): ProblemShape for status in (400, 401, 403, *statuses)}  # type: ignore[misc]


def paged(shape: type[Shape], **more: Any) -> serializers.Serializer[Any]:
    """Return the shape of a page: ``items`` and the cursor of the next one, null after the last."""
    fields = {"items": shape(many=True), "next": serializers.CharField(allow_null=True), **more}
    return inline_serializer(f"{shape.__name__.removesuffix('Shape')}Page", fields)


def page(items: Sequence[Any], asked: int, kind: str, key: Callable[[Any], int | str], **more: Any) -> Response:
    """Return a page of the items, of which one more than asked was fetched to know whether there are more."""
    shown = items[:asked]
    following = encode_cursor(kind, key(shown[-1])) if len(items) > asked else None
    return Response({"items": shown, "next": following, **more})


def listed(found: Listed[Any], kind: str) -> Response:
    """Return a page of a list whose parts may be short."""
    return Response({"items": found.items, "next": None if found.next is None else encode_cursor(kind, found.next)})


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

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Look at who asks, and then at how. :raises InvalidParameter: at a query parameter that the handler does not have."""
        super().initial(request, *args, **kwargs)
        method = "get" if request.method == "HEAD" else str(request.method).lower()
        handler = getattr(type(self), method, None)
        if handler in _query_names:
            refuse_unknown(request.GET, _query_names[handler])

    @property
    def caller(self) -> Caller:
        """Who asks, through this door."""
        return caller_of(self.request._request, DOOR)

    @property
    def principal(self) -> Principal:
        """Who asks."""
        return self.caller.principal

    def checked(self, shape: type[Shape]) -> dict[str, Any]:
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
