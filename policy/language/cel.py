"""
CEL, Google's Common Expression Language, by its own library in C++.

Its library counts iterations, and neither memory nor comparisons: `cel_text.py` says what is refused for it. Besides, lists are not joined, and patterns are
written out, so that what they compile to can be bounded.

Its errors are values that are true in Python's eyes: whoever took them for answers would let pass what could not be judged. Facts are
declared by their whole dotted names, so that a misspelt one is found when a rule is written.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any

import re2
from cel_expr_python import cel

from policy.language.base import EvaluationError, FactType, InvalidExpression, Joined
from policy.language.cel_text import Token, check_growth, check_records, place, taken_apart, tokens_of

MAX_TEXT = 4_000
PROGRAMS = 2_000
"""Compiled expressions that a process keeps."""
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
_CLASS = re.compile(r"\\[pP](\{[^}]*\}|.)")
_PLACED = re.compile(r"<input>:(-?\d+):(-?\d+): (?:Syntax error: )?(.*)")
_STATUS = re.compile(r"^[A-Z_]+: |\s*\[[A-Z_]+\]\s*$")


MAX_PATTERN_SIZE = 200
"""Instructions that a pattern compiles to, classes such as letters counted as one: in the worst case each is looked at with each character."""
MAX_COMPILED_SIZE = 10_000
_LIBRARY = """
stdlib:
  exclude_functions:
    - name: "_+_"
      overloads: [{id: add_bytes}, {id: add_list}]
    - name: matches
      overloads: [{id: matches}]
    - name: dyn
"""
"""What of CEL's own functions there is not: what joins lists, the second spelling of `matches`, and what hides a list's type."""


def _check_patterns(text: str, tokens: Sequence[Token]) -> None:
    """:raises InvalidExpression: for a pattern that is made while it runs, that cannot be read, or that is too large."""
    # It compiles, so that a call is closed, and has an argument or is none of a pattern.
    for called, opening, given, closing in zip(tokens, tokens[1:], tokens[2:], tokens[3:], strict=False):
        if (called.word, opening.word) != ("matches", "("):
            continue
        if given.kind != "text" or closing.word != ")":
            raise InvalidExpression("a pattern is written out, as in x.matches('^[a-z]+$')", *place(text, called.at))
        pattern = str(cel.NewEnv().compile(given.word).eval(data={}).plain_value())
        try:
            size, compiled = _pattern_size(_CLASS.sub("a", pattern)), _pattern_size(pattern)
        except re2.error:
            raise InvalidExpression("this is no regular expression of RE2", *place(text, given.at)) from None
        if size > MAX_PATTERN_SIZE or compiled > MAX_COMPILED_SIZE:
            raise InvalidExpression("this pattern is too large; repeat fewer times", *place(text, given.at))


def _pattern_size(pattern: str) -> int:
    """Return how many instructions a pattern compiles to. :raises re2.error: for what is no pattern."""
    quiet = re2.Options()
    quiet.log_errors = False
    return int(re2.compile(pattern, quiet).programsize)


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
    library = cel.NewEnvConfigFromYaml(_LIBRARY)
    return cel.NewEnv(config=library, variables={name: _TYPES[kind] for name, kind in facts})


@functools.lru_cache(maxsize=PROGRAMS)
def _program(text: str, facts: tuple[tuple[str, FactType], ...]) -> CelProgram:
    """Compile an expression; those of a rule and its parts are asked for with each dataset that breaks it."""
    try:
        expression = _environment(facts).compile(text)
    except (RuntimeError, ValueError) as error:
        found = _PLACED.search(str(error))
        if found is None:
            raise InvalidExpression(_told(str(error))) from None
        reason = _told(found[3]).replace(" (in container '')", "")
        # A text that is nested too deep has no place.
        raise InvalidExpression(reason, max(1, int(found[1])), max(1, int(found[2]))) from None
    if expression.return_type() != cel.Type.BOOL:
        raise InvalidExpression("it is neither true nor false; compare it with something")
    tokens = tokens_of(text)
    check_growth(text, tokens)
    _check_patterns(text, tokens)
    check_records(text, tokens, (name for name, kind in facts if kind is FactType.RECORDS))
    return CelProgram(expression)


class CelLanguage:
    """Compiles CEL."""

    def compile(self, text: str, facts: Mapping[str, FactType]) -> CelProgram:
        """Return the program of an expression."""
        if len(text) > MAX_TEXT:
            raise InvalidExpression(f"an expression has at most {MAX_TEXT} characters, this one has {len(text)}")
        if "\x00" in text:
            raise InvalidExpression("an expression cannot hold a NUL character")
        return _program(text, tuple(facts.items()))

    def parts(self, text: str) -> Sequence[Joined]:
        """Return an expression and what it is joined of."""
        return taken_apart(text)


def _told(text: str) -> str:
    """Return a message of the library without its codes, in one line."""
    first = text.strip().splitlines()[0] if text.strip() else "no reason was given"
    return _STATUS.sub("", _STATUS.sub("", first))[:300]
