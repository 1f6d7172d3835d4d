"""The graph in Neo4j 5: every edge with its times, recorded by a projection, rebuilt from the tables."""

from __future__ import annotations

import hashlib
import math
import re
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from lineage.domain.walks import Direction, Edge, Moment, Node, Pair
from lineage.graph.base import GraphUnavailable, Recorded

BATCH = 5_000
CHUNK = 1_000
TIMEOUT_SECONDS = 10
LOOK_SECONDS = 60.0
MAX_KEY = 400
"""Characters of a column's name by which it is found."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OPEN = 2**62
"""Stands for a time that has not come."""
_KINDS = ("FEEDS", "DERIVES", "DECIDES")
"""Edges between datasets, between columns, and of a column that decides over a dataset's rows."""

Answer = TypeVar("Answer")

_NEIGHBOURS = """
UNWIND $ids AS id
MATCH (near:{label} {{id: id}}){left}-[edge:{kind}]-{right}(far:{label})
WHERE {moment}
RETURN DISTINCT near.dataset AS near, near.column AS near_column, far.dataset AS far, far.column AS far_column
"""
_EDGES = """
UNWIND $pairs AS pair
MATCH (up:{label} {{id: pair[0]}})-[edge:{kind}]->(down:{label} {{id: pair[1]}})
WHERE {moment}
RETURN pair[2] AS place, properties(edge) AS edge
"""
_CREATE = """
UNWIND $rows AS row
MERGE (up:{up} {{id: row.up.id}}) ON CREATE SET up = row.up
MERGE (down:{down} {{id: row.down.id}}) ON CREATE SET down = row.down
CREATE (up)-[edge:{kind}]->(down) SET edge = row.edge
"""


