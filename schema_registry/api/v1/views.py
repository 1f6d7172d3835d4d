"""Subjects, their versions, what changed between them, and whether a schema may follow."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from catalog import selectors as catalog
from catalog.api.v1.errors import InvalidCursor, InvalidParameter
from catalog.api.v1.paging import decode_cursor, limit, number
from catalog.api.v1.views.base import CURSOR, LIMIT, View, described, page, paged, problems, query
from schema_registry.api.v1 import bodies
from schema_registry.backends import UnknownFormat
from schema_registry.domain.subjects import InvalidSubject, SubjectName, parse_subject
from schema_registry.formats.base import InvalidSchema, TooComplex
from schema_registry.selectors import comparing, subjects
from schema_registry.selectors.errors import InvalidReference, NoSuchSchema, NoSuchSubject, NoSuchSubjectVersion
from schema_registry.selectors.schemas import Submitted


class RegistryView(View):
    """A view that also knows the errors of the registry."""

    statuses = (
        (NoSuchSubject, 404, "no-such-subject"),
        (NoSuchSubjectVersion, 404, "no-such-version"),
        (NoSuchSchema, 404, "no-such-schema"),
        (InvalidSubject, 400, "invalid-subject"),
        (InvalidSchema, 422, "invalid-schema"),
        (InvalidReference, 422, "invalid-schema"),
        (UnknownFormat, 422, "invalid-schema"),
        (TooComplex, 422, "invalid-schema"),
    )

    @property
    def subject(self) -> SubjectName:
        """The subject that the query names. :raises InvalidParameter: if it names none."""
        given = self.request.GET.get("subject")
        if not given:
            raise InvalidParameter("'subject' names the subject, such as orders-value or :.tables:shop/db/orders")
        return parse_subject(given)


SUBJECT = query("subject", str, "the subject's name", required=True)


class SubjectsView(RegistryView):
    @described(
        parameters=[
            query("q", str, "a text in the name"),
            query("context", str, "one context only: `.` for the default one, `.tables` for tables"),
            LIMIT,
            CURSOR,
        ],
        responses={200: paged(bodies.SubjectShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """List subjects by context and name; those of tables only if that context is asked for."""
        asked = limit(request.GET)
        held = decode_cursor("subjects", request.GET.get("cursor"), str)
        if held is not None and "\n" not in held:
            raise InvalidCursor("this cursor was not given out here; leave it out to begin at the first page")
        found = subjects.list_subjects(
            principal=self.principal,
            context=request.GET.get("context") or None,
            containing=request.GET.get("q", "")[:200],
            after=tuple(held.split("\n", 1)) if held is not None else None,
            limit=asked + 1,
        )
        return page(found, asked, "subjects", lambda each: f"{each.context_name}\n{each.name}")


class SubjectVersionsView(RegistryView):
    @described(parameters=[SUBJECT, LIMIT, CURSOR], responses={200: paged(bodies.SubjectVersionShape), **problems(404)})
    def get(self, request: Request) -> Response:
        """List the versions of a subject with their schemas, newest first."""
        asked = limit(request.GET)
        before = decode_cursor("subject-versions", request.GET.get("cursor"), int, most=2**31 - 1)
        found = subjects.list_versions(principal=self.principal, name=self.subject, before=before, limit=asked + 1)
        return page(found, asked, "subject-versions", lambda each: each.number)


class SubjectChangesView(RegistryView):
    @described(
        parameters=[
            SUBJECT,
            query("before", int, "a version", required=True),
            query("after", int, "a later one", required=True),
        ],
        responses={200: bodies.ComparisonShape, **problems(404)},
    )
    def get(self, request: Request) -> Response:
        """Return what changed from one version of a subject to another, and who cannot read whose data."""
        before, after = (number(request.GET, key, 0, most=2**31 - 1) for key in ("before", "after"))
        found = comparing.compare_versions(principal=self.principal, name=self.subject, before=before, after=after)
        return Response(found)


class SubjectCheckView(RegistryView):
    @described(request=bodies.CheckRequestShape, responses={200: bodies.CheckShape, **problems(404, 422)})
    def post(self, request: Request) -> Response:
        """Say whether a schema may follow in a subject, against which versions not, and why; nothing is registered."""
        body = self.checked(bodies.CheckRequestShape)
        check = comparing.check_compatibility(
            principal=self.principal,
            name=parse_subject(body["subject"]),
            submitted=Submitted(body["schema"], body["schema_type"].upper()),
            number=None,
            normalizes=False,
        )
        versions = [{"number": each.number, "failing": each.failing} for each in check.versions]
        return Response({"is_compatible": check.is_compatible, "level": check.level, "versions": versions})


class DatasetSubjectView(RegistryView):
    @described(responses={200: bodies.SubjectShape, **problems(404)})
    def get(self, request: Request, dataset: UUID) -> Response:
        """Return the subject of a dataset: its columns as a schema, a version for each change of them."""
        stored = catalog.get_dataset(dataset_uuid=dataset, principal=self.principal)
        catalog.require_details(stored, self.principal, "reading its schema")
        found = subjects.find_table_subject(principal=self.principal, dataset_uuid=stored.uuid)
        if found is None:
            raise NoSuchSubject(f"'{stored.qualified_name}' has no columns that were versioned yet")
        return Response(found)
