"""
CEL as a text: its tokens, what in it could make of little very much, and what it is joined of.

The library counts iterations, and neither memory nor comparisons: `[x].map(a, a + a).map(a, a + a)…` doubles a text with each few letters until the
process dies. So lists and maps that are written out hold constants only, which leaves no way to give a name to what was made; `+` is counted;
lists of records are gone through, and compared with nothing.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from policy.language.base import InvalidExpression, Joined

MAX_ADDITIONS = 50
MAX_ADDITIONS_OF_EACH = 2
"""Signs `+` in an expression that goes through lists: each may double what it is given, of each part of a list."""
MAX_PARTS = 60
MAX_DEPTH = 40

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


class Token(NamedTuple):
    """A word or sign of an expression, and where it begins; ``kind`` is text, number, name or sign."""

    kind: str
    word: str
    at: int


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of an expression, without spaces and comments. :raises InvalidExpression: for what is none."""
    found = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise InvalidExpression("this cannot be read to its end", *place(text, at))
        if token.lastgroup != "space":
            found.append(Token(str(token.lastgroup), token[0], at))
        at = token.end()
    return found


def check_growth(text: str, tokens: Sequence[Token]) -> None:
    """:raises InvalidExpression: for what could make of little very much. The text is known to be CEL."""
    additions, macros = 0, False
    before = ""
    written_out: list[bool] = []
    """For each bracket that is open, whether it writes out a list or a map."""
    for kind, word, at in tokens:
        is_index = word == "[" and (before in (")", "]") or (before != "" and _is_name(before) and before != "in"))
        if any(written_out) and not _may_be_written_out(kind, word):
            reason = "a list or map that is written out holds constants only"
            raise InvalidExpression(reason, *place(text, at))
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


def check_records(text: str, tokens: Sequence[Token], facts: Iterable[str]) -> None:
    """:raises InvalidExpression: where all records of a list are compared at once, a thousand for each of a thousand."""
    words = [token.word.strip("`") for token in tokens]
    for name in facts:
        parts = re.findall(r"\w+|\.", name)
        for at in range(len(words) - len(parts) + 1):
            if words[at : at + len(parts)] != parts:
                continue
            then = words[at + len(parts) : at + len(parts) + 1]
            if then not in (["."], ["["]) and words[max(0, at - 2) : at] != ["size", "("]:
                reason = f"'{name}' is gone through, as in {name}.all(each, each.name != ''), and not taken as a whole"
                raise InvalidExpression(reason, *place(text, tokens[at].at))


def _is_name(word: str) -> bool:
    return word[0].isalpha() or word[0] in "_`"


def _may_be_written_out(kind: str | None, word: str) -> bool:
    return kind in ("text", "number") or word in _CONSTANTS or word in ("-", ",", ":", "[", "]", "{", "}")


def place(text: str, at: int) -> tuple[int, int]:
    """Return the line and column of a place in a text, from 1."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


@functools.lru_cache(maxsize=1_000)
def taken_apart(text: str) -> Sequence[Joined]:
    """Take an expression apart once for all datasets that it is explained for."""
    try:
        tokens = tokens_of(text)
    except InvalidExpression:
        tokens = []
    if not tokens or _closings(tokens) is None:
        return [Joined(text.strip(), 0, False)]
    return list(itertools.islice(_joined(text, tokens, 0), MAX_PARTS))


def _closings(tokens: Sequence[Token]) -> dict[int, int] | None:
    """Return where each bracket is closed, by the number of its token; None where they do not fit."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for number, token in enumerate(tokens):
        if token.word in ("(", "[", "{"):
            opened.append(number)
        elif token.word in (")", "]", "}"):
            if not opened:
                return None
            found[opened.pop()] = number
    return None if opened else found


def _joined(text: str, tokens: Sequence[Token], depth: int) -> Iterator[Joined]:
    """Return an expression and what it is joined of, by `||` first, then by `&&`, as these bind; a condition `a ? b : c` is one part."""
    whole = text[tokens[0].at : tokens[-1].at + len(tokens[-1].word)]
    inner = tokens
    while len(inner) > 2 and inner[0].word == "(" and (_closings(inner) or {}).get(0) == len(inner) - 1:
        inner = inner[1:-1]
    outside = _outside(inner)
    words = {inner[number].word for number in outside}
    sign = next((sign for sign in ("||", "&&") if sign in words and "?" not in words), None)
    if sign is None or depth >= MAX_DEPTH:
        yield Joined(whole, depth, False)
        return
    yield Joined(whole, depth, True)
    ends = [number for number in outside if inner[number].word == sign]
    for start, end in zip([0, *(number + 1 for number in ends)], [*ends, len(inner)], strict=True):
        if start < end:
            yield from _joined(text, inner[start:end], depth + 1)


def _outside(tokens: Sequence[Token]) -> list[int]:
    """Return the numbers of the tokens that stand in no brackets."""
    found, closings, number = [], _closings(tokens) or {}, 0
    while number < len(tokens):
        found.append(number)
        number = closings.get(number, number) + 1
    return found
