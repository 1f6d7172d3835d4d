"""Reads of detection: profiles, checks and how they ended, as far as the asker may read the dataset."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db.models import Count, Q

from catalog.access import gate
from catalog.access.principals import Principal
from catalog.selectors.datasets import Listed, dataset_for_details, list_newest, names_by_uuid
from catalog.selectors.scanning import list_looked_into
from detection.domain.checks import Check, CheckKind
from detection.models import CheckResult, CheckRow, ProfileRecord, Scan


class NoSuchCheck(LookupError):
    """There is no check of this id, or the asker may not know its dataset."""


@dataclass(frozen=True, slots=True)
class CheckView:
    """A check and how it ended last; ``status`` is empty before the first time."""

    number: int
    dataset_uuid: uuid.UUID
    uuid: uuid.UUID
    qualified_name: str
    column: str
    kind: str
    arguments: Mapping[str, Any]
    severity: str
    title: str
    """What is expected, for people."""
    status: str
    observed: str
    judged_at: datetime | None
    failing_since: datetime | None
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class QualityView:
    """What is known of a dataset's rows. ``profile`` is None where they were not read."""

    dataset_uuid: uuid.UUID
    qualified_name: str
    scanned_at: datetime | None
    due_at: datetime | None
    reads_rows: bool
    error: str
    is_refused: bool
    """Whether ``error`` says that the rows may not be read, and not that it went wrong."""
    profile: Mapping[str, Any] | None
    checks: Sequence[CheckView]


def get_quality(*, principal: Principal, dataset_uuid: uuid.UUID) -> QualityView:
    """Return what is known of a dataset's rows. :raises NoSuchDataset, Denied: as the gate says."""
    stored = dataset_for_details(dataset_uuid, principal, "reading what its rows are like")
    row = Scan.objects.filter(dataset_uuid=stored.uuid).first() or Scan(dataset_uuid=stored.uuid)
    paths = {column["uuid"]: column["path"] for column in orjson.loads(stored.body)["columns"]}
    checks = CheckRow.objects.filter(dataset_uuid=stored.uuid).order_by("pk")
    return QualityView(
        dataset_uuid=stored.uuid,
        qualified_name=stored.qualified_name,
        scanned_at=row.scanned_at,
        due_at=row.due_at,
        reads_rows=row.reads_rows,
        error=row.error,
        is_refused=bool(row.error) and not row.failures,
        profile=row.profile,
        checks=[_view(check, stored.qualified_name, paths) for check in checks],
    )


def _view(row: CheckRow, qualified_name: str, paths: Mapping[str, str]) -> CheckView:
    column = paths.get(str(row.column_uuid), "(gone)") if row.column_uuid is not None else ""
    return CheckView(
        number=row.pk,
        uuid=row.uuid,
        dataset_uuid=row.dataset_uuid,
        qualified_name=qualified_name,
        column=column,
        kind=row.kind,
        arguments=row.arguments,
        severity=row.severity,
        title=str(Check(CheckKind(row.kind), column, row.arguments)),
        status=row.status,
        observed=row.observed,
        judged_at=row.judged_at,
        failing_since=row.failing_since,
        created_at=row.created_at,
        created_by=row.created_by,
    )


def list_checks(
    *, principal: Principal, status: str = "", kind: str = "", before: int | None = None, limit: int
) -> Listed[CheckView]:
    """Return the checks of datasets that the asker may read, newest first, ``before`` being the number of the last one before."""
    condition = Q()
    for field, value in (("status", status), ("kind", kind)):
        if value:
            condition &= Q(**{field: value})

    def known(rows: Sequence[CheckRow]) -> Iterator[tuple[CheckRow, tuple[CheckRow, str]]]:
        names = names_by_uuid(principal=principal, uuids=[row.dataset_uuid for row in rows], role=gate.READ)
        for row in rows:
            if row.dataset_uuid in names:
                yield row, (row, names[row.dataset_uuid].qualified_name)

    found = list_newest(CheckRow.objects.filter(condition), known, before=before, limit=limit)
    paths = _paths([row.dataset_uuid for row, _ in found.items])
    return Listed([_view(row, name, paths) for row, name in found.items], found.next)


def _paths(datasets: Sequence[uuid.UUID]) -> dict[str, str]:
    """Return the paths of the columns of some datasets, by their ids."""
    return {column["uuid"]: column["path"] for dataset in list_looked_into(datasets) for column in dataset.columns}


def get_check(*, principal: Principal, check_uuid: uuid.UUID) -> CheckView:
    """Return a check. :raises NoSuchCheck: if there is none, or the asker may not read its dataset."""
    row = CheckRow.objects.filter(uuid=check_uuid).first()
    names = names_by_uuid(principal=principal, uuids=[row.dataset_uuid], role=gate.READ) if row is not None else {}
    if row is None or row.dataset_uuid not in names:
        raise NoSuchCheck(f"there is no check {check_uuid}")
    return _view(row, names[row.dataset_uuid].qualified_name, _paths([row.dataset_uuid]))


@dataclass(frozen=True, slots=True)
class ResultView:
    """How a check ended once, with the counts that were measured."""

    number: int
    judged_at: datetime
    status: str
    observed: str
    measured: Mapping[str, Any]


def list_results(
    *, principal: Principal, check_uuid: uuid.UUID, before: int | None = None, limit: int
) -> Sequence[ResultView]:
    """Return how a check ended, newest first. :raises NoSuchCheck: as :func:`get_check` does."""
    get_check(principal=principal, check_uuid=check_uuid)
    rows = CheckResult.objects.filter(check_uuid=check_uuid)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return [
        ResultView(row.pk, row.judged_at, row.status, row.observed, row.measured)
        for row in rows.order_by("-pk")[:limit]
    ]


def last_statuses(checks: Sequence[uuid.UUID], *, results: int = 14) -> dict[uuid.UUID, list[str]]:
    """Return how each of some checks of a dataset ended the last times, oldest first."""
    found: dict[uuid.UUID, list[str]] = {key: [] for key in checks}
    rows = CheckResult.objects.filter(check_uuid__in=list(checks)).order_by("-pk")[: results * len(checks)]
    for key, status in rows.values_list("check_uuid", "status"):
        if len(found[key]) < results:
            found[key].insert(0, status)
    return found


@dataclass(frozen=True, slots=True)
class RowCount:
    """How many rows a dataset had once."""

    made_at: datetime
    rows: int
    total_rows: int | None
    nulls: Mapping[str, int]


def list_row_counts(*, principal: Principal, dataset_uuid: uuid.UUID, limit: int = 30) -> Sequence[RowCount]:
    """Return how many rows a dataset had, newest first. :raises NoSuchDataset, Denied: as the gate says."""
    stored = dataset_for_details(dataset_uuid, principal, "reading what its rows are like")
    rows = ProfileRecord.objects.filter(dataset_uuid=stored.uuid).order_by("-made_at")[:limit]
    return [RowCount(row.made_at, row.rows, row.total_rows, row.nulls) for row in rows]


def count_checks(datasets: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[int, int]]:
    """Return how many checks datasets have, and how many of them fail; for Cairn's own workers."""
    rows = CheckRow.objects.filter(dataset_uuid__in=list(datasets)).values_list("dataset_uuid")
    counted = rows.annotate(total=Count("pk"), failing=Count("pk", filter=Q(status="fail")))
    return {key: (total, failing) for key, total, failing in counted}


def count_by_status() -> dict[str, int]:
    """Return how many checks ended how last, empty for those that were never judged; for metrics."""
    return dict(CheckRow.objects.values_list("status").annotate(n=Count("pk")).order_by())
