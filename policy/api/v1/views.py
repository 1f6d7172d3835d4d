"""Policies and their versions, what they would say, violations and waivers."""

from __future__ import annotations

import uuid
from dataclasses import asdict

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.access import gate
from catalog.api.v1.bodies.base import StartedRun
from catalog.api.v1.paging import choice, decode_cursor, flag, identifier, limit
from catalog.api.v1.views.base import CURSOR, LIMIT, View, described, listed, page, paged, problems, query
from policy.api.v1 import bodies
from policy.domain.envelope import InvalidPolicy
from policy.domain.facts import RESOURCES
from policy.selectors.dry_runs import dry_run
from policy.selectors.policies import NoSuchPolicy, get_version, lint, list_policies, list_versions, may_write_policies
from policy.selectors.verdicts import dataset_verdicts
from policy.selectors.violations import NoSuchViolation, get_violation, list_violations
from policy.services import policies


class PolicyAppView(View):
    """A view that also knows the errors of policy."""

    statuses = (
        (NoSuchPolicy, 404, "no-such-policy"),
        (NoSuchViolation, 404, "no-such-violation"),
        (policies.InvalidWaiver, 400, "invalid-waiver"),
        (policies.VersionNotSound, 409, "policy-not-sound"),
        (InvalidPolicy, 422, "invalid-policy"),
    )


class PoliciesView(PolicyAppView):
    @described(parameters=[LIMIT, CURSOR], responses={200: paged(bodies.PolicyShape), **problems()})
    def get(self, request: Request) -> Response:
        """List policies by name."""
        asked = limit(request.GET)
        after = decode_cursor("policies", request.GET.get("cursor"), str) or ""
        found = list_policies(principal=self.principal, after=after, limit=asked + 1)
        return page(found, asked, "policies", lambda each: each.slug)

    @described(request=bodies.PolicyText, responses={201: bodies.SavedVersion, **problems(422)})
    def post(self, request: Request) -> Response:
        """Keep a text as the next version of the policy that it names. It judges once it is activated."""
        body = self.checked(bodies.PolicyText)
        slug, number = policies.save_policy(caller=self.caller, text=body["text"])
        location = {"Location": f"/v1/policies/{slug}"}
        return Response({"slug": slug, "version": number}, status=201, headers=location)


class PolicyView(PolicyAppView):
    @described(responses={200: bodies.PolicyVersionShape, **problems(404)})
    def get(self, request: Request, slug: str) -> Response:
        """Return the active version of a policy, or the newest where none is active."""
        return Response(get_version(slug=slug))


class VersionsView(PolicyAppView):
    @described(parameters=[LIMIT, CURSOR], responses={200: paged(bodies.PolicyVersionShape), **problems(404)})
    def get(self, request: Request, slug: str) -> Response:
        """List the versions of a policy, newest first."""
        asked = limit(request.GET)
        before = decode_cursor("policy-versions", request.GET.get("cursor"), int, most=2**31 - 1)
        found = list_versions(slug=slug, before=before, limit=asked + 1)
        return page(found, asked, "policy-versions", lambda each: each.number)


class ActivationView(PolicyAppView):
    @described(request=bodies.ActivateVersion, responses={202: StartedRun, **problems(404, 409)})
    def post(self, request: Request, slug: str) -> Response:
        """Make a version the one that judges; the run judges everything. Going back is activating an earlier one."""
        body = self.checked(bodies.ActivateVersion)
        run = policies.activate(caller=self.caller, slug=slug, number=body["version"])
        return Response({"run": run}, status=202, headers={"Location": f"/v1/runs/{run}"})

    @described(responses={202: StartedRun, **problems(404)})
    def delete(self, request: Request, slug: str) -> Response:
        """Have a policy judge no more; the run resolves its violations."""
        run = policies.retire(caller=self.caller, slug=slug)
        return Response({"run": run}, status=202, headers={"Location": f"/v1/runs/{run}"})


class LintView(PolicyAppView):
    @described(request=bodies.PolicyText, responses={200: bodies.LintShape, **problems()})
    def post(self, request: Request) -> Response:
        """Say what is wrong with a text as a policy; nothing is stored."""
        found = lint(self.checked(bodies.PolicyText)["text"])
        return Response(
            {
                "is_sound": found.is_sound,
                "line": found.line,
                "problem": found.problem,
                "surprises": [asdict(surprise) for surprise in found.surprises],
            }
        )


