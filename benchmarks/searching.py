"""The search adapters side by side, on the same 100,000 documents and queries: Elasticsearch, OpenSearch, tantivy as the floor."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.measure import ms, percentile, report
from catalog.domain.query import parse_query
from catalog.search.base import Scope, SearchDocument, SearchIndex
from catalog.search.elasticsearch import ElasticsearchIndex
from catalog.search.tantivy import TantivyIndex

DATASETS = 100_000
SUBJECTS = [
    "customer",
    "order",
    "playback",
    "revenue",
    "session",
    "ticket",
    "invoice",
    "product",
    "region",
    "device",
    "title",
    "payment",
]
QUALITIES = ["daily", "active", "latest", "monthly", "raw", "clean", "enriched", "summary", "history", "snapshot"]
COLUMNS = [
    "id",
    "email",
    "amount",
    "created_at",
    "customer_id",
    "region_code",
    "device_os",
    "title_name",
    "is_active",
    "updated_at",
]


def _documents() -> Iterator[SearchDocument]:
    dice = random.Random(5)
    for number in range(DATASETS):
        catalog, database = f"catalog_{number % 8}", f"db_{number % 200}"
        name = f"{dice.choice(QUALITIES)}_{dice.choice(SUBJECTS)}_{dice.choice(SUBJECTS)}_{number}"
        yield SearchDocument(
            uuid=uuid.UUID(int=number),
            version=1,
            access_class=number % 20,
            qualified_name=f"{catalog}/{database}/{name}",
            name=name,
            catalog=catalog,
            database=database,
            platform=dice.choice(["hive", "iceberg", "postgresql"]),
            kind="table",
            description=" ".join(dice.sample(SUBJECTS + QUALITIES, 6)),
            owners=[f"user:u{number % 50}"],
            tags=dice.sample(["pii", "gold", "raw", "finance"], 1),
            columns=dice.sample(COLUMNS, 8),
        )


def _queries() -> Sequence[str]:
    dice = random.Random(6)
    return [" ".join(dice.sample(SUBJECTS + QUALITIES, dice.randint(1, 3))) for _ in range(300)]


def _measure(name: str, index: SearchIndex) -> None:
    began = time.perf_counter()
    index.rebuild(_documents())
    report(f"{name}: index of {DATASETS:,}", wall=f"{time.perf_counter() - began:.1f} s")
    scope = Scope(frozenset(range(18)), frozenset(range(15)))
    typed = [query[: 3 + number % 6] for number, query in enumerate(_queries())]
    for what, texts, facets in (("search, four facets", _queries(), True), ("autocomplete, eight names", typed, False)):
        parsed = [parse_query(text) for text in texts]
        for query in parsed[:30]:
            index.search(query, scope, limit=20, facets=facets)
        times, cpu = [], time.process_time()
        for query in parsed:
            began = time.perf_counter()
            index.search(query, scope, limit=20 if facets else 8, facets=facets)
            times.append(time.perf_counter() - began)
        report(
            f"{name}: {what}",
            p50=ms(percentile(times, 0.5)),
            p95=ms(percentile(times, 0.95)),
            own_cpu=ms((time.process_time() - cpu) / len(times)),
        )


def measure_searching() -> None:
    """Index 100,000 documents and search them, by every adapter whose server is there."""
    folder = Path(tempfile.mkdtemp(prefix="cairn-bench-"))
    try:
        _measure("tantivy", TantivyIndex(str(folder)))
        for name in ("elasticsearch", "opensearch"):
            url = os.environ.get(f"{name.upper()}_URL")
            if not url:
                print(f"{name}: not there; start it with deploy/local/{name} and export {name.upper()}_URL")
                continue
            index = ElasticsearchIndex(url, name="bench")
            _measure(name, index)
            index.rebuild([])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
