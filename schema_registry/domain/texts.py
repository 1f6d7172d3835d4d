"""Two texts side by side: which lines are the same, changed, only on the left or only on the right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

MAX_LINES = 3_000
AROUND = 3
"""Lines that are shown around a change."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of both; a number is None where that side has none. ``kind`` is same, changed, removed, added or gap."""

    kind: str
    left: str
    right: str
    left_number: int | None = None
    right_number: int | None = None
    skipped: int = 0
    """Lines that a gap stands for."""


def printed(text: str) -> list[str]:
    """Return the lines of a text, of JSON indented."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False).splitlines()
    except ValueError:
        return text.splitlines()


def side_by_side(left: Sequence[str], right: Sequence[str]) -> list[Row]:
    """Return two texts as rows, lines that are the same only around those that are not; nothing for over MAX_LINES."""
    if max(len(left), len(right)) > MAX_LINES:
        return []
    rows: list[Row] = []
    for kind, i, i_end, j, j_end in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind == "equal":
            rows += [Row("same", left[i + n], right[j + n], i + n + 1, j + n + 1) for n in range(i_end - i)]
            continue
        for n in range(max(i_end - i, j_end - j)):
            has_left, has_right = i + n < i_end, j + n < j_end
            rows.append(
                Row(
                    "changed" if has_left and has_right else "removed" if has_left else "added",
                    left[i + n] if has_left else "",
                    right[j + n] if has_right else "",
                    i + n + 1 if has_left else None,
                    j + n + 1 if has_right else None,
                )
            )
    return _folded(rows)


def _folded(rows: Sequence[Row]) -> list[Row]:
    near = [False] * len(rows)
    for at, row in enumerate(rows):
        if row.kind != "same":
            for n in range(max(0, at - AROUND), min(len(rows), at + AROUND + 1)):
                near[n] = True
    found: list[Row] = []
    skipped = 0
    for row, is_near in zip(rows, near, strict=True):
        if not is_near:
            skipped += 1
            continue
        if skipped:
            found.append(Row("gap", "", "", skipped=skipped))
            skipped = 0
        found.append(row)
    if skipped:
        found.append(Row("gap", "", "", skipped=skipped))
    return found
