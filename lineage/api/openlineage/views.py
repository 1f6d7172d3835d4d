"""Taking events: each is kept before it is answered, and one sent again is answered as the first time."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from catalog.access import gate
from catalog.access.middleware import brings_own_authority, caller_of, principal_of
from catalog.api.v1.authentication import not_signed_in
from catalog.api.v1.errors import answer_for, problem
from lineage.services.receiving import MAX_EVENTS, Received, receive_events

DOOR = "openlineage"
MAX_BATCH_BYTES = 50_000_000


class InvalidBody(ValueError):
    """A body that holds no events; the message says why."""


def _guarded(answer: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Return a view that takes events from whoever may report any, and answers errors as REST does."""

    @csrf_exempt
    def view(request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            response = problem(405, "method-not-allowed", "events are sent by POST")
            response["Allow"] = "POST"
            return response
        try:
            principal = principal_of(request)
            if principal is None or not brings_own_authority(request):
                raise not_signed_in(request)
            if not gate.may_anywhere(principal, gate.EDIT):
                raise gate.Denied(
                    f"reporting lineage needs the role '{gate.EDIT}' on something; {principal.handle} has it on nothing"
                )
            return answer(request)
        except InvalidBody as error:
            return problem(400, "invalid-request", str(error))
        except (gate.NotSignedIn, gate.Denied, RequestDataTooBig) as error:
            known = answer_for(error)
            assert known is not None
            return known

    return view


def _body(request: HttpRequest, limit: int) -> Any:
    """Return the JSON of a request, gzipped or not, and read no more of it than may be."""
    raw = request.read(limit + 1)
    if request.META.get("HTTP_CONTENT_ENCODING", "").casefold() == "gzip":
        raw = _unzipped(raw, limit)
    if len(raw) > limit:
        raise RequestDataTooBig(f"a body has at most {limit:,} bytes here")
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidBody(f"the body is not JSON: {error}") from None


def _unzipped(raw: bytes, limit: int) -> bytes:
    stream = zlib.decompressobj(wbits=31)
    try:
        found = stream.decompress(raw, limit + 1)
    except zlib.error:
        raise InvalidBody("the body says that it is gzipped and is not") from None
    if not stream.eof and len(found) <= limit:
        raise InvalidBody("the gzipped body ends too early")
    return found


def _problems(received: Received) -> list[dict[str, str]]:
    return [{"pointer": each.pointer, "message": each.message} for each in received.problems]


@_guarded
def lineage(request: HttpRequest) -> HttpResponse:
    """Take one event: 201 once it is kept, 422 with every place that is wrong."""
    body = _body(request, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    (received,) = receive_events(caller=caller_of(request, DOOR), bodies=[body])
    if not received.is_taken:
        said = "; ".join(f"{each.pointer}: {each.message}" for each in received.problems)
        return problem(422, "invalid-event", said, errors=_problems(received))
    return HttpResponse(status=201)


@_guarded
def batch(request: HttpRequest) -> HttpResponse:
    """
    Take up to a thousand events: 204 if all are kept, else 200 with those that are not and why.

    Source: OpenLineage, spec/OpenLineage.yml, postEventBatch.
    """
    body = _body(request, MAX_BATCH_BYTES)
    if not isinstance(body, list):
        raise InvalidBody("a batch is a list of events")
    if len(body) > MAX_EVENTS:
        raise InvalidBody(f"a batch has at most {MAX_EVENTS:,} events, found {len(body):,}; send them in several")
    outcomes = receive_events(caller=caller_of(request, DOOR), bodies=body)
    failed = [
        {"index": at, "reason": "; ".join(f"{p.pointer}: {p.message}" for p in one.problems), "retriable": False}
        for at, one in enumerate(outcomes)
        if not one.is_taken
    ]
    if not failed:
        return HttpResponse(status=204)
    summary = {
        "received": len(outcomes),
        "successful": len(outcomes) - len(failed),
        "failed": len(failed),
        "retriable": 0,
        "non_retriable": len(failed),
    }
    answer = {"status": "partial_success", "summary": summary, "failed_events": failed}
    return HttpResponse(orjson.dumps(answer), content_type="application/json")
