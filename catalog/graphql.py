"""The catalog in GraphQL: datasets with their columns, and search. Plain object types over the selectors."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import graphene
import orjson
from graphql import GraphQLError

from catalog import selectors
from catalog.access.middleware import principal_of
from catalog.access.principals import Principal
from catalog.domain.query import parse_query
from catalog.selectors.datasets import SummarizedDataset, summarized_by_uuid
from catalog.services.finding import search

MAX_FIRST = 200


def principal_in(info: graphene.ResolveInfo) -> Principal:
    """Return who asks."""
    principal = principal_of(info.context)
    assert principal is not None, "the view lets in nobody who is not signed in"
    return principal


def bounded(value: int, most: int, name: str) -> int:
    """Return a number of a query. :raises GraphQLError: if it is out of bounds."""
    if not 1 <= value <= most:
        raise GraphQLError(f"'{name}' must be from 1 to {most}, found {value}")
    return value


def id_in(text: str) -> uuid.UUID:
    """Return the id that a query gives. :raises GraphQLError: if it is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise GraphQLError(f"{text[:50]!r} is no id of a dataset") from None


class Column(graphene.ObjectType):
    """A column, or a nested part of one."""

    id = graphene.ID(required=True)
    path = graphene.String(required=True)
    name = graphene.String(required=True)
    type = graphene.String(required=True, description="canonical type, Iceberg's")
    source_type = graphene.String(required=True)
    nullable = graphene.Boolean(required=True)
    description = graphene.String(required=True)
    tags = graphene.List(graphene.NonNull(graphene.String), required=True)


class Dataset(graphene.ObjectType):
    """A dataset. Whoever may only discover it gets no columns and no tags."""

    id = graphene.ID(required=True)
    qualified_name = graphene.String(required=True)
    name = graphene.String(required=True)
    catalog = graphene.String(required=True)
    platform = graphene.String(required=True)
    kind = graphene.String(required=True)
    state = graphene.String(required=True)
    description = graphene.String(required=True)
    owners = graphene.List(graphene.NonNull(graphene.String), required=True)
    tags = graphene.List(graphene.NonNull(graphene.String), required=True)
    restricted = graphene.Boolean(required=True, description="no more than this may be known")
    columns = graphene.List(graphene.NonNull(Column), required=True)


def _text(description: Mapping[str, Any] | None) -> str:
    return str(description["text"]) if description else ""


def dataset_of(body: Mapping[str, Any]) -> Dataset:
    """Return a dataset from its stored answer."""
    return Dataset(
        id=body["uuid"],
        qualified_name=body["qualified_name"],
        name=body["name"],
        catalog=body["catalog"],
        platform=body["platform"],
        kind=body["kind"],
        state=body["state"],
        description=_text(body["description"]),
        owners=body["owners"],
        tags=body.get("tags", []),
        restricted=bool(body.get("restricted")),
        columns=[
            Column(
                id=column["uuid"],
                path=column["path"],
                name=column["name"],
                type=column["type"],
                source_type=column["source_type"],
                nullable=column["nullable"],
                description=_text(column["description"]),
                tags=column["tags"],
            )
            for column in body.get("columns", ())
        ],
    )


class DatasetSummary(graphene.ObjectType):
    """A dataset as lists show it."""

    id = graphene.ID(required=True)
    qualified_name = graphene.String(required=True)
    name = graphene.String(required=True)
    platform = graphene.String(required=True)
    kind = graphene.String(required=True)
    description = graphene.String(required=True)
    owners = graphene.List(graphene.NonNull(graphene.String), required=True)
    tags = graphene.List(graphene.NonNull(graphene.String), required=True)


def summary_of(found: selectors.DatasetSummary) -> DatasetSummary:
    """Return a dataset of a list."""
    return DatasetSummary(
        id=found.uuid,
        qualified_name=found.qualified_name,
        name=found.name,
        platform=found.platform,
        kind=found.kind,
        description=found.description,
        owners=found.owners,
        tags=found.tags,
    )


class Summaries:
    """The datasets that one list names: asked for all at once when the first of them is."""

    def __init__(self, principal: Principal, uuids: Sequence[uuid.UUID]) -> None:
        self._principal = principal
        self._uuids = uuids
        self._found: Mapping[uuid.UUID, SummarizedDataset] | None = None

    def get(self, key: uuid.UUID) -> DatasetSummary | None:
        """Return one of them, None if it is not live or may not be known."""
        if self._found is None:
            self._found = summarized_by_uuid(principal=self._principal, uuids=self._uuids)
        found = self._found.get(key)
        return summary_of(found.summary) if found is not None else None


class SearchResults(graphene.ObjectType):
    """One page of what a search found, best first."""

    total = graphene.Int(required=True)
    items = graphene.List(graphene.NonNull(DatasetSummary), required=True)


class CatalogQuery(graphene.ObjectType):
    """What may be asked of the catalog."""

    dataset = graphene.Field(
        Dataset,
        id=graphene.ID(),
        qualified_name=graphene.String(),
        description="A dataset by its id or its qualified name; null if there is none that you may know.",
    )
    search = graphene.Field(
        SearchResults,
        q=graphene.String(required=True),
        first=graphene.Int(default_value=25),
        offset=graphene.Int(default_value=0),
        required=True,
        description="Datasets that a search finds, in the language of the search box.",
    )

    @staticmethod
    def resolve_dataset(
        root: None,
        info: graphene.ResolveInfo,
        id: str | None = None,
        qualified_name: str | None = None,
    ) -> Dataset | None:
        """Return a dataset."""
        if (id is None) == (qualified_name is None):
            raise GraphQLError("give either 'id' or 'qualifiedName'")
        try:
            if id is not None:
                stored = selectors.get_dataset(dataset_uuid=id_in(id), principal=principal_in(info))
            else:
                stored = selectors.get_dataset_by_name(name=qualified_name or "", principal=principal_in(info))
        except selectors.NoSuchDataset:
            return None
        return dataset_of(orjson.loads(stored.body))

    @staticmethod
    def resolve_search(root: None, info: graphene.ResolveInfo, q: str, first: int, offset: int) -> SearchResults:
        """Return what a search finds."""
        found = search(
            query=parse_query(q),
            principal=principal_in(info),
            limit=bounded(first, MAX_FIRST, "first"),
            offset=bounded(offset + 1, 9_001, "offset") - 1,
            facets=False,
        )
        return SearchResults(total=found.total, items=[summary_of(item.summary) for item in found.items])
