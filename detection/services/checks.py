"""Checks: added and taken away by people, judged by what scans measure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
from django.db import transaction

from catalog.access import gate
from catalog.access.principals import Caller, system_principal
from catalog.access.services import AuditEntry, record
from catalog.journal import clock
from catalog.journal.services import Entry, publish
from catalog.selectors import NoSuchDataset, StoredDataset
from catalog.selectors.datasets import dataset_for
from catalog.selectors.scanning import LookedInto, catalogs_of_datasets
from catalog.services.annotating import NoSuchColumn
from detection.domain.checks import (
    Check,
    CheckKind,
    InvalidCheck,
    Judged,
    Measured,
    Severity,
    Status,
    judge,
    parse_check,
)
from detection.models import CheckResult, CheckRow, Scan
from detection.scanning import Scanned
from detection.selectors import NoSuchCheck

CALLER = Caller(system_principal("detection"), "scan")
"""Who does what scans lead to."""
MAX_CHECKS = 200
"""Of one dataset."""


def add_check(
    *,
    caller: Caller,
    dataset_uuid: uuid.UUID,
    kind: str,
    column: str = "",
    arguments: Mapping[str, Any],
    severity: str = Severity.MEDIUM,
) -> uuid.UUID:
    """
    Add a check to a dataset and have it judged soon; return its id. The same check again is the one that is there.

    :raises InvalidCheck: for what cannot work.
    :raises NoSuchColumn: if the dataset has no such column.
    :raises NoSuchDataset, Denied: as the gate says.
    """
    stored = dataset_for(dataset_uuid, caller.principal, gate.EDIT, "checking")
    check = parse_check(kind, column, arguments)
    if severity not in set(Severity):
        raise InvalidCheck(f"severity is {', '.join(Severity)}, found {severity[:20]!r}")
    column_uuid = _column_uuid(stored, column) if column else None
    with transaction.atomic():
        scan = _locked_scan(stored.uuid)  # those who add at the same time wait here for each other
        rows = list(CheckRow.objects.filter(dataset_uuid=stored.uuid))
        for row in rows:
            if (row.kind, row.column_uuid, row.arguments) == (check.kind, column_uuid, dict(check.arguments)):
                return row.uuid
        if len(rows) >= MAX_CHECKS:
            raise InvalidCheck(f"a dataset has at most {MAX_CHECKS} checks")
        row = CheckRow.objects.create(
            dataset_uuid=stored.uuid,
            column_uuid=column_uuid,
            kind=check.kind,
            arguments=dict(check.arguments),
            severity=severity,
            created_at=clock.now(),
            created_by=caller.principal.handle,
        )
        scan.due_at = clock.now()
        _tell(caller, scan, stored.qualified_name, "check_added", after={"check": str(check)})
    return row.uuid


def remove_check(*, caller: Caller, check_uuid: uuid.UUID) -> None:
    """Take a check away; how it ended before is kept for its time. :raises NoSuchCheck, NoSuchDataset, Denied: as the gate says."""
    with transaction.atomic():
        row = CheckRow.objects.select_for_update().filter(uuid=check_uuid).first()
        if row is None:
            raise NoSuchCheck(f"there is no check {check_uuid}")
        stored = dataset_for(row.dataset_uuid, caller.principal, gate.EDIT, "checking")
        row.delete()
        _tell(
            caller,
            _locked_scan(stored.uuid),
            stored.qualified_name,
            "check_removed",
            before={"kind": row.kind, "arguments": row.arguments},
        )


def _column_uuid(stored: StoredDataset, path: str) -> uuid.UUID:
    for column in orjson.loads(stored.body).get("columns", ()):
        if column["path"] == path:
            return uuid.UUID(column["uuid"])
    raise NoSuchColumn(f"'{stored.qualified_name}' has no column '{path}'")


def _locked_scan(dataset: uuid.UUID) -> Scan:
    """Return the row of a dataset's scans, locked; it is made if nothing has asked for a scan yet."""
    row = Scan.objects.select_for_update().filter(dataset_uuid=dataset).first()
    if row is None:
        catalog = catalogs_of_datasets([dataset]).get(dataset)
        if catalog is None:
            raise NoSuchDataset(str(dataset))  # it is gone, and only remembered
        Scan.objects.get_or_create(dataset_uuid=dataset, defaults={"catalog_uuid": catalog, "due_at": clock.now()})
        row = Scan.objects.select_for_update().get(dataset_uuid=dataset)
    return row


def _tell(caller: Caller, scan: Scan, name: str, operation: str, *, before: Any = None, after: Any = None) -> None:
    """Raise the version of a dataset's quality, say what was done, and save the row of its scans."""
    _publish(scan, operation, caller, {"qualified_name": name})
    record(caller, [AuditEntry(f"dataset.{operation}", "dataset", name, scan.dataset_uuid, before, after)])
    scan.save()


def _publish(scan: Scan, operation: str, caller: Caller, payload: Mapping[str, Any]) -> None:
    scan.version += 1
    publish([Entry("quality", operation, "quality", scan.dataset_uuid, scan.version, caller.cause, payload)])


def judge_checks(scan: Scan, dataset: LookedInto, scanned: Scanned, now: datetime) -> None:
    """
    Judge a dataset's checks by what a scan measured, within its transaction; what changed of them is published.

    The row of its scans is locked, and is the caller's to save.
    """
    rows = list(CheckRow.objects.select_for_update().filter(dataset_uuid=dataset.uuid))
    paths = {column["uuid"]: column["path"] for column in dataset.columns}
    results, changed = [], []
    for row in rows:
        measured = _measured(row, scanned, paths)
        if measured is None:
            continue
        judged = judge(Check(CheckKind(row.kind), paths.get(str(row.column_uuid), ""), row.arguments), measured, now)
        if judged.status != row.status:
            changed.append(row)
        _apply(row, judged, now)
        results.append(
            CheckResult(
                judged_at=now,
                check_uuid=row.uuid,
                status=judged.status,
                observed=judged.observed,
                measured=asdict(measured),
            )
        )
    CheckRow.objects.bulk_update(rows, ["status", "observed", "judged_at", "failing_since"])
    CheckResult.objects.bulk_create(results)
    if changed:
        _publish(scan, "judged", CALLER, {"checks": {str(row.uuid): row.status for row in changed}})


def _measured(row: CheckRow, scanned: Scanned, paths: Mapping[str, str]) -> Measured | None:
    """Return what was measured of a check, None for one that was added while the rows were read."""
    if scanned.error:
        return Measured(error=f"not measured: {scanned.error}")
    if row.column_uuid is not None and str(row.column_uuid) not in paths:
        return Measured(error="its column is gone")
    if scanned.profile is None:
        return Measured(error="not measured: the catalog's settings do not let rows be read")
    found = scanned.measured.get(str(row.uuid))
    return Measured(**found) if found is not None else None


def _apply(row: CheckRow, judged: Judged, now: datetime) -> None:
    row.status, row.observed, row.judged_at = judged.status, judged.observed, now
    if judged.status is Status.FAILED:
        row.failing_since = row.failing_since or now
    elif judged.status is Status.PASSED:
        row.failing_since = None
