"""Scans: which datasets are due, and looking into them, one after the other, in runs of their catalogs."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from catalog.access import gate
from catalog.access.principals import Caller
from catalog.connectors.base import ConnectorError
from catalog.journal import clock, failpoints
from catalog.journal.runs import NO_FAULT_OF_A_SUBJECT, Attempt, create_run, find_active_run
from catalog.journal.selectors import Change, count_active_runs
from catalog.selectors.datasets import dataset_for
from catalog.selectors.definitions import iterate_datasets
from catalog.selectors.scanning import (
    LookedInto,
    RowSource,
    catalogs_of_datasets,
    has_other_data,
    having_findings,
    list_looked_into,
    list_row_sources,
)
from catalog.services.inferring import Inferred, infer
from detection.backends import detectors
from detection.domain.checks import Check, CheckKind
from detection.models import CheckRow, ProfileRecord, Scan
from detection.sampler import Sampler
from detection.scanning import Scanned, ScannedColumn, Task, scan_names
from detection.services.checks import CALLER, judge_checks

logger = logging.getLogger(__name__)

KIND = "scan"
FOLLOWED = frozenset({"identity", "definition", "data", "catalog"})
PAGE = 500
BATCH = 100
RUN_SECONDS = 300.0
"""A run gives way to those of other catalogs after so long; what is still due is the next one's."""
MAX_BACK_OFF = 7
STORED = failpoints.declare("detection.scanned", "a dataset scanned, nothing of it committed")
TAGS = {"personal": "pii", "financial": "financial", "secret": "secret"}
"""The tag that a finding of a category suggests."""


# Which datasets are due


def mark_changes(changes: Sequence[Change]) -> None:
    """Have datasets scanned that changed: at once if their definition did, else when their last scan is old enough."""
    urgent: dict[uuid.UUID, bool] = {}
    for change in changes:
        if change.subject_uuid is None or change.aspect == "catalog":
            continue
        urgent[change.subject_uuid] = urgent.get(change.subject_uuid, False) or change.aspect != "data"
    keys = list(urgent)
    for start in range(0, len(keys), PAGE):
        _mark({key: urgent[key] for key in keys[start : start + PAGE]})
    catalogs = [change.subject_uuid for change in changes if change.aspect == "catalog" and change.subject_uuid]
    for source in list_row_sources(list(dict.fromkeys(catalogs))):
        # Its owner allowed reading rows, or forbade it, or changed how they are reached.
        otherwise = ~Q(reads_rows=source.reads_rows) | ~Q(error="")
        Scan.objects.filter(otherwise, catalog_uuid=source.uuid, due_at__isnull=False).update(due_at=clock.now())


def mark_all() -> None:
    """Have all datasets scanned that never were; others keep their time."""
    place = 0
    while True:
        uuids, place = iterate_datasets(after=place)
        if not uuids:
            return
        known = set(Scan.objects.filter(dataset_uuid__in=uuids).values_list("dataset_uuid", flat=True))
        _mark({key: True for key in uuids if key not in known})


def _mark(urgent: Mapping[uuid.UUID, bool]) -> None:
    now = clock.now()
    catalogs = catalogs_of_datasets(list(urgent))
    known = {row.dataset_uuid: row for row in Scan.objects.filter(dataset_uuid__in=list(urgent))}
    rows = []
    for key, at_once in urgent.items():
        catalog = catalogs.get(key)
        row = known.get(key)
        if catalog is None:
            if row is not None:
                row.due_at = None
                rows.append(row)
            continue
        row = row or Scan(dataset_uuid=key)
        row.catalog_uuid = catalog
        row.due_at = now if at_once else _after_last(row, now)
        rows.append(row)
    Scan.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["dataset_uuid"], update_fields=["catalog_uuid", "due_at"]
    )


def _after_last(row: Scan, now: datetime) -> datetime:
    least = timedelta(seconds=settings.SAMPLING["least_seconds"])
    soon = now if row.scanned_at is None else max(now, row.scanned_at + least)
    return min(soon, row.due_at) if row.due_at is not None else soon


def request_due_scans() -> Sequence[uuid.UUID]:
    """Queue a run for active catalogs that have a dataset whose time has come, as many as may be at work at once."""
    free = settings.SAMPLING["at_once"] - count_active_runs(kind=KIND)
    if free <= 0:
        return []
    due = Scan.objects.filter(due_at__lte=clock.now()).values_list("catalog_uuid", flat=True).distinct()
    waiting = [
        source.name for source in list_row_sources(list(due)) if find_active_run(kind=KIND, subject=source.name) is None
    ]
    return [_request(name, CALLER) for name in waiting[:free]]


