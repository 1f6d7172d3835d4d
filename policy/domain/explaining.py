"""Why a rule holds or not: its expression part by part, with what each comes to and the facts that it names."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policy.language.base import EvaluationError, FactType, InvalidExpression, RuleLanguage

MAX_PARTS = 60
MAX_VALUE = 120
_NAME = re.compile(r"\b(?:dataset|column)(?:\.[a-z_]+)+|\bnow\b")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an expression. ``holds`` is None where it came to no answer, and ``reason`` says why."""

    text: str
    depth: int
    holds: bool | None
    reason: str
    facts: Sequence[tuple[str, str]]
    """The facts that it names, and their values for people; only of parts that have no parts."""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "text": self.text,
            "depth": self.depth,
            "holds": self.holds,
            "reason": self.reason,
            "facts": [list(fact) for fact in self.facts],
        }


def explain(text: str, facts: Mapping[str, Any], types: Mapping[str, FactType], language: RuleLanguage) -> list[Part]:
    """Return the parts of an expression in reading order, the whole first where it has several."""
    found: list[Part] = []
    for part, told, depth, names in _structure(text.strip()):
        holds, reason = _asked(part, facts, types, language)
        found.append(Part(told, depth, holds, reason, _named(names, facts)))
    return found


@functools.lru_cache(maxsize=1_000)
def _structure(text: str) -> Sequence[tuple[str, str, int, Sequence[str]]]:
    """Return the parts of an expression, once for all datasets: each, how it is told, its depth, and the names in what has no parts."""
    parts = itertools.islice(_parts(text, 0), MAX_PARTS)
    return [
        (part, " ".join(part.split()), depth, _NAME.findall(part) if is_leaf else ()) for part, depth, is_leaf in parts
    ]


def _asked(
    text: str, facts: Mapping[str, Any], types: Mapping[str, FactType], language: RuleLanguage
) -> tuple[bool | None, str]:
    try:
        return language.compile(text, types).holds(facts), ""
    except InvalidExpression:
        return None, ""  # a part that means nothing by itself
    except EvaluationError as error:
        return None, str(error)


def _parts(text: str, depth: int) -> Iterator[tuple[str, int, bool]]:
    """Return an expression and what it is joined of, by `||` first, then by `&&`, as these bind."""
    inner = _unwrapped(text)
    for operator in ("||", "&&"):
        pieces = _split(inner, operator)
        if len(pieces) > 1:
            yield text, depth, False
            for piece in pieces:
                yield from _parts(piece.strip(), depth + 1)
            return
    yield text, depth, True


def _unwrapped(text: str) -> str:
    """Return what stands in parentheses that hold all of a text."""
    while text.startswith("(") and text.endswith(")"):
        levels = list(_levels(text))
        if any(level == 0 for _, level in levels[:-1]):
            return text
        text = text[1:-1].strip()
    return text


def _levels(text: str) -> Iterator[tuple[int, int]]:
    """Return each place outside of quoted texts with how many brackets are open behind it."""
    level = at = 0
    while at < len(text):
        character = text[at]
        if character in "\"'":
            at = _end_of_text(text, at)
        elif character in "([{":
            level += 1
        elif character in ")]}":
            level -= 1
        yield at, level
        at += 1


def _end_of_text(text: str, start: int) -> int:
    quote = text[start]
    at = start + 1
    while at < len(text) and text[at] != quote:
        at += 2 if text[at] == "\\" else 1
    return at


def _split(text: str, operator: str) -> list[str]:
    pieces, begin = [], 0
    for at, level in _levels(text):
        if level == 0 and text.startswith(operator, at) and at >= begin:
            pieces.append(text[begin:at])
            begin = at + 2
    return [*pieces, text[begin:]]


def _named(names: Sequence[str], facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for name in names:
        fact, rest = _known(name, facts)
        if fact is None or fact == "now":
            continue
        value = facts[fact]
        if rest and isinstance(value, dict):
            found[name] = _told(value[rest]) if rest in value else "not set"
        else:
            found[fact] = _told(value)
    return list(found.items())


def _known(name: str, facts: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the fact that a dotted name begins with, and the part behind it."""
    if name in facts:
        return name, ""
    head, _, tail = name.rpartition(".")
    return (head, tail) if head in facts else (None, "")


def _told(value: Any) -> str:
    if isinstance(value, list):
        text = ", ".join(
            str(each["name"]) if isinstance(each, dict) and "name" in each else str(each) for each in value
        )
        text = text or "none"
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, dict):
        text = ", ".join(f"{name}: {each}" for name, each in value.items()) or "nothing"
    else:
        text = str(value) or "empty"
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 1]}…"
