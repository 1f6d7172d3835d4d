"""The identifier analyzer: how names are cut into the words that people search by; every search adapter uses it."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

MAX_WORDS = 512
"""Words made of one text at most; a query is cut far shorter before it comes here."""

# Case splits come before lowercasing, or `SalesRegion` could no longer be told from `salesregion`.
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
_CHUNK = re.compile(r"[\w]+", re.UNICODE)
# `e-mail` is a word, and the same as `email`.
_ONE_LETTER = re.compile(r"\b[A-Za-z]-[A-Za-z]{3,}")

# Short forms that names of data use; both sides find each other.
ABBREVIATIONS = {
    "acct": "account",
    "addr": "address",
    "amt": "amount",
    "avg": "average",
    "bal": "balance",
    "cat": "category",
    "cnt": "count",
    "cust": "customer",
    "desc": "description",
    "dt": "date",
    "emp": "employee",
    "evt": "event",
    "hist": "history",
    "inv": "invoice",
    "msg": "message",
    "num": "number",
    "org": "organization",
    "pct": "percent",
    "prod": "product",
    "qty": "quantity",
    "sess": "session",
    "sub": "subscription",
    "subs": "subscriptions",
    "trx": "transaction",
    "ts": "timestamp",
    "txn": "transaction",
    "usr": "user",
}


def _plain(text: str) -> str:
    """Return a text without accents and compatibility forms."""
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", "".join(char for char in decomposed if not unicodedata.combining(char)))


def fold(text: str) -> str:
    """Return a text in lower case and without accents, as words are compared."""
    return text.lower() if text.isascii() else _plain(_plain(text).casefold())


def joined(text: str) -> str:
    """Return all letters and digits of a text in one piece, folded: ``play_events``, ``PlayEvents`` -> ``playevents``."""
    return fold("".join(_CHUNK.findall(text)).replace("_", ""))


def split_words(text: str) -> Iterator[str]:
    """Return the folded parts of an identifier in order: ``HTTPServer2_logs`` -> ``http server 2 logs``."""
    for chunk in _CHUNK.findall(_plain(text)):
        for match in _PART.finditer(chunk):
            yield fold(match.group())


def _stem(word: str) -> str:
    # Plurals are the one inflection that names of data have; anything cleverer costs precision on identifiers.
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def query_words(text: str) -> list[str]:
    """Return the words a query or a description stands for, each once, in order; the same cut as for names, without joined forms."""
    whole = _ONE_LETTER.sub(lambda found: found.group().replace("-", "").lower(), text)
    return list(dict.fromkeys(_stem(word) for word in split_words(whole)))[:MAX_WORDS]


# Words of questions that say nothing of what is meant.
_FILLERS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "by",
        "do",
        "for",
        "from",
        "have",
        "in",
        "is",
        "of",
        "on",
        "or",
        "that",
        "the",
        "their",
        "to",
        "where",
        "which",
        "who",
        "with",
    ]
)


def wanted_words(text: str) -> list[str]:
    """Return the words of a query that datasets are found by: fillers count only where there is nothing else."""
    words = query_words(text)
    return [word for word in words if word not in _FILLERS] or words


def name_words(text: str) -> Sequence[str]:
    """
    Return the words by which a name is found, each once: its parts, long forms of short ones, neighbours joined, the whole joined.

    ``custAcct_v2`` -> ``cust customer acct account v 2 custacct acctv v2 custacctv2``.
    """
    # A few thousand names are those of most columns.
    return _remembered_words(text) if len(text) <= 100 else _name_words(text)


def _name_words(text: str) -> Sequence[str]:
    words: dict[str, None] = {}
    parts = list(split_words(text))[:MAX_WORDS]
    for part in parts:
        words[_stem(part)] = None
        if part in ABBREVIATIONS:
            words[_stem(ABBREVIATIONS[part])] = None
    for first, second in itertools.pairwise(parts):
        words[_stem(first + second)] = None
    if len(parts) > 1:
        words[_stem("".join(parts))] = None
    return tuple(words)


_remembered_words = lru_cache(maxsize=4_000)(_name_words)
