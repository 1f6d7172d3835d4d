"""The native REST: each view translates in, makes one call, translates out. Hot reads are in ``hot``."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog import backends, selectors
from catalog.access import gate
from catalog.access import selectors as access
from catalog.access import services as access_services
from catalog.access.middleware import caller_of
from catalog.access.principals import Caller, Principal
from catalog.api.v1 import bodies
from catalog.api.v1.errors import InvalidParameter, NoSuchIntent
from catalog.api.v1.paging import decode_cursor, encode_cursor, identifier, limit, number
from catalog.domain.documents import Column, DatasetDocument
from catalog.domain.names import check_segment
from catalog.domain.operations import (
    AddColumn,
    CreateTable,
    DropColumn,
    DropTable,
    Operation,
    RenameColumn,
    RenameTable,
)
from catalog.domain.query import parse_query
from catalog.domain.types import parse_type
from catalog.journal import clock, runs
from catalog.journal import selectors as journal
from catalog.services import annotating, catalogs, definitions, finding, identity

DOOR = "rest"


def query(name: str, kind: Any, text: str, *, required: bool = False, many: bool = False) -> OpenApiParameter:
    """Return the description of a query parameter."""
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, required=required, description=text, many=many)


LIMIT = query("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "how many items a page has")
CURSOR = query("cursor", str, "`next` of the page before")
KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="the same key gives the first request's answer again"
)


def problems(*statuses: int) -> dict[int | str, Any]:
    """Return the descriptions of refusals, the common ones included."""
    return {(status, "application/problem+json"): bodies.ProblemShape for status in (400, 401, 403, *statuses)}  # type: ignore[misc]


def paged(shape: type[bodies.Shape], **more: Any) -> serializers.Serializer[Any]:
    """Return the shape of a page: ``items`` and the cursor of the next one, null after the last."""
    fields = {"items": shape(many=True), "next": serializers.CharField(allow_null=True), **more}
    return inline_serializer(f"{shape.__name__.removesuffix('Shape')}Page", fields)


def page(items: Sequence[Any], asked: int, kind: str, key: Callable[[Any], int | str], **more: Any) -> Response:
    """Return a page of the items, of which one more than asked was fetched to know whether there are more."""
    shown = items[:asked]
    following = encode_cursor(kind, key(shown[-1])) if len(items) > asked else None
    return Response({"items": shown, "next": following, **more})


class View(APIView):
    """A view of somebody who is signed in."""

    @property
    def caller(self) -> Caller:
        """Who asks, through this door."""
        return caller_of(self.request._request, DOOR)

    @property
    def principal(self) -> Principal:
        """Who asks."""
        return self.caller.principal

    def checked(self, shape: type[bodies.Shape]) -> dict[str, Any]:
        """Return the request's body after its checks. :raises ValidationError: with the fields that fail."""
        body = shape(data=self.request.data)
        body.is_valid(raise_exception=True)
        values: dict[str, Any] = body.validated_data
        return values


class MeView(View):
    @extend_schema(responses={200: bodies.MeShape, **problems()})
    def get(self, request: Request) -> Response:
        """Return who asks."""
        me = self.principal
        return Response(
            {"handle": me.handle, "display_name": me.display_name, "teams": me.teams, "is_operator": me.is_operator}
        )


class ConnectorsView(View):
    @extend_schema(
        responses={200: inline_serializer("Connectors", {"items": bodies.ConnectorShape(many=True)}), **problems()}
    )
    def get(self, request: Request) -> Response:
        """Return the kinds of sources that can be registered, with their options."""
        return Response(
            {
                "items": [
                    {"platform": spec.platform, "title": spec.title, "options": [asdict(o) for o in spec.options]}
                    for spec in backends.list_connector_specs()
                ]
            }
        )


class ConnectionChecksView(View):
    @extend_schema(request=bodies.CheckConnection, responses={200: bodies.HealthShape, **problems(422, 501, 502, 503)})
    def post(self, request: Request) -> Response:
        """Reach a source with some options; nothing is stored."""
        body = self.checked(bodies.CheckConnection)
        health = catalogs.check_connection(caller=self.caller, platform=body["platform"], options=body["options"])
        return Response(asdict(health))