def _request(catalog: str, caller: Caller) -> uuid.UUID:
    active = find_active_run(kind=KIND, subject=catalog)
    return active or create_run(kind=KIND, subject=catalog, requested_by=caller.principal.handle, queue="scan")


def request_scan(*, caller: Caller, dataset_uuid: uuid.UUID) -> uuid.UUID | None:
    """
    Have a dataset scanned now, and return the run that will; None while its catalog is paused.

    :raises NoSuchDataset, Denied: as the gate says; whoever may describe a dataset may have it scanned.
    """
    stored = dataset_for(dataset_uuid, caller.principal, gate.EDIT, "scanning")
    with transaction.atomic():
        _mark({stored.uuid: True})
        catalog = Scan.objects.filter(dataset_uuid=stored.uuid).values_list("catalog_uuid", flat=True)
        for source in list_row_sources(list(catalog)):
            return _request(source.name, caller)
    return None


# Looking into them


@dataclass
class _Progress:
    """What a run did so far."""

    attempt: Attempt
    scanned: int = 0
    failed: int = 0

    def tell(self, failed: bool) -> None:
        self.scanned += 1
        self.failed += failed
        self.attempt.tell(self.counts())

    def counts(self) -> dict[str, int]:
        return {"scanned": self.scanned, "failed": self.failed}


def run_scan(attempt: Attempt) -> Mapping[str, Any]:
    """Scan the datasets of a catalog that are due; return how many were, and of how many the rows could not be read."""
    progress = _Progress(attempt)
    deadline = time.monotonic() + RUN_SECONDS
    source = next((each for each in list_row_sources() if each.name == attempt.subject), None)
    if source is not None:
        with ExitStack() as stack:
            sampler, refused = None, ""
            if source.reads_rows and source.connector is not None:
                try:
                    sampler = stack.enter_context(Sampler(source.connector, source.options()))
                except ConnectorError as error:
                    refused = str(error)
            while time.monotonic() < deadline and _scan_batch(source, sampler, refused, progress):
                attempt.check_cancelled()
    attempt.tell(progress.counts(), force=True)
    return progress.counts()


def _scan_batch(source: RowSource, sampler: Sampler | None, refused: str, progress: _Progress) -> bool:
    """Scan the next datasets that are due; return whether there were any."""
    began = clock.now()
    due = Scan.objects.filter(catalog_uuid=source.uuid, due_at__lte=began).order_by("due_at")
    keys = list(due.values_list("dataset_uuid", flat=True)[:BATCH])
    datasets = list_looked_into(keys)
    gone = [dataset.uuid for dataset in datasets if not dataset.is_here or dataset.catalog_uuid != source.uuid]
    gone += list(set(keys) - {dataset.uuid for dataset in datasets})
    Scan.objects.filter(dataset_uuid__in=gone).update(due_at=None)
    here = [dataset for dataset in datasets if dataset.uuid not in set(gone)]
    if sampler is None and not refused:
        _scan_names(here, progress, began)
    else:
        checks = _checks_of(here)
        for dataset in here:
            progress.attempt.check_cancelled()
            task = _task(dataset, checks.get(dataset.uuid, ()))
            scanned = sampler.scan(task) if sampler is not None else _refused(task, refused)
            progress.tell(not _keep(progress.attempt, dataset, scanned, began))
    return bool(keys)


def _refused(task: Task, reason: str) -> Scanned:
    named = scan_names(task, detectors())
    return Scanned(task.dataset, findings=named.findings, error=reason)


def _checks_of(datasets: Sequence[LookedInto]) -> dict[uuid.UUID, list[CheckRow]]:
    found: dict[uuid.UUID, list[CheckRow]] = {}
    for row in CheckRow.objects.filter(dataset_uuid__in=[dataset.uuid for dataset in datasets]):
        found.setdefault(row.dataset_uuid, []).append(row)
    return found


def _task(dataset: LookedInto, checks: Iterable[CheckRow]) -> Task:
    paths = {column["uuid"]: column["path"] for column in dataset.columns}
    return Task(
        dataset=str(dataset.uuid),
        database=dataset.database,
        name=dataset.name,
        columns=_columns(dataset),
        checks={
            str(row.uuid): Check(CheckKind(row.kind), paths.get(str(row.column_uuid), ""), row.arguments)
            for row in checks
        },
        limit=settings.SAMPLING["rows"],
        seconds=settings.SAMPLING["seconds"],
    )


def _columns(dataset: LookedInto) -> list[ScannedColumn]:
    return [
        ScannedColumn(column["path"], column["name"], column["type"], (column["description"] or {}).get("text", ""))
        for column in dataset.columns
    ]


