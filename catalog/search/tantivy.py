"""The embedded index: tantivy in one folder, written by the worker process only, read and reloaded by all."""

from __future__ import annotations

import re
import shutil
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import tantivy
from tantivy import Occur
from tantivy import Query as T

from catalog.domain import ranking
from catalog.domain.identifiers import fold, query_words, wanted_words
from catalog.domain.query import Filter, Query, Text
from catalog.search.base import (
    DETAILS,
    FACET_VALUES,
    FACETS,
    Answer,
    Hit,
    IndexMissing,
    Scope,
    SearchDocument,
    SearchUnavailable,
)
from catalog.search.terms import EXACT_FIELDS, WORD_FIELDS, terms_of

LAYOUT = 4
"""Raised when fields change: an index of another layout is thrown away and rebuilt."""

WRITER_BYTES = 32_000_000
RELOAD_SECONDS = 0.2

_RAW: dict[str, Any] = {"tokenizer_name": "raw", "index_option": "basic"}
_WORDS: dict[str, Any] = {"tokenizer_name": "whitespace", "index_option": "freq"}


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("uuid", stored=True, **_RAW)
    builder.add_text_field("class", **_RAW)
    builder.add_text_field("sort", stored=True, **_RAW)
    for name in EXACT_FIELDS:
        builder.add_text_field(name, **_RAW)
    for name in FACETS:
        builder.add_text_field(name, fast=True, **_RAW)
    for name in WORD_FIELDS:
        builder.add_text_field(name, **_WORDS)
    builder.add_unsigned_field("version", stored=True)
    return builder.build()


class TantivyIndex:
    """A folder with one generation of the index and a pointer to it; a rebuild writes the next and moves the pointer."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._lock = threading.RLock()
        self._index: tantivy.Index | None = None
        self._writer: Any = None
        self._generation = ""
        self._checked = 0.0

    # Which generation is current

    def _pointer(self) -> Path:
        return self._folder / f"current-{LAYOUT}"

    def _current(self) -> str:
        try:
            return self._pointer().read_text().strip()
        except FileNotFoundError:
            return ""

    def _point(self, generation: str) -> None:
        partial = self._pointer().with_suffix(".partial")
        partial.write_text(generation)
        partial.replace(self._pointer())

    def _create(self) -> str:
        generation = uuid.uuid4().hex[:12]
        (self._folder / generation).mkdir(parents=True)
        tantivy.Index(_schema(), path=str(self._folder / generation))
        return generation

    def _open(self) -> tantivy.Index:
        """Return the current generation's index, looking for a newer one at most five times a second."""
        with self._lock:
            now = time.monotonic()
            if self._index is not None and now - self._checked < RELOAD_SECONDS:
                return self._index
            current = self._current()
            if not current:
                raise IndexMissing("the search index has not been built yet; the worker builds it")
            if current != self._generation or self._index is None:
                try:
                    self._index = tantivy.Index.open(str(self._folder / current))
                except (ValueError, OSError) as error:
                    raise IndexMissing("the search index cannot be opened; the worker rebuilds it") from error
                self._generation, self._writer = current, None
            self._index.reload()
            self._checked = now
            return self._index

    # Writing

    def apply(self, documents: Iterable[SearchDocument], deletes: Iterable[uuid.UUID]) -> None:
        """Delete and add by id in one commit."""
        with self._lock:
            self._checked = 0.0
            index = self._open()
            try:
                if self._writer is None:
                    self._writer = index.writer(WRITER_BYTES, 1)
                for key in deletes:
                    self._writer.delete_documents_by_term("uuid", key.hex)
                for document in documents:
                    self._writer.delete_documents_by_term("uuid", document.uuid.hex)
                    self._writer.add_document(_document(document))
                self._writer.commit()
            except ValueError as error:
                self._writer = None
                raise SearchUnavailable(f"the search index cannot be written: {error}") from error
            index.reload()

    def rebuild(self, documents: Iterable[SearchDocument]) -> int:
        """Write a new generation beside the old one and point to it when it is whole."""
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            old = {path for path in self._folder.iterdir() if path.is_dir()}
            generation = self._create()
            index = tantivy.Index.open(str(self._folder / generation))
            writer = index.writer(WRITER_BYTES * 2, 1)
            count = 0
            for document in documents:
                writer.add_document(_document(document))
                count += 1
            writer.commit()
            writer.wait_merging_threads()
            self._point(generation)
            self._index, self._writer, self._generation, self._checked = None, None, "", 0.0
            for path in old:  # readers that still have one open keep its files until they reload
                shutil.rmtree(path, ignore_errors=True)
        return count

    def count(self) -> int:
        """Return the number of documents."""
        return int(self._open().searcher().num_docs)

    # Searching

    def search(self, query: Query, scope: Scope, *, limit: int, offset: int = 0, facets: bool = True) -> Answer:
        """Answer from the current generation."""
        index = self._open()
        compiler = _Compiler(index.schema, scope)
        searcher = index.searcher()
        compiled = compiler.query(query)
        found = searcher.search(compiled, limit=max(1, limit), count=True, offset=offset)
        hits = []
        for score, address in found.hits if limit else ():
            stored = searcher.doc(address)
            hits.append(Hit(uuid.UUID(stored["uuid"][0]), float(score), stored["sort"][0]))
        hits.sort(key=lambda hit: (-round(hit.score, 3), hit.qualified_name))
        counted = self._facets(searcher, compiler, query, compiled) if facets else {}
        return Answer(hits, int(found.count or 0), counted)  # type: ignore[attr-defined]  # its stubs lag behind

    @staticmethod
    def _facets(searcher: Any, compiler: _Compiler, query: Query, compiled: T) -> dict[str, Sequence[tuple[str, int]]]:
        result: dict[str, Sequence[tuple[str, int]]] = {}
        filtered = {part.field for part in query.filters if not part.excluded}
        shared = [name for name in FACETS if name not in filtered and name not in DETAILS]
        asked: list[tuple[list[str], T]] = [(shared, compiled)] if shared else []
        for name in FACETS:
            if name in filtered:
                others = Query(query.texts, tuple(p for p in query.filters if p.field != name or p.excluded))
                asked.append(([name], compiler.query(others, details_only=name in DETAILS)))
        unfiltered = [name for name in DETAILS if name not in filtered]
        if unfiltered:
            asked.append((unfiltered, compiler.query(query, details_only=True)))
        for names, facet_query in asked:
            wanted = {
                name: {"terms": {"field": name, "size": FACET_VALUES, "order": {"_count": "desc"}}} for name in names
            }
            answer = searcher.aggregate(facet_query, wanted)
            for name in names:
                buckets = [(str(b["key"]), int(b["doc_count"])) for b in answer[name]["buckets"]]
                result[name] = sorted(buckets, key=lambda pair: (-pair[1], pair[0]))
        return result


