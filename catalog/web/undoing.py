"""Taking back what a form did: the toast that says so carries a signed note of how, good for ten minutes and for whoever did it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from catalog.access import services as access
from catalog.access.principals import Caller
from catalog.services import keeping
from catalog.web import errors
from catalog.web.signing_in import page_view, web_caller

SECONDS = 600

_Note = Mapping[str, Any]
_HOW: Mapping[str, Callable[[Caller, _Note], object]] = {
    "bookmark": lambda caller, note: keeping.add_bookmark(caller=caller, dataset_uuid=uuid.UUID(note["dataset"])),
    "view": lambda caller, note: keeping.save_view(
        caller=caller, name=note["name"], query=note["query"], is_shared=note["is_shared"]
    ),
    "grant": lambda caller, note: access.create_grant(
        caller=caller, role=note["role"], pattern=note["pattern"], username=note["user"], team=note["team"]
    ),
    "restriction": lambda caller, note: access.create_restriction(caller=caller, pattern=note["pattern"]),
    "member": lambda caller, note: access.add_members(caller=caller, name=note["team"], members=[note["member"]]),
    "user": lambda caller, note: access.change_user(caller=caller, username=note["username"], changes=note["changes"]),
}


def offer(request: HttpRequest, said: str, how: str, note: _Note) -> None:
    """Say what was done, beside a button that takes it back."""
    signed = signing.dumps({"how": how, "back": request.get_full_path(), **note}, salt=_salt(web_caller(request)))
    messages.success(request, said, extra_tags=reverse("take-back", args=[signed]))


def _salt(caller: Caller) -> str:
    return f"undo of {caller.principal.handle}"


@page_view
def take_back(request: HttpRequest, signed: str) -> HttpResponse:
    """Take back what a form did, and return to its page."""
    caller = web_caller(request)
    try:
        note = signing.loads(signed, salt=_salt(caller), max_age=SECONDS)
    except signing.BadSignature:
        return errors.page(
            request, 400, "Too late to take back", "An undo is good for ten minutes, for whoever did it."
        )
    if request.method == "POST":
        _HOW[note["how"]](caller, note)
        messages.success(request, "Taken back.")
    return redirect(note["back"])
