"""What people say of datasets and columns: claims, tags, owners, properties."""

from __future__ import annotations

import uuid
from dataclasses import asdict

from rest_framework.request import Request
from rest_framework.response import Response

from catalog import selectors
from catalog.api.v1.bodies import annotations as bodies
from catalog.api.v1.paging import decode_cursor, flag, limit
from catalog.api.v1.views.base import CURSOR, LIMIT, View, described, page, paged, problems, query
from catalog.services import annotating
from catalog.services.data_metadata import save_data_metadata


class ClaimsView(View):
    @described(
        parameters=[
            query("aspect", str, "only claims of this aspect, such as tag"),
            query("current", bool, "only claims that hold now"),
            LIMIT,
            CURSOR,
        ],
        responses={200: paged(bodies.ClaimShape), **problems(404)},
    )
    def get(self, request: Request, dataset: uuid.UUID) -> Response:
        """Return what was said of a dataset and its columns, by whom and until when, newest first."""
        asked = limit(request.GET, 200)
        found = selectors.list_claims(
            dataset_uuid=dataset,
            principal=self.principal,
            aspect=request.GET.get("aspect") or None,
            include_ended=not flag(request.GET, "current"),
            before=decode_cursor("claims", request.GET.get("cursor"), int),
            limit=asked + 1,
        )
        return page(found, asked, "claims", lambda claim: claim.number)


class UndoClaimView(View):
    @described(request=None, responses={200: bodies.AnnotatedShape, **problems(404)})
    def post(self, request: Request, dataset: uuid.UUID, claim: uuid.UUID) -> Response:
        """Take back what one claim did, or say an ended one again."""
        return Response(asdict(annotating.undo_claim(caller=self.caller, dataset_uuid=dataset, claim_uuid=claim)))


COLUMN = query("column", str, "the path of a column; the dataset itself if left out")


class TagView(View):
    @described(request=None, parameters=[COLUMN], responses={200: bodies.AnnotatedShape, **problems(404)})
    def put(self, request: Request, dataset: uuid.UUID, tag: str) -> Response:
        """Tag a dataset or a column."""
        column = request.GET.get("column") or None
        return Response(asdict(annotating.add_tag(caller=self.caller, dataset_uuid=dataset, tag=tag, column=column)))

    @described(parameters=[COLUMN], responses={200: bodies.AnnotatedShape, **problems(404)})
    def delete(self, request: Request, dataset: uuid.UUID, tag: str) -> Response:
        """Take a tag off."""
        column = request.GET.get("column") or None
        return Response(asdict(annotating.remove_tag(caller=self.caller, dataset_uuid=dataset, tag=tag, column=column)))


class OwnerView(View):
    @described(request=None, responses={200: bodies.AnnotatedShape, **problems(404)})
    def put(self, request: Request, dataset: uuid.UUID, owner: str) -> Response:
        """Name an owner: `user:NAME` or `team:NAME`."""
        return Response(asdict(annotating.add_owner(caller=self.caller, dataset_uuid=dataset, owner=owner)))

    @described(responses={200: bodies.AnnotatedShape, **problems(404)})
    def delete(self, request: Request, dataset: uuid.UUID, owner: str) -> Response:
        """End an ownership."""
        return Response(asdict(annotating.remove_owner(caller=self.caller, dataset_uuid=dataset, owner=owner)))


class DataMetadataView(View):
    @described(
        parameters=[query("location", str, "a place within the dataset's own, such as a partition's")],
        responses={200: bodies.DataMetadataShape, **problems(404)},
    )
    def get(self, request: Request, dataset: uuid.UUID) -> Response:
        """Return what is said of the dataset's data, which belongs to its place and not to its name."""
        location, said = selectors.data_metadata_of_dataset(
            dataset_uuid=dataset, principal=self.principal, location=request.GET.get("location") or None
        )
        return Response({"location": location, "metadata": said})

    @described(request=bodies.SaveDataMetadata, responses={200: bodies.DataMetadataShape, **problems(404)})
    def patch(self, request: Request, dataset: uuid.UUID) -> Response:
        """Say something of the dataset's data."""
        body = self.checked(bodies.SaveDataMetadata)
        place = body.get("location")
        save_data_metadata(caller=self.caller, dataset_uuid=dataset, changes=body["changes"], location=place)
        location, said = selectors.data_metadata_of_dataset(
            dataset_uuid=dataset, principal=self.principal, location=place
        )
        return Response({"location": location, "metadata": said})


class PropertyView(View):
    @described(request=bodies.SetProperty, responses={200: bodies.AnnotatedShape, **problems(404)})
    def put(self, request: Request, dataset: uuid.UUID, name: str) -> Response:
        """Set a custom property."""
        value = self.checked(bodies.SetProperty)["value"]
        return Response(
            asdict(annotating.set_property(caller=self.caller, dataset_uuid=dataset, name=name, value=value))
        )

    @described(responses={200: bodies.AnnotatedShape, **problems(404)})
    def delete(self, request: Request, dataset: uuid.UUID, name: str) -> Response:
        """Remove a custom property."""
        return Response(
            asdict(annotating.set_property(caller=self.caller, dataset_uuid=dataset, name=name, value=None))
        )
