"""What people keep for themselves: bookmarks of datasets, and views, which are queries with a name."""

from __future__ import annotations

import uuid

from django.db import IntegrityError, transaction

from catalog.access import gate
from catalog.access.principals import Caller
from catalog.access.services import AuditEntry, record
from catalog.domain.query import InvalidQuery, parse_query
from catalog.journal import clock
from catalog.models import Bookmark, Dataset, SavedView
from catalog.selectors import get_dataset
from catalog.selectors.keeping import NoSuchView, ViewOfQuery, view_of

MAX_BOOKMARKS = 1_000
MAX_VIEWS = 200
MAX_QUERY = 1_000


class NotKept(ValueError):
    """A bookmark or a view that cannot be kept; the message says why."""


def _user_id(caller: Caller) -> int:
    if caller.principal.user_id is None:
        raise NotKept("only users keep bookmarks and views")
    return caller.principal.user_id


def add_bookmark(*, caller: Caller, dataset_uuid: uuid.UUID) -> None:
    """
    Keep a dataset at hand; doing it twice changes nothing.

    :raises NoSuchDataset: if there is none that the caller may know. :raises NotKept: if there are too many.
    """
    user_id = _user_id(caller)
    stored = get_dataset(dataset_uuid=dataset_uuid, principal=caller.principal)
    with transaction.atomic():
        if Bookmark.objects.filter(user_id=user_id).count() >= MAX_BOOKMARKS:
            raise NotKept(f"one has at most {MAX_BOOKMARKS} bookmarks; take one away that is not used")
        dataset = Dataset.objects.get(uuid=stored.uuid)
        _, created = Bookmark.objects.get_or_create(
            user_id=user_id, dataset=dataset, defaults={"created_at": clock.now()}
        )
        if created:
            record(caller, [AuditEntry("bookmark.added", "dataset", stored.qualified_name, stored.uuid)])


def remove_bookmark(*, caller: Caller, dataset_uuid: uuid.UUID) -> None:
    """Take a bookmark away; it need not be there."""
    with transaction.atomic():
        found = Bookmark.objects.filter(user_id=_user_id(caller), dataset__uuid=dataset_uuid)
        names = list(found.values_list("dataset__qualified_name", flat=True))
        found.delete()
        record(caller, [AuditEntry("bookmark.removed", "dataset", name, dataset_uuid) for name in names])


def _checked(name: str, query: str) -> tuple[str, str]:
    name, query = name.strip(), query.strip()
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise NotKept("a view has a name of 1 to 100 characters")
    if not query or len(query) > MAX_QUERY:
        raise NotKept(f"a view has a query of 1 to {MAX_QUERY} characters, such as tag:pii -catalog:test")
    try:
        parse_query(query)
    except InvalidQuery as error:
        raise NotKept(f"the query of the view cannot be read: {error}") from error
    return name, query


def save_view(*, caller: Caller, name: str, query: str, is_shared: bool = False) -> ViewOfQuery:
    """
    Keep a query under a name, in place of one's own of that name.

    :raises NotKept: for a bad name or query, or if there are too many.
    """
    user_id = _user_id(caller)
    name, query = _checked(name, query)
    with transaction.atomic():
        view = SavedView.objects.select_for_update().filter(owner_id=user_id, name=name).first()
        before = view and {"query": view.query, "is_shared": view.is_shared}
        if view is None:
            if SavedView.objects.filter(owner_id=user_id).count() >= MAX_VIEWS:
                raise NotKept(f"one has at most {MAX_VIEWS} views; take one away that is not used")
            view = SavedView(owner_id=user_id, name=name, created_at=clock.now())
        view.query, view.is_shared = query, is_shared
        _store(view)
        after = {"query": query, "is_shared": is_shared}
        if before != after:
            record(caller, [AuditEntry("view.saved", "view", name, view.uuid, before, after)])
    return view_of(view, caller.principal)


def _store(view: SavedView) -> None:
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        raise NotKept(f"there is a view named '{view.name}' already") from error


def _locked(caller: Caller, view_uuid: uuid.UUID) -> SavedView:
    view = SavedView.objects.select_related("owner").filter(uuid=view_uuid).first()
    mine = view is not None and view.owner_id == caller.principal.user_id
    if view is None or not (mine or view.is_shared):
        raise NoSuchView(f"you know no view with the id {view_uuid}")
    if not mine:
        gate.require_operator(caller.principal, what="changing views of others")
    return view


def change_view(
    *,
    caller: Caller,
    view_uuid: uuid.UUID,
    name: str | None = None,
    query: str | None = None,
    is_shared: bool | None = None,
) -> ViewOfQuery:
    """
    Change one's own view; operators change shared ones of others too.

    :raises NoSuchView: if there is none that the caller may know. :raises NotKept: as for saving.
    """
    with transaction.atomic():
        view = _locked(caller, view_uuid)
        before = {"name": view.name, "query": view.query, "is_shared": view.is_shared}
        view.name, view.query = _checked(view.name if name is None else name, view.query if query is None else query)
        view.is_shared = view.is_shared if is_shared is None else is_shared
        after = {"name": view.name, "query": view.query, "is_shared": view.is_shared}
        if before != after:
            _store(view)
            record(caller, [AuditEntry("view.changed", "view", view.name, view.uuid, before, after)])
    return view_of(view, caller.principal)


def remove_view(*, caller: Caller, view_uuid: uuid.UUID) -> ViewOfQuery:
    """Take a view away and return what it was. :raises NoSuchView: if there is none that the caller may know."""
    with transaction.atomic():
        view = _locked(caller, view_uuid)
        was = view_of(view, caller.principal)
        before = {"name": view.name, "query": view.query, "is_shared": view.is_shared}
        record(caller, [AuditEntry("view.removed", "view", view.name, view.uuid, before=before)])
        view.delete()
    return was