class CatalogsView(View):
    @extend_schema(
        responses={200: inline_serializer("Catalogs", {"items": bodies.CatalogShape(many=True)}), **problems()}
    )
    def get(self, request: Request) -> Response:
        """Return the catalogs in which one may know something, by name."""
        return Response({"items": [asdict(view) for view in selectors.list_catalogs(principal=self.principal)]})

    @extend_schema(
        request=bodies.RegisterCatalog, responses={201: bodies.CatalogShape, **problems(409, 422, 501, 502, 503)}
    )
    def post(self, request: Request) -> Response:
        """Register a source. Its first sync begins at once."""
        body = self.checked(bodies.RegisterCatalog)
        catalogs.register_catalog(caller=self.caller, **body)
        view = selectors.get_catalog(name=body["name"], principal=self.principal)
        return Response(asdict(view), status=201, headers={"Location": f"/v1/catalogs/{view.name}"})


class CatalogView(View):
    @extend_schema(responses={200: bodies.CatalogShape, **problems(404)})
    def get(self, request: Request, name: str) -> Response:
        """Return a catalog."""
        return Response(asdict(selectors.get_catalog(name=name, principal=self.principal)))

    @extend_schema(request=bodies.ChangeCatalog, responses={200: bodies.CatalogShape, **problems(404)})
    def patch(self, request: Request, name: str) -> Response:
        """Change a catalog's settings."""
        body = self.checked(bodies.ChangeCatalog)
        options = body.pop("options", None)
        catalogs.update_catalog(caller=self.caller, name=name, changes=body, options=options)
        return Response(asdict(selectors.get_catalog(name=name, principal=self.principal)))

    @extend_schema(responses={202: bodies.StartedRun, **problems(404)})
    def delete(self, request: Request, name: str) -> Response:
        """Remove a catalog; what people wrote of its datasets is kept for its return."""
        return Response({"run": catalogs.remove_catalog(caller=self.caller, name=name)}, status=202)


class SyncsView(View):
    @extend_schema(request=None, parameters=[KEY], responses={202: bodies.StartedRun, **problems(404)})
    def post(self, request: Request, name: str) -> Response:
        """Sync a catalog now."""
        run = catalogs.request_sync(caller=self.caller, name=name, idempotency_key=idempotency_key(request))
        return Response({"run": run}, status=202, headers={"Location": f"/v1/runs/{run}"})


def idempotency_key(request: Request) -> str | None:
    """Return the request's idempotency key, None without one. :raises InvalidParameter: if it is too long."""
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    if not 1 <= len(key) <= 200:
        raise InvalidParameter("an Idempotency-Key has 1 to 200 characters")
    return str(key)


class DatabasesView(View):
    @extend_schema(parameters=[LIMIT, CURSOR], responses={200: paged(bodies.DatabaseShape), **problems(404)})
    def get(self, request: Request, name: str) -> Response:
        """Return a catalog's databases, by name."""
        asked = limit(request.GET)
        after = decode_cursor("databases", request.GET.get("cursor"), str)
        found = selectors.list_databases(catalog=name, principal=self.principal, after=after or "", limit=asked + 1)
        return page(found, asked, "databases", lambda view: view.name)


class OperationsView(View):
    @extend_schema(
        request=bodies.Operate,
        parameters=[KEY],
        responses={200: bodies.OutcomeShape, **problems(404, 409, 422, 501, 502, 503)},
    )
    def post(self, request: Request, name: str) -> Response:
        """Change a definition at the source, and learn what then is true."""
        body = self.checked(bodies.Operate)
        outcome = definitions.change_definition(
            caller=self.caller,
            catalog_name=name,
            operation=_operation(body),
            expected_version=body.get("expected_version"),
            idempotency_key=idempotency_key(request),
        )
        return Response(asdict(outcome))


def _column(value: dict[str, Any]) -> Column:
    check_segment(value["name"], "column name")
    return Column(
        name=value["name"],
        type=parse_type(value["type"]),
        source_type=value["type"],
        nullable=value["nullable"],
        comment=value["comment"],
    )


