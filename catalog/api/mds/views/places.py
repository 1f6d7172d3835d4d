"""What lies at a place, and what is said of the data there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpResponse

from catalog import backends, selectors
from catalog.api.mds import documents
from catalog.api.mds.errors import InvalidRequest
from catalog.api.mds.views.base import MOST, Asked, json_answer
from catalog.domain.locations import location_key, places_above
from catalog.domain.names import QualifiedName
from catalog.domain.partitions import NULL_VALUE, values_of


def _body_uri(asked: Asked) -> str:
    uri = asked.body().get("uri")
    if not isinstance(uri, str) or not uri.strip():
        raise InvalidRequest("the body must have 'uri', a text")
    return uri


def resolver(asked: Asked) -> HttpResponse:
    """Return the tables and partitions that lie at a place."""
    tables, partitions = _at(asked)
    return json_answer({"tables": tables, "partitions": partitions})


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
    return json_answer({"uri": uri, "dataMetadata": said, "dataExternal": False})
