"""Datasets, their columns, versions and differences, and merges. Hot reads are in ``hot``."""

from __future__ import annotations

import uuid
from dataclasses import asdict

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import PolymorphicProxySerializer, inline_serializer
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import selectors
from catalog.api.v1.bodies import datasets as bodies
from catalog.api.v1.bodies.annotations import AnnotatedShape
from catalog.api.v1.paging import choice, decode_cursor, encode_cursor, limit, number
from catalog.api.v1.views.base import CURSOR, LIMIT, View, described, page, paged, problems, query
from catalog.services import annotating, identity

_STATES = ["live", "missing", "observed", "tombstoned"]


class DatasetsView(View):
    @described(
        parameters=[
            query("name", str, "a qualified name: answer with this dataset itself"),
            query("catalog", str, "datasets of this catalog only"),
            query("database", str, "datasets of this database only"),
            query("state", {"type": "string", "enum": _STATES}, "datasets in this state only"),
            LIMIT,
            CURSOR,
        ],
        responses={
            200: PolymorphicProxySerializer(
                component_name="DatasetOrPage",
                serializers=[bodies.DatasetShape, paged(bodies.SummaryShape)],
                resource_type_field_name=None,
            ),
            **problems(404, 409),
        },
    )
    def get(self, request: Request) -> Response:
        """List datasets by qualified name, or with `name` return one dataset."""
        asked = limit(request.GET)
        found = selectors.list_datasets(
            principal=self.principal,
            catalog=request.GET.get("catalog") or None,
            database=request.GET.get("database") or None,
            state=choice(request.GET, "state", _STATES) or None,
            after=decode_cursor("datasets", request.GET.get("cursor"), str) or "",
            limit=asked + 1,
        )
        return page(found, asked, "datasets", lambda view: view.qualified_name)


class DatasetTwin(View):
    """Describes the plain view of a dataset to OpenAPI; changes of its description come here."""

    @described(responses={200: bodies.DatasetShape, 304: None, **problems(404)})
    def get(self, request: Request, dataset: uuid.UUID) -> Response:
        """Return a dataset. Send its ETag as If-None-Match to be told 304 when nothing changed."""
        raise NotImplementedError  # the plain view in `hot` answers; this is its description

    @described(request=bodies.DescribeDataset, responses={200: AnnotatedShape, **problems(404, 409)})
    def patch(self, request: Request, dataset: uuid.UUID) -> Response:
        """Write the description of a dataset or of one of its columns; an empty one takes it back."""
        body = self.checked(bodies.DescribeDataset)
        done = annotating.describe(
            caller=self.caller,
            dataset_uuid=dataset,
            text=body["description"],
            column=body.get("column"),
            expected_version=body.get("expected_version"),
        )
        return Response(asdict(done))


class ColumnsView(View):
    @described(
        parameters=[query("find", str, "columns whose path or description holds this"), LIMIT, CURSOR],
        responses={200: paged(bodies.ColumnShape), **problems(404)},
    )
    def get(self, request: Request, dataset: uuid.UUID) -> Response:
        """Return a dataset's columns and their nested parts in reading order."""
        asked = limit(request.GET, 200)
        start = decode_cursor("columns", request.GET.get("cursor"), int) or 0
        columns = selectors.list_columns(
            dataset_uuid=dataset, principal=self.principal, find=request.GET.get("find", "")
        )
        shown = columns[start : start + asked]
        following = encode_cursor("columns", start + asked) if len(columns) > start + asked else None
        return Response({"items": shown, "next": following})