def _document(document: SearchDocument) -> tantivy.Document:
    made = tantivy.Document()
    made.add_text("uuid", document.uuid.hex)
    made.add_unsigned("version", document.version)
    for field, value in terms_of(document).items():
        for each in [value] if isinstance(value, str) else value:
            made.add_text(field, each)
    return made


class _Compiler:
    """Turns parsed queries into tantivy's, within what the asker may know."""

    def __init__(self, schema: tantivy.Schema, scope: Scope) -> None:
        self.schema = schema
        self.scope = scope

    def term(self, field: str, value: str) -> T:
        return T.term_query(self.schema, field, value, "basic")

    def classes(self, classes: frozenset[int] | None) -> T | None:
        if classes is None:
            return None
        return T.term_set_query(self.schema, "class", [str(key) for key in sorted(classes)])

    def within_read(self, query: T) -> T:
        """Limit a query on details to the classes whose details may be read."""
        readable = self.classes(self.scope.read)
        return query if readable is None else T.boolean_query([(Occur.Must, query), (Occur.Must, readable)])

    def query(self, query: Query, *, details_only: bool = False) -> T:
        """Return the whole query. ``details_only`` limits it to datasets whose details may be read."""
        limits = (self.classes(self.scope.discover), self.classes(self.scope.read) if details_only else None)
        parts: list[tuple[Occur, T]] = [
            (Occur.Must, T.const_score_query(limit, 0.0)) for limit in limits if limit is not None
        ]
        parts += [
            (Occur.MustNot, self.filter(item))
            if item.excluded
            else (Occur.Must, T.const_score_query(self.filter(item), 0.0))
            for item in query.filters
        ]
        for text in query.texts:
            if text.excluded:
                parts.append((Occur.MustNot, self.all_words(text)))
            elif text.phrase:
                parts.append((Occur.Must, self.all_words(text)))
        wanted = query.words
        if wanted:
            parts.append((Occur.Must, self.wanted(wanted)))
        if not any(occur is not Occur.MustNot for occur, _ in parts):
            parts.append((Occur.Must, T.const_score_query(T.all_query(), 0.0)))
        return T.boolean_query(parts)

    def wanted(self, text: str) -> T:
        """Return the staged query of the words looked for."""
        key = ranking.name_key(text)
        stages = [
            T.const_score_query(self.term("name_key", key), ranking.EXACT),
            T.const_score_query(self.term("suffix", key), ranking.SUFFIX),
        ]
        joined = ranking.joined_key(text)
        if joined:
            stages.append(T.const_score_query(self.term("joined", joined), ranking.JOINED))
        if wrong := ranking.typos(joined):
            close = T.fuzzy_term_query(self.schema, "joined", joined, wrong, True, False)
            stages.append(T.const_score_query(close, ranking.TYPO))
        folded = fold(text.strip())
        if len(folded) >= 2:
            prefix = T.regex_query(self.schema, "name_raw", f"{_regex(folded)}.*")
            stages.append(T.const_score_query(prefix, ranking.PREFIX))
        shoulds = [(Occur.Should, T.disjunction_max_query(stages))]
        shoulds += [(Occur.Should, self.word(word)) for word in wanted_words(text)]
        found = T.boolean_query(shoulds)
        return T.boolean_query([(Occur.Must, found), *((Occur.Should, each) for each in self.standing())])

    def standing(self) -> Iterator[T]:
        """Return what tells apart datasets that fit alike."""
        gone = self.within_read(self.term("standing", ranking.DEPRECATED))
        current = T.boolean_query([(Occur.Must, T.all_query()), (Occur.MustNot, gone)])
        for name, score in ranking.STANDING.items():
            yield T.const_score_query(current if name == "current" else self.term("standing", name), score)

    def word(self, word: str) -> T:
        """Return the query of one word: the place that counts most."""
        places = [
            self._in_name(word),
            T.boost_query(self.frequency("path", word), ranking.PATH_WEIGHT),
            T.boost_query(self.frequency("description", word), ranking.DESCRIPTION_WEIGHT),
            T.const_score_query(self.within_read(self.frequency("columns", word)), ranking.COLUMN_WEIGHT),
            T.boost_query(self.within_read(self.frequency("tags", word)), ranking.TAG_WEIGHT),
        ]
        if len(word) >= 3:  # the beginning of a word, and one letter wrong, count little
            places.append(
                T.boost_query(T.fuzzy_term_query(self.schema, "name", word, 0, True, True), ranking.NAME_WEIGHT / 8)
            )
        if len(word) >= 4:
            places.append(
                T.boost_query(T.fuzzy_term_query(self.schema, "name", word, 1, True, False), ranking.NAME_WEIGHT / 12)
            )
        return T.disjunction_max_query(places)

    def _in_name(self, word: str) -> T:
        met = self.frequency("name", word)
        scores = [T.const_score_query(met, ranking.NAME_WEIGHT), T.boost_query(met, ranking.RARITY_WEIGHT)]
        return T.boolean_query([(Occur.Should, score) for score in scores])

    def frequency(self, field: str, word: str) -> T:
        return T.term_query(self.schema, field, word, "freq")

    def all_words(self, text: Text) -> T:
        """Return the query that each word of a phrase stands somewhere."""
        words = query_words(text.text)
        if not words:
            return T.empty_query()
        return T.boolean_query([(Occur.Must, T.const_score_query(self._anywhere(word), 1.0)) for word in words])

    def _anywhere(self, word: str) -> T:
        places: list[tuple[Occur, T]] = [
            (Occur.Should, self.frequency(field, word)) for field in ("name", "path", "description")
        ]
        places += [(Occur.Should, self.within_read(self.frequency(field, word))) for field in ("columns", "tags")]
        return T.boolean_query(places)

    def filter(self, item: Filter) -> T:
        """Return the query of one filter, without its sign."""
        value = fold(item.value)
        match item.field:
            case "name":
                return self._glob("name_raw", value)
            case "column":
                return self.within_read(self._glob("column_raw", value))
            case "owner":
                handles = [value, f"user:{value}", f"team:{value}"]
                return T.boolean_query([(Occur.Should, self.term("owner_raw", handle)) for handle in handles])
            case "tag" | "finding" as field:
                return self.within_read(self.term("tag_raw" if field == "tag" else field, value))
            case "catalog":
                exact = [(Occur.Should, self.term("catalog", name)) for name in {item.value, value}]
                return T.boolean_query(exact)
            case field:
                return self.term(field, value)

    def _glob(self, field: str, value: str) -> T:
        if "*" not in value:
            return self.term(field, value)
        return T.regex_query(self.schema, field, ".*".join(_regex(part) for part in value.split("*")))


def _regex(literal: str) -> str:
    # What means something is escaped and nothing else: a backslash gives "<" and some others a meaning.
    return re.sub(r"([\\.+*?()|\[\]{}^$#&~-])", r"\\\1", literal)
