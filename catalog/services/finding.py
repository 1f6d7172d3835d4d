"""Finding: makes search documents from the tables, keeps the index in step with the journal, answers searches."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import orjson
from django.db.models import Q

from catalog import backends
from catalog.access import gate
from catalog.access.principals import Principal
from catalog.domain.families import family_of
from catalog.domain.findings import standing_findings
from catalog.domain.identifiers import fold
from catalog.domain.names import QualifiedName
from catalog.domain.query import Query, relaxations
from catalog.domain.ranking import DEPRECATED, Why, why
from catalog.journal.projections import request_rebuild
from catalog.journal.selectors import Change
from catalog.models import Dataset, DatasetState
from catalog.search.base import FACETS, MAX_OFFSET, Hit, IndexMissing, Scope, SearchDocument, SearchUnavailable
from catalog.selectors import DatasetSummary, summarized_by_uuid

PAGE = 2_000
FOLDED_HITS = 400
"""So many hits at once are looked at to fold families."""
SEARCHED = (DatasetState.LIVE,)
"""Missing datasets leave search at once; observed ones are not in it yet."""

FOLLOWED = frozenset({"identity", "definition", "annotation", "classes"})


def _documents(rows: Iterable[tuple[uuid.UUID, int, int, bytes]]) -> Iterator[SearchDocument]:
    for key, version, class_id, body in rows:
        whole = orjson.loads(body)
        description = whole["description"]
        yield SearchDocument(
            uuid=key,
            version=version,
            access_class=class_id,
            qualified_name=whole["qualified_name"],
            name=whole["name"],
            catalog=whole["catalog"],
            database=whole["database"] or "",
            platform=whole["platform"],
            kind=whole["kind"],
            description=description["text"] if description else "",
            owners=whole["owners"],
            tags=sorted({*whole["tags"], *(tag for column in whole["columns"] for tag in column["tags"])}),
            columns=[column["path"] for column in whole["columns"]],
            deprecated=DEPRECATED in map(fold, whole["tags"]),
            findings=sorted({each["type"] for column in whole["columns"] for each in standing_findings(column)}),
        )


_ROW = ("uuid", "version", "access_class_id", "body")


def all_documents() -> Iterator[SearchDocument]:
    """Return the search documents of all live datasets, read a page at a time."""
    last = 0
    while True:
        rows = list(
            Dataset.objects.filter(pk__gt=last, state__in=SEARCHED).order_by("pk").values_list("pk", *_ROW)[:PAGE]
        )
        if not rows:
            return
        last = rows[-1][0]
        yield from _documents([row[1:] for row in rows])


def index_changes(changes: Sequence[Change]) -> None:
    """
    Bring the index in step with the datasets that changes speak of; what is not live any more is deleted.

    An index that is not there is made anew.
    """
    subjects = list(dict.fromkeys(change.subject_uuid for change in changes if change.subject_uuid is not None))
    try:
        _index(subjects)
        for change in changes:
            if change.aspect == "classes":
                _index_patterns(change.payload.get("patterns", []))
    except IndexMissing:
        rebuild_index()


def _index(subjects: Sequence[uuid.UUID]) -> None:
    index = backends.search_index()
    for start in range(0, len(subjects), PAGE):
        part = subjects[start : start + PAGE]
        rows = list(Dataset.objects.filter(uuid__in=part, state__in=SEARCHED).values_list(*_ROW))
        found = {row[0] for row in rows}
        index.apply(_documents(rows), [key for key in part if key not in found])


def _index_patterns(patterns: Sequence[str]) -> None:
    prefixes = Q()
    for pattern in patterns:
        prefixes |= Q(qualified_name__startswith=pattern.split("*")[0])
    last = 0
    while prefixes:
        rows = list(
            Dataset.objects.filter(prefixes, pk__gt=last, state__in=SEARCHED)
            .order_by("pk")
            .values_list("pk", "uuid")[:PAGE]
        )
        if not rows:
            return
        last = rows[-1][0]
        _index([key for _, key in rows])


def rebuild_index() -> None:
    """Make the index anew from the tables."""
    backends.search_index().rebuild(all_documents())


@dataclass(frozen=True, slots=True)
class Found:
    """A dataset that was found, how well it fits, and why; and how many of its family it stands for beside itself."""

    summary: DatasetSummary
    score: float
    why: Why
    folded: int = 0


def _found(query: Query, principal: Principal, hits: Sequence[tuple[uuid.UUID, float, int]]) -> list[Found]:
    """Return what was found, with the reasons that the asker may know, by one query."""
    known = summarized_by_uuid(principal=principal, uuids=[key for key, _, _ in hits])
    items = []
    for key, score, folded in hits:
        if key in known:
            one = known[key]
            reasons = why(
                query.words,
                QualifiedName.parse(one.summary.qualified_name).segments,
                description=one.summary.description,
                columns=one.columns,
                tags=one.tags,
            )
            items.append(Found(one.summary, score, reasons, folded))
    return items


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Another query, and how many datasets it finds."""

    query: str
    total: int