class Neo4jGraph:
    """
    One database of a Neo4j server, or the nodes in it whose labels begin with a prefix.

    The driver opens when it is asked first, and is shared by threads.
    """

    def __init__(self, *, url: str, database: str = "neo4j", prefix: str = "") -> None:
        if not re.fullmatch(r"[A-Za-z0-9_]{0,30}", prefix):
            raise ValueError(f"a prefix of labels is made of letters, digits and '_', found {prefix!r}")
        self._url = url
        self._database = database
        self._dataset, self._column, self._mark = (f"{prefix}{name}" for name in ("Dataset", "Column", "Cairn"))
        self._driver: Any = None
        self._is_ready = False
        self._looked_at = -math.inf
        self._whole = False

    def _ask(self, question: Callable[[Any], Answer]) -> Answer:
        """Return what a session answers. :raises GraphUnavailable: if the server does not."""
        from neo4j import GraphDatabase
        from neo4j.exceptions import DriverError, Neo4jError

        try:
            if self._driver is None:
                parts = urlsplit(self._url)
                port = f":{parts.port}" if parts.port else ""
                self._driver = GraphDatabase.driver(
                    f"{parts.scheme}://{parts.hostname}{port}",
                    auth=(unquote(parts.username or "neo4j"), unquote(parts.password or "")),
                    connection_timeout=TIMEOUT_SECONDS,
                    connection_acquisition_timeout=TIMEOUT_SECONDS,
                    max_transaction_retry_time=TIMEOUT_SECONDS,
                )
            with self._driver.session(database=self._database) as session:
                if not self._is_ready:
                    self._prepare(session)
                    self._is_ready = True
                return question(session)
        except (DriverError, Neo4jError, OSError) as error:
            raise GraphUnavailable(f"Neo4j does not answer ({type(error).__name__})") from error

    def _prepare(self, session: Any) -> None:
        """
        Make the constraints and indexes that are not there.

        What is looked up must be unique by a constraint: without one, everything is hundreds of times slower. They are looked for
        by what they are on, since "IF NOT EXISTS" is content with any constraint of the same name.
        """
        there = {
            (row["labelsOrTypes"][0], tuple(row["properties"]))
            for row in session.run("SHOW INDEXES YIELD labelsOrTypes, properties WHERE labelsOrTypes IS NOT NULL")
            if row["labelsOrTypes"]
        }
        for label in (self._dataset, self._column):
            if (label, ("id",)) not in there:
                statement = f"CREATE CONSTRAINT {label.lower()}_by_id FOR (n:{label}) REQUIRE n.id IS UNIQUE"
                session.run(statement).consume()
        for kind in _KINDS:
            if (kind, ("job",)) not in there:
                session.run(f"CREATE INDEX {kind.lower()}_by_job FOR ()-[e:{kind}]-() ON (e.job)").consume()

    def close(self) -> None:
        """Close the driver."""
        if self._driver is not None:
            self._driver.close()
            self._driver = None

    def _among(self, datasets: Sequence[Any], columns: Sequence[Any]) -> tuple[tuple[str, str, Sequence[Any]], ...]:
        """Return label and kind of edge of what is asked for."""
        return (self._dataset, "FEEDS", datasets), (self._column, "DERIVES", columns)

    def neighbours(self, nodes: Sequence[Node], direction: Direction, moment: Moment) -> Iterable[Pair]:
        """Return the pairs that edges of a moment link nodes in, on one side of nodes."""
        asked = self._among(
            [_id(node) for node in nodes if not node.column], [_id(node) for node in nodes if node.column]
        )

        def question(session: Any) -> set[Pair]:
            return {
                pair
                for label, kind, ids in asked
                for start in range(0, len(ids), CHUNK)
                for pair in _neighbours(session, (label, kind), ids[start : start + CHUNK], direction, moment)
            }

        return self._ask(question) if nodes else set()

    def edges(self, pairs: Collection[Pair], moment: Moment) -> Sequence[Edge]:
        """Return all edges of a moment that link pairs."""
        asked = self._among([pair for pair in pairs if not pair[0].column], [pair for pair in pairs if pair[0].column])

        def question(session: Any) -> list[Edge]:
            return [
                edge
                for label, kind, part in asked
                for start in range(0, len(part), CHUNK)
                for edge in _edges(session, (label, kind), part[start : start + CHUNK], moment)
            ]

        return self._ask(question) if pairs else []

    def record(self, job: uuid.UUID, edges: Sequence[Recorded]) -> None:
        """Make the edges of a job these: those that are the same stay untouched, and what is gone goes."""
        wanted = {_key(one): one for one in edges}

        def question(session: Any) -> None:
            session.execute_write(self._record, str(job), wanted)

        self._ask(question)

    def _record(self, transaction: Any, job: str, wanted: dict[str, Recorded]) -> None:
        for kind in _KINDS:
            mine = {key: one for key, one in wanted.items() if _kind(one.edge) == kind}
            there = transaction.run(
                f"MATCH ()-[e:{kind}]->() WHERE e.job = $job RETURN e.key AS key, elementId(e) AS id, properties(e) AS found",
                job=job,
            ).data()
            gone, changed = [], []
            for row in there:
                one = mine.pop(row["key"], None)
                if one is None:
                    gone.append(row["id"])
                    continue
                told = _properties(row["key"], job, one)
                if any(told[name] != row["found"].get(name) for name in _CHANGING):
                    changed.append({"id": row["id"], "edge": told})
            for start in range(0, len(gone), BATCH):
                statement = f"UNWIND $ids AS id MATCH ()-[e:{kind}]->() WHERE elementId(e) = id DELETE e"
                transaction.run(statement, ids=gone[start : start + BATCH]).consume()
            for start in range(0, len(changed), BATCH):
                statement = f"UNWIND $rows AS row MATCH ()-[e:{kind}]->() WHERE elementId(e) = row.id SET e = row.edge"
                transaction.run(statement, rows=changed[start : start + BATCH]).consume()
            rows = [
                {
                    "up": _node_properties(one.edge.upstream),
                    "down": _node_properties(one.edge.downstream),
                    "edge": _properties(key, job, one),
                }
                for key, one in mine.items()
            ]
            up = self._dataset if kind == "FEEDS" else self._column
            down = self._column if kind == "DERIVES" else self._dataset
            for start in range(0, len(rows), BATCH):
                statement = _CREATE.format(kind=kind, up=up, down=down)
                transaction.run(statement, rows=rows[start : start + BATCH]).consume()

    def clear(self) -> None:
        """Forget all edges and nodes."""

        def question(session: Any) -> None:
            for label in (self._mark, self._dataset, self._column):
                session.run(f"MATCH (n:{label}) CALL (n) {{ DETACH DELETE n }} IN TRANSACTIONS OF 10000 ROWS").consume()

        self._ask(question)
        self._whole, self._looked_at = False, time.monotonic()

    def finish(self) -> None:
        """Note that the store was told of all edges there are: a node says so."""
        self._ask(lambda session: session.run(f"MERGE (m:{self._mark} {{id: 'whole'}})").consume())
        self._whole, self._looked_at = True, time.monotonic()

    def is_whole(self) -> bool:
        """Return whether that node is there."""
        if time.monotonic() - self._looked_at > LOOK_SECONDS:
            question = f"MATCH (m:{self._mark} {{id: 'whole'}}) RETURN count(m) AS n"
            self._whole = bool(self._ask(lambda session: session.run(question).single()["n"]))
            self._looked_at = time.monotonic()
        return self._whole


