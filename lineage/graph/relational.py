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
    read = _Reader().edge
    with connection.cursor() as cursor:
        for start in range(0, len(datasets), CHUNK):
            part = datasets[start : start + CHUNK]
            statement = _SELECT.format(near=near, marks=", ".join(["%s"] * len(part)), grain=grain, moment=condition)
            cursor.execute(statement, [*map(_key, part), *values])
            found += map(read, cursor.fetchall())
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


class _Reader:
    """Makes edges of rows. Few ids and times are spread over very many rows, so each is read once."""

    def __init__(self) -> None:
        self._uuids: dict[Any, uuid.UUID] = {}
        self._nodes: dict[tuple[Any, str], Node] = {}
        self._times: dict[Any, datetime] = {}

    def _uuid(self, value: Any) -> uuid.UUID:
        found = self._uuids.get(value)
        if found is None:
            found = self._uuids[value] = value if isinstance(value, uuid.UUID) else uuid.UUID(hex=value)
        return found

    def _node(self, value: Any, column: str) -> Node:
        found = self._nodes.get((value, column))
        if found is None:
            found = self._nodes[value, column] = Node(self._uuid(value), column)
        return found

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
            self._node(up, up_column),
            self._node(down, down_column),
            self._uuid(job),
            origin,
            self._datetime(since),
            None if until is None else self._datetime(until),
            self._datetime(seen),
            runs,
            missed,
            subtype,
            bool(masking),
        )
