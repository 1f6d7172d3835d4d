"""The search language: words, phrases and filters, one grammar for web, REST and command line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

MAX_QUERY = 1_000
MAX_TERMS = 32

FIELDS = ("name", "column", "owner", "tag", "finding", "platform", "catalog", "database", "kind")
"""Fields that a filter may name, as in ``owner:alice``."""


class InvalidQuery(ValueError):
    """A query that cannot be read; the message names the part and what to write instead."""


@dataclass(frozen=True, slots=True)
class Filter:
    """``field:value``, or with ``excluded`` ``-field:value``. Values of ``name`` and ``column`` may hold ``*``."""

    field: str
    value: str
    excluded: bool = False

    def __str__(self) -> str:
        return f"{'-' if self.excluded else ''}{self.field}:{quote(self.value)}"


@dataclass(frozen=True, slots=True)
class Text:
    """A word or, in quotes, a phrase; ``excluded`` for ``-word``."""

    text: str
    phrase: bool = False
    excluded: bool = False

    def __str__(self) -> str:
        body = f'"{self.text}"' if self.phrase else self.text
        return f"-{body}" if self.excluded else body


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query; printing it gives a query of the same meaning."""

    texts: tuple[Text, ...] = ()
    filters: tuple[Filter, ...] = ()

    def __str__(self) -> str:
        return " ".join(str(part) for part in (*self.texts, *self.filters))

    @property
    def words(self) -> str:
        """What is looked for, as one text: all words that are neither excluded nor phrases."""
        return " ".join(text.text for text in self.texts if not text.excluded and not text.phrase)

    def without(self, part: Filter | Text) -> Query:
        """Return the query without one part, as a chip's cross does."""
        return Query(
            tuple(text for text in self.texts if text != part), tuple(item for item in self.filters if item != part)
        )

    def narrowed(self, extra: Filter) -> Query:
        """Return the query with one more filter, once."""
        return self if extra in self.filters else Query(self.texts, (*self.filters, extra))


def relaxations(query: Query, known: Mapping[str, Sequence[str]]) -> Iterator[Query]:
    """
    Return wider queries near one that finds nothing, the nearest first: a filter's value that is known by its field and written
    much like it, phrases as words, no filters, and the beginnings of words.
    """
    for item in query.filters:
        near = difflib.get_close_matches(item.value.casefold(), [*known.get(item.field, ())], n=1, cutoff=0.6)
        if near and near[0] != item.value and not item.excluded:
            yield Query(
                query.texts, tuple(Filter(item.field, near[0]) if part == item else part for part in query.filters)
            )
    if any(text.phrase and not text.excluded for text in query.texts):
        yield Query(tuple(replace(text, phrase=False) for text in query.texts), query.filters)
    wanted = tuple(part for part in query.filters if part.excluded)
    if query.texts and len(wanted) < len(query.filters):
        yield Query(query.texts, wanted)
    for item in query.filters:
        if len(query.filters) - len(wanted) > 1 and not item.excluded:
            yield query.without(item)
    for word in query.words.split():
        if len(word) > STEM:
            yield Query((), (Filter("name", f"{word[:STEM]}*"),))


STEM = 4
"""Letters of a word that are looked for when the whole of it finds nothing."""


def quote(value: str) -> str:
    """Return a filter's value as it must be written: in quotes if it holds spaces or quotes."""
    if re.search(r'[\s"]', value) or not value:
        return '"' + value.replace('"', "") + '"'
    return value


_TOKEN = re.compile(
    r"""\s*(?P<minus>-(?=\S))?(?:(?P<field>[A-Za-z_]+):(?!//))?(?:"(?P<quoted>[^"]*)(?P<close>"|$)|(?P<bare>\S+))?"""
)


def parse_query(text: str) -> Query:
    """
    Return the parsed query. An unbalanced quote closes at the end; nothing else in words is special.

    :raises InvalidQuery: for over 1,000 characters, over 32 parts, an unknown field or a filter without a value.
    """
    if len(text) > MAX_QUERY:
        raise InvalidQuery(f"a query has at most {MAX_QUERY} characters, this one has {len(text)}; use fewer words")
    text = text.replace("\x00", " ")
    texts: list[Text] = []
    filters: list[Filter] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.end() == at:
            break
        at = match.end()
        excluded = bool(match["minus"])
        quoted, bare, field = match["quoted"], match["bare"], match["field"]
        value = quoted if quoted is not None else (bare or "")
        if field is not None:
            filters.append(_filter(field, value, excluded))
        elif value.strip():
            texts.append(Text(value.strip(), phrase=quoted is not None, excluded=excluded))
    if len(texts) + len(filters) > MAX_TERMS:
        raise InvalidQuery(f"a query has at most {MAX_TERMS} parts, this one has {len(texts) + len(filters)}")
    return Query(tuple(texts), tuple(dict.fromkeys(filters)))


def _filter(field: str, value: str, excluded: bool) -> Filter:
    field = field.lower()
    if field not in FIELDS:
        near = difflib.get_close_matches(field, FIELDS, n=1)
        hint = f"did you mean '{near[0]}:'? " if near else ""
        raise InvalidQuery(
            f"there is no filter '{field}:'; {hint}filters are {', '.join(FIELDS)}. "
            f'To search for the text itself, write it in quotes: "{field}:{value}"'
        )
    if not value.strip():
        raise InvalidQuery(f"filter '{field}:' has no value; write it without a space, such as {field}:example")
    if value.count("*") > 8:
        raise InvalidQuery(f"filter '{field}:{value}' has more than 8 stars")
    return Filter(field, value.strip(), excluded)
