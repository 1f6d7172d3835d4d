"""
Elasticsearch 8, and OpenSearch 2, as the index: one alias for each layout, rebuilt beside the old index and swapped at once.

Words are made by the one identifier analyzer and stored as they are, so that all adapters cut names alike; no script, no
reindexing at the server, no ingest: the database is the source of every rebuild.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import re
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from elastic_transport import HttpHeaders, TransportError, Urllib3HttpNode
from elasticsearch import ApiError, Elasticsearch, NotFoundError, helpers

from catalog.domain import ranking
from catalog.domain.identifiers import fold, query_words, wanted_words
from catalog.domain.query import Filter, Query, Text
from catalog.search.base import (
    DETAILS,
    FACET_VALUES,
    FACETS,
    MAX_OFFSET,
    Answer,
    Hit,
    IndexMissing,
    Scope,
    SearchDocument,
    SearchUnavailable,
)
from catalog.search.terms import EXACT_FIELDS, WORD_FIELDS, terms_of

SEARCH_SECONDS = 3.0
WRITE_SECONDS = 60.0
QUIET_SECONDS = 5.0
"""After a failure nobody asks again for so long: a search that must fall back should do so at once."""
BULK_DOCUMENTS = 500
BULK_BYTES = 5_000_000
MAX_KEYWORD = 8_000

Clause = dict[str, Any]

_KEY: Clause = {"type": "keyword", "ignore_above": MAX_KEYWORD}
_MATCHED: Clause = {**_KEY, "doc_values": False}
_WORDS: Clause = {"type": "text", "analyzer": "whitespace", "index_options": "freqs"}

MAPPINGS: Clause = {
    "dynamic": "strict",
    "_source": {"enabled": False},
    "properties": {
        "class": _MATCHED,
        "sort": _KEY,
        **dict.fromkeys(FACETS, _KEY),
        **dict.fromkeys(EXACT_FIELDS, _MATCHED),
        **dict.fromkeys(WORD_FIELDS, _WORDS),
    },
}
SETTINGS: Clause = {
    "number_of_shards": 1,
    "auto_expand_replicas": "0-1",
    "refresh_interval": "-1",  # whoever writes says when it is to be seen
    "max_result_window": MAX_OFFSET + 1_000,
}
LAYOUT = hashlib.sha256(
    orjson.dumps([MAPPINGS, {**SETTINGS, "auto_expand_replicas": ""}], option=orjson.OPT_SORT_KEYS)
).hexdigest()[:8]
"""What tells an index of this code from those of older ones, which are left to them until a rebuild."""


class _PlainNode(Urllib3HttpNode):
    """Speaks plain JSON, which both servers take, and takes both for the real one."""

    def perform_request(
        self, method: str, target: str, body: bytes | None = None, headers: Any = None, request_timeout: Any = None
    ) -> Any:
        plain = dict(headers or {})
        for name, value in plain.items():
            if name.lower() in ("accept", "content-type") and "vnd.elasticsearch+" in value:
                plain[name] = "application/x-ndjson" if "x-ndjson" in value else "application/json"
        answer = super().perform_request(
            method, target, body=body, headers=HttpHeaders(plain), request_timeout=request_timeout
        )
        stated = HttpHeaders({**answer.meta.headers, "X-Elastic-Product": "Elasticsearch"})
        return answer._replace(meta=dataclasses.replace(answer.meta, headers=stated))


class ElasticsearchIndex:
    """
    An index of a server, behind an alias that begins with ``name``.

    ``url`` may hold a user and a password; ``api_key`` is sent where it is given.
    """

    def __init__(self, url: str, name: str = "cairn-datasets", api_key: str = "", ca_certs: str = "") -> None:
        more: dict[str, Any] = {}
        if api_key:
            more["api_key"] = api_key
        if ca_certs:
            more["ca_certs"] = ca_certs
        self._client = Elasticsearch(
            [each.strip() for each in url.split(",")], node_class=_PlainNode, max_retries=0, **more
        )
        self._name = name
        self._alias = f"{name}-{LAYOUT}"
        self._quiet_until = 0.0

    def _unavailable(self, error: Exception) -> SearchUnavailable:
        if isinstance(error, NotFoundError):
            return IndexMissing("the search index has not been built yet; the worker builds it")
        self._quiet_until = time.monotonic() + QUIET_SECONDS
        if isinstance(error, ApiError):
            return SearchUnavailable(f"Elasticsearch refused: {str(error.message)[:200]}")
        return SearchUnavailable("Elasticsearch does not answer")

    # Writing

    def apply(self, documents: Iterable[SearchDocument], deletes: Iterable[uuid.UUID]) -> None:
        """Write by id, newer versions only, and have it seen."""
        client = self._client.options(request_timeout=WRITE_SECONDS)
        try:
            if not client.indices.exists_alias(name=self._alias):
                raise IndexMissing("the search index has not been built yet; the worker builds it")
            removed = ({"_op_type": "delete", "_index": self._alias, "_id": key.hex} for key in deletes)
            self._write(client, itertools.chain(removed, self._actions(documents, self._alias)))
            client.indices.refresh(index=self._alias)
        except (ApiError, TransportError) as error:
            raise self._unavailable(error) from error

    def rebuild(self, documents: Iterable[SearchDocument]) -> int:
        """Fill an index of its own, then move the alias to it and drop those that were there before, of older layouts too."""
        client = self._client.options(request_timeout=WRITE_SECONDS)
        fresh = f"{self._alias}-{uuid.uuid4().hex[:12]}"
        try:
            client.indices.create(index=fresh, mappings=MAPPINGS, settings=SETTINGS)
            self._write(client, self._actions(documents, fresh))
            client.indices.refresh(index=fresh)
            count = int(client.count(index=fresh)["count"])
            old = [name for name in self.indexes() if name != fresh]
            client.indices.update_aliases(
                actions=[
                    {"add": {"index": fresh, "alias": self._alias}},
                    *({"remove_index": {"index": name}} for name in old),
                ]
            )
        except (ApiError, TransportError) as error:
            raise self._unavailable(error) from error
        return count

    def indexes(self) -> Sequence[str]:
        """Return the names of all indexes that are this one's, whatever their layout, and of no other that begins alike."""
        own = re.compile(rf"{re.escape(self._name)}-[0-9a-f]{{8}}-[0-9a-f]{{12}}\Z")
        found = self._client.options(request_timeout=WRITE_SECONDS).indices.get(index=f"{self._name}-*")
        return sorted(name for name in found if own.match(name))

    def _actions(self, documents: Iterable[SearchDocument], index: str) -> Iterator[Clause]:
        for document in documents:
            yield {
                "_op_type": "index",
                "_index": index,
                "_id": document.uuid.hex,
                "version": document.version,
                "version_type": "external_gte",
                "_source": terms_of(document),
            }

    @staticmethod
    def _write(client: Elasticsearch, actions: Iterable[Clause]) -> None:
        """Send actions in bulk. What a newer version is there of, and deletes of what is not, are as they should be."""
        failures = helpers.streaming_bulk(
            client, actions, chunk_size=BULK_DOCUMENTS, max_chunk_bytes=BULK_BYTES, raise_on_error=False, yield_ok=False
        )
        for _, item in failures:
            ((_, result),) = item.items()
            if result["status"] not in (404, 409):
                reason = result.get("error", {})
                said = reason.get("reason", "") if isinstance(reason, Mapping) else str(reason)
                raise SearchUnavailable(f"Elasticsearch could not write a document: {str(said)[:200]}")

    def count(self) -> int:
        """Return the number of documents."""
        try:
            return int(self._client.options(request_timeout=SEARCH_SECONDS).count(index=self._alias)["count"])
        except (ApiError, TransportError) as error:
            raise self._unavailable(error) from error

    # Searching

    def search(self, query: Query, scope: Scope, *, limit: int, offset: int = 0, facets: bool = True) -> Answer:
        """Answer by one request, facets included."""
        if time.monotonic() < self._quiet_until:
            raise SearchUnavailable("Elasticsearch does not answer")
        compiler = _Compiler(scope)
        faceted = [part for part in query.filters if facets and part.field in FACETS and not part.excluded]
        try:
            answer = self._client.options(request_timeout=SEARCH_SECONDS).search(
                index=self._alias,
                query=compiler.query(Query(query.texts, tuple(p for p in query.filters if p not in faceted))),
                post_filter=_all_of([compiler.filter(part) for part in faceted]) if faceted else None,
                aggs={name: compiler.facet(name, faceted) for name in FACETS} if facets else None,
                sort=["_score", {"sort": "asc"}],
                from_=offset,
                size=limit,
                track_total_hits=True,
                source=False,
                docvalue_fields=[{"field": "sort"}],
            )
        except (ApiError, TransportError) as error:
            raise self._unavailable(error) from error
        hits = [
            Hit(uuid.UUID(hit["_id"]), float(hit["_score"] or 0.0), hit["fields"]["sort"][0])
            for hit in answer["hits"]["hits"]
        ]
        counted = {
            name: [
                (bucket["key"], int(bucket["doc_count"])) for bucket in answer["aggregations"][name]["of"]["buckets"]
            ]
            for name in (FACETS if facets else ())
        }
        return Answer(hits, int(answer["hits"]["total"]["value"]), counted)


