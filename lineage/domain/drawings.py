"""Drawings of graphs: where each box, row and line stands, in layers from what is upstream to what is downstream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BOX_WIDTH = 212
BOX_HEIGHT = 46
ROW_HEIGHT = 22
ROWS_PADDING = 8
PITCH = 288
MARGIN_X = 44
TOP = 52
GAP = 28
SWING = 48
"""How far a line swings out that must go back."""
NAME_CHARACTERS = 21
MAX_DRAWN = 80
"""Boxes of one drawing; those nearest to the start."""


@dataclass(frozen=True, slots=True)
class Row:
    """A column within a box: whether the trace goes through it."""

    name: str
    shown: str
    y: float
    is_traced: bool


@dataclass(frozen=True, slots=True)
class Box:
    """A dataset: the place of its box, its rows, how many columns are left out, and whether there is more behind it."""

    id: str
    shown: str
    x: float
    y: float
    height: float
    distance: int
    rows: tuple[Row, ...]
    left_out: int
    is_frontier: bool
    is_opened: bool

    @property
    def is_start(self) -> bool:
        """Whether it is what the graph is of."""
        return self.distance == 0

    @property
    def middle(self) -> float:
        """The height at which lines of the whole dataset meet it."""
        return self.y + BOX_HEIGHT / 2

    @property
    def text_x(self) -> float:
        """Where its texts begin."""
        return self.x + 40

    @property
    def last_y(self) -> float:
        """Where the text stands that counts the columns left out."""
        return self.y + BOX_HEIGHT + 4 + len(self.rows) * ROW_HEIGHT + 15

    @property
    def right(self) -> float:
        """Where lines leave it."""
        return self.x + BOX_WIDTH


@dataclass(frozen=True, slots=True)
class Line:
    """A line between two boxes or rows; where its job's mark stands, if it has one."""

    path: str
    is_traced: bool
    is_restricted: bool
    middle: tuple[float, float]
    link: int
    """The place of the link among those given; -1 for a line between columns."""
    ends: tuple[str, str]
    """The ids of the boxes that it joins, upstream first."""
    columns: tuple[str, str] = ("", "")
    """The columns that it joins, if it does not join all of two boxes."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A column of boxes and its title."""

    x: float
    title: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that a picture needs. ``left_out`` counts the nodes that are not drawn."""

    width: float
    height: float
    layers: tuple[Layer, ...]
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """A dataset to draw: its id, name, distance from the start, columns of which ``traced`` are on the trace, and all it has."""

    id: str
    name: str
    distance: int
    columns: tuple[str, ...] = ()
    traced: frozenset[str] = frozenset()
    columns_total: int = 0
    is_frontier: bool = False
    is_opened: bool = False


SIZES = {"box": BOX_WIDTH, "head": BOX_HEIGHT, "row": ROW_HEIGHT, "out": SWING}
"""What whoever draws the same boxes elsewhere must know, in pixels."""

Pair = tuple[str, str, bool]
"""Upstream and downstream id, and whether the way is restricted."""
ColumnPair = tuple[str, str, str, str]
"""Upstream id and column, downstream id and column."""


def draw(nodes: Sequence[Drawn], links: Sequence[Pair], traces: Sequence[ColumnPair]) -> Drawing:
    """Return the drawing of a graph. The nearest nodes are drawn, upstream ones to the left."""
    kept = sorted(nodes, key=lambda node: (abs(node.distance), node.distance, node.name, node.id))[:MAX_DRAWN]
    distances = sorted({node.distance for node in kept})
    left = {distance: MARGIN_X + at * PITCH for at, distance in enumerate(distances)}
    ordered = _ordered(kept, links)
    heights = {node.id: _height(node) for node in kept}
    tall = {
        distance: sum(heights[node.id] for node in layer) + GAP * (len(layer) - 1)
        for distance, layer in ordered.items()
    }
    height = max(tall.values(), default=0)
    boxes: dict[str, Box] = {}
    for distance, layer in ordered.items():
        y = TOP + (height - tall[distance]) / 2
        for node in layer:
            boxes[node.id] = _box(node, left[distance], y, heights[node.id])
            y += heights[node.id] + GAP
    return Drawing(
        width=(left[distances[-1]] if distances else 0) + BOX_WIDTH + MARGIN_X,
        height=TOP + height + GAP,
        layers=tuple(Layer(left[distance], _title(distance)) for distance in distances),
        boxes=tuple(boxes.values()),
        lines=(*_lines(links, boxes), *_traces(traces, boxes)),
        left_out=len(nodes) - len(kept),
    )


def _title(distance: int) -> str:
    if distance == 0:
        return "This dataset"
    way = "downstream" if distance > 0 else "upstream"
    return f"{abs(distance)} {'step' if abs(distance) == 1 else 'steps'} {way}"


def _height(node: Drawn) -> float:
    rows = len(node.columns) + (node.columns_total > len(node.columns) > 0)
    return BOX_HEIGHT + (rows * ROW_HEIGHT + ROWS_PADDING if rows else 0)


def shortened(name: str, characters: int = NAME_CHARACTERS) -> str:
    """Return a name as it fits a box: its beginning, and its end, which often tells it from others."""
    if len(name) <= characters:
        return name
    head = (characters - 1) * 2 // 3
    return f"{name[:head]}…{name[len(name) - (characters - 1 - head) :]}"


def _box(node: Drawn, x: float, y: float, height: float) -> Box:
    rows = tuple(
        Row(column, shortened(column, 24), y + BOX_HEIGHT + 4 + at * ROW_HEIGHT, column in node.traced)
        for at, column in enumerate(node.columns)
    )
    return Box(
        id=node.id,
        shown=shortened(node.name),
        x=x,
        y=y,
        height=height,
        distance=node.distance,
        rows=rows,
        left_out=max(0, node.columns_total - len(node.columns)) if node.columns else 0,
        is_frontier=node.is_frontier,
        is_opened=node.is_opened,
    )


def _ordered(nodes: Sequence[Drawn], links: Sequence[Pair]) -> dict[int, list[Drawn]]:
    """Return the layers, the start's first, each in the order of what its nodes are linked with nearer to the start."""
    layers: dict[int, list[Drawn]] = {}
    for node in nodes:
        layers.setdefault(node.distance, []).append(node)
    linked: dict[str, list[str]] = {}
    for upstream, downstream, _ in links:
        linked.setdefault(upstream, []).append(downstream)
        linked.setdefault(downstream, []).append(upstream)
    place: dict[str, float] = {}
    for distance in sorted(layers, key=abs):
        nearer = {node.id for each, layer in layers.items() if abs(each) < abs(distance) for node in layer}

        def weight(node: Drawn, nearer: set[str] = nearer) -> tuple[float, str, str]:
            places = [place[other] for other in linked.get(node.id, ()) if other in nearer]
            return (sum(places) / len(places) if places else 0.0, node.name, node.id)

        layers[distance].sort(key=weight)
        for at, node in enumerate(layers[distance]):
            place[node.id] = at - len(layers[distance]) / 2
    return layers


