"""Connectors, catalogs, their databases, and definitions changed through Cairn."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import backends, selectors
from catalog.api.v1.bodies import catalogs as bodies
from catalog.api.v1.bodies.base import StartedRun
from catalog.api.v1.errors import InvalidParameter, NoSuchIntent
from catalog.api.v1.paging import decode_cursor, limit
from catalog.api.v1.views.base import CURSOR, KEY, LIMIT, View, described, idempotency_key, page, paged, problems
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
from catalog.domain.types import parse_type
from catalog.services import catalogs, definitions


class ConnectorsView(View):
    @described(
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
    @described(request=bodies.CheckConnection, responses={200: bodies.HealthShape, **problems(422, 501, 502, 503)})
    def post(self, request: Request) -> Response:
        """Reach a source with some options; nothing is stored."""
        body = self.checked(bodies.CheckConnection)
        health = catalogs.check_connection(caller=self.caller, platform=body["platform"], options=body["options"])
        return Response(asdict(health))


class CatalogsView(View):
    @described(responses={200: inline_serializer("Catalogs", {"items": bodies.CatalogShape(many=True)}), **problems()})
    def get(self, request: Request) -> Response:
        """Return the catalogs in which one may know something, by name."""
        return Response({"items": [asdict(view) for view in selectors.list_catalogs(principal=self.principal)]})

    @described(
        request=bodies.RegisterCatalog, responses={201: bodies.CatalogShape, **problems(409, 422, 501, 502, 503)}
    )
    def post(self, request: Request) -> Response:
        """Register a source. Its first sync begins at once."""
        body = self.checked(bodies.RegisterCatalog)
        catalogs.register_catalog(caller=self.caller, **body)
        view = selectors.get_catalog(name=body["name"], principal=self.principal)
        return Response(asdict(view), status=201, headers={"Location": f"/v1/catalogs/{view.name}"})


class CatalogView(View):
    @described(responses={200: bodies.CatalogShape, **problems(404)})
    def get(self, request: Request, name: str) -> Response:
        """Return a catalog."""
        return Response(asdict(selectors.get_catalog(name=name, principal=self.principal)))

    @described(request=bodies.ChangeCatalog, responses={200: bodies.CatalogShape, **problems(404, 422, 501, 502, 503)})
    def patch(self, request: Request, name: str) -> Response:
        """Change a catalog's settings; the options that its source is reached by too."""
        body = self.checked(bodies.ChangeCatalog)
        options, test = body.pop("options", None), body.pop("test")
        catalogs.update_catalog(caller=self.caller, name=name, changes=body, options=options, test=test)
        return Response(asdict(selectors.get_catalog(name=name, principal=self.principal)))

    @described(responses={202: StartedRun, **problems(404)})
    def delete(self, request: Request, name: str) -> Response:
        """Remove a catalog; what people wrote of its datasets is kept for its return."""
        return Response({"run": catalogs.remove_catalog(caller=self.caller, name=name)}, status=202)


class SyncsView(View):
    @described(request=None, parameters=[KEY], responses={202: StartedRun, **problems(404)})
    def post(self, request: Request, name: str) -> Response:
        """Sync a catalog now."""
        run = catalogs.request_sync(caller=self.caller, name=name, idempotency_key=idempotency_key(request))
        return Response({"run": run}, status=202, headers={"Location": f"/v1/runs/{run}"})


class DatabasesView(View):
    @described(parameters=[LIMIT, CURSOR], responses={200: paged(bodies.DatabaseShape), **problems(404)})
    def get(self, request: Request, name: str) -> Response:
        """Return a catalog's databases, by name."""
        asked = limit(request.GET)
        after = decode_cursor("databases", request.GET.get("cursor"), str)
        found = selectors.list_databases(catalog=name, principal=self.principal, after=after or "", limit=asked + 1)
        return page(found, asked, "databases", lambda view: view.name)


class OperationsView(View):
    @described(
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
    @described(responses={200: bodies.IntentShape, **problems(404)})
    def get(self, request: Request, intent: uuid.UUID) -> Response:
        """Return what became of a write."""
        try:
            state, outcome = definitions.get_outcome(intent_uuid=intent, caller=self.caller)
        except LookupError as error:
            raise NoSuchIntent(str(error)) from error
        return Response({"state": state, "outcome": asdict(outcome) if outcome else None})