SUGGESTIONS = 3
TRIED = 6


def _suggestions(query: Query, scope: Scope) -> Sequence[Suggestion]:
    """Return queries near one that finds nothing, of few that are tried."""
    index = backends.search_index()
    known: dict[str, list[str]] = {}
    if any(item.field in FACETS for item in query.filters):
        facets = index.search(Query(), scope, limit=0).facets
        known = {name: [value for value, _ in values] for name, values in facets.items()}
    # People write an owner without its kind.
    known["owner"] = [value.partition(":")[2] for value in known.get("owner", ())]
    found: list[Suggestion] = []
    for other in islice(dict.fromkeys(relaxations(query, known)), TRIED):
        total = index.search(other, scope, limit=0, facets=False).total
        if total:
            found.append(Suggestion(str(other), total))
    return found[:SUGGESTIONS]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One page of what was found. ``stale_reason`` says why it may be less than there is, if it may."""

    items: Sequence[Found]
    total: int
    facets: dict[str, list[tuple[str, int]]]
    next_offset: int | None
    stale_reason: str | None = None
    suggestions: Sequence[Suggestion] = ()
    """Queries near one that finds nothing, which find something."""


def scope_of(principal: Principal) -> Scope:
    """Return what a principal may find by."""
    return Scope(gate.classes_for(principal, gate.DISCOVER), gate.classes_for(principal, gate.READ))


def _folded(hits: Sequence[Hit], start: int, limit: int) -> tuple[list[tuple[Hit, int]], int]:
    """
    Return the best hits of families, each with how many it stands for, and where those begin that come next.

    Families that were met before ``start`` stand on earlier pages.
    """
    earlier = {family_of(hit.qualified_name) for hit in hits[:start]}
    chosen: dict[str, tuple[Hit, int]] = {}
    following = len(hits)
    for at in range(start, len(hits)):
        key = family_of(hits[at].qualified_name)
        if key in earlier:
            continue
        if key in chosen:
            first, count = chosen[key]
            chosen[key] = first, count + 1
        elif len(chosen) < limit:
            chosen[key] = hits[at], 0
        else:
            following = min(following, at)
    return list(chosen.values()), following


def search(
    *,
    query: Query,
    principal: Principal,
    limit: int,
    offset: int = 0,
    facets: bool = True,
    fold_families: bool = False,
) -> SearchResult:
    """
    Return what a query finds of what the principal may know, best first.

    With ``fold_families`` a dataset stands for its backups, copies and shards among the next hundreds of hits; ``total``
    and facets count all of them. While the index does not answer, names in the database do, and the result says so.
    """
    scope = scope_of(principal)
    suggestions: Sequence[Suggestion] = ()
    try:
        # Windows begin at fixed places, so that what one page folds the next one knows.
        window = offset - offset % FOLDED_HITS if fold_families else offset
        taken = FOLDED_HITS if fold_families and limit else limit
        answer = backends.search_index().search(query, scope, limit=taken, offset=window, facets=facets)
        if not answer.total and facets and (query.texts or query.filters):
            suggestions = _suggestions(query, scope)
    except SearchUnavailable as error:
        if isinstance(error, IndexMissing):
            request_rebuild("search")
        return _by_name(query, principal, limit, offset, str(error))
    chosen, used = [(hit, 0) for hit in answer.hits], limit
    if fold_families:
        chosen, used = _folded(answer.hits, offset - window, limit)
    items = _found(query, principal, [(hit.uuid, hit.score, folded) for hit, folded in chosen])
    end = window + used
    return SearchResult(
        items=items,
        total=answer.total,
        facets={name: list(values) for name, values in answer.facets.items()},
        next_offset=end if limit and answer.total > end and end < MAX_OFFSET else None,
        suggestions=suggestions,
    )


def _by_name(query: Query, principal: Principal, limit: int, offset: int, reason: str) -> SearchResult:
    condition = gate.condition(principal, gate.DISCOVER) & Q(state__in=SEARCHED)
    for word in query.words.split():
        condition &= Q(qualified_name__icontains=fold(word))
    rows = list(
        Dataset.objects.filter(condition)
        .order_by("qualified_name")
        .values_list("uuid", flat=True)[offset : offset + limit]
    )
    total = Dataset.objects.filter(condition).count()
    return SearchResult(
        items=_found(query, principal, [(key, 0.0, 0) for key in rows]),
        total=total,
        facets={},
        next_offset=offset + limit if total > offset + limit else None,
        stale_reason=f"found by name only: {reason}",
    )
