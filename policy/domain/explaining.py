"""Why a rule holds or not: its expression part by part, with what each comes to and the facts that it names."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policy.language.base import EvaluationError, FactType, InvalidExpression, RuleLanguage

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
    for part in language.parts(text):
        holds, reason = _asked(part.text, facts, types, language)
        names = () if part.has_parts else _names(part.text)
        found.append(Part(" ".join(part.text.split()), part.depth, holds, reason, _named(names, facts)))
    return found


@functools.lru_cache(maxsize=2_000)
def _names(text: str) -> Sequence[str]:
    return _NAME.findall(text)


def _asked(
    text: str, facts: Mapping[str, Any], types: Mapping[str, FactType], language: RuleLanguage
) -> tuple[bool | None, str]:
    try:
        return language.compile(text, types).holds(facts), ""
    except InvalidExpression:
        return None, ""  # a part that means nothing by itself
    except EvaluationError as error:
        return None, str(error)


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
