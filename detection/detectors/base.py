"""
The port of detectors, and what they share: names in several languages, and how names and values are weighed.

A detector decides by names alone where there are no values, and then only suggests: headers mislead. Values decide where they can be checked;
for names of people and addresses they cannot, so that a header must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from detection.domain.samples import MAX_VALUE_CHARACTERS, ColumnSample, Finding, Method, common_shapes

BY_NAME = 0.5
"""Confidence of a name alone."""
BY_BOTH = 0.95
"""Confidence of values under a name that agrees, at least."""
DENSE_RATIO = 0.7
"""Of the values seen, for a column that holds one kind of value."""


class Detector(Protocol):
    """Finds one kind of value. It is pure, keeps nothing, and takes time in proportion to the values' length."""

    name: str
    """As findings are called, such as ``email``."""
    version: int
    """Rises with every change of what it finds, so that old findings can be told from new ones."""
    category: str
    """``personal``, ``financial`` or ``secret``."""

    def detect(self, sample: ColumnSample) -> Finding | None:
        """Return what it finds in a column, None for nothing worth saying."""


def names_one_of(sample: ColumnSample, phrases: Collection[str]) -> bool:
    """Return whether a column's name holds one of some phrases, whole words in a row (``birth date`` in ``customer_birth_date``)."""
    told = f" {' '.join(sample.words)} "
    return any(f" {phrase} " in told for phrase in phrases)


def matching(values: Sequence[str], fits: Callable[[str], bool]) -> list[str]:
    """Return the values that fit, each looked at as far as detectors look."""
    return [value for value in values if fits(_clean(value[:MAX_VALUE_CHARACTERS].strip()))]


def _clean(value: str) -> str:
    """Return a value as patterns can read it: halves of characters, which some sources give, are replaced."""
    return value if value.isascii() else value.encode(errors="replace").decode()


def weighed(
    detector: Detector,
    sample: ColumnSample,
    matched: Sequence[str],
    *,
    named: bool,
    by_values: float,
    ratio: float = DENSE_RATIO,
) -> Finding | None:
    """
    Return a finding from what matched and whether the name agrees, None if neither says enough.

    ``by_values`` is the confidence of values that are dense enough without a name that agrees; zero where values alone decide nothing.
    """
    seen = len(sample.values)
    dense = seen > 0 and len(matched) >= max(1, ratio * seen)
    if dense and named:
        return _finding(detector, max(by_values, BY_BOTH), Method.BOTH, matched, seen)
    if dense and by_values:
        return _finding(detector, by_values, Method.VALUES, matched, seen)
    if named and not seen:
        return _finding(detector, BY_NAME, Method.NAME, (), 0)
    return None


def present(detector: Detector, sample: ColumnSample, matched: Sequence[str], *, confidence: float) -> Finding | None:
    """Return a finding for values that are here and there in a text, None without any."""
    return _finding(detector, confidence, Method.VALUES, matched, len(sample.values)) if matched else None


def _finding(detector: Detector, confidence: float, method: Method, matched: Sequence[str], seen: int) -> Finding:
    return Finding(
        detector=detector.name,
        version=detector.version,
        category=detector.category,
        confidence=round(confidence, 2),
        method=method,
        matched=len(matched),
        seen=seen,
        shapes=common_shapes(matched),
    )