def _term(field: str, value: str, boost: float = 1.0) -> Clause:
    return {"term": {field: {"value": value, "boost": boost}}}


def _fuzzy(field: str, value: str, wrong: int) -> Clause:
    return {"fuzzy": {field: {"value": value, "fuzziness": wrong, "transpositions": True}}}


def _constant(clause: Clause, score: float) -> Clause:
    return {"constant_score": {"filter": clause, "boost": score}}


def _all_of(clauses: Sequence[Clause]) -> Clause:
    return {"bool": {"filter": list(clauses)}}


def _any_of(clauses: Iterable[Clause]) -> Clause:
    return {"bool": {"should": list(clauses), "minimum_should_match": 1}}


class _Compiler:
    """Turns parsed queries into Elasticsearch's, within what the asker may know. The stages and weights are `ranking`'s."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    @staticmethod
    def classes(classes: frozenset[int] | None) -> list[Clause]:
        return [] if classes is None else [{"terms": {"class": [str(key) for key in sorted(classes)]}}]

    def within_read(self, clause: Clause) -> Clause:
        """Limit a query on details to the classes whose details may be read."""
        readable = self.classes(self.scope.read)
        return {"bool": {"must": [clause], "filter": readable}} if readable else clause

    def query(self, query: Query) -> Clause:
        """Return the whole query."""
        must = [self.wanted(query.words)] if query.words else []
        needed = self.classes(self.scope.discover)
        unwanted: list[Clause] = []
        for item in query.filters:
            (unwanted if item.excluded else needed).append(self.filter(item))
        for text in query.texts:
            if text.excluded:
                unwanted.append(self.all_words(text))
            elif text.phrase:
                needed.append(self.all_words(text))
        return {"bool": {"must": must, "filter": needed, "must_not": unwanted}}

    def facet(self, name: str, filters: Sequence[Filter]) -> Clause:
        """Return the counts of a facet's values under the filters of the others."""
        others = [self.filter(part) for part in filters if part.field != name]
        if name in DETAILS:
            others += self.classes(self.scope.read)
        order = [{"_count": "desc"}, {"_key": "asc"}]
        return {
            "filter": _all_of(others),
            "aggs": {"of": {"terms": {"field": name, "size": FACET_VALUES, "order": order}}},
        }

    def wanted(self, text: str) -> Clause:
        """Return the staged query of the words looked for."""
        key, joined, folded = ranking.name_key(text), ranking.joined_key(text), fold(text.strip())
        stages = [
            _constant(_term("name_key", key), ranking.EXACT),
            _constant(_term("suffix", key), ranking.SUFFIX),
        ]
        if joined:
            stages.append(_constant(_term("joined", joined), ranking.JOINED))
        if wrong := ranking.typos(joined):
            stages.append(_constant(_fuzzy("joined", joined, wrong), ranking.TYPO))
        if len(folded) >= 2:
            stages.append(_constant({"prefix": {"name_raw": {"value": folded}}}, ranking.PREFIX))
        found = _any_of([{"dis_max": {"queries": stages}}, *(self.word(word) for word in wanted_words(text))])
        return {"bool": {"must": [found], "should": list(self.standing())}}

    def standing(self) -> Iterator[Clause]:
        """Return what tells apart datasets that fit alike."""
        current = {"bool": {"must_not": [self.within_read(_term("standing", ranking.DEPRECATED))]}}
        for name, score in ranking.STANDING.items():
            yield _constant(current if name == "current" else _term("standing", name), score)

    def word(self, word: str) -> Clause:
        """Return the query of one word: the place that counts most."""
        places = [
            _any_of([_constant(_term("name", word), ranking.NAME_WEIGHT), _term("name", word, ranking.RARITY_WEIGHT)]),
            _term("path", word, ranking.PATH_WEIGHT),
            _term("description", word, ranking.DESCRIPTION_WEIGHT),
            _constant(self.within_read(_term("columns", word)), ranking.COLUMN_WEIGHT),
            self.within_read(_term("tags", word, ranking.TAG_WEIGHT)),
        ]
        if len(word) >= 3:  # the beginning of a word, and one letter wrong, count little
            places.append(_constant({"prefix": {"name": {"value": word}}}, ranking.NAME_WEIGHT / 8))
        if len(word) >= 4:
            places.append(_constant(_fuzzy("name", word, 1), ranking.NAME_WEIGHT / 12))
        return {"dis_max": {"queries": places}}

    def all_words(self, text: Text) -> Clause:
        """Return the query that each word of a phrase stands somewhere."""
        words = query_words(text.text)
        return _all_of([self._anywhere(word) for word in words]) if words else {"match_none": {}}

    def _anywhere(self, word: str) -> Clause:
        open_places = [_term(field, word) for field in ("name", "path", "description")]
        return _any_of([*open_places, *(self.within_read(_term(field, word)) for field in ("columns", "tags"))])

    def filter(self, item: Filter) -> Clause:
        """Return the query of one filter, without its sign."""
        value = fold(item.value)
        match item.field:
            case "name":
                return self._glob("name_raw", value)
            case "column":
                return self.within_read(self._glob("column_raw", value))
            case "owner":
                return {"terms": {"owner_raw": [value, f"user:{value}", f"team:{value}"]}}
            case "tag" | "finding" as field:
                return self.within_read(_term("tag_raw" if field == "tag" else field, value))
            case "catalog":
                return {"terms": {"catalog": sorted({item.value, value})}}
            case field:
                return _term(field, value)

    @staticmethod
    def _glob(field: str, value: str) -> Clause:
        if "*" not in value:
            return _term(field, value)
        literal = value.replace("\\", "\\\\").replace("?", "\\?")
        return {"wildcard": {field: {"value": literal}}}
