"""An index in memory that reads every document: the reference adapter of the port, for tests and very small catalogs."""

from __future__ import annotations

import fnmatch
import threading
import uuid
from collections.abc import Iterable, Sequence

from catalog.domain import ranking
from catalog.domain.identifiers import fold, name_words, query_words, wanted_words
from catalog.domain.names import QualifiedName
from catalog.domain.query import Filter, Query, Text
from catalog.search.base import FACET_VALUES, FACETS, Answer, Hit, Scope, SearchDocument
from catalog.search.terms import standing_of


class MemoryIndex:
    """Documents in a dictionary, matched one by one."""

    def __init__(self) -> None:
        self._documents: dict[uuid.UUID, SearchDocument] = {}
        self._lock = threading.Lock()

    def apply(self, documents: Iterable[SearchDocument], deletes: Iterable[uuid.UUID]) -> None:
        """Put and delete at once."""
        with self._lock:
            for document in documents:
                self._documents[document.uuid] = document
            for key in deletes:
                self._documents.pop(key, None)

    def rebuild(self, documents: Iterable[SearchDocument]) -> int:
        """Replace everything."""
        fresh = {document.uuid: document for document in documents}
        with self._lock:
            self._documents = fresh
        return len(fresh)

    def count(self) -> int:
        """Return the number of documents."""
        return len(self._documents)

    def search(self, query: Query, scope: Scope, *, limit: int, offset: int = 0, facets: bool = True) -> Answer:
        """Score every document that the asker may know."""
        scored = []
        for document in list(self._documents.values()):
            if scope.discover is not None and document.access_class not in scope.discover:
                continue
            details = scope.read is None or document.access_class in scope.read
            if all(self._passes(document, part, details) for part in query.filters):
                hit = self._score(document, query, details)
                if hit is not None:
                    scored.append((hit, document))
        scored.sort(key=lambda pair: (-round(pair[0].score, 4), pair[1].qualified_name))
        counted = {}
        if facets:
            counted = {name: self._facet(name, query, scope) for name in FACETS}
        return Answer([hit for hit, _ in scored[offset : offset + limit]], len(scored), counted)

    def _facet(self, name: str, query: Query, scope: Scope) -> Sequence[tuple[str, int]]:
        counts: dict[str, int] = {}
        others = Query(query.texts, tuple(f for f in query.filters if f.field != name or f.excluded))
        for document in list(self._documents.values()):
            if scope.discover is not None and document.access_class not in scope.discover:
                continue
            details = scope.read is None or document.access_class in scope.read
            if not all(self._passes(document, part, details) for part in others.filters):
                continue
            if self._score(document, others, details) is None:
                continue
            for value in self._facet_values(document, name, details):
                counts[value] = counts.get(value, 0) + 1
        return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:FACET_VALUES]

    @staticmethod
    def _facet_values(document: SearchDocument, name: str, details: bool) -> Sequence[str]:
        if name == "tag":
            return document.tags if details else ()
        if name == "finding":
            return document.findings if details else ()
        if name == "owner":
            return document.owners
        return [str(getattr(document, name))]

    def _passes(self, document: SearchDocument, part: Filter, details: bool) -> bool:
        return self._has(document, part.field, part.value, details) != part.excluded

    @staticmethod
    def _has(document: SearchDocument, field: str, value: str, details: bool) -> bool:
        pattern = fold(value)
        if field == "name":
            return fnmatch.fnmatchcase(fold(document.name), pattern.replace("[", "[[]").replace("?", "[?]"))
        if field == "column":
            glob = pattern.replace("[", "[[]").replace("?", "[?]")
            return details and any(
                fnmatch.fnmatchcase(fold(column.split(".")[-1]), glob) for column in document.columns
            )
        if field == "owner":
            owners = [fold(owner) for owner in document.owners]
            return pattern in owners or f"user:{pattern}" in owners or f"team:{pattern}" in owners
        if field == "tag":
            return details and pattern in [fold(tag) for tag in document.tags]
        if field == "finding":
            return details and pattern in document.findings
        return fold(str(getattr(document, field))) == pattern

    @staticmethod
    def _score(document: SearchDocument, query: Query, details: bool) -> Hit | None:
        name, path = set(name_words(document.name)), set(name_words(document.qualified_name))
        columns = {word for column in document.columns for word in name_words(column)} if details else set()
        tags = {word for tag in document.tags for word in name_words(tag)} if details else set()
        description = set(query_words(document.description))
        places = (
            (name, ranking.NAME_WEIGHT),
            (path, ranking.PATH_WEIGHT),
            (columns, ranking.COLUMN_WEIGHT),
            (tags, ranking.TAG_WEIGHT),
            (description, ranking.DESCRIPTION_WEIGHT),
        )

        def meets(text: Text) -> bool:
            words = query_words(text.text)
            known = name | path | columns | tags | description
            return bool(words) and all(word in known for word in words)

        if any(text.excluded and meets(text) for text in query.texts):
            return None
        if any(text.phrase and not text.excluded and not meets(text) for text in query.texts):
            return None
        wanted = query.words
        if not wanted:
            return Hit(document.uuid, 0.0, document.qualified_name)
        stage = ranking.stage_of(wanted, QualifiedName.parse(document.qualified_name).segments)
        score = stage[0] if stage else 0.0
        for word in wanted_words(wanted):
            score += max((weight for words, weight in places if word in words), default=0.0)
            score += ranking.RARITY_WEIGHT / len(name) if word in name else 0.0
        if not score:
            return None
        stands = set(standing_of(document))
        if not details or ranking.DEPRECATED not in stands:
            stands.add("current")
        score += sum(more for name, more in ranking.STANDING.items() if name in stands)
        return Hit(document.uuid, score, document.qualified_name)
