"""
CEL, Google's Common Expression Language, by its own library in C++.

The library counts iterations, and neither memory nor comparisons: `[x].map(a, a + a).map(a, a + a)…` doubles a text with each few letters until the
process dies. So lists and maps that are written out hold constants only, which leaves no way to give a name to what was made; `+` is counted, and joins no
lists; lists of records are gone through and compared with nothing; patterns are written out, and what they compile to is bounded.

Its errors are values that are true in Python's eyes: whoever took them for answers would let pass what could not be judged. Facts are
declared by their whole dotted names, so that a misspelt one is found when a rule is written.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import re2
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
_CLASS = re.compile(r"\\[pP](\{[^}]*\}|.)")
_PLACED = re.compile(r"<input>:(-?\d+):(-?\d+): (?:Syntax error: )?(.*)")
_STATUS = re.compile(r"^[A-Z_]+: |\s*\[[A-Z_]+\]\s*$")


MAX_ADDITIONS = 50
MAX_ADDITIONS_OF_EACH = 2
"""Signs `+` in an expression that goes through lists: each may double what it is given, of each part of a list."""
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


class _Token(NamedTuple):
    kind: str
    word: str
    at: int


def _tokens(text: str) -> list[_Token]:
    found = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise InvalidExpression("this cannot be read to its end", *_place(text, at))
        if token.lastgroup != "space":
            found.append(_Token(str(token.lastgroup), token[0], at))
        at = token.end()
    return found


def _check_growth(text: str, tokens: Sequence[_Token]) -> None:
    """:raises InvalidExpression: for what could make of little very much. The text is known to be CEL."""
    additions, macros = 0, False
    before = ""
    written_out: list[bool] = []
    """For each bracket that is open, whether it writes out a list or a map."""
    for kind, word, at in tokens:
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
        before = word
    most = MAX_ADDITIONS_OF_EACH if macros else MAX_ADDITIONS
    if additions > most:
        which = "an expression that goes through lists" if macros else "an expression"
        raise InvalidExpression(f"{which} adds at most {most} times, this one {additions}")


def _check_patterns(text: str, tokens: Sequence[_Token]) -> None:
    """:raises InvalidExpression: for a pattern that is made while it runs, that cannot be read, or that is too large."""
    for number, (_, word, at) in enumerate(tokens):
        if word != "matches" or tokens[number + 1 : number + 2] == [] or tokens[number + 1].word != "(":
            continue
        given = tokens[number + 2 : number + 4]
        if len(given) < 2 or given[0].kind != "text" or given[1].word != ")":
            raise InvalidExpression("a pattern is written out, as in x.matches('^[a-z]+$')", *_place(text, at))
        pattern = cel.NewEnv().compile(given[0].word).eval(data={}).plain_value()
        try:
            size, compiled = _pattern_size(_CLASS.sub("a", str(pattern))), _pattern_size(str(pattern))
        except re2.error:
            raise InvalidExpression("this is no regular expression of RE2", *_place(text, given[0].at)) from None
        if size > MAX_PATTERN_SIZE or compiled > MAX_COMPILED_SIZE:
            raise InvalidExpression("this pattern is too large; repeat fewer times", *_place(text, given[0].at))


def _pattern_size(pattern: str) -> int:
    """Return how many instructions a pattern compiles to. :raises re2.error: for what is no pattern."""
    quiet = re2.Options()
    quiet.log_errors = False
    return int(re2.compile(pattern, quiet).programsize)


def _check_records(text: str, tokens: Sequence[_Token], facts: Iterable[str]) -> None:
    """:raises InvalidExpression: where all records of a list are compared at once, a thousand for each of a thousand."""
    words = [token.word for token in tokens]
    for name in facts:
        parts = re.findall(r"\w+|\.", name)
        for at in range(len(words) - len(parts) + 1):
            if words[at : at + len(parts)] != parts:
                continue
            then = words[at + len(parts) : at + len(parts) + 1]
            if then not in (["."], ["["]) and words[max(0, at - 2) : at] != ["size", "("]:
                reason = f"'{name}' is gone through, as in {name}.all(each, each.name != ''), and not taken as a whole"
                raise InvalidExpression(reason, *_place(text, tokens[at].at))


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
    tokens = _tokens(text)
    _check_growth(text, tokens)
    _check_patterns(text, tokens)
    _check_records(text, tokens, (name for name, kind in facts if kind is FactType.RECORDS))
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
