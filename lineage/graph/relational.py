"""The graph as the tables hold it: what every other store is rebuilt from."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from lineage.domain.walks import Direction, Edge, Moment, Node, Pair
from lineage.models import Job

CHUNK = 400

_BETWEEN_DATASETS = "e.upstream_column = '' AND e.downstream_column = ''"
_BETWEEN_COLUMNS = "e.upstream_column > '' AND e.downstream_column > ''"
# The first is answered from an index alone.
_PAIRS = "SELECT e.upstream, {upstream_column}, e.downstream, {downstream_column} FROM lineage_edge e WHERE e.{near} IN ({marks}) AND {grain} AND {moment}"
_EDGES = """
SELECT e.upstream, e.upstream_column, e.downstream, e.downstream_column, e.subtype, e.masking, e.origin, e.job_id,
       e.since, e.until, e.last_seen_at, e.runs_seen, e.runs_missed
FROM lineage_edge e WHERE e.downstream IN ({marks}) AND e.upstream IN ({more}) AND {grain} AND {moment}
"""


class RelationalGraph:
    """Reads the tables; there is nothing to record."""

    def neighbours(self, nodes: Sequence[Node], direction: Direction, moment: Moment) -> Iterable[Pair]:
        """Return the pairs that edges of a moment link nodes in, on one side of nodes."""
        datasets = list(dict.fromkeys(node.dataset for node in nodes if not node.column))
        columns = {node for node in nodes if node.column}
        found: list[Pair] = []
        if datasets:
            found += _pairs(datasets, direction, moment, between_columns=False)
        if columns:
            side = 1 if direction is Direction.UPSTREAM else 0
            of_columns = list(dict.fromkeys(node.dataset for node in columns))
            pairs = _pairs(of_columns, direction, moment, between_columns=True)
            found += [pair for pair in pairs if pair[side] in columns]
        return found

    def edges(self, pairs: Collection[Pair], moment: Moment) -> Sequence[Edge]:
        """Return all edges of a moment that link pairs."""
        wanted = set(pairs)
        found: list[Edge] = []
        for grain, part in (
            (_BETWEEN_DATASETS, [pair for pair in wanted if not pair[0].column]),
            (_BETWEEN_COLUMNS, [pair for pair in wanted if pair[0].column]),
        ):
            found += [edge for edge in _edges(part, grain, moment) if edge.pair in wanted]
        return found


def _pairs(
    datasets: Sequence[uuid.UUID], direction: Direction, moment: Moment, *, between_columns: bool
) -> Iterator[Pair]:
    """Give the pairs of which one of some datasets is the near one, each once however many jobs make it."""
    condition, values = _moment(moment)
    statement = {
        "near": "downstream" if direction is Direction.UPSTREAM else "upstream",
        "grain": _BETWEEN_COLUMNS if between_columns else _BETWEEN_DATASETS,
        "moment": condition,
        "upstream_column": "e.upstream_column" if between_columns else "''",
        "downstream_column": "e.downstream_column" if between_columns else "''",
    }
    with connection.cursor() as cursor:
        for start in range(0, len(datasets), CHUNK):
            part = datasets[start : start + CHUNK]
            cursor.execute(_PAIRS.format(marks=_marks(part), **statement), [*_keys(part), *values])
            # Told apart as they are read: nodes take four times as long.
            for up, up_column, down, down_column in set(cursor.fetchall()):
                yield _node(up, up_column), _node(down, down_column)


def _edges(pairs: Sequence[Pair], grain: str, moment: Moment) -> Iterator[Edge]:
    condition, values = _moment(moment)
    by_down: dict[uuid.UUID, set[uuid.UUID]] = {}
    for up, down in pairs:
        by_down.setdefault(down.dataset, set()).add(up.dataset)
    downs = list(by_down)
    rows: list[Sequence[Any]] = []
    with connection.cursor() as cursor:
        for start in range(0, len(downs), CHUNK):
            part = downs[start : start + CHUNK]
            ups = sorted({up for down in part for up in by_down[down]})
            statement = _EDGES.format(marks=_marks(part), more=_marks(ups), grain=grain, moment=condition)
            cursor.execute(statement, [*_keys(part), *_keys(ups), *values])
            rows += cursor.fetchall()
        read = _Reader(_jobs({row[7] for row in rows})).edge
    return map(read, rows)


def _jobs(keys: Collection[int]) -> dict[int, uuid.UUID]:
    found: dict[int, uuid.UUID] = {}
    wanted = sorted(keys)
    for start in range(0, len(wanted), 1_000):
        found |= dict(Job.objects.filter(pk__in=wanted[start : start + 1_000]).values_list("pk", "uuid"))
    return found


def _marks(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def _moment(moment: Moment) -> tuple[str, list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []
    if moment.known_at is None:
        conditions.append("e.superseded_at IS NULL")
    else:
        conditions.append("e.recorded_at <= %s AND (e.superseded_at IS NULL OR e.superseded_at > %s)")
        values += [_time(moment.known_at)] * 2
    if moment.as_of is None:
        conditions.append("e.until IS NULL")
    else:
        conditions.append("e.since <= %s AND (e.until IS NULL OR e.until >= %s)")
        values += [_time(moment.as_of)] * 2
    return " AND ".join(conditions), values


def _keys(keys: Sequence[uuid.UUID]) -> Sequence[Any]:
    return keys if connection.vendor == "postgresql" else [key.hex for key in keys]


def _time(at: datetime) -> Any:
    return at if connection.vendor == "postgresql" else str(at.astimezone(UTC).replace(tzinfo=None))


@functools.lru_cache(maxsize=20_000)
def _node(value: Any, column: str) -> Node:
    """Return the node of a dataset's id as the database gives it, and a column. The same few are in nearly all that is read."""
    return Node(value if isinstance(value, uuid.UUID) else uuid.UUID(hex=value), column)


class _Reader:
    """Makes edges of rows. Few times are spread over very many rows, so each is read once."""

    def __init__(self, jobs: Mapping[int, uuid.UUID]) -> None:
        self._jobs = jobs
        self._times: dict[Any, datetime] = {}

    def _datetime(self, value: Any) -> datetime:
        found = self._times.get(value)
        if found is None:
            at: datetime = value if isinstance(value, datetime) else datetime.fromisoformat(value)
            found = self._times[value] = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        return found

    def edge(self, row: Sequence[Any]) -> Edge:
        """Return the edge that a row is."""
        up, up_column, down, down_column, subtype, masking, origin, job, since, until, seen, runs, missed = row
        return Edge(
            _node(up, up_column),
            _node(down, down_column),
            self._jobs[job],
            origin,
            self._datetime(since),
            None if until is None else self._datetime(until),
            self._datetime(seen),
            runs,
            missed,
            subtype,
            bool(masking),
        )
