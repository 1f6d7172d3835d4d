"""What one run shows: edges between its datasets, and between their columns by what producers say of them, else by its SQL."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from catalog.selectors.definitions import columns_of
from lineage.domain.events import DatasetName, Event
from lineage.domain.sql import StatementLineage, TableName, UnreadableSql, dialect_of, statements_lineage
from lineage.services.edges import EdgeKey

MAX_PAIRS = 20_000
"""Pairs of an input and an output of one run."""


@dataclass(slots=True)
class Resolved:
    """What the names in some events mean."""

    ids: Mapping[DatasetName, uuid.UUID]
    columns: dict[uuid.UUID, Sequence[str]] = field(default_factory=dict)

    def know_columns(self, datasets: Sequence[uuid.UUID]) -> None:
        """Read the columns of datasets that are not read yet."""
        unknown = [key for key in dict.fromkeys(datasets) if key not in self.columns]
        if unknown:
            found = columns_of(unknown)
            self.columns |= {key: found.get(key, ()) for key in unknown}

    def spelled(self, dataset: uuid.UUID, column: str) -> str:
        """Return a column's name as its dataset spells it, where that differs in letter case only."""
        known = self.columns.get(dataset, ())
        if column in known:
            return column
        folded = column.casefold()
        return next((name for name in known if name.casefold() == folded), column)


Named = list[str]
"""A dataset's id, and the names it was told by."""


