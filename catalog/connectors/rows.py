"""Rows that a driver gives, as an Arrow table: one type a column, whatever mixture the source keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_PLAIN = (str, bytes, bool, int, float)


def arrow_table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> pa.Table:
    """Return rows as a table; a column whose values are of several kinds, or of none that Arrow has, becomes texts."""
    import pyarrow as pa

    taken = list(rows)
    columns = [_array([row[at] for row in taken]) for at in range(len(names))]
    return pa.Table.from_arrays(columns, names=list(names))


def _array(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if len(kinds) <= 1 and kinds.issubset(_PLAIN):
        try:
            return pa.array(values)
        except (pa.ArrowInvalid, OverflowError, UnicodeEncodeError):
            pass  # such as whole numbers over 64 bits
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: Any) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text.encode(errors="replace").decode()
