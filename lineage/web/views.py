"""The lineage page, a graph that is a table too, and the pages of jobs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header

from catalog import backends
from catalog.access.principals import Principal
from catalog.selectors import StoredDataset, get_dataset_by_name
from catalog.web import errors
from catalog.web.signing_in import page_view, web_principal
from lineage.domain.drawings import SIZES, Drawing, Drawn, draw, shortened
from lineage.domain.walks import Direction, Moment
from lineage.selectors.graphs import Graph, GraphEdge, GraphLink, GraphNode, get_graph
from lineage.selectors.jobs import NoSuchJob, get_job, list_job_runs, list_jobs

DEPTH = 2
MAX_DEPTH = 10
MAX_OPENED = 40
NODES = 300
COLUMNS = 4
"""Columns of the start that its box shows beside the traced one."""
CHOICES = 2_000
"""Columns that the form offers to trace."""
JOBS = 50
RUNS = 50
DIRECTIONS = {"up": (Direction.UPSTREAM,), "both": tuple(Direction), "down": (Direction.DOWNSTREAM,)}


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the address asks for."""

    direction: str
    depth: int
    as_of: datetime | None
    column: str
    query: QueryDict
    opened: tuple[UUID, ...] = ()
    """Datasets behind which one step more is shown, whatever the depth."""
    problem: str = ""

    @property
    def day(self) -> str:
        """The day of ``as_of``, as a form holds it."""
        return f"{self.as_of:%Y-%m-%d}" if self.as_of else ""