def _id(node: Node) -> str:
    """Return what a node is found by; a column's long name is cut, since an index has bounds, and keeps a digest."""
    if len(node.column) <= MAX_KEY:
        return f"{node.dataset}/{node.column}" if node.column else str(node.dataset)
    digest = hashlib.blake2b(node.column.encode(), digest_size=16).hexdigest()
    return f"{node.dataset}/{node.column[:MAX_KEY]}~{digest}"


def _node_properties(node: Node) -> dict[str, str]:
    return {"id": _id(node), "dataset": str(node.dataset), "column": node.column}


def _number(at: datetime | None) -> int:
    return _OPEN if at is None else (at - _EPOCH) // timedelta(microseconds=1)


def _time(number: int) -> datetime | None:
    return None if number == _OPEN else _EPOCH + timedelta(microseconds=number)


def _kind(edge: Edge) -> str:
    if not edge.upstream.column:
        return "FEEDS"
    return "DERIVES" if edge.downstream.column else "DECIDES"


def _key(one: Recorded) -> str:
    edge = one.edge
    return "\n".join(
        (
            _id(edge.upstream),
            _id(edge.downstream),
            edge.origin,
            edge.subtype,
            str(edge.masking),
            str(_number(edge.since)),
            str(_number(edge.until)),
            str(_number(one.recorded_at)),
        )
    )


def _properties(key: str, job: str, one: Recorded) -> dict[str, Any]:
    edge = one.edge
    return {
        "key": key,
        "job": job,
        "origin": edge.origin,
        "subtype": edge.subtype,
        "masking": edge.masking,
        "since": _number(edge.since),
        "until": _number(edge.until),
        "seen": _number(edge.last_seen_at),
        "runs_seen": edge.runs_seen,
        "runs_missed": edge.runs_missed,
        "recorded": _number(one.recorded_at),
        "superseded": _number(one.superseded_at),
    }


_CHANGING = ("seen", "runs_seen", "runs_missed", "superseded")


def _moment(moment: Moment) -> tuple[str, dict[str, int]]:
    if moment.known_at is None:
        conditions = ["edge.superseded = $open"]
    else:
        conditions = ["edge.recorded <= $known", "edge.superseded > $known"]
    if moment.as_of is None:
        conditions.append("edge.until = $open")
    else:
        conditions += ["edge.since <= $at", "edge.until >= $at"]
    given = {"open": _OPEN, "known": _number(moment.known_at), "at": _number(moment.as_of)}
    return " AND ".join(conditions), given


def _neighbours(
    session: Any, among: tuple[str, str], ids: Sequence[str], direction: Direction, moment: Moment
) -> Iterator[Pair]:
    label, kind = among
    is_upstream = direction is Direction.UPSTREAM
    conditions, given = _moment(moment)
    statement = _NEIGHBOURS.format(
        label=label, kind=kind, left="<" if is_upstream else "", right="" if is_upstream else ">", moment=conditions
    )
    for row in session.run(statement, ids=list(ids), **given):
        near, far = (Node(uuid.UUID(row[name]), row[f"{name}_column"]) for name in ("near", "far"))
        yield (far, near) if is_upstream else (near, far)


def _edges(session: Any, among: tuple[str, str], pairs: Sequence[Pair], moment: Moment) -> Iterator[Edge]:
    label, kind = among
    conditions, given = _moment(moment)
    statement = _EDGES.format(label=label, kind=kind, moment=conditions)
    asked = [[_id(up), _id(down), at] for at, (up, down) in enumerate(pairs)]
    for row in session.run(statement, pairs=asked, **given):
        (up, down), found = pairs[row["place"]], row["edge"]
        since, seen = _time(found["since"]), _time(found["seen"])
        assert since is not None
        assert seen is not None
        yield Edge(
            upstream=up,
            downstream=down,
            job=uuid.UUID(found["job"]),
            origin=found["origin"],
            since=since,
            until=_time(found["until"]),
            last_seen_at=seen,
            runs_seen=found["runs_seen"],
            runs_missed=found["runs_missed"],
            subtype=found["subtype"],
            masking=found["masking"],
        )