def _operation(body: dict[str, Any]) -> Operation:
    kind, database, table = body["operation"], body["database"], body["table"]

    def needed(field: str) -> Any:
        if field not in body:
            raise InvalidParameter(f"operation '{kind}' needs the field '{field}'")
        return body[field]

    for text in (database, table, body.get("new_name", "-")):
        check_segment(text)
    match kind:
        case "create_table":
            columns = tuple(_column(column) for column in needed("columns"))
            return CreateTable(database, table, DatasetDocument("table", columns, comment=body["comment"]))
        case "add_column":
            return AddColumn(database, table, _column(needed("new_column")))
        case "rename_column":
            return RenameColumn(database, table, needed("column"), needed("new_name"))
        case "drop_column":
            return DropColumn(database, table, needed("column"))
        case "rename_table":
            return RenameTable(database, table, needed("new_name"))
        case _:
            return DropTable(database, table)


class IntentView(View):
    @extend_schema(responses={200: bodies.IntentShape, **problems(404)})
    def get(self, request: Request, intent: uuid.UUID) -> Response:
        """Return what became of a write."""
        try:
            state, outcome = definitions.get_outcome(intent_uuid=intent, caller=self.caller)
        except LookupError as error:
            raise NoSuchIntent(str(error)) from error
        return Response({"state": state, "outcome": asdict(outcome) if outcome else None})


class SearchView(View):
    @extend_schema(
        parameters=[
            query("q", str, 'words, "phrases" and filters such as `owner:alice tag:pii -name:tmp_*`'),
            LIMIT,
            CURSOR,
            query("facets", bool, "count values of platform, catalog, owner and tag (default true)"),
        ],
        responses={
            200: paged(
                bodies.FoundShape,
                total=serializers.IntegerField(),
                facets=serializers.DictField(child=bodies.FacetShape(many=True)),
                stale_reason=serializers.CharField(allow_null=True, help_text="why there may be more than was found"),
            ),
            **problems(),
        },
    )
    def get(self, request: Request) -> Response:
        """Find datasets, best first; each facet is counted without its own filter."""
        asked = limit(request.GET, 20)
        offset = decode_cursor("search", request.GET.get("cursor"), int) or 0
        result = finding.search(
            query=parse_query(request.GET.get("q", "")),
            principal=self.principal,
            limit=asked,
            offset=offset,
            facets=request.GET.get("facets", "true") != "false",
        )
        response = Response(
            {
                "items": [{**asdict(found.summary), "score": found.score} for found in result.items],
                "next": encode_cursor("search", result.next_offset) if result.next_offset is not None else None,
                "total": result.total,
                "facets": {
                    name: [{"value": value, "count": count} for value, count in values]
                    for name, values in result.facets.items()
                },
                "stale_reason": result.stale_reason,
            }
        )
        if result.stale_reason:
            response["Cairn-Stale"] = "search index unavailable"
        return response


