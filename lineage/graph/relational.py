"""The graph as the tables hold it: what every other store is rebuilt from."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from lineage.domain.walks import Direction, Edge, Moment, Node

CHUNK = 400

_SELECT = """
SELECT e.upstream, e.upstream_column, e.downstream, e.downstream_column, e.subtype, e.masking, e.origin, j.uuid,
       e.since, e.until, e.last_seen_at, e.runs_seen, e.runs_missed
FROM lineage_edge e JOIN lineage_job j ON j.id = e.job_id
WHERE e.{near} IN ({marks}) AND {grain} AND {moment}
"""


class RelationalGraph:
    """Reads the tables; there is nothing to record."""

    def neighbours(self, nodes: Sequence[Node], direction: Direction, moment: Moment) -> Sequence[Edge]:
        """Return the edges that touch nodes on one side, those of a moment."""
        found: list[Edge] = []
        datasets = [node.dataset for node in nodes if not node.column]
        columns = [node for node in nodes if node.column]
        if datasets:
            found += _edges(datasets, direction, moment, between_columns=False)
        if columns:
            wanted = set(columns)
            edges = _edges(
                list(dict.fromkeys(node.dataset for node in columns)), direction, moment, between_columns=True
            )
            is_upstream = direction is Direction.UPSTREAM
            found += [edge for edge in edges if (edge.downstream if is_upstream else edge.upstream) in wanted]
        return found


def _edges(datasets: Sequence[uuid.UUID], direction: Direction, moment: Moment, *, between_columns: bool) -> list[Edge]:
    near = "downstream" if direction is Direction.UPSTREAM else "upstream"
    grain = (
        "e.upstream_column > '' AND e.downstream_column > ''"
        if between_columns
        else "e.upstream_column = '' AND e.downstream_column = ''"
    )
    condition, values = _moment(moment)
    found: list[Edge] = []
    with connection.cursor() as cursor:
        for start in range(0, len(datasets), CHUNK):
            part = datasets[start : start + CHUNK]
            statement = _SELECT.format(near=near, marks=", ".join(["%s"] * len(part)), grain=grain, moment=condition)
            cursor.execute(statement, [*map(_key, part), *values])
            found += [_edge(row) for row in cursor.fetchall()]
    return found


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


def _key(key: uuid.UUID) -> Any:
    return key if connection.vendor == "postgresql" else key.hex


def _time(at: datetime) -> Any:
    return at if connection.vendor == "postgresql" else str(at.astimezone(UTC).replace(tzinfo=None))


def _uuid(value: Any) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(hex=value)


def _datetime(value: Any) -> datetime:
    at: datetime = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _edge(row: Sequence[Any]) -> Edge:
    upstream, upstream_column, downstream, downstream_column, subtype, masking, origin, job, since, until = row[:10]
    last_seen_at, runs_seen, runs_missed = row[10:]
    return Edge(
        upstream=Node(_uuid(upstream), upstream_column),
        downstream=Node(_uuid(downstream), downstream_column),
        job=_uuid(job),
        origin=origin,
        since=_datetime(since),
        until=None if until is None else _datetime(until),
        last_seen_at=_datetime(last_seen_at),
        runs_seen=runs_seen,
        runs_missed=runs_missed,
        subtype=subtype,
        masking=bool(masking),
    )
