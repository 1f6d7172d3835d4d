"""Edges told from what runs and declarations showed, written so that what was known when stays known."""

from __future__ import annotations

import hashlib
import uuid
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import orjson

from catalog import bulk
from catalog.journal.services import Entry, publish
from lineage.domain.timelines import Interval, declared, observed
from lineage.domain.timelines import Observation as Seen
from lineage.models import DECLARED_ORIGINS, Edge, EdgeSet, Job, Observation

READ_ROWS = 500
MAX_EDGES = 100_000
"""Edges that one run may show, between datasets and columns."""


class TooManyEdges(ValueError):
    """A run that shows more edges than are kept."""


class EdgeKey(NamedTuple):
    """What tells edges of a job apart. Columns are empty where whole datasets are meant."""

    upstream: uuid.UUID
    upstream_column: str
    downstream: uuid.UUID
    downstream_column: str
    subtype: str
    masking: bool
    origin: str


@dataclass(frozen=True, slots=True)
class Shown:
    """
    What one run (``key`` is its id) or declaration showed by now.

    Edges between datasets take the place of those that it showed before, edges of columns add to them.
    """

    key: str
    at: datetime
    edges: frozenset[EdgeKey]
    is_declared: bool = False
    is_completed: bool = False
    statement: bytes | None = None


def set_digest(edges: Iterable[EdgeKey]) -> bytes:
    """Return 16 bytes that equal sets of edges share."""
    return hashlib.blake2b(_set_bytes(edges), digest_size=16).digest()


def _set_bytes(edges: Iterable[EdgeKey]) -> bytes:
    return orjson.dumps(sorted(map(tuple, edges)))


@dataclass(frozen=True, slots=True)
class Told:
    """What runs or declarations of one job showed, and whose word that is."""

    job: Job
    shown: Sequence[Shown]
    cause: Mapping[str, object]


def record_shown(told: Sequence[Told], *, now: datetime) -> None:
    """
    Take in what runs or declarations of locked jobs showed: what is there is read, and what is new written, for all at once.

    The caller's transaction holds the jobs' rows; their steady fields and versions are set here and saved by the caller.
    """
    known = _load_observations(told)
    sets = _load_sets({bytes(row.edges) for row in known.values()})
    rows: dict[_Key, Observation] = {}
    unsteady: dict[int, set[bool]] = {}
    for one in told:
        for is_declared in (False, True):
            part = [each for each in one.shown if each.is_declared is is_declared]
            if part and not _take_in(one.job, part, known, sets, rows):
                unsteady.setdefault(one.job.pk, set()).add(is_declared)
    _save_sets({bytes(row.edges): sets[bytes(row.edges)] for row in rows.values()})
    _save_observations(list(rows.values()))
    entries = []
    for one in told:
        changed = [_tell_anew(one.job, now, is_declared=each) for each in sorted(unsteady.get(one.job.pk, ()))]
        if any(changed):
            one.job.version += 1
            entries.append(Entry("lineage", "changed", "job", one.job.uuid, one.job.version, cause=dict(one.cause)))
    if entries:
        publish(entries)


_Key = tuple[int, bool, str]


def _load_observations(told: Sequence[Told]) -> dict[_Key, Observation]:
    keys = list({each.key for one in told for each in one.shown})
    jobs = [one.job.pk for one in told]
    found: dict[_Key, Observation] = {}
    for start in range(0, len(keys), READ_ROWS):
        for row in Observation.objects.filter(job__in=jobs, key__in=keys[start : start + READ_ROWS]):
            found[row.job_id, row.is_declared, row.key] = row
    return found


def _take_in(
    job: Job,
    shown: Sequence[Shown],
    known: Mapping[_Key, Observation],
    sets: dict[bytes, frozenset[EdgeKey]],
    rows: dict[_Key, Observation],
) -> bool:
    """Add to the rows to write what a job's runs, or its declarations, showed anew; return whether that leaves all intervals as they are."""
    is_steady = True
    for one in shown:
        place = (job.pk, one.is_declared, one.key)
        row = rows.get(place) or known.get(place)
        before = sets[bytes(row.edges)] if row is not None else frozenset()
        # Between datasets it says all that is known of the run by now; of columns it may say a part.
        edges = frozenset(edge for edge in before if edge.upstream_column) | one.edges
        if len(edges) > MAX_EDGES:
            raise TooManyEdges(f"one run shows {len(edges):,} edges; at most {MAX_EDGES:,} are kept")
        digest = set_digest(edges)
        sets[digest] = edges
        is_new = row is None
        if row is None:
            row = Observation(job=job, is_declared=one.is_declared, key=one.key, at=one.at, edges=digest)
        moved = (min(row.at, one.at), row.is_completed or one.is_completed, one.statement or row.statement, digest)
        if not is_new and moved == (row.at, row.is_completed, _bytes(row.statement), bytes(row.edges)):
            continue
        is_moved = not is_new and (moved[0] != row.at or bytes(row.edges) not in (EMPTY, digest))
        row.at, row.is_completed, row.statement, row.edges = moved
        rows[place] = row
        is_steady = is_steady and not one.is_declared and not is_moved and _changes_nothing(job, row, is_new=is_new)
    return is_steady


def _bytes(value: bytes | memoryview | None) -> bytes | None:
    return None if value is None else bytes(value)


