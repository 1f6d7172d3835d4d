"""Checks: what somebody expects of a dataset's rows, measured in a sample as counts, and judged by them."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from catalog.domain.storable import fits_64_bits, is_storable

MAX_VALUES = 1_000
MAX_VALUE_CHARACTERS = 500
MAX_AGE_SECONDS = 10 * 366 * 86_400


class InvalidCheck(ValueError):
    """A check that cannot work; the message says which part and what to write instead."""


class CheckKind(enum.StrEnum):
    """What is expected."""

    COMPLETENESS = "completeness"
    UNIQUENESS = "uniqueness"
    RANGE = "range"
    ACCEPTED_VALUES = "accepted_values"
    FRESHNESS = "freshness"
    ROW_COUNT = "row_count"


class Severity(enum.StrEnum):
    """How bad it is if a check fails."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Status(enum.StrEnum):
    """How a check ended. An error is no pass: nothing was learned."""

    PASSED = "pass"
    FAILED = "fail"
    ERROR = "error"


_KNOWN: Mapping[CheckKind, frozenset[str]] = {
    CheckKind.COMPLETENESS: frozenset({"share"}),
    CheckKind.UNIQUENESS: frozenset({"share"}),
    CheckKind.RANGE: frozenset({"least", "greatest", "share"}),
    CheckKind.ACCEPTED_VALUES: frozenset({"values", "share"}),
    CheckKind.FRESHNESS: frozenset({"max_age_seconds"}),
    CheckKind.ROW_COUNT: frozenset({"least", "greatest"}),
}


@dataclass(frozen=True, slots=True)
class Check:
    """
    An expectation. ``share`` is the least share of rows that must meet it, 1 without one; rows without a value are passed over by all
    but completeness.
    """

    kind: CheckKind
    column: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """The least share of rows that must meet it."""
        return float(self.arguments.get("share", 1.0))

    def __str__(self) -> str:
        """Say what is expected, for people."""
        match self.kind:
            case CheckKind.COMPLETENESS:
                told = f"{self.column} is never empty"
            case CheckKind.UNIQUENESS:
                told = f"{self.column} has each value once"
            case CheckKind.RANGE:
                told = f"{self.column} is {_bounds(self.arguments)}"
            case CheckKind.ACCEPTED_VALUES:
                values = [str(value) for value in self.arguments["values"]]
                told = f"{self.column} is one of {', '.join(values[:6])}{', …' if len(values) > 6 else ''}"
            case CheckKind.FRESHNESS:
                told = f"{self.column} is not older than {duration(self.arguments['max_age_seconds'])}"
            case CheckKind.ROW_COUNT:
                told = f"It has {_bounds(self.arguments)} rows"
        return told if self.share == 1.0 else f"{told}, in {self.share * 100:g}% of rows"


def _bounds(arguments: Mapping[str, Any]) -> str:
    least: Any = arguments.get("least")
    greatest: Any = arguments.get("greatest")
    if least is not None and greatest is not None:
        return f"{_told(least)} to {_told(greatest)}"
    return f"{_told(least)} or more" if least is not None else f"{_told(greatest)} or less"