class DryRunView(PolicyAppView):
    @described(request=bodies.PolicyText, responses={200: bodies.DryRunShape, **problems(422)})
    def post(self, request: Request) -> Response:
        """Say what a text would make of the datasets that you may read, beside what its active version does. It ends after ten seconds."""
        if not may_write_policies(self.principal):
            raise gate.Denied("dry runs need the role steward on some part of the catalog")
        found = dry_run(principal=self.principal, text=self.checked(bodies.PolicyText)["text"])
        return Response(found.to_json())


class JudgingView(PolicyAppView):
    @described(request=None, responses={202: StartedRun, **problems()})
    def post(self, request: Request) -> Response:
        """Have everything judged anew by all policies."""
        run = policies.request_judging(caller=self.caller)
        return Response({"run": run}, status=202, headers={"Location": f"/v1/runs/{run}"})


class FactsView(PolicyAppView):
    @described(
        parameters=[query("resource", {"type": "string", "enum": list(RESOURCES)}, "of a dataset or a column")],
        responses={200: inline_serializer("Facts", {"items": bodies.FactShape(many=True)}), **problems()},
    )
    def get(self, request: Request) -> Response:
        """List the facts that rules may ask of."""
        resource = choice(request.GET, "resource", list(RESOURCES), "dataset")
        return Response({"items": [asdict(fact) for fact in RESOURCES[resource]]})


_VERDICTS = ["fail", "error", "waived"]


class ViolationsView(PolicyAppView):
    @described(
        parameters=[
            query("policy", str, "of this policy"),
            query("dataset", {"type": "string", "format": "uuid"}, "of this dataset"),
            query("verdict", {"type": "string", "enum": _VERDICTS}, "with this verdict"),
            query("owner", str, "of datasets that this handle owns; `-` for those that nobody owns"),
            query("resolved", bool, "those that were mended, instead of open ones"),
            LIMIT,
            CURSOR,
        ],
        responses={200: paged(bodies.ViolationShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """List violations of datasets that you may read, newest first."""
        found = list_violations(
            principal=self.principal,
            policy=request.GET.get("policy", ""),
            dataset_uuid=identifier(request.GET, "dataset"),
            verdict=choice(request.GET, "verdict", _VERDICTS),
            owner=request.GET.get("owner", ""),
            resolved=flag(request.GET, "resolved"),
            before=decode_cursor("violations", request.GET.get("cursor"), int),
            limit=limit(request.GET),
        )
        return listed(found, "violations")


class ViolationView(PolicyAppView):
    @described(responses={200: bodies.ViolationShape, **problems(404)})
    def get(self, request: Request, violation: uuid.UUID) -> Response:
        """Return a violation with the reasons."""
        return Response(get_violation(principal=self.principal, violation_uuid=violation))


class ViolationWaiverView(PolicyAppView):
    @described(request=bodies.WaiveViolation, responses={201: bodies.WaiverMade, **problems(404)})
    def post(self, request: Request, violation: uuid.UUID) -> Response:
        """Let a violation be until a time, for a reason (stewards). It still counts, apart."""
        body = self.checked(bodies.WaiveViolation)
        waiver = policies.waive(caller=self.caller, violation_uuid=violation, **body)
        return Response({"waiver": waiver}, status=201)


class WaiverView(PolicyAppView):
    @described(responses={204: None, **problems(404)})
    def delete(self, request: Request, waiver: uuid.UUID) -> Response:
        """End a waiver before its time."""
        policies.end_waiver(caller=self.caller, waiver_uuid=waiver)
        return Response(status=204)


class DatasetVerdictsView(PolicyAppView):
    @described(
        responses={
            200: inline_serializer(
                "Verdicts", {"items": bodies.VerdictShape(many=True), "passing": serializers.IntegerField()}
            ),
            **problems(404),
        }
    )
    def get(self, request: Request, dataset: uuid.UUID) -> Response:
        """Return what the active policies say of a dataset now; a policy of columns does so of each that does not pass, or once of all."""
        found = dataset_verdicts(principal=self.principal, dataset_uuid=dataset)
        return Response(
            {"items": [asdict(each) for each in found], "passing": sum(each.verdict == "pass" for each in found)}
        )
