"""The addresses of Metacat's reading side, as plain views: its clients ask often, and what they ask is small."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from catalog import backends, selectors
from catalog.access.middleware import principal_of
from catalog.access.principals import Principal
from catalog.api.mds import documents
from catalog.api.mds.errors import InvalidRequest, NotServed, answer_for, not_found
from catalog.api.mds.types import TypeContext, type_context
from catalog.api.v1.authentication import not_signed_in
from catalog.domain.locations import location_key, places_above
from catalog.domain.names import QualifiedName
from catalog.domain.partitions import NULL_VALUE, values_of
from catalog.selectors import NoSuchDataset, PartitionedTable

MOST = 10_000
"""Items of one answer that has no pages."""
MOST_PARTITIONS = 100_000
"""Partitions of one answer, with their storage."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of somebody who is signed in."""

    request: HttpRequest
    principal: Principal

    @property
    def context(self) -> TypeContext:
        """In whose words types are wanted."""
        return type_context(header(self.request, "data.type.context"))

    def text(self, name: str) -> str:
        """Return a query parameter, empty if it is not there."""
        return self.request.GET.get(name, "")

    def flag(self, name: str, default: bool) -> bool:
        """Return a yes or no. :raises InvalidRequest: for anything else."""
        value = self.text(name).lower()
        if value not in ("", "true", "false"):
            raise InvalidRequest(f"'{name}' must be true or false, found {value[:50]!r}")
        return value == "true" if value else default

    def number(self, name: str, default: int) -> int:
        """Return a number that is not negative. :raises InvalidRequest: for anything else."""
        value = self.text(name)
        if not value:
            return default
        if not value.isascii() or not value.isdigit() or len(value) > 9:
            raise InvalidRequest(f"'{name}' must be a number from 0, found {value[:50]!r}")
        return int(value)

    def body(self) -> dict[str, Any]:
        """Return the body. :raises InvalidRequest: if it is no JSON object."""
        try:
            value = orjson.loads(self.request.body or b"{}")
        except orjson.JSONDecodeError as error:
            raise InvalidRequest(f"the body is no JSON: {error}") from error
        if not isinstance(value, dict):
            raise InvalidRequest("the body must be a JSON object")
        return value


def header(request: HttpRequest, name: str) -> str:
    """Return one of Metacat's headers. Their dots reach us as they are; some proxies make dashes of them."""
    dotted = request.META.get(f"HTTP_X_NETFLIX.{name.upper()}")
    return str(dotted or request.META.get(f"HTTP_X_NETFLIX_{name.upper().replace('.', '_')}", ""))


Handler = Callable[..., HttpResponse]


def door(asked_for: Callable[..., QualifiedName] | None = None, **methods: Handler) -> Handler:
    """
    Return the view of an address: its handlers by method, refusals as Metacat's clients read them.

    Nothing here is changed, so that a cookie's authority needs no proof. What Metacat changes through the address and Cairn
    does not answers 501.
    """

    @csrf_exempt
    def view(request: HttpRequest, **segments: str) -> HttpResponse:
        name = None
        try:
            principal = principal_of(request)
            if principal is None:
                raise not_signed_in(request)
            handler = methods.get((request.method or "").lower())
            if handler is None:
                raise NotServed(
                    f"{request.method} is not supported here; change tables in their source, or through /v1 where it can write"
                )
            if asked_for is None:
                return handler(Asked(request, principal))
            name = asked_for(**segments)
            return handler(Asked(request, principal), name)
        except Exception as error:
            answer = answer_for(error, name)
            if answer is None:
                raise
            return answer

    return view


def _json(value: Any) -> HttpResponse:
    response = HttpResponse(orjson.dumps(value), content_type="application/json")
    response["Cache-Control"] = "private, no-cache"
    return response


def catalog_name(catalog: str) -> QualifiedName:
    """Return the name that an address of a catalog holds."""
    return QualifiedName.of(catalog)


