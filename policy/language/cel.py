"""
CEL, Google's Common Expression Language, by its own library in C++.

The library counts iterations, and neither memory nor comparisons: `[x].map(a, a + a).map(a, a + a)…` doubles a text with each few letters until the
process dies. So lists and maps that are written out hold constants only, which leaves no way to give a name to what was made, and `+` is counted.

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
_PLACED = re.compile(r"<input>:(-?\d+):(-?\d+): (?:Syntax error: )?(.*)")
_STATUS = re.compile(r"^[A-Z_]+: |\s*\[[A-Z_]+\]\s*$")


MAX_ADDITIONS = 10
"""Signs `+` in an expression that goes through lists: each may double what it is given."""
_MACROS = frozenset(["all", "exists", "exists_one", "existsOne", "filter", "map"])
_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<text>[bB]?[rR][bB]?(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*')
      |[bB]?(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    |(?P<number>(?:0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)[uU]?)
    |(?P<name>[A-Za-z_]\w*|`[^`\n]*`)
    |(?P<sign>&&|\|\||[<>=!]=|[-+*/%<>!?:.,()\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)
_CONSTANTS = frozenset(["true", "false", "null"])


def _check_growth(text: str) -> None:
    """:raises InvalidExpression: for what could make of little very much. The text is known to be CEL."""
    at, additions, macros = 0, 0, False
    before = ""
    written_out: list[bool] = []
    """For each bracket that is open, whether it writes out a list or a map."""
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise InvalidExpression("this cannot be read to its end", *_place(text, at))
        kind, word = found.lastgroup, found[0]
        if kind == "space":
            at = found.end()
            continue
        is_index = word == "[" and (before in (")", "]") or (before != "" and _is_name(before) and before != "in"))
        if any(written_out) and not _may_be_written_out(kind, word):
            reason = "a list or map that is written out holds constants only"
            raise InvalidExpression(reason, *_place(text, at))
        if word in ("(", "[", "{"):
            macros = macros or (word == "(" and before in _MACROS)
            written_out.append(word != "(" and not is_index)
        elif word in (")", "]", "}"):
            written_out.pop()
        additions += word == "+"
        before, at = word, found.end()
    if macros and additions > MAX_ADDITIONS:
        raise InvalidExpression(
            f"an expression that goes through lists adds at most {MAX_ADDITIONS} times, this one {additions}"
        )


def _is_name(word: str) -> bool:
    return word[0].isalpha() or word[0] in "_`"


def _may_be_written_out(kind: str | None, word: str) -> bool:
    return kind in ("text", "number") or word in _CONSTANTS or word in ("-", ",", ":", "[", "]", "{", "}")


def _place(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


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
    _check_growth(text)
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


def _told(text: str) -> str:
    """Return a message of the library without its codes, in one line."""
    first = text.strip().splitlines()[0] if text.strip() else "no reason was given"
    return _STATUS.sub("", _STATUS.sub("", first))[:300]
