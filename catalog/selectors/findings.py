"""What columns seem to hold, over all datasets."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q

from catalog.access import gate
from catalog.access.principals import Principal
from catalog.models import Annotation
from catalog.selectors.datasets import SHOWN, Tally


@dataclass(frozen=True, slots=True)
class FindingView:
    """That a column seems to hold values of a kind, and what somebody decided about it."""

    number: int
    dataset_uuid: uuid.UUID
    uuid: uuid.UUID
    qualified_name: str
    platform: str
    column: str
    type: str
    category: str
    tag: str
    status: str
    confidence: float | None
    method: str
    matched: int
    seen: int
    shapes: Sequence[Sequence[Any]]
    author: str
    said_at: datetime


def _current(principal: Principal, role: str) -> Q:
    allowed = gate.condition(principal, role, "dataset__access_class")
    return allowed & Q(
        aspect="finding", ended_at__isnull=True, column__dropped_at__isnull=True, dataset__state__in=SHOWN
    )


def list_findings(
    *,
    principal: Principal,
    kind: str = "",
    status: str = "",
    dataset_uuid: uuid.UUID | None = None,
    before: int | None = None,
    role: str = gate.READ,
    limit: int,
) -> Sequence[FindingView]:
    """
    Return findings of datasets on which the principal has a role, newest first.

    ``before`` is the number of the last one of the page before.
    """
    condition = _current(principal, role)
    for field, value in (("key", kind), ("status", status), ("dataset__uuid", dataset_uuid)):
        if value:
            condition &= Q(**{field: value})
    if before is not None:
        condition &= Q(pk__lt=before)
    rows = (
        Annotation.objects.filter(condition)
        .order_by("-pk")
        .annotate(
            of=F("dataset__uuid"),
            name=F("dataset__qualified_name"),
            platform=F("dataset__catalog__platform"),
            path=F("column__path"),
        )[:limit]
    )
    return [_view(row) for row in rows]


def _view(row: Any) -> FindingView:
    value, evidence = row.value or {}, row.evidence or {}
    return FindingView(
        number=row.pk,
        uuid=row.uuid,
        dataset_uuid=row.of,
        qualified_name=row.name,
        platform=row.platform,
        column=row.path,
        type=row.key,
        category=value.get("category", ""),
        tag=value.get("tag", ""),
        status=row.status,
        confidence=row.confidence,
        method=evidence.get("method", "name"),
        matched=evidence.get("matched", 0),
        seen=evidence.get("seen", 0),
        shapes=evidence.get("shapes", ()),
        author=row.author,
        said_at=row.said_at,
    )


def count_findings(
    *, principal: Principal, status: str = "suggested", role: str = gate.READ, newest: int = 10_000
) -> Tally:
    """Return how many findings of each kind have a status, of so many that are the newest, of datasets on which the principal has a role."""
    rows = Annotation.objects.filter(_current(principal, role), status=status).order_by("-pk")
    kinds = list(rows.values_list("key", flat=True)[: newest + 1])
    return Tally.of(kinds[:newest], is_whole=len(kinds) <= newest)
