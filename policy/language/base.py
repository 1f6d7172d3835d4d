"""
The port of rule languages: an expression over declared facts is compiled once, and then says yes or no, or why it cannot.

A language bounds the work of an expression itself: one that runs too long is an error, as is everything that is neither true nor false.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol


class FactType(enum.StrEnum):
    """What kind of value a fact is."""

    TEXT = "text"
    NUMBER = "number"
    DECIMAL = "decimal"
    TRUTH = "truth"
    TIME = "time"
    TEXTS = "list of texts"
    RECORDS = "list of records"
    RECORD = "record"


class InvalidExpression(ValueError):
    """An expression that cannot be compiled: where, and why."""

    def __init__(self, reason: str, line: int = 1, column: int = 1) -> None:
        super().__init__(reason)
        self.reason, self.line, self.column = reason, line, column


class EvaluationError(RuntimeError):
    """An expression came to no answer: a key is missing, types do not fit, it ran too long. That is never a pass."""


class Program(Protocol):
    """A compiled expression."""

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Return whether it is true of some facts, all that are declared. :raises EvaluationError: if it is neither true nor false."""


class Joined(NamedTuple):
    """An expression, or a part of one, how many parts it stands in, and whether it is joined of others."""

    text: str
    depth: int
    has_parts: bool


class RuleLanguage(Protocol):
    """Compiles expressions, and says what they are joined of."""

    def compile(self, text: str, facts: Mapping[str, FactType]) -> Program:
        """
        Return the program of an expression over some facts, by their dotted names.

        :raises InvalidExpression: for wrong syntax, an unknown fact or function, types that do not fit, or what is no truth value.
        """

    def parts(self, text: str) -> Sequence[Joined]:
        """
        Return an expression that compiles, and behind it what it is joined of by "or" and "and", in reading order; sixty at most.

        Whatever cannot be taken apart is one part.
        """
