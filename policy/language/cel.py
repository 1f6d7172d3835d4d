"""
CEL, Google's Common Expression Language, by its own library in C++.

Its errors are values that are true in Python's eyes: whoever took them for answers would let pass what could not be judged. Facts are
declared by their whole dotted names, so that a misspelt one is found when a rule is written.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from cel_expr_python import cel

from policy.language.base import EvaluationError, FactType, InvalidExpression

MAX_TEXT = 4_000
_TYPES = {
    FactType.TEXT: cel.Type.STRING,
    FactType.NUMBER: cel.Type.INT,
    FactType.DECIMAL: cel.Type.DOUBLE,
    FactType.TRUTH: cel.Type.BOOL,
    FactType.TIME: cel.Type.TIMESTAMP,
    FactType.TEXTS: cel.Type.List(cel.Type.STRING),
    FactType.RECORDS: cel.Type.List(cel.Type.Map(cel.Type.STRING, cel.Type.DYN)),
    FactType.RECORD: cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
}
_PLACED = re.compile(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?(.*)")
_STATUS = re.compile(r"^[A-Z_]+: |\s*\[[A-Z_]+\]\s*$")


class CelProgram:
    """A compiled expression."""

    def __init__(self, expression: cel.Expression) -> None:
        self._expression = expression

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Return whether it is true. :raises EvaluationError: for an error, which CEL gives as a value."""
        try:
            value = self._expression.eval(data=facts)
        except (RuntimeError, ValueError, TypeError) as error:  # such as one that runs too long
            raise EvaluationError(_told(str(error))) from None
        if value.type() != cel.Type.BOOL:
            raise EvaluationError(_told(str(value.plain_value())))
        return bool(value.plain_value())


@functools.lru_cache(maxsize=16)
def _environment(facts: tuple[tuple[str, FactType], ...]) -> cel.Env:
    return cel.NewEnv(variables={name: _TYPES[kind] for name, kind in facts})


class CelLanguage:
    """Compiles CEL."""

    def compile(self, text: str, facts: Mapping[str, FactType]) -> CelProgram:
        """Return the program of an expression."""
        if len(text) > MAX_TEXT:
            raise InvalidExpression(f"an expression has at most {MAX_TEXT} characters, this one has {len(text)}")
        if "\x00" in text:
            raise InvalidExpression("an expression cannot hold a NUL character")
        try:
            expression = _environment(tuple(facts.items())).compile(text)
        except (RuntimeError, ValueError) as error:
            found = _PLACED.search(str(error))
            if found is None:
                raise InvalidExpression(_told(str(error))) from None
            reason = _told(found[3]).replace(" (in container '')", "")
            raise InvalidExpression(reason, int(found[1]), int(found[2])) from None
        if expression.return_type() != cel.Type.BOOL:
            raise InvalidExpression("it is neither true nor false; compare it with something")
        return CelProgram(expression)


def _told(text: str) -> str:
    """Return a message of the library without its codes, in one line."""
    first = text.strip().splitlines()[0] if text.strip() else "no reason was given"
    return _STATUS.sub("", _STATUS.sub("", first))[:300]
