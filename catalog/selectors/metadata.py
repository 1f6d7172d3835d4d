"""Datasets by what people said of them, and by where their data lies."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import orjson
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from catalog.access import gate
from catalog.access.principals import Principal
from catalog.domain.locations import lies_within, location_digest, location_key, places_above
from catalog.domain.names import lookup_key
from catalog.models import Annotation, Dataset
from catalog.selectors.datasets import SHOWN, dataset_for_details

PLACES_A_QUERY = 500
SAID = ("property", "owner", "tag")
_LIKE = {"%": ".*", "_": "."}


def _readable(principal: Principal) -> QuerySet[Dataset]:
    return Dataset.objects.filter(gate.condition(principal, gate.READ), state__in=SHOWN)


def _claimed(**what: Any) -> Exists:
    claims = Annotation.objects.filter(
        dataset=OuterRef("pk"), column__isnull=True, ended_at__isnull=True, status="accepted"
    )
    return Exists(claims.filter(**what))


def list_described(
    *,
    principal: Principal,
    name: str = "",
    properties: Sequence[str] = (),
    by_date: bool = False,
    descending: bool = False,
    offset: int = 0,
    limit: int,
) -> Sequence[Mapping[str, Any]]:
    """
    Return the bodies of datasets that have owners, tags or properties, in name order or by when they were added.

    ``name`` may hold SQL's wildcards and counts in any letter case; all of the named properties must be there.
    """
    rows = _readable(principal).filter(_claimed(aspect__in=SAID))
    for each in properties:
        rows = rows.filter(_claimed(aspect="property", key=each))
    pattern = None
    if "%" in name or "_" in name:
        literal = re.split("[%_]", name, maxsplit=1)[0]
        rows = rows.filter(lookup_key__startswith=lookup_key(literal))
        pattern = re.compile("".join(_LIKE.get(char) or re.escape(char) for char in name) + r"\Z", re.IGNORECASE)
    elif name:
        rows = rows.filter(lookup_key=lookup_key(name))
    order = "created_at" if by_date else "qualified_name"
    rows = rows.order_by(f"-{order}" if descending else order)
    found = rows.values_list("qualified_name", "body").iterator(chunk_size=500)
    wanted = (body for printed, body in found if pattern is None or pattern.match(printed))
    return [orjson.loads(bytes(body)) for body in islice(wanted, offset, offset + limit)]


def list_owned(*, principal: Principal, owners: Sequence[str], limit: int) -> Sequence[str]:
    """Return the names of datasets that one of some handles owns."""
    rows = _readable(principal).filter(_claimed(aspect="owner", key__in=list(owners)))
    return list(rows.order_by("qualified_name").values_list("qualified_name", flat=True)[:limit])


def owners_by_uuid(uuids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[str]]:
    """Return the owners of those of some datasets that have any; whoever asks has been let in."""
    rows = Annotation.objects.filter(
        dataset__uuid__in=list(uuids), column__isnull=True, aspect="owner", ended_at__isnull=True, status="accepted"
    ).order_by("pk")
    found: dict[uuid.UUID, list[str]] = {}
    for key, owner in rows.values_list("dataset__uuid", "key"):
        found.setdefault(key, []).append(owner)
    return found


def list_tagged(
    *,
    principal: Principal,
    tags: Sequence[str] = (),
    without: Sequence[str] = (),
    text: str = "",
    catalog: str = "",
    database: str = "",
    dataset: str = "",
    limit: int,
) -> Sequence[str]:
    """Return the names of datasets that have one of some tags, or one that holds a text, and none of others; any tag without either."""
    which: dict[str, Any] = {"aspect": "tag"}
    if tags:
        which["key__in"] = list(tags)
    if text:
        which["key__icontains"] = text
    rows = _readable(principal).filter(_claimed(**which))
    if without:
        rows = rows.exclude(_claimed(aspect="tag", key__in=list(without)))
    for field, value in (("catalog__name", catalog), ("database__name", database), ("name", dataset)):
        if value:
            rows = rows.filter(**{f"{field}__iexact": value})
    return list(rows.order_by("qualified_name").values_list("qualified_name", flat=True)[:limit])


def list_at_location(*, principal: Principal, location: str, below: bool, limit: int) -> Sequence[Mapping[str, Any]]:
    """Return the bodies of datasets whose data lies at a place, or, with ``below``, anywhere under that prefix."""
    key = location_key(location)
    return _bodies(_readable(principal).filter(_at(key, below=below)), limit) if key else ()


def list_at_locations(*, principal: Principal, keys: Sequence[str], limit: int) -> Sequence[Mapping[str, Any]]:
    """Return the bodies of datasets whose data lies at one of some places, given by their keys."""
    return _bodies(_readable(principal).filter(location_key__in=list(keys)), limit)


def data_metadata_of(locations: Iterable[str | None]) -> dict[str, Any]:
    """Return what is said of the data at those of some places of which something is; whoever asks has been let in."""
    by_digest: dict[bytes, list[str]] = {}
    for location in locations:
        if location:
            by_digest.setdefault(location_digest(location), []).append(location)
    found: dict[str, Any] = {}
    digests = list(by_digest)
    for start in range(0, len(digests), PLACES_A_QUERY):
        part = digests[start : start + PLACES_A_QUERY]
        # By hand: every table that Metacat's clients read asks this.
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT digest, value FROM catalog_data_metadata WHERE digest IN ({', '.join(['%s'] * len(part))})",
                part,
            )
            for digest, value in cursor.fetchall():
                if said := orjson.loads(value):
                    found |= dict.fromkeys(by_digest[bytes(digest)], said)
    return found


def get_data_metadata(*, principal: Principal, location: str) -> Any:
    """Return what is said of the data at a place; None where nothing is, or the principal reads no dataset that holds it."""
    key = location_key(location)
    if not key or not _readable(principal).filter(location_key__in=places_above(key)).exists():
        return None
    return data_metadata_of([location]).get(location)


def data_metadata_of_dataset(
    *, dataset_uuid: uuid.UUID, principal: Principal, location: str | None = None
) -> tuple[str | None, Mapping[str, Any]]:
    """Return a dataset's place, or one within it, and what is said of the data there; nothing of places elsewhere."""
    body = orjson.loads(dataset_for_details(dataset_uuid, principal, "reading metadata of data").body)
    own = body["location"]
    place = own if location is None or not own or not lies_within(location, own) else location
    return place, data_metadata_of([place]).get(place or "", {})


def _bodies(rows: QuerySet[Dataset], limit: int) -> Sequence[Mapping[str, Any]]:
    found = rows.order_by("qualified_name").values_list("body", flat=True)
    return [orjson.loads(body) for body in found[:limit]]


def _at(key: str, *, below: bool) -> Q:
    if not below:
        return Q(location_key=key)
    condition = Q(location_key__startswith=key)
    if connection.vendor == "sqlite":
        # What Django makes of a prefix there cannot use the index; what lies between two texts can.
        condition &= Q(location_key__gte=key, location_key__lt=f"{key}\U0010ffff")
    return condition