class PartitionsView(View):
    @described(
        parameters=[
            query("filter", str, "such as `day >= '2026-11-01' and (country = 'se' or country is null)`"),
            LIMIT,
            CURSOR,
        ],
        responses={200: paged(bodies.PartitionShape), **problems(404, 409, 422, 502, 503)},
    )
    def get(self, request: Request, dataset: uuid.UUID) -> Response:
        """Return partitions in name order, asked of the source at this moment."""
        found = selectors.list_partitions(
            dataset_uuid=dataset,
            principal=self.principal,
            wanted=request.GET.get("filter", ""),
            after=decode_cursor("partitions", request.GET.get("cursor"), str) or "",
            limit=limit(request.GET),
        )
        following = encode_cursor("partitions", found.next) if found.next else None
        return Response({"items": [asdict(partition) for partition in found.items], "next": following})


class SnapshotsView(View):
    @described(
        parameters=[LIMIT, CURSOR],
        responses={
            200: paged(
                bodies.SnapshotShape,
                refs=bodies.SnapshotRefShape(many=True),
                specs=bodies.LayoutShape(many=True),
                sort_orders=bodies.LayoutShape(many=True),
            ),
            **problems(404, 409, 422, 502, 503),
        },
    )
    def get(self, request: Request, dataset: uuid.UUID) -> Response:
        """Return a table's snapshots, newest first, with branches, tags and layouts, asked of the source at this moment."""
        asked = limit(request.GET)
        start = decode_cursor("snapshots", request.GET.get("cursor"), int) or 0
        history = selectors.get_table_history(dataset_uuid=dataset, principal=self.principal)
        shown = history.snapshots[start : start + asked]
        following = encode_cursor("snapshots", start + asked) if len(history.snapshots) > start + asked else None
        return Response(
            {
                "items": [asdict(snapshot) for snapshot in shown],
                "next": following,
                "refs": [asdict(ref) for ref in history.refs],
                "specs": [asdict(spec) for spec in history.specs],
                "sort_orders": [asdict(order) for order in history.sort_orders],
            }
        )


class VersionsView(View):
    @described(parameters=[LIMIT, CURSOR], responses={200: paged(bodies.VersionShape), **problems(404)})
    def get(self, request: Request, dataset: uuid.UUID) -> Response:
        """Return a dataset's versions, newest first, each with its changes."""
        asked = limit(request.GET)
        before = decode_cursor("versions", request.GET.get("cursor"), int)
        found = selectors.list_versions(dataset_uuid=dataset, principal=self.principal, before=before, limit=asked + 1)
        return page(found, asked, "versions", lambda view: view.number)


class VersionView(View):
    @described(responses={200: OpenApiTypes.OBJECT, **problems(404)})
    def get(self, request: Request, dataset: uuid.UUID, version: int) -> Response:
        """Return the definition of one version."""
        return Response(selectors.get_version_document(dataset_uuid=dataset, number=version, principal=self.principal))


class DiffView(View):
    @described(
        parameters=[
            query("from", int, "a version", required=True),
            query("to", int, "another; the newest if left out"),
        ],
        responses={200: inline_serializer("Diff", {"changes": bodies.ChangeShape(many=True)}), **problems(404)},
    )
    def get(self, request: Request, dataset: uuid.UUID) -> Response:
        """Return what changed between two versions."""
        first = number(request.GET, "from", 0, most=2**31 - 1)
        last = number(request.GET, "to", 0, most=2**31 - 1)
        changes = selectors.diff_versions(
            dataset_uuid=dataset, first=first, last=last or None, principal=self.principal
        )
        return Response({"changes": [change.to_json() for change in changes]})


class MergeView(View):
    @described(request=bodies.Merge, responses={204: None, **problems(404, 409)})
    def post(self, request: Request, dataset: uuid.UUID) -> Response:
        """Send readers of this dataset to another."""
        identity.merge(caller=self.caller, absorbed=dataset, survivor=self.checked(bodies.Merge)["survivor"])
        return Response(status=204)

    @described(responses={204: None, **problems(404, 409)})
    def delete(self, request: Request, dataset: uuid.UUID) -> Response:
        """Undo the merge of this dataset."""
        identity.undo_merge(caller=self.caller, absorbed=dataset)
        return Response(status=204)