def _asked(request: HttpRequest) -> _Asked:
    given = request.GET
    direction = given.get("direction", "both")
    depth = given.get("depth", "")
    as_of, problem = None, ""
    if given.get("as_of"):
        try:
            as_of = datetime.fromisoformat(given["as_of"][:40])
            if len(given["as_of"]) == len("2026-11-25"):
                as_of += timedelta(days=1, microseconds=-1)  # a day means all of it
            as_of = (as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            as_of, problem = None, f"{given['as_of'][:40]} is no day; write it as 2026-11-25. Shown is what holds now."
    return _Asked(
        direction=direction if direction in DIRECTIONS else "both",
        depth=min(MAX_DEPTH, max(1, int(depth))) if depth.isascii() and depth.isdigit() and len(depth) < 4 else DEPTH,
        as_of=as_of,
        column=given.get("column", "")[:2_000],
        query=given,
        opened=tuple(dict.fromkeys(filter(None, map(_uuid, given.getlist("open")[:MAX_OPENED])))),
        problem=problem,
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@page_view
def lineage(request: HttpRequest, name: str) -> HttpResponse:
    """Show what a dataset is made of and what is made of it."""
    principal = web_principal(request)
    stored = get_dataset_by_name(name=name, principal=principal)
    asked = _asked(request)
    graph = _graph(principal, stored, asked, "")
    body = orjson.loads(stored.body)
    columns = [column["path"] for column in body.get("columns", ())][:CHOICES]
    column = asked.column if asked.column in columns else ""
    trace = _graph(principal, stored, asked, column) if column else None
    rows = _rows(graph, trace)
    if request.GET.get("csv"):
        return _csv(stored.qualified_name, rows)
    context = {
        "section": "search",
        "current_catalog": body["catalog"],
        "d": body,
        "asked": asked,
        "column": column,
        "columns": columns,
        "directions": (("up", "Upstream"), ("both", "Both"), ("down", "Downstream")),
        "graph": graph,
        "drawing": _picture(graph, trace, columns, column, asked) if graph.links else None,
        "trace": _told(trace) if trace is not None else None,
        "rows": rows,
        "json": f"/v1/datasets/{stored.uuid}/lineage?{_query(asked, column)}",
        "max_depth": MAX_DEPTH,
    }
    return render(request, "lineage/lineage.html", context)


def _query(asked: _Asked, column: str) -> str:
    words = {"up": "upstream", "both": "both", "down": "downstream"}
    given: dict[str, Any] = {"direction": words[asked.direction], "depth": asked.depth}
    if asked.as_of is not None:
        given["as_of"] = asked.as_of.isoformat().replace("+00:00", "Z")
    return urlencode(given | ({"column": column} if column else {}))


def _graph(principal: Principal, stored: StoredDataset, asked: _Asked, column: str) -> Graph:
    return get_graph(
        principal=principal,
        dataset_uuid=stored.uuid,
        column=column,
        directions=DIRECTIONS[asked.direction],
        depth=asked.depth,
        limit=NODES,
        moment=Moment(asked.as_of),
        opened=asked.opened,
    )


@dataclass(frozen=True, slots=True)
class _Mark:
    """A job's mark on a line, and the place of that line's link."""

    x: float
    y: float
    link: int
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class _Picture:
    """A drawing with what its boxes are and where they lead."""

    drawing: Drawing
    boxes: Sequence[dict[str, Any]]
    marks: Sequence[_Mark]

    @property
    def sizes(self) -> dict[str, int]:
        """What its boxes measure, in pixels."""
        return SIZES

    @property
    def told(self) -> str:
        """The same in JSON, for the canvas that is drawn over it."""
        boxes = [
            {"box": item["box"], "title": item["node"].qualified_name}
            | {name: item[name] for name in ("href", "glyph", "sub", "toggle", "column_href")}
            for item in self.boxes
        ]
        return orjson.dumps(
            {"sizes": self.sizes, "boxes": boxes, "lines": self.drawing.lines, "marks": self.marks}
        ).decode()


def _glyph(platform: str) -> str:
    try:
        return backends.connector_spec(platform).icon
    except backends.UnknownPlatform:
        return "job"


def _picture(graph: Graph, trace: Graph | None, columns: Sequence[str], column: str, asked: _Asked) -> _Picture:
    traced: dict[str, set[str]] = {}
    for node in trace.nodes if trace is not None else ():
        traced.setdefault(str(node.dataset), set()).add(node.column)
    frontier, opened = set(graph.frontier), {str(key) for key in asked.opened}
    known = {node.id: node for node in graph.nodes}

    def drawn(node: GraphNode) -> Drawn:
        on = traced.get(node.id, set())
        shown, total = sorted(on), 0
        if node.id == graph.start:
            rest = [each for each in columns if each not in on][: COLUMNS - min(COLUMNS, len(on) - 1 if on else 0)]
            shown, total = [each for each in columns if each in on or each in rest], len(columns)
        return Drawn(
            node.id,
            node.name,
            node.distance,
            tuple(shown),
            frozenset(on),
            total,
            is_frontier=node.id in frontier,
            is_opened=node.id in opened and abs(node.distance) >= asked.depth,
        )

    pairs = [(link.upstream, link.downstream, link.restricted) for link in graph.links]
    traces = [
        (*_parts(link.upstream), *_parts(link.downstream))
        for link in (trace.links if trace is not None else ())
        if not link.restricted
    ]
    drawing = draw([drawn(node) for node in graph.nodes], pairs, traces)
    boxes = [
        {
            "box": box,
            "node": known[box.id],
            "glyph": _glyph(known[box.id].platform),
            "sub": _sub(known[box.id]),
            "href": reverse("dataset" if box.is_start else "lineage", args=[known[box.id].qualified_name]),
            "toggle": _toggled(asked, box.id),
            "column_href": (
                f"?{_without(asked.query, 'column').urlencode()}&column="
                if box.is_start
                else reverse("lineage", args=[known[box.id].qualified_name]) + "?column="
            ),
        }
        for box in drawing.boxes
    ]
    marks = [
        _Mark(
            *line.middle,
            line.link,
            edge.job_name or "the view's definition",
            _job_url(edge, known, graph.links[line.link]),
        )
        for line in drawing.lines
        if line.link >= 0
        for edge in graph.links[line.link].edges[:1]
    ]
    return _Picture(drawing, boxes, marks)


_STATES = {"observed": " · observed", "tombstoned": " · dropped", "missing": " · missing"}


def _sub(node: GraphNode) -> str:
    """Return where a dataset is, and whether it is there, as its box says."""
    place = node.qualified_name.rpartition("/")[0]
    return shortened(place, 26) + _STATES.get(node.state, "")


def _without(query: QueryDict, name: str) -> QueryDict:
    changed = query.copy()
    changed.pop(name, None)
    return changed


def _toggled(asked: _Asked, box: str) -> str:
    """Return the address that shows one step more behind a box, or no more if it was shown."""
    changed = _without(asked.query, "open")
    keys = [str(key) for key in asked.opened]
    changed.setlist("open", [key for key in keys if key != box] + ([] if box in keys else [box]))
    return f"?{changed.urlencode()}"


def _job_url(edge: GraphEdge, known: dict[str, GraphNode], link: GraphLink) -> str:
    if edge.job_kind == "view" and link.downstream in known:
        return reverse("dataset", args=[known[link.downstream].qualified_name]) + "?tab=sql"
    return reverse("job", args=[edge.job])


def _parts(column_id: str) -> tuple[str, str]:
    """Return the dataset's id and the column's name that a column's id is made of."""
    dataset, _, column = column_id.partition("/")
    return dataset, column


def _told(trace: Graph) -> dict[str, int]:
    """Return how many columns a trace goes through on each side."""
    return {
        "upstream": sum(node.distance < 0 for node in trace.nodes),
        "downstream": sum(node.distance > 0 for node in trace.nodes),
    }


@dataclass(frozen=True, slots=True)
class _Row:
    """One link as the table shows it, from the start outwards."""

    step: int
    node: GraphNode
    other: GraphNode
    edges: Sequence[GraphEdge]
    columns: Sequence[tuple[str, str]]
    restricted: bool

    @property
    def last_seen_at(self) -> datetime | None:
        """When it was seen last."""
        return max((edge.last_seen_at for edge in self.edges), default=None)

    @property
    def evidence(self) -> str:
        """How it is known."""
        return ", ".join(dict.fromkeys(_evidence(edge) for edge in self.edges))


def _evidence(edge: GraphEdge) -> str:
    runs = f"{edge.runs_seen:,} {'run' if edge.runs_seen == 1 else 'runs'}"
    match edge.origin:
        case "view":
            return "view's SQL"
        case "declared":
            return "declared by its job"
        case _:
            return f"OpenLineage, {runs}"


def _rows(graph: Graph, trace: Graph | None) -> list[_Row]:
    known = {node.id: node for node in graph.nodes}
    pairs: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for link in trace.links if trace is not None else ():
        (first, column), (last, made) = _parts(link.upstream), _parts(link.downstream)
        pairs.setdefault((first, last), []).append((column, made))
    rows = []
    for link in graph.links:
        up, down = known[link.upstream], known[link.downstream]
        node, other = (up, down) if abs(up.distance) > abs(down.distance) else (down, up)
        rows.append(
            _Row(
                step=node.distance,
                node=node,
                other=other,
                edges=link.edges,
                columns=pairs.get((link.upstream, link.downstream), ()),
                restricted=link.restricted,
            )
        )
    return sorted(rows, key=lambda row: (abs(row.step), row.step, row.node.qualified_name, row.other.qualified_name))


def _csv(qualified_name: str, rows: Sequence[_Row]) -> HttpResponse:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["step", "dataset", "linked_with", "jobs", "columns", "last_seen_at", "evidence"])
    for row in rows:
        jobs = "; ".join(dict.fromkeys(edge.job_name for edge in row.edges if edge.job_name))
        columns = "; ".join(f"{up} -> {down}" for up, down in row.columns)
        seen = row.last_seen_at.isoformat() if row.last_seen_at else ""
        told = "through something restricted" if row.restricted else row.evidence
        cells = [row.step, row.node.qualified_name, row.other.qualified_name, jobs, columns, seen, told]
        writer.writerow([_harmless(cell) for cell in cells])
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    name = qualified_name.replace("/", ".")[:150]
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=f"lineage of {name}.csv")
    return response


