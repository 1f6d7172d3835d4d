"""Versions and their differences, columns, merges, and what people say of them."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db.models import Count, F, Q

from catalog.access import gate
from catalog.access.principals import Principal
from catalog.domain.diff import Change, diff
from catalog.domain.documents import document_from_json
from catalog.models import (
    Annotation,
    DatasetVersion,
    Redirect,
)
from catalog.selectors.datasets import SHOWN, dataset_for_details
from catalog.selectors.definitions import load_definitions
from catalog.selectors.errors import NoSuchVersion


@dataclass(frozen=True, slots=True)
class VersionView:
    """One definition that a dataset had: its number, since when, why, and how it differs from the one before."""

    number: int
    recorded_at: datetime
    cause: Mapping[str, Any]
    changes: Sequence[Mapping[str, Any]]


def list_versions(
    *, dataset_uuid: uuid.UUID, principal: Principal, before: int | None = None, limit: int
) -> Sequence[VersionView]:
    """Return versions, newest first. :raises NoSuchDataset, Denied: as the gate says."""
    stored = dataset_for_details(dataset_uuid, principal, "reading versions")
    rows = DatasetVersion.objects.filter(dataset__uuid=stored.uuid)
    if before is not None:
        rows = rows.filter(number__lt=before)
    return [
        VersionView(row.number, row.recorded_at, row.cause, orjson.loads(zlib.decompress(row.diff)))
        for row in rows.order_by("-number")[:limit]
    ]


def get_version_document(*, dataset_uuid: uuid.UUID, number: int, principal: Principal) -> Mapping[str, Any]:
    """Return the definition of one version as JSON values. :raises NoSuchVersion: if there is none of this number."""
    stored = dataset_for_details(dataset_uuid, principal, "reading versions")
    digest = (
        DatasetVersion.objects.filter(dataset__uuid=stored.uuid, number=number).values_list("digest", flat=True).first()
    )
    if digest is None or not (found := load_definitions([bytes(digest)])):
        raise NoSuchVersion(f"'{stored.qualified_name}' has no version {number}")
    return found[bytes(digest)]


def diff_versions(*, dataset_uuid: uuid.UUID, first: int, last: int | None, principal: Principal) -> Sequence[Change]:
    """Return what changed from one version to another, the newest if ``last`` is None. :raises NoSuchVersion: for an unknown one."""
    if last is None:
        newest = list_versions(dataset_uuid=dataset_uuid, principal=principal, limit=1)
        last = newest[0].number if newest else 0
    before, after = (
        document_from_json(get_version_document(dataset_uuid=dataset_uuid, number=number, principal=principal))
        for number in (first, last)
    )
    return diff(before, after)


def list_columns(*, dataset_uuid: uuid.UUID, principal: Principal, find: str = "") -> Sequence[Mapping[str, Any]]:
    """Return a dataset's columns in reading order, those whose path or description holds a text if one is given."""
    stored = dataset_for_details(dataset_uuid, principal, "reading columns")
    return matching_columns(orjson.loads(stored.body)["columns"], find)


def matching_columns(columns: Sequence[Mapping[str, Any]], find: str) -> Sequence[Mapping[str, Any]]:
    """Return those of a body's columns whose path or description holds a text; all of them for an empty one."""
    if not find:
        return columns
    wanted = find.casefold()
    return [
        column
        for column in columns
        if wanted in column["path"].casefold()
        or (column["description"] and wanted in column["description"]["text"].casefold())
    ]


@dataclass(frozen=True, slots=True)
class ClaimView:
    """A claim about a dataset or one of its columns, current or ended."""

    number: int
    uuid: uuid.UUID
    aspect: str
    key: str
    value: Any
    column: str | None
    said_by: str
    author: str
    said_at: datetime
    ended_at: datetime | None
    ended_by: str
    status: str
    confidence: float | None


def list_claims(
    *,
    dataset_uuid: uuid.UUID,
    principal: Principal,
    aspect: str | None = None,
    include_ended: bool = True,
    before: int | None = None,
    limit: int = 200,
) -> Sequence[ClaimView]:
    """
    Return what was said about a dataset, newest first, ``before`` being the number of the last claim of the page before.

    :raises NoSuchDataset, Denied: as the gate says.
    """
    stored = dataset_for_details(dataset_uuid, principal, "reading the history of metadata")
    condition = Q(dataset__uuid=stored.uuid)
    if aspect:
        condition &= Q(aspect=aspect)
    if not include_ended:
        condition &= Q(ended_at__isnull=True)
    if before is not None:
        condition &= Q(pk__lt=before)
    rows = Annotation.objects.filter(condition).order_by("-pk").annotate(path=F("column__path"))[:limit]
    return [
        ClaimView(
            row.pk,
            row.uuid,
            row.aspect,
            row.key,
            row.value,
            row.path,
            row.said_by,
            row.author,
            row.said_at,
            row.ended_at,
            row.ended_by,
            row.status,
            row.confidence,
        )
        for row in rows
    ]


def list_redirects(*, dataset_uuid: uuid.UUID, principal: Principal) -> Sequence[tuple[uuid.UUID, str, datetime]]:
    """Return id, name and time of the datasets that were merged into one and not undone."""
    stored = dataset_for_details(dataset_uuid, principal, "reading merges")
    rows = Redirect.objects.filter(survivor__uuid=stored.uuid, undone_at__isnull=True)
    return list(rows.values_list("absorbed__uuid", "absorbed__qualified_name", "created_at"))


def list_tags(*, principal: Principal, prefix: str = "", limit: int = 50) -> Sequence[tuple[str, int]]:
    """Return tags that begin with a prefix and how many readable datasets carry each, most used first."""
    rows = (
        Annotation.objects.filter(
            gate.condition(principal, gate.READ, "dataset__access_class"),
            aspect="tag",
            ended_at__isnull=True,
            status="accepted",
            key__startswith=prefix,
            dataset__state__in=SHOWN,
        )
        .values_list("key")
        .annotate(n=Count("dataset_id", distinct=True))
        .order_by("-n", "key")
    )
    return list(rows[:limit])
