"""The projection that tells a graph store of edges, where the store does not read the tables."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence

from catalog.journal.projections import request_rebuild
from catalog.journal.selectors import Change
from lineage.backends import PROJECTION, graph_store
from lineage.domain.walks import Edge, Node
from lineage.graph.base import Recorded, RecordsEdges
from lineage.models import Edge as EdgeRow
from lineage.models import Job

FOLLOWED = frozenset({"lineage"})
PAGE = 200


def record_changes(changes: Sequence[Change]) -> None:
    """
    Tell the store the edges of the jobs that changes speak of; one that lost what it was told is made anew.

    :raises GraphUnavailable: if it does not answer.
    """
    store = graph_store()
    if isinstance(store, RecordsEdges):
        if not store.is_whole():
            request_rebuild(PROJECTION)
            return
        jobs = list(dict.fromkeys(change.subject_uuid for change in changes if change.subject_uuid is not None))
        for start in range(0, len(jobs), PAGE):
            _record(store, jobs[start : start + PAGE])


def record_all() -> None:
    """Make the store anew from the tables; until it is whole, the tables answer. :raises GraphUnavailable: if it does not answer."""
    store = graph_store()
    if not isinstance(store, RecordsEdges):
        return
    store.clear()
    last = 0
    while True:
        rows = list(Job.objects.filter(pk__gt=last).order_by("pk").values_list("pk", "uuid")[:PAGE])
        if not rows:
            store.finish()
            return
        last = rows[-1][0]
        _record(store, [key for _, key in rows])


def _record(store: RecordsEdges, jobs: Sequence[uuid.UUID]) -> None:
    known = dict(Job.objects.filter(uuid__in=jobs).values_list("uuid", "pk"))
    for key in jobs:
        store.record(key, list(_edges(key, known[key])) if key in known else [])


_FIELDS = (
    *("upstream", "upstream_column", "downstream", "downstream_column", "origin", "since", "until"),
    *("last_seen_at", "runs_seen", "runs_missed", "subtype", "masking", "recorded_at", "superseded_at"),
)


def _edges(job: uuid.UUID, pk: int) -> Iterator[Recorded]:
    for row in EdgeRow.objects.filter(job_id=pk).values_list(*_FIELDS).iterator():
        up, up_column, down, down_column, origin, since, until, seen, runs_seen, missed, subtype, masking = row[:12]
        edge = Edge(
            upstream=Node(up, up_column),
            downstream=Node(down, down_column),
            job=job,
            origin=origin,
            since=since,
            until=until,
            last_seen_at=seen,
            runs_seen=runs_seen,
            runs_missed=missed,
            subtype=subtype,
            masking=masking,
        )
        yield Recorded(edge, row[12], row[13])