class DatasetsView(View):
    @extend_schema(
        parameters=[
            query("name", str, "a qualified name: answer with this dataset itself"),
            query("catalog", str, "datasets of this catalog only"),
            query("database", str, "datasets of this database only"),
            query(
                "state",
                {"type": "string", "enum": ["live", "missing", "observed", "tombstoned"]},
                "datasets in this state only",
            ),
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
        state = request.GET.get("state") or None
        if state not in (None, "live", "missing", "observed", "tombstoned"):
            raise InvalidParameter(f"'state' must be live, missing, observed or tombstoned, found {state[:50]!r}")
        found = selectors.list_datasets(
            principal=self.principal,
            catalog=request.GET.get("catalog") or None,
            database=request.GET.get("database") or None,
            state=state,
            after=decode_cursor("datasets", request.GET.get("cursor"), str) or "",
            limit=asked + 1,
        )
        return page(found, asked, "datasets", lambda view: view.qualified_name)


class DatasetTwin(View):
    """Describes the plain view of a dataset to OpenAPI; changes of its description come here."""

    @extend_schema(responses={200: bodies.DatasetShape, 304: None, **problems(404)})
    def get(self, request: Request, dataset: uuid.UUID) -> Response:
        """Return a dataset. Send its ETag as If-None-Match to be told 304 when nothing changed."""
        raise NotImplementedError  # the plain view in `hot` answers; this is its description

    @extend_schema(request=bodies.DescribeDataset, responses={200: bodies.AnnotatedShape, **problems(404, 409)})
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
    @extend_schema(
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


class VersionsView(View):
    @extend_schema(parameters=[LIMIT, CURSOR], responses={200: paged(bodies.VersionShape), **problems(404)})
    def get(self, request: Request, dataset: uuid.UUID) -> Response:
        """Return a dataset's versions, newest first, each with its changes."""
        asked = limit(request.GET)
        before = decode_cursor("versions", request.GET.get("cursor"), int)
        found = selectors.list_versions(dataset_uuid=dataset, principal=self.principal, before=before, limit=asked + 1)
        return page(found, asked, "versions", lambda view: view.number)


class VersionView(View):
    @extend_schema(responses={200: OpenApiTypes.OBJECT, **problems(404)})
    def get(self, request: Request, dataset: uuid.UUID, version: int) -> Response:
        """Return the definition of one version."""
        return Response(selectors.get_version_document(dataset_uuid=dataset, number=version, principal=self.principal))


class DiffView(View):
    @extend_schema(
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


class ClaimsView(View):
    @extend_schema(
        parameters=[
            query("aspect", str, "only claims of this aspect, such as tag"),
            query("current", bool, "only claims that hold now"),
        ],
        responses={200: inline_serializer("Claims", {"items": bodies.ClaimShape(many=True)}), **problems(404)},
    )
    def get(self, request: Request, dataset: uuid.UUID) -> Response:
        """Return what was said of a dataset and its columns, by whom and until when; the newest 200."""
        found = selectors.list_claims(
            dataset_uuid=dataset,
            principal=self.principal,
            aspect=request.GET.get("aspect") or None,
            include_ended=request.GET.get("current") != "true",
        )
        return Response({"items": found})


class UndoClaimView(View):
    @extend_schema(request=None, responses={200: bodies.AnnotatedShape, **problems(404)})
    def post(self, request: Request, dataset: uuid.UUID, claim: uuid.UUID) -> Response:
        """Take back what one claim did, or say an ended one again."""
        return Response(asdict(annotating.undo_claim(caller=self.caller, dataset_uuid=dataset, claim_uuid=claim)))


COLUMN = query("column", str, "the path of a column; the dataset itself if left out")


class TagView(View):
    @extend_schema(request=None, parameters=[COLUMN], responses={200: bodies.AnnotatedShape, **problems(404)})
    def put(self, request: Request, dataset: uuid.UUID, tag: str) -> Response:
        """Tag a dataset or a column."""
        column = request.GET.get("column") or None
        return Response(asdict(annotating.add_tag(caller=self.caller, dataset_uuid=dataset, tag=tag, column=column)))

    @extend_schema(parameters=[COLUMN], responses={200: bodies.AnnotatedShape, **problems(404)})
    def delete(self, request: Request, dataset: uuid.UUID, tag: str) -> Response:
        """Take a tag off."""
        column = request.GET.get("column") or None
        return Response(asdict(annotating.remove_tag(caller=self.caller, dataset_uuid=dataset, tag=tag, column=column)))


class OwnerView(View):
    @extend_schema(request=None, responses={200: bodies.AnnotatedShape, **problems(404)})
    def put(self, request: Request, dataset: uuid.UUID, owner: str) -> Response:
        """Name an owner: `user:NAME` or `team:NAME`."""
        return Response(asdict(annotating.add_owner(caller=self.caller, dataset_uuid=dataset, owner=owner)))

    @extend_schema(responses={200: bodies.AnnotatedShape, **problems(404)})
    def delete(self, request: Request, dataset: uuid.UUID, owner: str) -> Response:
        """End an ownership."""
        return Response(asdict(annotating.remove_owner(caller=self.caller, dataset_uuid=dataset, owner=owner)))


class PropertyView(View):
    @extend_schema(request=bodies.SetProperty, responses={200: bodies.AnnotatedShape, **problems(404)})
    def put(self, request: Request, dataset: uuid.UUID, name: str) -> Response:
        """Set a custom property."""
        value = self.checked(bodies.SetProperty)["value"]
        return Response(
            asdict(annotating.set_property(caller=self.caller, dataset_uuid=dataset, name=name, value=value))
        )

    @extend_schema(responses={200: bodies.AnnotatedShape, **problems(404)})
    def delete(self, request: Request, dataset: uuid.UUID, name: str) -> Response:
        """Remove a custom property."""
        return Response(
            asdict(annotating.set_property(caller=self.caller, dataset_uuid=dataset, name=name, value=None))
        )


class MergeView(View):
    @extend_schema(request=bodies.Merge, responses={204: None, **problems(404, 409)})
    def post(self, request: Request, dataset: uuid.UUID) -> Response:
        """Send readers of this dataset to another."""
        identity.merge(caller=self.caller, absorbed=dataset, survivor=self.checked(bodies.Merge)["survivor"])
        return Response(status=204)

    @extend_schema(responses={204: None, **problems(404, 409)})
    def delete(self, request: Request, dataset: uuid.UUID) -> Response:
        """Undo the merge of this dataset."""
        identity.undo_merge(caller=self.caller, absorbed=dataset)
        return Response(status=204)


class RunsView(View):
    @extend_schema(
        parameters=[
            query("kind", str, "such as sync"),
            query("subject", str, "such as a catalog's name"),
            query("state", str, "queued, running, done, failed or cancelled"),
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
            state=request.GET.get("state") or None,
            before=decode_cursor("runs", request.GET.get("cursor"), int),
            limit=asked + 1,
        )
        return page(found, asked, "runs", lambda view: view.number)


class RunView(View):
    @extend_schema(responses={200: bodies.RunShape, **problems(404)})
    def get(self, request: Request, run: uuid.UUID) -> Response:
        """Return a run with its progress."""
        gate.require_operator(self.principal, what="reading runs")
        return Response(journal.get_run(run))


class RunUnitsView(View):
    @extend_schema(responses={200: inline_serializer("Units", {"items": bodies.UnitShape(many=True)}), **problems(404)})
    def get(self, request: Request, run: uuid.UUID) -> Response:
        """Return the parts of a sync, a database each, with what could not be read."""
        return Response({"items": selectors.list_sync_units(run_uuid=run, principal=self.principal)})


class CancelRunView(View):
    @extend_schema(request=None, responses={202: bodies.RunShape, **problems(404)})
    def post(self, request: Request, run: uuid.UUID) -> Response:
        """Ask a run to stop. What it has done stays."""
        gate.require_operator(self.principal, what="cancelling runs")
        journal.get_run(run)
        runs.request_cancel(run, by=self.principal.handle)
        return Response(journal.get_run(run), status=202)


class HoldsView(View):
    @extend_schema(responses={200: inline_serializer("Holds", {"items": bodies.HoldShape(many=True)}), **problems()})
    def get(self, request: Request) -> Response:
        """Return the syncs that ask before they drop."""
        return Response({"items": selectors.list_holds(principal=self.principal)})


class HoldView(View):
    @extend_schema(request=bodies.DecideHold, responses={200: bodies.DecidedHold, **problems(404)})
    def post(self, request: Request, hold: uuid.UUID) -> Response:
        """Answer a sync that asked: drop what vanished, or keep all."""
        body = self.checked(bodies.DecideHold)
        return Response({"run": catalogs.decide_hold(caller=self.caller, hold_uuid=hold, drop=body["drop"])})


class ChangesView(View):
    @extend_schema(
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


class AuditView(View):
    @extend_schema(
        parameters=[
            query("subject", uuid.UUID, "records of this dataset, catalog, …"),
            query("principal", str, "records of what this one did, such as user:mara"),
            LIMIT,
            CURSOR,
        ],
        responses={200: paged(bodies.AuditShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """Return who changed what, newest first; others than operators see what they did themselves."""
        asked = limit(request.GET)
        found = access.list_audit(
            principal=self.principal,
            subject_uuid=identifier(request.GET, "subject"),
            by=request.GET.get("principal") or None,
            before=decode_cursor("audit", request.GET.get("cursor"), int),
            limit=asked + 1,
        )
        return page(found, asked, "audit", lambda view: view.number)


class TokensView(View):
    @extend_schema(responses={200: inline_serializer("Tokens", {"items": bodies.TokenShape(many=True)}), **problems()})
    def get(self, request: Request) -> Response:
        """Return one's own tokens, without their secrets."""
        return Response({"items": access.list_tokens(principal=self.principal)})

    @extend_schema(request=bodies.CreateToken, responses={201: bodies.CreatedToken, **problems()})
    def post(self, request: Request) -> Response:
        """Create a token for oneself; its secret is shown this once."""
        body = self.checked(bodies.CreateToken)
        days = body["days"]
        user_id = self.principal.user_id
        assert user_id is not None
        token, secret = access_services.create_token(
            caller=self.caller,
            user_id=user_id,
            name=body["name"],
            expires_at=clock.now() + timedelta(days=days) if days is not None else None,
        )
        return Response(
            {"uuid": token.uuid, "name": token.name, "secret": secret, "expires_at": token.expires_at}, status=201
        )


class TokenView(View):
    @extend_schema(responses={204: None, **problems(404)})
    def delete(self, request: Request, token: uuid.UUID) -> Response:
        """Revoke a token; it ends within 5 s everywhere."""
        access_services.revoke_token(caller=self.caller, token_uuid=token)
        return Response(status=204)


class UsersView(View):
    @extend_schema(responses={200: inline_serializer("Users", {"items": bodies.UserShape(many=True)}), **problems()})
    def get(self, request: Request) -> Response:
        """Return all users."""
        return Response({"items": access.list_users(principal=self.principal)})

    @extend_schema(request=bodies.CreateUser, responses={201: bodies.UserShape, **problems()})
    def post(self, request: Request) -> Response:
        """Create a user."""
        user = access_services.create_user(caller=self.caller, **self.checked(bodies.CreateUser))
        return Response(
            access.UserView(user.uuid, user.username, user.display_name, user.email, user.is_superuser, True),
            status=201,
        )


class TeamsView(View):
    @extend_schema(request=bodies.CreateTeam, responses={201: bodies.TeamShape, **problems(404)})
    def post(self, request: Request) -> Response:
        """Create a team."""
        team = access_services.create_team(caller=self.caller, **self.checked(bodies.CreateTeam))
        return Response({"uuid": team.uuid, "name": team.name, "display_name": team.display_name}, status=201)


class GrantsView(View):
    @extend_schema(responses={200: inline_serializer("Grants", {"items": bodies.GrantShape(many=True)}), **problems()})
    def get(self, request: Request) -> Response:
        """Return all grants."""
        return Response({"items": access.list_grants(principal=self.principal)})

    @extend_schema(request=bodies.CreateGrant, responses={201: bodies.GrantShape, **problems(404)})
    def post(self, request: Request) -> Response:
        """Grant a role on a pattern of names."""
        body = self.checked(bodies.CreateGrant)
        grant = access_services.create_grant(
            caller=self.caller, role=body["role"], pattern=body["pattern"], username=body["user"], team=body["team"]
        )
        return Response(
            access.GrantView(grant.uuid, grant.role, body["pattern"], body["user"], body["team"]), status=201
        )


class GrantView(View):
    @extend_schema(responses={204: None, **problems(404)})
    def delete(self, request: Request, grant: uuid.UUID) -> Response:
        """Take a grant back."""
        access_services.revoke_grant(caller=self.caller, grant_uuid=grant)
        return Response(status=204)


class RestrictionsView(View):
    @extend_schema(
        responses={200: inline_serializer("Restrictions", {"items": bodies.RestrictionShape(many=True)}), **problems()}
    )
    def get(self, request: Request) -> Response:
        """Return the patterns whose datasets are known by grant only."""
        found = access.list_restrictions(principal=self.principal)
        return Response({"items": [{"uuid": key, "pattern": pattern} for key, pattern in found]})

    @extend_schema(request=bodies.CreateRestriction, responses={201: bodies.RestrictionShape, **problems()})
    def post(self, request: Request) -> Response:
        """Hide the datasets under a pattern from all who are not granted a role there by name."""
        pattern = self.checked(bodies.CreateRestriction)["pattern"]
        made = access_services.create_restriction(caller=self.caller, pattern=pattern)
        return Response({"uuid": made.uuid, "pattern": pattern}, status=201)


class RestrictionView(View):
    @extend_schema(responses={204: None, **problems(404)})
    def delete(self, request: Request, restriction: uuid.UUID) -> Response:
        """Lift a restriction."""
        access_services.revoke_restriction(caller=self.caller, restriction_uuid=restriction)
        return Response(status=204)