def database_name(catalog: str, database: str) -> QualifiedName:
    """Return the name that an address of a database holds."""
    return QualifiedName.of(catalog, database)


def table_name(catalog: str, database: str, table: str) -> QualifiedName:
    """Return the name that an address of a table holds."""
    return QualifiedName.of(catalog, database, table)


def root(asked: Asked) -> HttpResponse:
    """Say that the door is open."""
    return HttpResponse(status=204)


def catalogs(asked: Asked) -> HttpResponse:
    """List catalogs."""
    return _json(
        [
            documents.mapping_json(view.name, view.platform)
            for view in selectors.list_catalogs(principal=asked.principal)
        ]
    )


def catalog(asked: Asked, name: QualifiedName) -> HttpResponse:
    """Return a catalog with the names of its databases."""
    view = selectors.get_catalog(name=name.catalog, principal=asked.principal)
    names = None
    if asked.flag("includeDatabaseNames", True):
        names = selectors.list_live_databases(catalog=view.name, principal=asked.principal)
    described = asked.flag("includeUserMetadata", True)
    return _json(documents.catalog_json(view.name, view.platform, names, described=described))


def database(asked: Asked, name: QualifiedName) -> HttpResponse:
    """Return a database with the names of its tables."""
    with_tables = asked.flag("includeTableNames", True)
    found = selectors.get_live_database(
        catalog=name.catalog, database=name.last, principal=asked.principal, with_datasets=with_tables
    )
    described = asked.flag("includeUserMetadata", True)
    return _json(documents.database_json(found, described=described, with_tables=with_tables))


def table(asked: Asked, name: QualifiedName) -> HttpResponse:
    """Return a table: as its source has it now, or, with ``freshness=cached``, as the catalog last saw it."""
    location_only = asked.flag("includeMetadataLocationOnly", False)
    asked.flag("includeInfo", True)  # columns and storage are always there, as they are where Metacat has interceptors
    asked.flag("includeInfoDetails", False)
    with_definition = asked.flag("includeDefinitionMetadata", True) and not location_only
    with_data = asked.flag("includeDataMetadata", True) and not location_only
    if _is_cached(asked):
        return _cached_table(asked, name, with_definition=with_definition, with_data=with_data)
    live = selectors.get_live_dataset(name=name, principal=asked.principal)
    document = documents.live_table_json(live, asked.context, location_only=location_only)
    if with_definition:
        document["definitionMetadata"] = documents.definition_metadata(live.body)
    if with_data:
        _add_data_metadata([document])
    return _json(document)


def _add_data_metadata(found: Sequence[documents.Document]) -> None:
    """Put what is said of the data at each document's place into it, by one query."""
    said = selectors.data_metadata_of(document["serde"]["uri"] for document in found if document["serde"])
    for document in found:
        document["dataMetadata"] = said.get(document["serde"]["uri"]) if document["serde"] else None


def _is_cached(asked: Asked) -> bool:
    freshness = asked.text("freshness") or "live"
    if freshness not in ("live", "cached"):
        raise InvalidRequest(f"'freshness' must be live or cached, found {freshness[:50]!r}")
    return freshness == "cached"


def _stored(asked: Asked, name: QualifiedName) -> selectors.StoredDataset:
    stored = selectors.get_dataset_by_name(name=str(name), principal=asked.principal, any_case=True)
    if stored.state not in selectors.SHOWN:
        raise NoSuchDataset(str(name))
    selectors.require_details(stored, asked.principal, f"reading '{name}'")
    return stored


def _cached_table(asked: Asked, name: QualifiedName, *, with_definition: bool, with_data: bool) -> HttpResponse:
    stored = _stored(asked, name)
    body = orjson.loads(stored.body)
    document = documents.stored_table_json(body, asked.context)
    if with_definition:
        document["definitionMetadata"] = documents.definition_metadata(body)
    if with_data:
        _add_data_metadata([document])
    response = _json(document)
    response["Cairn-As-Of"] = stored.as_of.isoformat()
    if stored.stale_reason:
        response["Cairn-Stale"] = "could not be read"
    return response


