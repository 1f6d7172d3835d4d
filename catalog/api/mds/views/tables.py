"""Catalogs, databases and tables."""

from __future__ import annotations

import orjson
from django.http import HttpResponse

from catalog import selectors
from catalog.api.mds import documents
from catalog.api.mds.errors import InvalidRequest, answer_for, not_found
from catalog.api.mds.views.base import Asked, add_data_metadata, json_answer
from catalog.domain.names import QualifiedName
from catalog.selectors import NoSuchDataset


def root(asked: Asked) -> HttpResponse:
    """Say that the door is open."""
    return HttpResponse(status=204)


def catalogs(asked: Asked) -> HttpResponse:
    """List catalogs."""
    return json_answer(
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
    return json_answer(documents.catalog_json(view.name, view.platform, names, described=described))


def database(asked: Asked, name: QualifiedName) -> HttpResponse:
    """Return a database with the names of its tables."""
    with_tables = asked.flag("includeTableNames", True)
    found = selectors.get_live_database(
        catalog=name.catalog, database=name.last, principal=asked.principal, with_datasets=with_tables
    )
    described = asked.flag("includeUserMetadata", True)
    return json_answer(documents.database_json(found, described=described, with_tables=with_tables))


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
        add_data_metadata([document])
    return json_answer(document)


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
        add_data_metadata([document])
    response = json_answer(document)
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
