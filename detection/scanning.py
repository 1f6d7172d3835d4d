"""
Scanning one dataset: what its columns' names say, and where rows may be read, what they say. Rows come in here and go no further.

What comes back is plain JSON of counts, bounds and shapes, so that it can cross to another process.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from catalog.connectors.base import Connector, ConnectorError, Context, DatasetRef, RowSample, RowsRefused, SamplesRows
from catalog.domain.storable import fits_64_bits
from detection.detectors.base import Detector
from detection.domain.checks import Check, CheckKind, Measured
from detection.domain.profiles import Profile
from detection.domain.samples import SUGGESTED, ColumnSample, Finding


@dataclass(frozen=True, slots=True)
class ScannedColumn:
    """A column as the catalog has it."""

    path: str
    name: str
    type: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """A dataset to scan: at most ``limit`` rows within ``seconds``; checks by the ids of those who ask."""

    dataset: str
    database: str
    name: str
    columns: Sequence[ScannedColumn]
    checks: Mapping[str, Check] = field(default_factory=dict)
    limit: int = 10_000
    seconds: float = 30.0

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Task:
        """Return the task that :meth:`to_json` wrote."""
        columns = [ScannedColumn(**column) for column in value["columns"]]
        checks = {
            key: Check(CheckKind(check["kind"]), check["column"], check["arguments"])
            for key, check in value["checks"].items()
        }
        return cls(**{**value, "columns": columns, "checks": checks})


@dataclass(frozen=True, slots=True)
class Scanned:
    """
    What a scan found. ``error`` says why rows were not read, if they were meant to be; findings by names are there all the same.

    ``is_refused`` says that they may not be read, as those of a view in Hive, so that trying again soon is of no use.
    """

    dataset: str
    profile: dict[str, Any] | None = None
    findings: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """By column: findings as plain values."""
    measured: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By the checks' ids."""
    error: str = ""
    is_refused: bool = False


def scan_names(task: Task, detectors: Sequence[Detector]) -> Scanned:
    """Return what the names of a dataset's columns say."""
    return Scanned(task.dataset, findings=_plain(_detect(task, detectors, {})))


def scan_rows(task: Task, connector: Connector, detectors: Sequence[Detector], key: bytes) -> Scanned:
    """Return what some of a dataset's rows say. What fails is told without a value of theirs."""
    is_refused = False
    try:
        sample = _sample(task, connector)
        return _look(task, sample, detectors, key)
    except ConnectorError as error:
        reason, is_refused = str(error), isinstance(error, RowsRefused)
    except MemoryError:
        reason = "its rows need more memory than sampling may take"
    except Exception as error:  # its text may hold a value
        reason = f"its rows could not be looked at ({type(error).__name__})"
    named = _plain(_detect(task, detectors, {}))
    return Scanned(task.dataset, findings=named, error=reason, is_refused=is_refused)


def _sample(task: Task, connector: Connector) -> RowSample:
    # The caller looks before: only connectors that sample are given rows to read.
    source = cast("SamplesRows", connector)
    newest_of = sorted({check.column for check in task.checks.values() if check.kind is CheckKind.FRESHNESS})
    names = {column.path: column.name for column in task.columns}
    wanted = [names[path] for path in newest_of if path in names]
    return source.sample(
        Context.within(task.seconds), DatasetRef(task.database, task.name), limit=task.limit, newest_of=wanted
    )


def _look(task: Task, sample: RowSample, detectors: Sequence[Detector], key: bytes) -> Scanned:
    from detection.profiling import Rows

    names = {column.path: column.name for column in task.columns}
    with closing(Rows(sample.rows, {column.path: column.type for column in task.columns})) as rows:
        values = {path: rows.values(path) for path in rows.paths}
        findings = _detect(task, detectors, values)
        profile = Profile(
            method=sample.method,
            rows=rows.count,
            total_rows=sample.total_rows,
            is_total_exact=sample.is_total_exact,
            columns=rows.profiles(sensitive=findings.keys(), shapes=values, key=key),
        )
        measured = {}
        for each, check in task.checks.items():
            if check.kind is CheckKind.ROW_COUNT:
                measured[each] = Measured(total_rows=sample.total_rows, is_total_exact=sample.is_total_exact)
            elif check.kind is CheckKind.FRESHNESS and check.column in findings:
                measured[each] = Measured(error="its column seems to hold personal data, of which no time is told")
            else:
                measured[each] = rows.measure(check, sample.newest.get(names.get(check.column, "")))
    return Scanned(
        task.dataset,
        profile=_finite(profile.to_json()),
        findings=_plain(findings),
        measured={each: asdict(one) for each, one in measured.items()},
    )


def _finite(value: Any) -> Any:
    """Return plain values without numbers that JSON has not, those beyond 64 bits as texts."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return f"{value:g}" if isinstance(value, int | float) and not fits_64_bits(value) else value


def _detect(task: Task, detectors: Sequence[Detector], values: Mapping[str, Sequence[str]]) -> dict[str, list[Finding]]:
    """Return what the detectors find, by column; columns that hold others are not looked at."""
    found: dict[str, list[Finding]] = {}
    names = [column.name for column in task.columns]
    parents = {path.rpartition(".")[0] for column in task.columns for path in [column.path] if "." in path}
    for at, column in enumerate(task.columns):
        if column.path in parents:
            continue
        sample = ColumnSample(
            name=column.name,
            type=_scalar(column.type),
            comment=column.comment,
            table=task.name,
            neighbours=[*names[:at], *names[at + 1 :]],
            values=values.get(column.path, ()),
        )
        told = [finding for detector in detectors if (finding := detector.detect(sample)) is not None]
        kept = [finding for finding in told if finding.confidence >= SUGGESTED]
        if kept:
            found[column.path] = kept
    return found


def _scalar(canonical: str) -> str:
    while canonical.startswith("list<") and canonical.endswith(">"):
        canonical = canonical[5:-1]
    return canonical


def _plain(findings: Mapping[str, Sequence[Finding]]) -> dict[str, list[dict[str, Any]]]:
    return {
        path: [asdict(each) | {"method": str(each.method), "shapes": [list(s) for s in each.shapes]} for each in found]
        for path, found in findings.items()
    }
