"""What datasets' rows are like, checks and how they ended, and findings, which people decide about."""

from __future__ import annotations

import uuid
from dataclasses import asdict

from drf_spectacular.utils import inline_serializer
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.v1.bodies.annotations import AnnotatedShape
from catalog.api.v1.bodies.base import StartedRun
from catalog.api.v1.paging import choice, decode_cursor, identifier, limit
from catalog.api.v1.views.base import CURSOR, LIMIT, View, described, listed, page, paged, problems, query
from catalog.selectors.findings import list_findings
from catalog.services import inferring
from detection import selectors
from detection.api.v1 import bodies
from detection.domain.checks import CheckKind, InvalidCheck, Status
from detection.services import checks, scans


class DetectionView(View):
    """A view that also knows the errors of detection."""

    statuses = ((selectors.NoSuchCheck, 404, "no-such-check"), (InvalidCheck, 400, "invalid-check"))


class QualityView(DetectionView):
    @described(responses={200: bodies.QualityShape, **problems(404)})
    def get(self, request: Request, dataset: uuid.UUID) -> Response:
        """Return what is known of a dataset's rows, and its checks."""
        return Response(asdict(selectors.get_quality(principal=self.principal, dataset_uuid=dataset)))


class RowCountsView(DetectionView):
    @described(
        parameters=[LIMIT],
        responses={200: inline_serializer("RowCounts", {"items": bodies.RowCountShape(many=True)}), **problems(404)},
    )
    def get(self, request: Request, dataset: uuid.UUID) -> Response:
        """Return how many rows a dataset had at its last scans, newest first."""
        found = selectors.list_row_counts(principal=self.principal, dataset_uuid=dataset, limit=limit(request.GET))
        return Response({"items": found})


class ScansView(DetectionView):
    @described(request=None, responses={202: StartedRun, **problems(404)})
    def post(self, request: Request, dataset: uuid.UUID) -> Response:
        """Have a dataset scanned now; no run where its catalog is paused."""
        run = scans.request_scan(caller=self.caller, dataset_uuid=dataset)
        return Response({"run": run}, status=202, headers={"Location": f"/v1/runs/{run}"} if run else None)


class DatasetChecksView(DetectionView):
    @described(request=bodies.AddCheck, responses={201: bodies.CheckShape, **problems(404)})
    def post(self, request: Request, dataset: uuid.UUID) -> Response:
        """Add a check to a dataset; the same one again is the one that is there."""
        body = self.checked(bodies.AddCheck)
        key = checks.add_check(caller=self.caller, dataset_uuid=dataset, **body)
        return Response(
            selectors.get_check(principal=self.principal, check_uuid=key),
            status=201,
            headers={"Location": f"/v1/checks/{key}"},
        )


class ChecksView(DetectionView):
    @described(
        parameters=[
            query("status", {"type": "string", "enum": list(Status)}, "checks that ended so last"),
            query("kind", {"type": "string", "enum": list(CheckKind)}, "checks of this kind"),
            LIMIT,
            CURSOR,
        ],
        responses={200: paged(bodies.CheckShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """List checks of all datasets, newest first."""
        found = selectors.list_checks(
            principal=self.principal,
            status=choice(request.GET, "status", list(Status)),
            kind=choice(request.GET, "kind", list(CheckKind)),
            before=decode_cursor("checks", request.GET.get("cursor"), int),
            limit=limit(request.GET),
        )
        return listed(found, "checks")


class CheckView(DetectionView):
    @described(responses={200: bodies.CheckShape, **problems(404)})
    def get(self, request: Request, check: uuid.UUID) -> Response:
        """Return a check and how it ended last."""
        return Response(selectors.get_check(principal=self.principal, check_uuid=check))

    @described(responses={204: None, **problems(404)})
    def delete(self, request: Request, check: uuid.UUID) -> Response:
        """Take a check away."""
        checks.remove_check(caller=self.caller, check_uuid=check)
        return Response(status=204)


class CheckResultsView(DetectionView):
    @described(parameters=[LIMIT, CURSOR], responses={200: paged(bodies.CheckResultShape), **problems(404)})
    def get(self, request: Request, check: uuid.UUID) -> Response:
        """List how a check ended, newest first; passes are kept too."""
        asked = limit(request.GET)
        before = decode_cursor("check-results", request.GET.get("cursor"), int)
        found = selectors.list_results(principal=self.principal, check_uuid=check, before=before, limit=asked + 1)
        return page(found, asked, "check-results", lambda result: result.number)


_STATUSES = ["suggested", "accepted", "rejected"]


class FindingsView(DetectionView):
    @described(
        parameters=[
            query("type", str, "findings of this kind, such as email"),
            query("status", {"type": "string", "enum": _STATUSES}, "findings of which this was decided"),
            query("dataset", {"type": "string", "format": "uuid"}, "findings in this dataset"),
            LIMIT,
            CURSOR,
        ],
        responses={200: paged(bodies.FindingShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """List what columns seem to hold, over all datasets, newest first."""
        asked = limit(request.GET)
        found = list_findings(
            principal=self.principal,
            kind=request.GET.get("type", ""),
            status=choice(request.GET, "status", _STATUSES),
            dataset_uuid=identifier(request.GET, "dataset"),
            before=decode_cursor("findings", request.GET.get("cursor"), int),
            limit=asked + 1,
        )
        return page(found, asked, "findings", lambda finding: finding.number)


class FindingView(DetectionView):
    @described(request=bodies.DecideFinding, responses={200: AnnotatedShape, **problems(404)})
    def post(self, request: Request, dataset: uuid.UUID, finding: uuid.UUID) -> Response:
        """Accept a finding, which adds the tag that it suggests to the column, or reject it for good (stewards)."""
        body = self.checked(bodies.DecideFinding)
        decided = inferring.decide(
            caller=self.caller, dataset_uuid=dataset, finding=finding, accept=body["decision"] == "accepted"
        )
        return Response(asdict(decided))
