"""Edges told from what runs and declarations showed, written so that what was known when stays known."""

from __future__ import annotations

import hashlib
import uuid
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import orjson
from django.db.models import Q, QuerySet

from catalog import bulk
from catalog.journal.services import Entry, publish
from lineage.domain.timelines import INSTANT, Frontier, Interval, declared, observed
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
    writes: list[tuple[Told, Callable[[], bool]]] = []
    for one in told:
        moves: dict[bool, list[_Move]] = {False: [], True: []}
        for shown in sorted(one.shown, key=lambda each: (each.at, each.key)):
            move = _take_in(one.job, shown, known, sets, rows)
            if move is not None:
                moves[shown.is_declared].append(move)
        if (write := _writes_of_runs(one.job, moves[False], now)) is not None:
            writes.append((one, write))
        if moves[True]:
            writes.append((one, partial(_tell_declared, one.job, now)))
    _save_sets({bytes(row.edges): sets[bytes(row.edges)] for row in rows.values()})
    _save_observations(list(rows.values()))
    entries = []
    for one in {one.job.pk: one for one, write in writes if write()}.values():
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


class _Move(NamedTuple):
    """What a run or declaration showed before, None for nothing yet, and shows now; the latter's set by its digest too."""

    before: Seen[EdgeKey] | None
    now: Seen[EdgeKey]
    digest: bytes


def _take_in(
    job: Job,
    shown: Shown,
    known: Mapping[_Key, Observation],
    sets: dict[bytes, frozenset[EdgeKey]],
    rows: dict[_Key, Observation],
) -> _Move | None:
    """Add what a run or declaration shows to the rows to write, and return what that changes, None if it is known already."""
    place = (job.pk, shown.is_declared, shown.key)
    row = rows.get(place) or known.get(place)
    if row is None:
        row, before = Observation(job=job, is_declared=shown.is_declared, key=shown.key, at=shown.at), None
    else:
        before = Seen(row.at, row.key, row.is_completed, _bytes(row.statement), sets[bytes(row.edges)])
    earlier = before.edges if before is not None else frozenset()
    # Between datasets it says all that is known of the run by now; of columns it may say a part.
    edges = frozenset(edge for edge in earlier if edge.upstream_column) | shown.edges
    if len(edges) > MAX_EDGES:
        raise TooManyEdges(f"one run shows {len(edges):,} edges; at most {MAX_EDGES:,} are kept")
    digest = set_digest(edges)
    sets[digest] = edges
    seen = Seen(
        min(row.at, shown.at),
        shown.key,
        row.is_completed or shown.is_completed,
        shown.statement or _bytes(row.statement),
        edges,
    )
    if seen == before:
        return None
    row.at, row.is_completed, row.statement, row.edges = seen.at, seen.completed, seen.statement, digest
    rows[place] = row
    return _Move(before, seen, digest)


def _bytes(value: bytes | memoryview | None) -> bytes | None:
    return None if value is None else bytes(value)


def _writes_of_runs(job: Job, moves: Sequence[_Move], now: datetime) -> Callable[[], bool] | None:
    """
    Return what writes the intervals that runs of a job change, None if they change none.

    That is little where each comes behind those before it; where one comes late, all are told anew from all runs.
    """
    frontier: Frontier[EdgeKey] | None = None
    for move in moves:
        if frontier is None:
            if _changes_nothing(job, move):
                continue
            frontier = _load_frontier(job)
        if not frontier.go_on(move.before, move.now):
            return partial(_tell_anew, job, now)
    return partial(_tell_on, job, frontier, now) if frontier is not None else None


def _changes_nothing(job: Job, move: _Move) -> bool:
    """
    Whether a run leaves all intervals as they are, and count it with the job.

    It does if it shows just the edges that hold, at a time from which on they all held, and ran what the runs around it ran; or
    if it says nothing.
    """
    before = move.before if move.before is not None and move.before.tells else None
    seen = move.now
    if before is not None and (before.at, before.edges) != (seen.at, seen.edges):
        return False
    if not seen.tells:
        return True
    if job.steady_from is None or move.digest != _bytes(job.steady_digest) or seen.at < job.steady_from:
        return False
    place, last = (seen.at, seen.key), _last_of(job)
    if seen.completed and seen.statement is not None and seen.statement != _bytes(job.steady_statement):
        if place <= last:
            return False
        job.steady_statement = seen.statement
    job.steady_last_at, job.steady_last_key = max(place, last)
    job.steady_runs += before is None
    return True


def _last_of(job: Job) -> tuple[datetime, str]:
    """Return the place of the last run that is told."""
    return job.steady_last_at or job.steady_from or _NEVER, job.steady_last_key