def _lines(links: Sequence[Pair], boxes: Mapping[str, Box]) -> list[Line]:
    made = []
    for at, (upstream, downstream, restricted) in enumerate(links):
        if upstream in boxes and downstream in boxes:
            first, last = boxes[upstream], boxes[downstream]
            path, middle = _curve(first.right, first.middle, last.x, last.middle)
            made.append(Line(path, False, restricted, middle, at, (upstream, downstream)))
    return made


def _traces(traces: Sequence[ColumnPair], boxes: Mapping[str, Box]) -> list[Line]:
    made = []
    for upstream, upstream_column, downstream, downstream_column in traces:
        if upstream not in boxes or downstream not in boxes:
            continue
        first, last = boxes[upstream], boxes[downstream]
        rows = {row.name: row for row in first.rows}, {row.name: row for row in last.rows}
        if upstream_column in rows[0] and downstream_column in rows[1]:
            half = ROW_HEIGHT / 2
            path, middle = _curve(
                first.right, rows[0][upstream_column].y + half, last.x, rows[1][downstream_column].y + half
            )
            ends, columns = (upstream, downstream), (upstream_column, downstream_column)
            made.append(Line(path, True, False, middle, -1, ends, columns))
    return made


def _curve(x1: float, y1: float, x2: float, y2: float) -> tuple[str, tuple[float, float]]:
    """Return a curve from left to right; one that must go back, or stay in its layer, swings out at both ends."""
    if x2 > x1:
        bend = (x1 + x2) / 2
        return f"M{x1:g} {y1:g}C{bend:g} {y1:g} {bend:g} {y2:g} {x2:g} {y2:g}", (bend, (y1 + y2) / 2)
    path = f"M{x1:g} {y1:g}C{x1 + SWING:g} {y1:g} {x2 - SWING:g} {y2:g} {x2:g} {y2:g}"
    return path, ((x1 + x2) / 2, (y1 + y2) / 2)
