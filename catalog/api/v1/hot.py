"""Hot reads as plain views over stored bytes: no serializer, no ORM object, one query."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

from django.http import HttpRequest, HttpResponse

from catalog import selectors
from catalog.access.gate import NotSignedIn
from catalog.access.middleware import principal_of
from catalog.access.principals import Principal
from catalog.api.v1.authentication import not_signed_in
from catalog.api.v1.errors import answer_for
from catalog.api.v1.paging import refuse_unknown
from catalog.api.v1.views.datasets import DatasetsView, DatasetTwin

_dataset_writes = DatasetTwin.as_view()
_dataset_list = DatasetsView.as_view()


def _answer(request: HttpRequest, stored: selectors.StoredDataset) -> HttpResponse:
    if request.META.get("HTTP_IF_NONE_MATCH") == stored.etag:
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(stored.body, content_type="application/json")
    response["ETag"] = stored.etag
    response["Cairn-As-Of"] = stored.as_of.isoformat()
    if stored.stale_reason:
        # A header is ASCII and short; the body has the source's own words.
        response["Cairn-Stale"] = (
            "missing at its source" if stored.stale_reason.startswith("missing") else "could not be read"
        )
    response["Vary"] = "Authorization, Cookie"
    return response


def _serve(
    request: HttpRequest, known: Sequence[str], read: Callable[[Principal], selectors.StoredDataset]
) -> HttpResponse:
    """Return what a read gives to whoever asks, or the answer to its refusal by the table that all of REST has."""
    try:
        principal = principal_of(request)
        if principal is None:
            raise not_signed_in(request)
        refuse_unknown(request.GET, known)
        return _answer(request, read(principal))
    except (NotSignedIn, LookupError, ValueError) as error:
        answer = answer_for(error)
        if answer is None:
            raise
        return answer


def dataset(request: HttpRequest, dataset: uuid.UUID) -> HttpResponse:
    """Return a dataset by its id; other methods go to REST framework."""
    if request.method not in ("GET", "HEAD"):
        return _dataset_writes(request, dataset=dataset)
    return _serve(request, (), lambda principal: selectors.get_dataset(dataset_uuid=dataset, principal=principal))


def datasets(request: HttpRequest) -> HttpResponse:
    """Return a dataset by ``?name=``; without it REST framework lists them."""
    name = request.GET.get("name")
    if request.method not in ("GET", "HEAD") or name is None:
        return _dataset_list(request)
    return _serve(request, ("name",), lambda principal: selectors.get_dataset_by_name(name=name, principal=principal))