def _scan_names(datasets: Sequence[LookedInto], progress: _Progress, began: datetime) -> None:
    """Go by names alone. Most datasets have nothing to tell then, and are written all at once."""
    told = having_findings([dataset.uuid for dataset in datasets]) | _checks_of(datasets).keys()
    quiet = []
    for dataset in datasets:
        task = Task(str(dataset.uuid), dataset.database, dataset.name, _columns(dataset))
        scanned = scan_names(task, detectors())
        if scanned.findings or dataset.uuid in told:
            _store(progress.attempt, dataset, scanned, began)
        else:
            quiet.append(dataset.uuid)
        progress.tell(failed=False)
    now = clock.now()
    with transaction.atomic():
        progress.attempt.fence()
        # Those told anew meanwhile stay due.
        Scan.objects.filter(dataset_uuid__in=quiet, due_at__lte=began).update(
            scanned_at=now, due_at=_next(now, 0), failures=0, error="", reads_rows=False, profile=None
        )


def _due_after(row: Scan, dataset: LookedInto, began: datetime, now: datetime) -> datetime | None:
    """Return when a dataset is due after a scan that began at a time. What changed since then the scan may not have seen."""
    if row.due_at is None:
        return None  # it is gone
    due = _next(now, row.failures)
    if row.due_at > began:  # its definition changed, a check came, or somebody asked
        return min(due, row.due_at)
    if has_other_data(dataset):
        return min(due, now + timedelta(seconds=settings.SAMPLING["least_seconds"]))
    return due


def _next(now: datetime, failures: int) -> datetime:
    every = settings.SAMPLING["every_seconds"]
    seconds = (
        every if not failures else min(every, settings.SAMPLING["least_seconds"] * 2 ** min(failures, MAX_BACK_OFF))
    )
    return now + timedelta(seconds=seconds)


def _keep(attempt: Attempt, dataset: LookedInto, scanned: Scanned, began: datetime) -> bool:
    """Keep what a scan found, and return whether it did not fail; what cannot be kept is said with the dataset and holds up no other."""
    try:
        _store(attempt, dataset, scanned, began)
    except NO_FAULT_OF_A_SUBJECT:
        raise
    except Exception as error:  # its text may hold what was found
        reason = f"what was found could not be kept ({type(error).__name__})"
        logger.error("dataset %s: %s", dataset.uuid, reason)
        _store(attempt, dataset, Scanned(str(dataset.uuid), error=reason), began)
        return False
    return scanned.is_refused or not scanned.error


def _store(attempt: Attempt, dataset: LookedInto, scanned: Scanned, began: datetime) -> None:
    """Keep what a scan found, in one transaction: the suggestions, the profile, how checks ended, and when the next one is due."""
    now = clock.now()
    with transaction.atomic():
        attempt.fence()
        row = Scan.objects.select_for_update().get(dataset_uuid=dataset.uuid)
        if not scanned.error or row.scanned_at is None:
            # What values said before is not forgotten because the source was busy once.
            infer(caller=CALLER, dataset_uuid=dataset.uuid, inferred=_inferred(scanned))
        row.scanned_at = now
        row.error = scanned.error
        row.failures = row.failures + 1 if scanned.error and not scanned.is_refused else 0
        row.due_at = _due_after(row, dataset, began, now)
        row.reads_rows = scanned.profile is not None or bool(scanned.error)
        if scanned.profile is not None:
            row.profile = scanned.profile | {"made_at": now.isoformat()}
            _record(dataset.uuid, scanned.profile, now)
        elif not scanned.error:
            row.profile = None  # rows are not read any more
        judge_checks(row, dataset, scanned, now)
        row.save()
        failpoints.reach(STORED)


def _record(dataset: uuid.UUID, profile: Mapping[str, Any], now: datetime) -> None:
    ProfileRecord.objects.create(
        made_at=now,
        dataset_uuid=dataset,
        rows=profile["rows"],
        total_rows=profile["total_rows"],
        nulls={column["path"]: column["nulls"] for column in profile["columns"] if column["nulls"]},
    )


def _inferred(scanned: Scanned) -> list[Inferred]:
    return [
        Inferred(
            column=path,
            kind=finding["detector"],
            confidence=finding["confidence"],
            value={"category": finding["category"], "tag": TAGS.get(finding["category"], finding["category"])},
            evidence={name: finding[name] for name in ("method", "matched", "seen", "shapes")},
            author=f"detector:{finding['detector']}/{finding['version']}",
        )
        for path, findings in scanned.findings.items()
        for finding in findings
    ]