_NEVER = datetime.min.replace(tzinfo=UTC)


def _load_frontier(job: Job) -> Frontier[EdgeKey]:
    """Return what holds after the last run of a job."""
    holding: dict[EdgeKey, Interval] = {}
    if job.steady_from is not None:
        rows = _standing(job, is_declared=False).filter(until__isnull=True)
        for *key, since, seen, runs_seen, missed in rows.values_list(*_KEY, "since", *_COUNTED):
            one = Interval(since, None, seen, runs_seen, missed)
            if job.steady_runs and job.steady_last_at is not None:
                one = Interval(since, None, max(seen, job.steady_last_at), runs_seen + job.steady_runs)
            holding[EdgeKey(*key)] = one
    return Frontier(holding, _last_of(job), _bytes(job.steady_statement))


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


def _tell_on(job: Job, frontier: Frontier[EdgeKey], now: datetime) -> bool:
    """Write what changed at the end of a job's intervals; return whether any did."""
    told = {edge: [*frontier.ended.get(edge, ()), one] for edge, one in frontier.holding.items()}
    told |= {edge: ended for edge, ended in frontier.ended.items() if edge not in frontier.holding}
    changed = _write(_standing(job, is_declared=False).filter(until__isnull=True), job, told, now)
    since = [job.steady_from or frontier.last[0], *_moments(told)]
    _settle(job, frontier.holding, max(since), frontier.last, frontier.statement)
    return changed


def _tell_anew(job: Job, now: datetime) -> bool:
    """Work out all intervals of a job's runs, and write those that differ from what stands; return whether any did."""
    seen = sorted(_load_seen(job, is_declared=False), key=lambda one: (one.at, one.key))
    told = observed(seen)
    changed = _write(_standing(job, is_declared=False), job, told, now)
    holding = {edge: one for edge, intervals in told.items() for one in intervals if one.until is None}
    last = next(((one.at, one.key) for one in reversed(seen) if one.tells), (seen[0].at, ""))
    statements = (one.statement for one in reversed(seen) if one.completed and one.statement is not None)
    _settle(job, holding, max(_moments(told), default=seen[0].at), last, next(statements, None))
    return changed


def _tell_declared(job: Job, now: datetime) -> bool:
    """Work out all intervals of a job's declarations, and write those that differ from what stands; return whether any did."""
    return _write(_standing(job, is_declared=True), job, declared(_load_seen(job, is_declared=True)), now)


def _load_seen(job: Job, *, is_declared: bool) -> list[Seen[EdgeKey]]:
    rows = list(
        Observation.objects.filter(job=job, is_declared=is_declared).values_list(
            "at", "key", "is_completed", "statement", "edges"
        )
    )
    sets = _load_sets(bytes(row[4]) for row in rows)
    return [
        Seen(at, key, completed, _bytes(statement), sets[bytes(digest)])
        for at, key, completed, statement, digest in rows
    ]


def _moments(told: Mapping[EdgeKey, Sequence[Interval]]) -> list[datetime]:
    """Return when intervals that hold began, and when others ended: from the last of these on, just those hold that hold now."""
    return [one.since if one.until is None else one.until for intervals in told.values() for one in intervals]


def _settle(
    job: Job,
    holding: Mapping[EdgeKey, Interval],
    since: datetime,
    last: tuple[datetime, str],
    statement: bytes | None,
) -> None:
    """Have a job say what its next run has to show, and when, so that nothing changes by it."""
    # Where the last run did not show them all, one before it must not be counted as if it came after.
    was_missed = any(one.last_seen_at != last[0] for one in holding.values())
    job.steady_digest = set_digest(holding)
    job.steady_from = max(since, last[0] + INSTANT) if was_missed else since
    job.steady_last_at, job.steady_last_key = last
    job.steady_statement = statement
    job.steady_runs = 0


_KEY = EdgeKey._fields
_COUNTED = ("last_seen_at", "runs_seen", "runs_missed")


def _standing(job: Job, *, is_declared: bool) -> QuerySet[Edge]:
    """Return the rows that hold by what is known now, of a job's runs or of its declarations."""
    rows = Edge.objects.filter(job=job, superseded_at__isnull=True)
    declares = Q(origin__in=DECLARED_ORIGINS)
    return rows.filter(declares if is_declared else ~declares)


def _write(standing: QuerySet[Edge], job: Job, told: Mapping[EdgeKey, Sequence[Interval]], now: datetime) -> bool:
    """Make rows that stand say what was told; return whether an interval came, went, or became another."""
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
