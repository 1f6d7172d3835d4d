"""Profiles: what is kept of a sample. Numbers and times by their bounds, texts by lengths and shapes, frequent values by keyed digests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """
    A column in a sample. ``distinct`` is an estimate above some thousands.

    ``least``, ``greatest`` and ``mean`` are of numbers, or times as ISO 8601 texts, and of no column that seems to hold personal or
    secret values. Lengths are in characters, and count no further than a sample reads.
    """

    path: str
    nulls: int
    distinct: int | None = None
    least: float | str | None = None
    greatest: float | str | None = None
    mean: float | None = None
    shortest: int | None = None
    longest: int | None = None
    mean_length: float | None = None
    shapes: Sequence[tuple[str, int]] = ()
    """The most frequent shapes among some distinct values, with how many of them have each."""
    frequent: Sequence[tuple[str, int]] = ()
    """Digests of the most frequent values under the installation's key, with how many rows have each."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A table's sample: how it was drawn, how many rows it and the table have, and its columns."""

    method: str
    rows: int
    total_rows: int | None
    is_total_exact: bool
    columns: Sequence[ColumnProfile]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values; what a column does not have is left out."""
        columns = [
            {name: value for name, value in asdict(column).items() if value is not None and value != ()}
            for column in self.columns
        ]
        return asdict(self) | {"columns": columns}
