"""Long jobs, questions that syncs put, and the changes of the journal."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import selectors
from catalog.access import gate
from catalog.api.v1.bodies import runs as bodies
from catalog.api.v1.paging import choice, decode_cursor, limit, number
from catalog.api.v1.views.base import CURSOR, LIMIT, View, described, page, paged, problems, query
from catalog.journal import runs
from catalog.journal import selectors as journal
from catalog.journal.models import RunState
from catalog.services import catalogs


class RunsView(View):
    @described(
        parameters=[
            query("kind", str, "such as sync"),
            query("subject", str, "such as a catalog's name"),
            query("state", {"type": "string", "enum": list(RunState)}, "runs in this state only"),
            LIMIT,
            CURSOR,
        ],
        responses={200: paged(bodies.RunShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """Return runs, newest first."""
        gate.require_operator(self.principal, what="listing runs")
        asked = limit(request.GET)
        found = journal.list_runs(
            kind=request.GET.get("kind") or None,
            subject=request.GET.get("subject") or None,
            state=choice(request.GET, "state", list(RunState)) or None,
            before=decode_cursor("runs", request.GET.get("cursor"), int),
            limit=asked + 1,
        )
        return page(found, asked, "runs", lambda view: view.number)


class RunView(View):
    @described(responses={200: bodies.RunShape, **problems(404)})
    def get(self, request: Request, run: uuid.UUID) -> Response:
        """Return a run with its progress."""
        gate.require_operator(self.principal, what="reading runs")
        return Response(journal.get_run(run))


class RunUnitsView(View):
    @described(parameters=[LIMIT, CURSOR], responses={200: paged(bodies.UnitShape), **problems(404)})
    def get(self, request: Request, run: uuid.UUID) -> Response:
        """List the parts of a sync by database, with what could not be read."""
        asked = limit(request.GET)
        after = decode_cursor("units", request.GET.get("cursor"), str)
        found = selectors.list_sync_units(run_uuid=run, principal=self.principal, after=after, limit=asked + 1)
        return page(found, asked, "units", lambda unit: unit.database)


class CancelRunView(View):
    @described(request=None, responses={202: bodies.RunShape, **problems(404)})
    def post(self, request: Request, run: uuid.UUID) -> Response:
        """Ask a run to stop. What it has done stays."""
        gate.require_operator(self.principal, what="cancelling runs")
        journal.get_run(run)
        runs.request_cancel(run, by=self.principal.handle)
        return Response(journal.get_run(run), status=202)


class HoldsView(View):
    @described(responses={200: inline_serializer("Holds", {"items": bodies.HoldShape(many=True)}), **problems()})
    def get(self, request: Request) -> Response:
        """Return the syncs that ask before they drop."""
        return Response({"items": selectors.list_holds(principal=self.principal)})


class HoldView(View):
    @described(request=bodies.DecideHold, responses={200: bodies.DecidedHold, **problems(404)})
    def post(self, request: Request, hold: uuid.UUID) -> Response:
        """Answer a sync that asked: drop what vanished, or keep all."""
        body = self.checked(bodies.DecideHold)
        return Response({"run": catalogs.decide_hold(caller=self.caller, hold_uuid=hold, drop=body["drop"])})


class ChangesView(View):
    @described(
        parameters=[query("after", int, "the position read last; 0 to begin"), LIMIT],
        responses={
            200: inline_serializer(
                "ChangesPage",
                {
                    "items": bodies.JournalShape(many=True),
                    "position": serializers.IntegerField(help_text="give it as `after`"),
                },
            ),
            **problems(410),
        },
    )
    def get(self, request: Request) -> Response:
        """Follow the journal: changes behind a position, in order, of what one may read."""
        asked = limit(request.GET)
        after = number(request.GET, "after", 0)
        changes = journal.list_changes(after=after, limit=asked)
        principal = self.principal
        if not principal.is_operator:
            subjects = {change.subject_uuid for change in changes if change.subject_kind == "dataset"}
            readable = selectors.readable_among(principal=principal, uuids=[key for key in subjects if key])
            shown = [change for change in changes if change.subject_uuid in readable]
        else:
            shown = list(changes)
        return Response({"items": shown, "position": changes[-1].position if changes else after})
