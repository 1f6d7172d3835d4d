"""What people and programs are told when something is refused or fails."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from catalog.api.v1.errors import problem


def _is_program(request: HttpRequest) -> bool:
    return request.path_info.startswith(("/v1/", "/api/", "/registry/", "/graphql", "/metrics", "/livez", "/readyz"))


def page(request: HttpRequest, status: int, title: str, text: str, **more: Any) -> HttpResponse:
    """Return a page that says what happened and what to do."""
    return render(request, "catalog/problem.html", {"title": title, "text": text, **more}, status=status)


def title_of(status: int) -> str:
    """Return the title of a page that refuses."""
    return {403: "Not allowed", 404: "Not found", 409: "Not done", 503: "Not now"}.get(status, "Not understood")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer a request that cannot be read."""
    text = "The request could not be read."
    return problem(400, "bad-request", text) if _is_program(request) else page(request, 400, "Bad request", text)


def denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer who may not do this."""
    text = str(exception) if exception and str(exception) else "This is not yours to do."
    return problem(403, "denied", text) if _is_program(request) else page(request, 403, "Not allowed", text)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer an address behind which there is nothing."""
    text = f"Nothing is at {request.path}"
    if _is_program(request):
        return problem(404, "not-found", f"{text}; GET /v1/openapi.json lists what is")
    return page(request, 404, "Nothing here", f"{text}. Search for what you meant, or go home.")


def fault(request: HttpRequest) -> HttpResponse:
    """Answer after a fault in Cairn: no trace, and nothing that needs what may have failed."""
    if _is_program(request):
        return problem(500, "internal-error", "Cairn failed at this request; its log has the details")
    return HttpResponse(
        b"<!doctype html><title>Cairn failed</title><h1>Cairn failed at this page</h1>"
        b"<p>Its log has the details. <a href='/'>Go home</a> or try again.</p>",
        status=500,
    )


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that came from elsewhere or whose session has ended."""
    text = "The form's safety token is missing or out of date. Open the page again and repeat what you did."
    return problem(403, "csrf", text) if _is_program(request) else page(request, 403, "Not sent from here", text)