def table_exists(asked: Asked, name: QualifiedName) -> HttpResponse:
    """Say whether a table is there, without a body."""
    try:
        if _is_cached(asked):
            _stored(asked, name)
        else:
            selectors.get_live_dataset(name=name, principal=asked.principal)
    except LookupError as error:
        answer = answer_for(error, name) or not_found(name)
        return HttpResponse(status=answer.status_code, content_type="application/json")
    return HttpResponse(status=200)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which partitions of a table are wanted, and how many of them in which order."""

    table: PartitionedTable
    filter: str
    names: Sequence[str] | None
    by_date: bool
    descending: bool
    offset: int
    limit: int | None

    def _cut(self, items: Sequence[Any]) -> Sequence[Any]:
        ordered = items[::-1] if self.descending else items
        return ordered[self.offset : None if self.limit is None else self.offset + self.limit]

    def _all_names(self) -> Sequence[str]:
        if self.names is None:
            return selectors.list_partition_names(self.table, self.filter)
        picked = selectors.pick_partition_names(self.table, self.names, self.filter)
        return [each.name for each in selectors.get_partitions(self.table, picked)]

    def count(self) -> int:
        """Return how many there are."""
        return len(self._all_names())

    def partition_names(self) -> Sequence[str]:
        """Return their names."""
        return [each.name for each in self.partitions()] if self.by_date else self._cut(self._all_names())

    def partitions(self) -> Sequence[Any]:
        """Return them. :raises InvalidRequest: if they are too many for one answer."""
        names = self._all_names() if self.by_date else self._cut(self._all_names())
        if len(names) > MOST_PARTITIONS:
            raise InvalidRequest(
                f"{len(names)} partitions are more than one answer may hold ({MOST_PARTITIONS}); give a filter or a limit"
            )
        found = selectors.get_partitions(self.table, names)
        if not self.by_date:
            return found
        return self._cut(sorted(found, key=lambda each: (each.created_at is not None, each.created_at or 0, each.name)))


def _wanted(asked: Asked, name: QualifiedName, body: Mapping[str, Any] | None = None) -> _Wanted:
    body = body or {}
    order, by = asked.text("sortOrder").upper(), asked.text("sortBy")
    if order not in ("", "ASC", "DESC"):
        raise InvalidRequest(f"'sortOrder' must be ASC or DESC, found {order[:50]!r}")
    if by not in ("", "part_name", "name", "dateCreated", "createDate"):
        raise InvalidRequest(f"'sortBy' must be part_name or dateCreated, found {by[:50]!r}")
    names = body.get("partitionNames") or None
    if names is not None and not (isinstance(names, list) and all(isinstance(each, str) for each in names)):
        raise InvalidRequest("'partitionNames' must be a list of texts")
    if names is not None and len(names) > MOST_PARTITIONS:
        raise InvalidRequest(f"'partitionNames' has {len(names)} names; at most {MOST_PARTITIONS} are allowed")
    text = body.get("filter") or asked.text("filter")
    if not isinstance(text, str):
        raise InvalidRequest("'filter' must be a text")
    return _Wanted(
        table=selectors.find_partitioned_table(name=name, principal=asked.principal),
        filter=text,
        names=names,
        by_date=by in ("dateCreated", "createDate"),
        descending=order == "DESC",
        offset=asked.number("offset", 0),
        limit=asked.number("limit", 0) if asked.text("limit") else None,
    )


def partitions(asked: Asked, name: QualifiedName) -> HttpResponse:
    """Return partitions by a filter."""
    return _partitions(asked, name, {})


def requested_partitions(asked: Asked, name: QualifiedName) -> HttpResponse:
    """Return partitions by names, a filter, or both."""
    return _partitions(asked, name, asked.body())


def _partitions(asked: Asked, name: QualifiedName, body: Mapping[str, Any]) -> HttpResponse:
    with_data = asked.flag("includeUserMetadata", False)
    wanted = _wanted(asked, name, body)
    found = wanted.partitions()
    ref = wanted.table.ref
    table = QualifiedName.of(wanted.table.catalog.name, ref.database, ref.name)
    answer = [
        documents.partition_json(
            table,
            partition,
            with_details=body.get("includePartitionDetails") is True,
            audit_only=body.get("includeAuditOnly") is True,
        )
        for partition in found
    ]
    if with_data:
        _add_data_metadata(answer)
    return _json(answer)


def partition_keys(asked: Asked, name: QualifiedName) -> HttpResponse:
    """Return names of partitions by a filter."""
    return _json(_wanted(asked, name).partition_names())


def requested_partition_keys(asked: Asked, name: QualifiedName) -> HttpResponse:
    """Return names of partitions by names, a filter, or both."""
    return _json(_wanted(asked, name, asked.body()).partition_names())


def partition_uris(asked: Asked, name: QualifiedName) -> HttpResponse:
    """Return where partitions lie, by a filter."""
    return _json([each.location for each in _wanted(asked, name).partitions()])


def requested_partition_uris(asked: Asked, name: QualifiedName) -> HttpResponse:
    """Return where partitions lie, by names, a filter, or both."""
    return _json([each.location for each in _wanted(asked, name, asked.body()).partitions()])


def partition_count(asked: Asked, name: QualifiedName) -> HttpResponse:
    """Return how many partitions there are."""
    return _json(_wanted(asked, name).count())


def _body_uri(asked: Asked) -> str:
    uri = asked.body().get("uri")
    if not isinstance(uri, str) or not uri.strip():
        raise InvalidRequest("the body must have 'uri', a text")
    return uri


def resolver(asked: Asked) -> HttpResponse:
    """Return the tables and partitions that lie at a place."""
    tables, partitions = _at(asked)
    return _json({"tables": tables, "partitions": partitions})


def used_more_than_once(asked: Asked) -> HttpResponse:
    """Say with 204 that a place is used by more than one table or partition, with 404 that it is not."""
    tables, partitions = _at(asked)
    return HttpResponse(status=204 if len(tables) + len(partitions) > 1 else 404)


def _at(asked: Asked) -> tuple[list[documents.Document], list[documents.Document]]:
    uri, below = _body_uri(asked), asked.flag("prefixSearch", False)
    here = selectors.list_at_location(principal=asked.principal, location=uri, below=below, limit=MOST)
    key = location_key(uri) or ""
    above = selectors.list_at_locations(principal=asked.principal, keys=places_above(key)[:-1], limit=100)
    holding = [*above, *here] if below else above
    partitions: list[documents.Document] = []
    for body in holding:
        name = QualifiedName.parse(body["qualified_name"])
        found = _partitions_at(asked, body, key, below=below)
        partitions += [documents.name_json(*name.segments, partition=partition) for partition in found]
    tables = [documents.name_json(*QualifiedName.parse(body["qualified_name"]).segments) for body in here]
    return tables, partitions


def _partitions_at(asked: Asked, body: Mapping[str, Any], key: str, *, below: bool) -> Sequence[str]:
    """Return the partitions of a table that lie at a place, of those that lie where their names say."""
    if not body["partitioning"] or not backends.lists_partitions(body["platform"]):
        return ()
    name = QualifiedName.parse(body["qualified_name"])
    table = selectors.find_partitioned_table(name=name, principal=asked.principal)
    rest = key.removeprefix(location_key(body["location"]) or "").strip("/")
    names = selectors.list_partition_names(table, _filter_of(rest, [each.name for each in table.keys]))
    found = selectors.get_partitions(table, names[:MOST])
    keys = {each.name: location_key(each.location) or "" for each in found}
    return [each for each, place in keys.items() if (place.startswith(key) if below else place == key)]


def _filter_of(path: str, keys: Sequence[str]) -> str:
    """Return the filter that a path such as ``day=2026-11-01/hour=07`` within a table means; one that ends early bounds less."""
    tests = []
    known = {key.lower(): key for key in keys}
    for part in path.split("/") if path else ():
        key, sign, _ = part.partition("=")
        if not sign or key.lower() not in known:
            break
        (value,) = values_of(part)
        if value is None:
            tests.append(f"{known[key.lower()]} is null")
        elif value != NULL_VALUE:
            quoted = value.replace("\\", "\\\\").replace("'", "\\'")
            tests.append(f"{known[key.lower()]} = '{quoted}'")
    return " and ".join(tests)


def data_metadata(asked: Asked) -> HttpResponse:
    """Return what is known of the data at a place."""
    uri = _body_uri(asked)
    said = selectors.get_data_metadata(principal=asked.principal, location=uri)
    return _json({"uri": uri, "dataMetadata": said, "dataExternal": False})


def definitions(asked: Asked) -> HttpResponse:
    """List tables of which people said something, with what they said."""
    order, by = asked.text("sortOrder").upper(), asked.text("sortBy")
    if order not in ("", "ASC", "DESC"):
        raise InvalidRequest(f"'sortOrder' must be ASC or DESC, found {order[:50]!r}")
    if by not in ("", "name", "dateCreated"):
        raise InvalidRequest(f"'sortBy' must be name or dateCreated, found {by[:50]!r}")
    if asked.text("type") not in ("", "table"):
        return _json([])
    wanted = asked.request.GET.getlist("data-property")
    found = selectors.list_described(
        principal=asked.principal,
        name=asked.text("name"),
        properties=[*wanted, "lifetime"] if asked.flag("lifetime", False) else wanted,
        newest_first=by == "dateCreated",
        descending=order == "DESC",
        offset=asked.number("offset", 0),
        limit=min(asked.number("limit", 1_000), MOST),
    )
    return _json(
        [
            {
                "name": documents.name_json(*QualifiedName.parse(body["qualified_name"]).segments),
                "definitionMetadata": documents.definition_metadata(body),
            }
            for body in found
        ]
    )


def _names(found: Sequence[str]) -> HttpResponse:
    return _json([documents.name_json(*QualifiedName.parse(name).segments) for name in found])


def owned(asked: Asked) -> HttpResponse:
    """List tables by the users who own them."""
    owners = asked.request.GET.getlist("owner")
    if not owners:
        raise InvalidRequest("'owner' is missing: the name of a user, once or several times")
    handles = [f"user:{owner}" for owner in owners]
    return _names(selectors.list_owned(principal=asked.principal, owners=handles, limit=MOST))


def tags(asked: Asked) -> HttpResponse:
    """List all tags."""
    return _json([tag for tag, _ in selectors.list_tags(principal=asked.principal, limit=MOST)])


def _places(asked: Asked) -> dict[str, str]:
    return {
        "catalog": asked.text("sourceName"),
        "database": asked.text("databaseName"),
        "dataset": asked.text("tableName"),
    }


def tagged(asked: Asked) -> HttpResponse:
    """List tables that have one of some tags and none of others."""
    if asked.text("type").lower() not in ("", "table"):
        return _json([])
    return _names(
        selectors.list_tagged(
            principal=asked.principal,
            tags=asked.request.GET.getlist("include"),
            without=asked.request.GET.getlist("exclude"),
            limit=MOST,
            **_places(asked),
        )
    )


def tag_search(asked: Asked) -> HttpResponse:
    """List tables that have a tag which holds a text."""
    return _names(
        selectors.list_tagged(principal=asked.principal, text=asked.text("tag"), limit=MOST, **_places(asked))
    )
