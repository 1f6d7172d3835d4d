"""
The search port: where datasets are found.

The database is the source of every rebuild; an index holds nothing that is not in it, and may be deleted at any time.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from catalog.domain.query import Query

FACETS = ("platform", "catalog", "owner", "tag", "finding")
DETAILS = ("tag", "finding")
"""Facets of what only those may know who read a dataset's details."""
FACET_VALUES = 50
MAX_OFFSET = 10_000


class SearchUnavailable(RuntimeError):
    """The index does not answer; search falls back to names in the database and says so."""


class IndexMissing(SearchUnavailable):
    """There is no index of the present layout; it is to be rebuilt from the database."""


@dataclass(frozen=True, slots=True)
class SearchDocument:
    """What an index knows of one dataset. ``version`` guards against late writes."""

    uuid: uuid.UUID
    version: int
    access_class: int
    qualified_name: str
    name: str
    catalog: str
    database: str
    platform: str
    kind: str
    description: str = ""
    owners: Sequence[str] = ()
    tags: Sequence[str] = ()
    columns: Sequence[str] = ()
    deprecated: bool = False
    findings: Sequence[str] = ()
    """Kinds of values that its columns seem to hold, such as ``email``."""


@dataclass(frozen=True, slots=True)
class Scope:
    """
    What the asker may know: classes it may discover, and those whose details (columns, tags) it may read. None means all.

    Details of datasets that may only be discovered are neither matched nor counted.
    """

    discover: frozenset[int] | None
    read: frozenset[int] | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A found dataset, its score, and its qualified name when it was indexed."""

    uuid: uuid.UUID
    score: float
    qualified_name: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Hits in order, how many there are in all, and the facets, each counted without its own filter."""

    hits: Sequence[Hit]
    total: int
    facets: Mapping[str, Sequence[tuple[str, int]]] = field(default_factory=dict)


class SearchIndex(Protocol):
    """An index of search documents."""

    def apply(self, documents: Iterable[SearchDocument], deletes: Iterable[uuid.UUID]) -> None:
        """
        Put documents in place of older ones of the same id, and delete others; all visible when it returns.

        :raises SearchUnavailable: if the index cannot be written; whoever asked does it again, to the same end.
        :raises IndexMissing: if there is none yet.
        """

    def rebuild(self, documents: Iterable[SearchDocument]) -> int:
        """Replace the whole index by the documents, in the eyes of searchers at once; return how many there are."""

    def search(self, query: Query, scope: Scope, *, limit: int, offset: int = 0, facets: bool = True) -> Answer:
        """
        Return what a query finds, best first, ties by qualified name. Words need not all match.

        :raises SearchUnavailable: if the index does not answer.
        """

    def count(self) -> int:
        """Return how many documents there are."""