def _told(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def duration(seconds: float) -> str:
    """Return a length of time as people say it."""
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            count = round(seconds / size, 1)
            return f"{count:g} {unit}{'' if count == 1 else 's'}"
    return f"{round(seconds)} seconds"


def parse_check(kind: str, column: str, arguments: Mapping[str, Any]) -> Check:
    """Return a check. :raises InvalidCheck: for what cannot work."""
    if kind not in set(CheckKind):
        raise InvalidCheck(f"there is no kind of check {kind[:50]!r}; there are {', '.join(CheckKind)}")
    known = _KNOWN[parsed := CheckKind(kind)]
    unknown = sorted(set(arguments) - known)
    if unknown:
        raise InvalidCheck(f"{parsed} has no argument {unknown[0][:50]!r}; it has {', '.join(sorted(known))}")
    if bool(column) != (parsed is not CheckKind.ROW_COUNT):
        raise InvalidCheck(f"{parsed} {'is of the whole dataset and takes no' if column else 'needs a'} column")
    share = arguments.get("share", 1.0)
    if not _is_number(share) or not 0 < share <= 1:
        raise InvalidCheck("share is the least share of rows that must meet it: above 0, at most 1, such as 0.99")
    match parsed:
        case CheckKind.RANGE:
            _check_bounds(arguments, whole=False)
        case CheckKind.ROW_COUNT:
            _check_bounds(arguments, whole=True)
        case CheckKind.ACCEPTED_VALUES:
            _check_values(arguments.get("values"))
        case CheckKind.FRESHNESS:
            age = arguments.get("max_age_seconds", 0)
            if not _is_number(age) or not 0 < age <= MAX_AGE_SECONDS:
                raise InvalidCheck("max_age_seconds is a number of seconds above 0, such as 86400 for a day")
        case _:
            pass
    return Check(parsed, column, dict(arguments))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and fits_64_bits(value)


def _check_bounds(arguments: Mapping[str, Any], *, whole: bool) -> None:
    given: list[Any] = [arguments[name] for name in ("least", "greatest") if arguments.get(name) is not None]
    if not given:
        raise InvalidCheck("give least, greatest, or both")
    if whole:
        if not all(isinstance(bound, int) and not isinstance(bound, bool) and 0 <= bound < 2**63 for bound in given):
            raise InvalidCheck("least and greatest are whole numbers of rows, such as 1000")
    else:
        times = [_time(bound) for bound in given if isinstance(bound, str)]
        if len(times) not in (0, len(given)) or not all(_is_number(b) or isinstance(b, str) for b in given):
            raise InvalidCheck(
                "least and greatest are both numbers, or both times such as 2026-01-31 or 2026-01-31T12:00:00Z"
            )
        given = times or given
    if len(given) == 2 and given[0] > given[1]:
        raise InvalidCheck("least is more than greatest")


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidCheck(f"{text[:50]!r} is no time; write one such as 2026-01-31 or 2026-01-31T12:00:00Z") from None
    return at.replace(tzinfo=at.tzinfo or UTC)


def _check_values(values: Any) -> None:
    if not isinstance(values, list) or not 1 <= len(values) <= MAX_VALUES:
        raise InvalidCheck(f"values is a list of 1 to {MAX_VALUES} values")
    for value in values:
        if not isinstance(value, str | int | float) or len(str(value)) > MAX_VALUE_CHARACTERS:
            raise InvalidCheck(f"values are texts or numbers of at most {MAX_VALUE_CHARACTERS} characters")
        if isinstance(value, str) and not is_storable(value):
            raise InvalidCheck("a value holds a character that cannot be kept (NUL, or half of one)")


@dataclass(frozen=True, slots=True)
class Measured:
    """What a sample says of a check: counts and an age, and no value."""

    seen: int = 0
    """Rows that were looked at."""
    failing: int = 0
    """Of these, how many do not meet it."""
    total_rows: int | None = None
    is_total_exact: bool = True
    newest: str | None = None
    """The time of the newest row, as ISO 8601."""
    shapes: Sequence[tuple[str, int]] = ()
    """Shapes of values that are not accepted."""
    error: str = ""
    """Why it could not be measured, if so."""


@dataclass(frozen=True, slots=True)
class Judged:
    """How a check ended, and what was observed, for people."""

    status: Status
    observed: str


def judge(check: Check, measured: Measured, now: datetime) -> Judged:
    """Return how a check ends by what was measured. A check of nothing, as of an empty table, passes; its freshness fails."""
    if measured.error:
        return Judged(Status.ERROR, measured.error)
    match check.kind:
        case CheckKind.ROW_COUNT:
            return _judge_count(check, measured)
        case CheckKind.FRESHNESS:
            return _judge_age(check, measured, now)
        case _:
            good = measured.seen - measured.failing
            passed = measured.seen == 0 or good / measured.seen >= check.share
            return Judged(Status.PASSED if passed else Status.FAILED, _observed(check, measured))


_FAILING = {
    CheckKind.COMPLETENESS: "empty",
    CheckKind.UNIQUENESS: "repeated",
    CheckKind.RANGE: "outside",
    CheckKind.ACCEPTED_VALUES: "not accepted",
}


def _observed(check: Check, measured: Measured) -> str:
    if not measured.seen:
        return "no rows"
    told = f"{measured.failing:,} of {measured.seen:,} rows {_FAILING[check.kind]}"
    share = measured.failing / measured.seen
    return f"{told} ({share:.1%})" if 0.0005 <= share < 1 else told


def _judge_count(check: Check, measured: Measured) -> Judged:
    rows = measured.total_rows
    if rows is None:
        return Judged(Status.ERROR, "the source does not tell how many rows there are")
    least, greatest = check.arguments.get("least"), check.arguments.get("greatest")
    passed = (least is None or rows >= least) and (greatest is None or rows <= greatest)
    observed = f"{'' if measured.is_total_exact else 'about '}{rows:,} rows"
    return Judged(Status.PASSED if passed else Status.FAILED, observed)


def _judge_age(check: Check, measured: Measured, now: datetime) -> Judged:
    if measured.newest is None:
        return Judged(Status.FAILED, "no row has a time")
    newest = datetime.fromisoformat(measured.newest)
    age = (now - newest.replace(tzinfo=newest.tzinfo or UTC)).total_seconds()
    if age < 0:
        return Judged(Status.PASSED, f"the newest row lies {duration(-age)} ahead")
    return Judged(
        Status.PASSED if age <= check.arguments["max_age_seconds"] else Status.FAILED,
        f"the newest row is {duration(age)} old",
    )