def _changes_nothing(job: Job, row: Observation, *, is_new: bool) -> bool:
    """
    Whether a run leaves all intervals as they are, and count it with the job.

    It does if it shows just the edges that hold, at a time from which on they all held, and ran what the runs around it ran; or
    if it shows nothing and has not completed.
    """
    digest, statement = bytes(row.edges), _bytes(row.statement)
    if digest == EMPTY and not row.is_completed:
        return True
    if job.steady_from is None or digest != _bytes(job.steady_digest) or row.at < job.steady_from:
        return False
    last = job.steady_last_at or job.steady_from
    if row.is_completed and statement is not None and statement != _bytes(job.steady_statement):
        if row.at <= last:
            return False
        job.steady_statement = statement
    job.steady_last_at = max(last, row.at)
    job.steady_runs += is_new
    return True


EMPTY = set_digest(())


def _load_sets(digests: Iterable[bytes]) -> dict[bytes, frozenset[EdgeKey]]:
    wanted = sorted(set(digests) - {EMPTY})
    found: dict[bytes, frozenset[EdgeKey]] = {EMPTY: frozenset()}
    for start in range(0, len(wanted), READ_ROWS):
        rows = EdgeSet.objects.filter(digest__in=wanted[start : start + READ_ROWS]).values_list("digest", "body")
        for digest, body in rows:
            found[bytes(digest)] = frozenset(
                EdgeKey(uuid.UUID(up), up_column, uuid.UUID(down), *rest)
                for up, up_column, down, *rest in orjson.loads(zlib.decompress(body))
            )
    return found


def _save_sets(sets: Mapping[bytes, frozenset[EdgeKey]]) -> None:
    wanted = sorted(set(sets) - {EMPTY})
    for start in range(0, len(wanted), READ_ROWS):
        part = wanted[start : start + READ_ROWS]
        # Nearly always all are there: a job mostly shows what it showed before.
        there = {bytes(each) for each in EdgeSet.objects.filter(digest__in=part).values_list("digest", flat=True)}
        rows = [(digest, zlib.compress(_set_bytes(sets[digest]))) for digest in part if digest not in there]
        bulk.insert(EdgeSet, ("digest", "body"), rows, or_keep=True)


_OBSERVED = ("job_id", "is_declared", "key", "at", "is_completed", "statement", "edges")


def _save_observations(rows: Sequence[Observation]) -> None:
    def values(row: Observation) -> tuple[object, ...]:
        told = (row.job_id, row.is_declared, row.key, row.at, row.is_completed)
        return (*told, _bytes(row.statement), bytes(row.edges))

    bulk.insert(Observation, _OBSERVED, [values(row) for row in rows if row.pk is None])
    bulk.update(Observation, _OBSERVED, [(row.pk, values(row)) for row in rows if row.pk is not None])


def _tell_anew(job: Job, now: datetime, *, is_declared: bool) -> bool:
    """Work out all intervals of a job's runs, or declarations, and write those that differ from what stands."""
    rows = list(
        Observation.objects.filter(job=job, is_declared=is_declared).values_list(
            "at", "key", "is_completed", "statement", "edges"
        )
    )
    sets = _load_sets(bytes(row[4]) for row in rows)
    seen = [
        Seen(at, key, completed, _bytes(statement), sets[bytes(digest)])
        for at, key, completed, statement, digest in rows
    ]
    told = declared(seen) if is_declared else observed(seen)
    changed = _write(job, told, now, is_declared=is_declared)
    if not is_declared:
        ordered = sorted(seen, key=lambda one: (one.at, one.key))
        spans = [(key, one) for key, intervals in told.items() for one in intervals]
        holding = [key for key, one in spans if one.until is None]
        job.steady_digest = set_digest(holding)
        job.steady_from = max(
            [one.since if one.until is None else one.until for _, one in spans], default=ordered[0].at
        )
        job.steady_last_at = ordered[-1].at
        job.steady_statement = next(
            (one.statement for one in reversed(ordered) if one.completed and one.statement is not None), None
        )
        job.steady_runs = 0
    return changed


_KEY = EdgeKey._fields
_COUNTED = ("last_seen_at", "runs_seen", "runs_missed")


def _write(job: Job, told: Mapping[EdgeKey, Sequence[Interval]], now: datetime, *, is_declared: bool) -> bool:
    standing = Edge.objects.filter(job=job, superseded_at__isnull=True)
    standing = (
        standing.filter(origin__in=DECLARED_ORIGINS) if is_declared else standing.exclude(origin__in=DECLARED_ORIGINS)
    )
    wanted = {(*key, one.since, one.until): one for key, intervals in told.items() for one in intervals}
    gone: list[int] = []
    counted: list[tuple[int, tuple[datetime, int, int]]] = []
    for pk, *values in standing.values_list("pk", *_KEY, "since", "until", *_COUNTED):
        found = wanted.pop(tuple(values[:9]), None)
        if found is None:
            gone.append(pk)
        elif (found.last_seen_at, found.runs_seen, found.runs_missed) != tuple(values[9:]):
            counted.append((pk, (found.last_seen_at, found.runs_seen, found.runs_missed)))
    for start in range(0, len(gone), READ_ROWS):
        Edge.objects.filter(pk__in=gone[start : start + READ_ROWS]).update(superseded_at=now)
    bulk.update(Edge, _COUNTED, counted)
    bulk.insert(
        Edge,
        ("job_id", *_KEY, "since", "until", *_COUNTED, "recorded_at"),
        [(job.pk, *key, one.last_seen_at, one.runs_seen, one.runs_missed, now) for key, one in wanted.items()],
    )
    return bool(gone or wanted)
