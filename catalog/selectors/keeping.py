"""What people keep for themselves: bookmarks and views."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from catalog.access import gate
from catalog.access.principals import Principal
from catalog.models import Bookmark, SavedView
from catalog.selectors.datasets import SHOWN, DatasetSummary, summarized_by_uuid


class NoSuchView(LookupError):
    """There is no such view, or it is somebody's own."""


def list_bookmarks(
    *, principal: Principal, limit: int, after: int | None = None
) -> Sequence[tuple[int, DatasetSummary]]:
    """
    Return what a principal keeps at hand and may still know, newest first, each with its number.

    ``after`` is the number of the last one of the page before.
    """
    if principal.user_id is None:
        return ()
    rows = _kept(principal)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    kept = list(rows.order_by("-pk").values_list("pk", "dataset__uuid")[:limit])
    found = summarized_by_uuid(principal=principal, uuids=[key for _, key in kept])
    return [(number, found[key].summary) for number, key in kept if key in found]


def count_bookmarks(*, principal: Principal) -> int:
    """Return how many datasets a principal keeps at hand and may still know."""
    return _kept(principal).count()


def _kept(principal: Principal) -> QuerySet[Bookmark]:
    known = gate.condition(principal, gate.DISCOVER, "dataset__access_class")
    return Bookmark.objects.filter(known, user_id=principal.user_id or 0, dataset__state__in=SHOWN)


def is_bookmarked(*, principal: Principal, dataset_uuid: uuid.UUID) -> bool:
    """Return whether a principal keeps a dataset at hand."""
    return Bookmark.objects.filter(user_id=principal.user_id or 0, dataset__uuid=dataset_uuid).exists()


@dataclass(frozen=True, slots=True)
class ViewOfQuery:
    """A query with a name, and whose it is."""

    uuid: uuid.UUID
    name: str
    query: str
    is_shared: bool
    owner: str
    is_mine: bool
    created_at: datetime


def view_of(row: SavedView, principal: Principal) -> ViewOfQuery:
    """Return a stored view as somebody sees it."""
    mine = row.owner_id == principal.user_id
    owner = f"user:{row.owner.username}"
    return ViewOfQuery(row.uuid, row.name, row.query, row.is_shared, owner, mine, row.created_at)


def list_views(
    *,
    principal: Principal,
    limit: int,
    after: tuple[str, uuid.UUID] | None = None,
    query: str | None = None,
    containing: str = "",
) -> Sequence[ViewOfQuery]:
    """
    Return one's own views and those that are shared, by name.

    ``after`` is name and id of the last one of the page before; ``query`` asks for views of just this query, ``containing`` for those
    with a text in their name, in whatever case (on SQLite: of ASCII letters).
    """
    rows = SavedView.objects.select_related("owner").filter(Q(owner_id=principal.user_id) | Q(is_shared=True))
    if query is not None:
        rows = rows.filter(query=query)
    if containing:
        rows = rows.filter(name__icontains=containing)
    if after is not None:
        name, key = after
        rows = rows.filter(Q(name__gt=name) | Q(name=name, uuid__gt=key))
    return [view_of(row, principal) for row in rows.order_by("name", "uuid")[:limit]]


def find_view(*, principal: Principal, view_uuid: uuid.UUID) -> ViewOfQuery:
    """Return a view. :raises NoSuchView: if there is none that the principal may know."""
    known = Q(owner_id=principal.user_id) | Q(is_shared=True)
    row = SavedView.objects.select_related("owner").filter(known, uuid=view_uuid).first()
    if row is None:
        raise NoSuchView(f"you know no view with the id {view_uuid}")
    return view_of(row, principal)