class RunEdges:
    """The edges of one run, or one declaration, and what could not be told of them."""

    def __init__(self, inputs: Sequence[Named], outputs: Sequence[Named], resolved: Resolved, *, origin: str) -> None:
        self.problems: list[str] = []
        self._resolved = resolved
        self._origin = origin
        self._named = [*inputs, *outputs]
        self._inputs = [uuid.UUID(each[0]) for each in inputs]
        self._outputs = [uuid.UUID(each[0]) for each in outputs]

    def of(self, events: Sequence[Event]) -> frozenset[EdgeKey]:
        """
        Return the edges from all inputs to all outputs, and between columns.

        Columns are told by what producers say of them, else by the SQL. Where the SQL accounts for every input and output, it
        says which goes into which.
        """
        outputs = self._outputs
        if len(self._inputs) * len(outputs) > MAX_PAIRS:
            self.problems.append(
                f"it links more than {MAX_PAIRS:,} pairs of datasets: those of its first outputs are kept"
            )
            outputs = outputs[: max(1, MAX_PAIRS // len(self._inputs))]
        pairs = {(up, down) for up in self._inputs for down in outputs}
        made = {edge for event in events for edge in _reported(event, self._resolved, self._origin)}
        if not made:
            for event in _with_different_sql(events):
                found = self._by_sql(event)
                made |= found
                told = {(edge.upstream, edge.downstream) for edge in found if not edge.upstream_column}
                if {down for _, down in told} == set(outputs) and {up for up, _ in told} >= set(self._inputs):
                    pairs = told
        pairs |= {(edge.upstream, edge.downstream) for edge in made}
        made = {edge for edge in made if edge.upstream_column and not _is_itself(edge)}
        return frozenset(
            made | {EdgeKey(up, "", down, "", "", False, self._origin) for up, down in pairs if up != down}
        )

    def _by_sql(self, event: Event) -> set[EdgeKey]:
        tails = _Tails()
        for key, *names in self._named:
            for name in names:
                tails.add(name, uuid.UUID(key))
        self._resolved.know_columns([*self._inputs, *self._outputs])
        try:
            found = _read(event.sql or "", dialect_used(event), tails.columns(self._resolved))
        except UnreadableSql as error:
            self.problems.append(str(error))
            return set()
        made: set[EdgeKey] = set()
        for statement in found:
            self.problems += statement.problems
            down = tails.find(statement.target) if statement.target is not None else None
            if down is not None:
                made.update(self._of_statement(statement, down, tails))
        return made

    def _of_statement(self, statement: StatementLineage, down: uuid.UUID, tails: _Tails) -> Iterator[EdgeKey]:
        for table in statement.inputs:
            up = tails.find(table)
            if up is not None:
                yield EdgeKey(up, "", down, "", "", False, "sql")
        for column, parts in (*statement.columns.items(), ("", statement.indirect)):
            for part in parts:
                up = tails.find(part.table)
                if up is not None:
                    made = self._resolved.spelled(down, column) if column else ""
                    source = self._resolved.spelled(up, part.column)
                    yield EdgeKey(up, source, down, made, part.subtype, part.masking, "sql")


def _is_itself(edge: EdgeKey) -> bool:
    return (edge.upstream, edge.upstream_column) == (edge.downstream, edge.downstream_column)


def _reported(event: Event, resolved: Resolved, origin: str) -> Iterator[EdgeKey]:
    for output in event.outputs:
        down = resolved.ids[output.name]
        for column, parts in output.columns.items():
            for part in parts:
                up = resolved.ids[part.dataset]
                names = resolved.spelled(up, part.field), resolved.spelled(down, column)
                yield EdgeKey(up, names[0], down, names[1], part.subtype, part.masking, origin)
        for part in output.deciding:
            up = resolved.ids[part.dataset]
            yield EdgeKey(up, resolved.spelled(up, part.field), down, "", part.subtype, part.masking, origin)


def _with_different_sql(events: Sequence[Event]) -> list[Event]:
    return list({event.sql: event for event in events if event.sql}.values())


def dialect_used(event: Event) -> str:
    """Return the dialect that an event names, or that of its producer or of the sources it speaks of."""
    if event.dialect:
        return dialect_of(event.dialect)
    named = [name for each in event.datasets for name in (each.name, *each.also_known_as)]
    schemes = [name.namespace.partition(":")[0] for name in named]
    if "/spark" in event.producer:
        schemes.insert(0, "spark")
    return next((found for scheme in schemes if (found := dialect_of(scheme))), "")


class _Tails:
    """The datasets of a run by the ends of their names, as a statement may call them."""

    def __init__(self) -> None:
        self._by_tail: dict[TableName, uuid.UUID] = {}

    def add(self, name: str, key: uuid.UUID) -> None:
        """Add a dataset under one of its names."""
        parts = name.strip("/").split("/") if "/" in name else name.split(".")
        self._by_tail[tuple(part.casefold() for part in parts if part)] = key

    def find(self, table: TableName) -> uuid.UUID | None:
        """Return the only dataset whose name ends as a table's does."""
        folded = tuple(part.casefold() for part in table)
        found = {key for name, key in self._by_tail.items() if name[-len(folded) :] == folded}
        if not found and len(folded) > 1:
            # Statements may begin with the engine's name for the catalog, which producers leave out.
            return self.find(table[1:]) if len(folded) > 2 else None
        return found.pop() if len(found) == 1 else None

    def columns(self, resolved: Resolved) -> Known:
        """Return the columns of those known, in a form to remember statements by."""
        return tuple((name, tuple(resolved.columns.get(key, ()))) for name, key in sorted(self._by_tail.items()))


Known = tuple[tuple[TableName, tuple[str, ...]], ...]


@functools.lru_cache(maxsize=500)
def _read(sql: str, dialect: str, known: Known) -> tuple[StatementLineage, ...]:
    """Return a text's lineage; the same text over the same columns is read once."""

    def schemas(names: Sequence[TableName]) -> dict[TableName, Sequence[str]]:
        found: dict[TableName, Sequence[str]] = {}
        for name in names:
            folded = tuple(part.casefold() for part in name)
            alike = [
                columns for tail, columns in known if tail[-len(folded) :] == folded or folded[-len(tail) :] == tail
            ]
            if len(alike) == 1 and alike[0]:
                found[name] = alike[0]
        return found

    return tuple(statements_lineage(sql, dialect=dialect, schemas=schemas))
