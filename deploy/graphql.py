"""The root of GraphQL: one schema of all apps' queries, read only, limited in size, depth and cost."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import graphene
import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from graphene_django.views import GraphQLView, HttpError
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationRule,
    VariableNode,
    parse,
    validate,
)

from catalog.access.middleware import principal_of
from catalog.api.v1.authentication import not_signed_in
from catalog.api.v1.errors import answer_for
from catalog.graphql import CatalogQuery
from catalog.web.signing_in import page_view
from lineage.graph.base import GraphUnavailable
from lineage.graphql import LineageQuery
from lineage.selectors.graphs import MAX_IMPACT

logger = logging.getLogger(__name__)

MAX_CHARACTERS = 20_000
MAX_FIELDS = 500
"""Fields of a query, those of a fragment as often as it is used."""
MAX_DEPTH = 15
MAX_COST = 200_000
"""Values that an answer may have, each list as often as the query lets it be long, and datasets that may be walked over for it."""
UNKNOWN_LENGTH = 200
"""What a list counts for whose length a variable gives."""
DEFAULTS = {"lineage": 200, "columnLineage": 200, "search": 25, "impact": 50, "path": 30}
"""Lengths of what is asked for without saying one."""
COUNTED = ("first", "limit")
WALKED = {"impact": MAX_IMPACT, "path": 2 * MAX_IMPACT}
"""Datasets that are walked over for what answers little."""


class Query(CatalogQuery, LineageQuery, graphene.ObjectType):
    """What may be asked."""


schema = graphene.Schema(query=Query)


class Limits(ValidationRule):
    """Refuses a query that is too deep, has too many fields, or whose answer could be too large."""

    def enter_document(self, node: DocumentNode, *_args: Any) -> None:
        """Measure the operations of a document."""
        self._fragments = {
            part.name.value: part for part in node.definitions if isinstance(part, FragmentDefinitionNode)
        }
        self._fields = 0
        try:
            for part in node.definitions:
                if isinstance(part, OperationDefinitionNode):
                    cost = self._cost(part.selection_set, 0, ())
                    if cost > MAX_COST:
                        raise GraphQLError(
                            f"the query could cost {cost:,} (values of the answer, datasets on the way); at most {MAX_COST:,}"
                            " are given. Ask for shorter lists, or for less at once"
                        )
        except GraphQLError as error:
            self.report_error(error)

    def _cost(self, selected: SelectionSetNode | None, depth: int, within: tuple[str, ...]) -> int:
        if depth > MAX_DEPTH:
            raise GraphQLError(f"the query is more than {MAX_DEPTH} levels deep")
        return sum(self._cost_of(field, depth, within) for field in self._selected(selected, within))

    def _cost_of(self, field: tuple[FieldNode, tuple[str, ...]], depth: int, within: tuple[str, ...]) -> int:
        node, inside = field
        self._count()
        if node.name.value.startswith("__"):
            return 1  # what the schema says of itself is no larger than the schema
        own = 1 + WALKED.get(node.name.value, 0)
        return own + _length(node) * self._cost(node.selection_set, depth + 1, inside)

    def _count(self) -> None:
        self._fields += 1
        if self._fields > MAX_FIELDS:
            raise GraphQLError(f"the query has more than {MAX_FIELDS:,} fields")

    def _selected(
        self, selected: SelectionSetNode | None, within: tuple[str, ...]
    ) -> Iterator[tuple[FieldNode, tuple[str, ...]]]:
        for part in selected.selections if selected is not None else ():
            if isinstance(part, FieldNode):
                yield part, within
            elif isinstance(part, InlineFragmentNode):
                yield from self._selected(part.selection_set, within)
            elif isinstance(part, FragmentSpreadNode):
                self._count()
                name = part.name.value
                found = self._fragments.get(name)
                if found is not None and name not in within:  # circles are refused by another rule
                    yield from self._selected(found.selection_set, (*within, name))


def _length(node: FieldNode) -> int:
    for argument in node.arguments:
        if argument.name.value in COUNTED:
            if isinstance(argument.value, IntValueNode):
                return max(1, min(10**6, int(argument.value.value)))
            if isinstance(argument.value, VariableNode):
                return UNKNOWN_LENGTH
    return DEFAULTS.get(node.name.value, 1)


QUESTION = """\
# Ctrl-Enter asks this.
{
  search(q: "customer", first: 5) {
    total
    items {
      qualifiedName
      description
      owners
      tags
    }
  }
}
"""


@page_view
def explorer(request: HttpRequest) -> HttpResponse:
    """Show GraphiQL."""
    return render(request, "deploy/explorer.html", {"section": "graphql", "question": QUESTION})


def _refused(reason: str) -> HttpError:
    return HttpError(HttpResponseBadRequest(), reason)


def _prefers_a_page(request: HttpRequest) -> bool:
    return request.get_preferred_type(["application/json", "text/html"]) == "text/html"


class Door(GraphQLView):
    """Answers whoever is signed in; a browser that asks nothing gets a page to ask from."""

    def __init__(self, **more: Any) -> None:
        super().__init__(schema=schema, **more)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer a query. Queries change nothing, so that GET may ask them too."""
        if request.method == "GET" and "query" not in request.GET and _prefers_a_page(request):
            page: HttpResponse = explorer(request)
            return page
        if principal_of(request) is None:
            refused = answer_for(not_signed_in(request))
            assert refused is not None
            return refused
        answer: HttpResponse = super().dispatch(request, *args, **kwargs)
        answer["Cache-Control"] = "private, no-store"
        return answer

    def parse_body(self, request: HttpRequest) -> Any:
        """Return what was sent, with the bounds of a query checked before it is read."""
        body = self._body(request)
        query = request.GET.get("query") or body.get("query")
        if isinstance(query, str) and len(query) > MAX_CHARACTERS:
            return {
                "query": "",
                "refused": f"the query has {len(query):,} characters; at most {MAX_CHARACTERS:,} are read",
            }
        return body

    def _body(self, request: HttpRequest) -> Any:
        kind = self.get_content_type(request)
        if kind == "application/graphql":
            try:
                return {"query": request.body.decode()}
            except UnicodeDecodeError:
                raise _refused("the body is not UTF-8") from None
        if kind != "application/json":
            return super().parse_body(request)
        try:
            body = orjson.loads(request.body)
        except orjson.JSONDecodeError as error:
            raise _refused(f"the body is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise _refused("the body must be an object with 'query', and 'variables' where it has any")
        return body

    @staticmethod
    def get_graphql_params(request: HttpRequest, data: Any) -> tuple[Any, Any, Any, Any]:
        """Return the query, its variables, the name of the operation and an id."""
        query, variables, operation, key = GraphQLView.get_graphql_params(request, data)
        try:
            orjson.dumps(variables)
        except orjson.JSONEncodeError as error:  # an address may hold what the reader of bodies refuses
            raise _refused(f"'variables' cannot be read: {error}") from None
        return query, variables, operation, key

    def get_response(self, request: HttpRequest, data: Any, show_graphiql: bool = False) -> tuple[str, int]:
        """Return the answer and its status."""
        refused = data.get("refused")
        if refused is None and not isinstance(request.GET.get("query") or data.get("query") or "", str):
            refused = "'query' must be a text"
        if refused is not None:
            return json.dumps({"errors": [{"message": refused}]}), 400
        found: tuple[str, int] = super().get_response(request, data, show_graphiql)
        return found

    def execute_graphql_request(
        self, request: HttpRequest, data: Any, query: str, *more: Any
    ) -> ExecutionResult | None:
        """Return the result of a query within the limits; they are looked at before any rule that takes longer than reading."""
        try:
            refused = validate(self.schema.graphql_schema, parse(query), [Limits]) if query else []
        except GraphQLError as error:
            refused = [error]
        except RecursionError:
            refused = [GraphQLError("the query is nested too deeply")]
        if refused:
            return ExecutionResult(data=None, errors=refused)
        result: ExecutionResult | None = super().execute_graphql_request(request, data, query, *more)
        return result

    @staticmethod
    def format_error(error: Exception) -> dict[str, Any]:
        """Return an error for whoever asked: ours in our words, a fault without its details."""
        cause = getattr(error, "original_error", None) or error
        told: dict[str, Any] = dict(error.formatted) if isinstance(error, GraphQLError) else {}
        if isinstance(cause, RecursionError):
            return told | {"message": "the query is nested too deeply"}
        if isinstance(cause, GraphUnavailable):
            return told | {"message": str(cause), "extensions": {"code": "graph-unavailable"}}
        known = answer_for(cause)
        if known is not None:
            problem = json.loads(known.content)
            return told | {"message": problem["detail"], "extensions": {"code": problem["type"].rpartition("#")[2]}}
        if isinstance(cause, GraphQLError) or not isinstance(error, GraphQLError):
            return told or {"message": str(error)}
        logger.error("a query failed", exc_info=cause)
        return told | {
            "message": "Cairn failed at this; its log has the details",
            "extensions": {"code": "internal-error"},
        }
