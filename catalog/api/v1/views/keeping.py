"""What people keep for themselves: bookmarks and views."""

from __future__ import annotations

import uuid
from dataclasses import asdict

from rest_framework.request import Request
from rest_framework.response import Response

from catalog import selectors
from catalog.api.v1.bodies import keeping as bodies
from catalog.api.v1.bodies.datasets import SummaryShape
from catalog.api.v1.paging import decode_cursor, decode_place, encode_cursor, limit, place
from catalog.api.v1.views.base import CURSOR, LIMIT, View, described, page, paged, problems
from catalog.services import keeping


class BookmarksView(View):
    @described(parameters=[LIMIT, CURSOR], responses={200: paged(SummaryShape), **problems()})
    def get(self, request: Request) -> Response:
        """Return the datasets one keeps at hand, newest first."""
        asked = limit(request.GET)
        after = decode_cursor("bookmarks", request.GET.get("cursor"), int)
        found = selectors.list_bookmarks(principal=self.principal, after=after, limit=asked + 1)
        following = encode_cursor("bookmarks", found[asked - 1][0]) if len(found) > asked else None
        return Response({"items": [summary for _, summary in found[:asked]], "next": following})


class BookmarkView(View):
    @described(request=None, responses={204: None, **problems(404)})
    def put(self, request: Request, dataset: uuid.UUID) -> Response:
        """Keep a dataset at hand."""
        keeping.add_bookmark(caller=self.caller, dataset_uuid=dataset)
        return Response(status=204)

    @described(responses={204: None, **problems()})
    def delete(self, request: Request, dataset: uuid.UUID) -> Response:
        """Take a bookmark away."""
        keeping.remove_bookmark(caller=self.caller, dataset_uuid=dataset)
        return Response(status=204)


class ViewsView(View):
    @described(parameters=[LIMIT, CURSOR], responses={200: paged(bodies.ViewShape), **problems()})
    def get(self, request: Request) -> Response:
        """Return one's own views and those that are shared, by name."""
        asked = limit(request.GET)
        after = decode_place("views", request.GET.get("cursor"))
        found = selectors.list_views(principal=self.principal, after=after, limit=asked + 1)
        return page(found, asked, "views", lambda view: place(view.name, view.uuid))

    @described(request=bodies.SaveView, responses={201: bodies.ViewShape, **problems()})
    def post(self, request: Request) -> Response:
        """Keep a query under a name, in place of one's own of that name."""
        return Response(asdict(keeping.save_view(caller=self.caller, **self.checked(bodies.SaveView))), status=201)


class SavedViewView(View):
    @described(request=bodies.ChangeView, responses={200: bodies.ViewShape, **problems(404)})
    def patch(self, request: Request, view: uuid.UUID) -> Response:
        """Change a view of one's own."""
        changed = keeping.change_view(caller=self.caller, view_uuid=view, **self.checked(bodies.ChangeView))
        return Response(asdict(changed))

    @described(responses={204: None, **problems(404)})
    def delete(self, request: Request, view: uuid.UUID) -> Response:
        """Take a view away."""
        keeping.remove_view(caller=self.caller, view_uuid=view)
        return Response(status=204)
