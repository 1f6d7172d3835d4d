"""Rows in memory, asked by DuckDB: profiles, distinct values for the detectors, and what checks count. Nothing is written anywhere."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import duckdb

from catalog.domain.documents import path_part
from detection.domain.checks import Check, CheckKind, Measured
from detection.domain.profiles import ColumnProfile
from detection.domain.samples import MAX_VALUE_CHARACTERS, MAX_VALUES, Kind, common_shapes, kind_of

if TYPE_CHECKING:
    import pyarrow as pa

VALUE_ROWS = 5_000
"""Rows among which distinct values are looked for."""
FREQUENT = 5
FEW_DISTINCT = 500
"""A column with more distinct values than this has no frequent ones worth telling."""
COUNTED_ROWS = 50_000
"""Up to so many rows distinct values are counted, beyond they are estimated."""
MEMORY = "512MB"
_NUMBERS = (Kind.WHOLE, Kind.NUMBER)


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A column or a part of one, as SQL; ``is_list`` where a row has any number of its values."""

    sql: str
    kind: Kind
    is_list: bool

    @property
    def values(self) -> str:
        """What gives its values one by one."""
        return f"unnest({self.sql})" if self.is_list else self.sql

    def measured(self) -> str:
        """Return it as what it is compared by: a number, a time, or a text."""
        target = {Kind.DATE: "TIMESTAMP"}.get(self.kind, "DOUBLE" if self.kind in _NUMBERS else "VARCHAR")
        return f"TRY_CAST({self.sql} AS {target})"


def _leaves(rows: pa.Table, types: Mapping[str, str]) -> Iterator[tuple[str, _Leaf]]:
    """Return the columns that are known, by path, with the kinds that their canonical types say."""
    for at, field in enumerate(rows.schema):
        yield from _parts(path_part(field.name), f"c{at}", field.type, types, False)


def _parts(
    path: str, sql: str, arrow: pa.DataType, types: Mapping[str, str], is_list: bool
) -> Iterator[tuple[str, _Leaf]]:
    import pyarrow.types as arrow_types

    if arrow_types.is_struct(arrow):
        if path in types:
            yield path, _Leaf(sql, Kind.OTHER, is_list)
        for part in arrow:
            name = part.name.replace("'", "''")
            inner = f"list_transform({sql}, lambda x: x['{name}'])" if is_list else f"{sql}['{name}']"
            yield from _parts(f"{path}.{path_part(part.name)}", inner, part.type, types, is_list)
    elif arrow_types.is_map(arrow):
        values = f"flatten(list_transform({sql}, lambda x: map_values(x)))" if is_list else f"map_values({sql})"
        yield from _parts(path, values, arrow.item_type, types, True)
    elif arrow_types.is_list(arrow) or arrow_types.is_large_list(arrow):
        yield from _parts(path, f"flatten({sql})" if is_list else sql, arrow.value_type, types, True)
    elif path in types:
        yield path, _Leaf(sql, kind_of(_element(types[path])), is_list)


def _element(canonical: str) -> str:
    """Return the type of what lists and maps hold in the end."""
    while canonical.startswith(("list<", "map<")) and canonical.endswith(">"):
        inner = canonical.partition("<")[2][:-1]
        canonical = inner if canonical.startswith("list<") else inner.partition(",")[2].strip()
    return canonical


