"""Timelines: from when to when each edge of a job held, told from what its runs and declarations showed."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

CLOSE_AFTER = 5
"""Completed runs of its job without it after which an edge has ended."""

E = TypeVar("E", bound=Hashable)
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Observation(Generic[E]):
    """
    What one run showed: the edges it named in any of its events.

    ``at`` is the earliest time of its events, ``key`` orders runs of one instant. ``statement`` is a digest of what it ran, None
    where it did not say. A run that has not completed, or failed, shows edges but no absence of edges.
    """

    at: datetime
    key: str
    completed: bool
    statement: bytes | None
    edges: frozenset[E]

    @property
    def tells(self) -> bool:
        """Whether it says anything: a run that shows nothing and has not completed does not."""
        return self.completed or bool(self.edges)


@dataclass(frozen=True, slots=True)
class Interval:
    """
    A time through which an edge held, both ends included; ``until`` is None while it holds.

    ``runs_seen`` counts the runs that showed it, ``runs_missed`` the completed ones since the last that did.
    """

    since: datetime
    until: datetime | None
    last_seen_at: datetime
    runs_seen: int = 1
    runs_missed: int = 0


@dataclass(slots=True)
class _Open:
    since: datetime
    last_seen_at: datetime
    completed: int
    changes: int
    runs_seen: int = 1

    def ended(self, completed: int, changes: int, close_after: int) -> bool:
        return completed - self.completed >= close_after or changes > self.changes

    def closed(self) -> Interval:
        return Interval(self.since, self.last_seen_at, self.last_seen_at, self.runs_seen)


def observed(
    observations: Iterable[Observation[E]], *, close_after: int = CLOSE_AFTER
) -> Mapping[E, tuple[Interval, ...]]:
    """
    Return when each edge held, in order, from the runs of one job in whatever order they are given.

    An edge ends with the last run that showed it, once ``close_after`` completed runs have not, or one completed run that ran another
    statement has not. Shown again later, it begins anew.
    """
    opened: dict[E, _Open] = {}
    intervals: dict[E, list[Interval]] = {}
    completed = changes = 0
    statement: bytes | None = None
    for seen in sorted(observations, key=lambda one: (one.at, one.key)):
        before, changes_before = completed, changes
        if seen.completed:
            completed += 1
            if seen.statement is not None:
                changes += statement is not None and statement != seen.statement
                statement = seen.statement
        for edge in seen.edges:
            known = opened.get(edge)
            if known is not None and known.ended(before, changes_before, close_after):
                intervals.setdefault(edge, []).append(known.closed())
                known = None
            if known is None:
                opened[edge] = _Open(seen.at, seen.at, completed, changes)
            else:
                known.last_seen_at, known.completed, known.changes = seen.at, completed, changes
                known.runs_seen += 1
    for edge, known in opened.items():
        ended = known.ended(completed, changes, close_after)
        missed = completed - known.completed
        last = known.closed() if ended else Interval(known.since, None, known.last_seen_at, known.runs_seen, missed)
        intervals.setdefault(edge, []).append(last)
    return {edge: tuple(found) for edge, found in intervals.items()}


@dataclass(slots=True)
class Frontier(Generic[E]):
    """
    What holds after the last run of a job, from where the next one goes on without a look at those before.

    ``last`` is the place of that run, its time and key, and ``statement`` what the last completed one ran of those that said so.
    """

    holding: dict[E, Interval]
    last: tuple[datetime, str]
    statement: bytes | None
    ended: dict[E, list[Interval]] = field(default_factory=dict)
    """What ended since it was made."""

    def go_on(self, before: Observation[E] | None, seen: Observation[E], *, close_after: int = CLOSE_AFTER) -> bool:
        """
        Take in a run behind the last, or what more the last one shows than ``before``; the same as :func:`observed` says of all.

        Return whether that could be: runs that come late change what ended when, and all must be looked at.
        """
        place, shown = (seen.at, seen.key), seen.edges
        if before is None or not before.tells:
            if place < self.last:
                return False
        elif (
            (before.at, before.key) != self.last or place != self.last or before.completed or not before.edges <= shown
        ):
            return False
        else:
            shown -= before.edges
        for edge in shown:
            known = self.holding.get(edge)
            first = known.since if known is not None else seen.at
            self.holding[edge] = Interval(first, None, seen.at, known.runs_seen + 1 if known is not None else 1)
        if seen.completed:
            self._complete(seen, close_after)
        if seen.tells:
            self.last = place
        return True

    def _complete(self, seen: Observation[E], close_after: int) -> None:
        """Count the run with the edges that it does not show, and end those of which that is enough."""
        is_another = seen.statement is not None and self.statement not in (None, seen.statement)
        self.statement = seen.statement or self.statement
        for edge in self.holding.keys() - seen.edges:
            known = self.holding[edge]
            missed = known.runs_missed + 1
            if is_another or missed >= close_after:
                del self.holding[edge]
                ended = Interval(known.since, known.last_seen_at, known.last_seen_at, known.runs_seen)
                self.ended.setdefault(edge, []).append(ended)
            else:
                self.holding[edge] = replace(known, runs_missed=missed)


def declared(declarations: Iterable[Observation[E]]) -> Mapping[E, tuple[Interval, ...]]:
    """
    Return when each edge held by declarations, of which each holds until the next: a view's definitions, a job's own words.

    An edge that the next declaration keeps goes on.
    """
    opened: dict[E, _Open] = {}
    intervals: dict[E, list[Interval]] = {}
    for seen in sorted(declarations, key=lambda one: (one.at, one.key)):
        for edge in [edge for edge in opened if edge not in seen.edges]:
            known = opened.pop(edge)
            until = max(known.since, seen.at - INSTANT)
            intervals.setdefault(edge, []).append(Interval(known.since, until, known.last_seen_at, known.runs_seen))
        for edge in seen.edges:
            kept = opened.setdefault(edge, _Open(seen.at, seen.at, 0, 0, runs_seen=0))
            kept.last_seen_at = seen.at
            kept.runs_seen += 1
    for edge, known in opened.items():
        intervals.setdefault(edge, []).append(Interval(known.since, None, known.last_seen_at, known.runs_seen))
    return {edge: tuple(found) for edge, found in intervals.items()}