def _harmless(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


@page_view
def jobs(request: HttpRequest) -> HttpResponse:
    """List the jobs that report their runs."""
    text = request.GET.get("q", "")[:200].strip()
    state = request.GET.get("state", "")
    state = state if state in STATES else ""
    principal = web_principal(request)
    found = list_jobs(principal=principal, limit=JOBS + 1, after=_place(request), containing=text, state=state)
    shown = found[:JOBS]
    last = shown[-1] if len(found) > JOBS else None
    context = {
        "section": "jobs",
        "jobs": shown,
        "find": text,
        "states": STATES,
        "chosen": state,
        "before": last.last_run_at.isoformat() if last is not None and last.last_run_at else None,
        "before_id": last.uuid if last is not None else None,
    }
    return render(request, "lineage/jobs.html", context)


STATES = {"COMPLETE": "complete", "FAIL": "failed", "RUNNING": "running", "START": "started", "ABORT": "aborted"}


def _place(request: HttpRequest) -> tuple[datetime, UUID] | None:
    try:
        at = datetime.fromisoformat(request.GET.get("before", ""))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)), UUID(request.GET.get("id", ""))
    except ValueError:
        return None


@page_view
def job(request: HttpRequest, job: UUID) -> HttpResponse:
    """Show a job: what it reads and writes, what it runs, its runs."""
    try:
        principal = web_principal(request)
        detail = get_job(principal=principal, job_uuid=job)
        found = (
            list_job_runs(principal=principal, job_uuid=job, limit=RUNS + 1, after=_place(request))
            if detail.job.kind == "job"
            else ()
        )
    except NoSuchJob as error:
        return errors.page(request, 404, "No such job", f"{error}. It may have been removed.")
    shown = found[:RUNS]
    context = {
        "section": "jobs",
        "job": detail.job,
        "detail": detail,
        "runs": shown,
        "before": shown[-1].started_at.isoformat() if len(found) > RUNS else None,
        "before_id": shown[-1].uuid if len(found) > RUNS else None,
    }
    return render(request, "lineage/job.html", context)