class Rows:
    """Some rows of a table, in a database in memory that reads and writes no file."""

    def __init__(self, rows: pa.Table, types: Mapping[str, str]) -> None:
        """``types`` are the canonical types of the columns that are known, by path; others are not looked at."""
        self.count = rows.num_rows
        self._leaves = dict(_leaves(rows, types))
        self._connection = duckdb.connect(config={"threads": "2", "memory_limit": MEMORY})
        # What does not fit is an error: nothing of the rows goes to a file. Answers alone go to the standard output.
        for setting in (
            "TimeZone = 'UTC'",
            "enable_progress_bar = false",
            "temp_directory = ''",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            self._connection.execute(f"SET {setting}")
        self._connection.register("rows", rows.rename_columns([f"c{at}" for at in range(rows.num_columns)]))
        self._has_few = False

    def close(self) -> None:
        """Let go of the rows."""
        self._connection.close()

    def _ask(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, list(values)).fetchall()

    @property
    def paths(self) -> Collection[str]:
        """The columns that were found, by path."""
        return self._leaves.keys()

    def values(self, path: str) -> list[str]:
        """Return some distinct values of a column as texts, each cut where detectors stop reading."""
        if not self._has_few:
            self._ask(f"CREATE TEMP TABLE few AS FROM rows USING SAMPLE reservoir({VALUE_ROWS} ROWS) REPEATABLE (1)")
            self._has_few = True
        leaf = self._leaves[path]
        if leaf.kind is Kind.OTHER:
            return []
        found = self._ask(
            f"SELECT DISTINCT left(v::VARCHAR, {MAX_VALUE_CHARACTERS}) FROM (SELECT {leaf.values} AS v FROM few)"
            f" WHERE v IS NOT NULL LIMIT {MAX_VALUES}"
        )
        return [value for (value,) in found]

    def profiles(
        self, *, sensitive: Collection[str], shapes: Mapping[str, Sequence[str]], key: bytes
    ) -> list[ColumnProfile]:
        """
        Return the profiles of all columns. Of those that are ``sensitive`` no bound, mean or digest is told.

        ``shapes`` gives distinct values of columns, whose shapes are told; ``key`` is what digests of values are made with.
        """
        asked: list[str] = []
        for leaf in self._leaves.values():
            asked += _figures(leaf, exact=self.count <= COUNTED_ROWS)
        (answer,) = self._ask(f"SELECT {', '.join(asked)} FROM rows") if asked else [()]
        found = []
        width = len(_NAMES)
        for at, (path, leaf) in enumerate(self._leaves.items()):
            figures = dict(zip(_NAMES, answer[at * width : (at + 1) * width], strict=True))
            if path in sensitive:
                figures |= {"least": None, "greatest": None, "mean": None}
            if leaf.kind is Kind.WHOLE and figures["least"] is not None:
                figures |= {end: int(figures[end]) for end in ("least", "greatest")}
            few = figures["distinct"] is not None and figures["distinct"] <= FEW_DISTINCT
            found.append(
                ColumnProfile(
                    path=path,
                    shapes=tuple(common_shapes(shapes.get(path, ()))) if leaf.kind is Kind.TEXT else (),
                    frequent=self._frequent(leaf, key) if few and path not in sensitive else (),
                    **figures,
                )
            )
        return found

    def _frequent(self, leaf: _Leaf, key: bytes) -> tuple[tuple[str, int], ...]:
        rows = self._ask(
            f"SELECT {leaf.sql}::VARCHAR AS v, count(*) AS n FROM rows WHERE v IS NOT NULL"
            f" GROUP BY v ORDER BY n DESC, v LIMIT {FREQUENT}"
        )
        return tuple((digest_of(value, key), count) for value, count in rows)

    def measure(self, check: Check, newest: Any) -> Measured:
        """Return what the rows say of a check of a column; ``newest`` is the source's own answer to the newest value, if it gave one."""
        leaf = self._leaves.get(check.column)
        if leaf is None:
            return Measured(error=f"the rows have no column '{check.column}'")
        if leaf.is_list and check.kind is not CheckKind.COMPLETENESS:
            return Measured(error=f"'{check.column}' holds lists, of which {check.kind} says nothing")
        match check.kind:
            case CheckKind.RANGE:
                return self._range(leaf, check)
            case CheckKind.ACCEPTED_VALUES:
                return self._accepted(leaf, check)
            case CheckKind.FRESHNESS:
                return self._newest(leaf, newest)
            case _:
                return self._there(leaf, check)

    def _there(self, leaf: _Leaf, check: Check) -> Measured:
        """Count values that are missing, or there more than once."""
        ((rows, there, distinct),) = self._ask(
            f"SELECT count(*), count(v), count(DISTINCT v) FROM (SELECT {leaf.sql}::VARCHAR AS v FROM rows)"
        )
        if check.kind is CheckKind.COMPLETENESS:
            return Measured(rows, rows - there)
        return Measured(there, there - distinct)

    def _range(self, leaf: _Leaf, check: Check) -> Measured:
        bounds = [("<", check.arguments.get("least")), (">", check.arguments.get("greatest"))]
        given = [(sign, bound) for sign, bound in bounds if bound is not None]
        is_time = isinstance(given[0][1], str)
        if not (leaf.kind is Kind.DATE if is_time else leaf.kind in _NUMBERS):
            return Measured(
                error=f"'{check.column}' holds {'no times' if is_time else 'no numbers'}, which its bounds are"
            )
        kind = "TIMESTAMP" if is_time else "DOUBLE"
        outside = " OR ".join(f"v {sign} TRY_CAST(? AS {kind})" for sign, _ in given)
        # What is there and is no number lies in no range.
        ((seen, failing),) = self._ask(
            f"SELECT count(s), count(s) FILTER (v IS NULL OR {outside}) FROM"
            f" (SELECT {leaf.sql}::VARCHAR AS s, TRY_CAST({leaf.sql} AS {kind}) AS v FROM rows)",
            [str(bound) for _, bound in given],
        )
        return Measured(seen, failing)

    def _accepted(self, leaf: _Leaf, check: Check) -> Measured:
        accepted = [str(value) for value in check.arguments["values"]]
        found = f"FROM (SELECT {leaf.sql}::VARCHAR AS v FROM rows) WHERE v IS NOT NULL"
        ((seen, failing),) = self._ask(
            f"SELECT count(*), count(*) FILTER (NOT list_contains(?, v)) {found}", [accepted]
        )
        others = self._ask(f"SELECT DISTINCT v {found} AND NOT list_contains(?, v) LIMIT {MAX_VALUES}", [accepted])
        return Measured(seen, failing, shapes=tuple(common_shapes([value for (value,) in others])))

    def _newest(self, leaf: _Leaf, newest: Any) -> Measured:
        if leaf.kind is not Kind.DATE:
            return Measured(error="its column holds no times")
        source = None if newest is None else newest.isoformat() if hasattr(newest, "isoformat") else str(newest)
        ((greatest,),) = self._ask(
            f"SELECT greatest(max({leaf.measured()}), TRY_CAST(? AS TIMESTAMP)) FROM rows", [source]
        )
        return Measured(self.count, newest=_iso(greatest))


_NAMES = ("nulls", "distinct", "least", "greatest", "mean", "shortest", "longest", "mean_length")


def _figures(leaf: _Leaf, *, exact: bool) -> list[str]:
    """Return the aggregates of a column, one for each of the names; distinct values are estimated unless exactly wanted."""
    nulls = f"count(*) - count({leaf.sql})"
    if leaf.kind is Kind.OTHER or leaf.is_list:
        return [nulls, *["NULL"] * 7]
    distinct = f"count(DISTINCT {leaf.sql})" if exact else f"approx_count_distinct({leaf.sql})"
    value = leaf.measured()
    if leaf.kind in _NUMBERS:
        finite = f"CASE WHEN isfinite({value}) THEN {value} END"
        return [nulls, distinct, f"min({finite})", f"max({finite})", f"avg({finite})", *["NULL"] * 3]
    if leaf.kind is Kind.DATE:
        finite = f"CASE WHEN isfinite({value}) THEN {value} END"
        return [
            nulls,
            distinct,
            *(f"strftime({name}({finite}), '%Y-%m-%dT%H:%M:%S')" for name in ("min", "max")),
            *["NULL"] * 4,
        ]
    length = f"length({value})"
    return [nulls, distinct, "NULL", "NULL", "NULL", f"min({length})", f"max({length})", f"avg({length})"]


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if isinstance(moment, datetime) else None


def digest_of(value: str, key: bytes) -> str:
    """Return a digest by which equal values are told to be equal, and which nobody without the key can guess."""
    return hmac.new(key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16]
