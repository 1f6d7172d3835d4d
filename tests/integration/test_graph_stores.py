"""The graph contract, a subclass a store."""

from __future__ import annotations

import uuid

import pytest

from catalog.journal import clock
from lineage.graph.memory import MemoryGraph
from lineage.graph.relational import RelationalGraph
from lineage.models import Edge, Job
from tests.contracts.graph_store import JOBS, GraphStoreContract

pytestmark = pytest.mark.django_db


class TestMemory(GraphStoreContract):
    @pytest.fixture
    def store(self):
        return MemoryGraph()

    @pytest.fixture
    def fill(self, store):
        def fill(made):
            store.clear()
            for job, edges in made.items():
                store.record(job, edges)

        return fill


class TestRelational(GraphStoreContract):
    @pytest.fixture
    def store(self):
        return RelationalGraph()

    @pytest.fixture
    def fill(self, db):
        def fill(made):
            Edge.objects.all().delete()
            for job in JOBS:
                Job.objects.get_or_create(uuid=job, defaults={"digest": job.bytes, "created_at": clock.now()})
            keys: dict[uuid.UUID, int] = dict(Job.objects.values_list("uuid", "pk"))
            Edge.objects.bulk_create(
                Edge(
                    upstream=one.edge.upstream.dataset,
                    upstream_column=one.edge.upstream.column,
                    downstream=one.edge.downstream.dataset,
                    downstream_column=one.edge.downstream.column,
                    subtype=one.edge.subtype,
                    masking=one.edge.masking,
                    origin=one.edge.origin,
                    job_id=keys[job],
                    since=one.edge.since,
                    until=one.edge.until,
                    last_seen_at=one.edge.last_seen_at,
                    runs_seen=one.edge.runs_seen,
                    runs_missed=one.edge.runs_missed,
                    recorded_at=one.recorded_at,
                    superseded_at=one.superseded_at,
                )
                for job, edges in made.items()
                for one in edges
            )

        return fill
