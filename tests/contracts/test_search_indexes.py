"""The search contract, a subclass an adapter, and that the adapters agree."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import socket
from dataclasses import replace

import pytest

from catalog.domain.query import parse_query
from catalog.search.base import IndexMissing, Scope, SearchUnavailable
from catalog.search.elasticsearch import ElasticsearchIndex
from catalog.search.memory import MemoryIndex
from catalog.search.tantivy import TantivyIndex
from tests.conftest import ELASTICSEARCH_URL, OPENSEARCH_URL
from tests.contracts.search_index import ALL, ESTATE, SearchIndexContract, made


class TestMemory(SearchIndexContract):
    @pytest.fixture
    def index(self):
        return MemoryIndex()


class RealSearchContract(SearchIndexContract):
    """What adapters promise beyond the reference: they forgive, and say so where they are not there."""

    @pytest.mark.parametrize(
        ("text", "first"),
        [
            ("custmers", "shop/public/customers"),
            ("play_evnts", "lake/events/play_events"),
            ("ordrs", "shop/public/orders"),
        ],
    )
    def test_one_wrong_letter_still_finds_the_name(self, index, text, first):
        assert self.names(index, text)[0] == first

    def test_the_beginning_of_a_word_finds_the_name(self, index):
        assert self.names(index, "sala")[0] == "hr/people/salaries"


class TestTantivy(RealSearchContract):
    @pytest.fixture
    def index(self, tmp_path):
        return TantivyIndex(str(tmp_path / "search"))

    def test_a_reader_sees_what_a_writer_wrote(self, index, tmp_path):
        reader = TantivyIndex(str(tmp_path / "search"))
        assert reader.count() == len(ESTATE)
        index.apply([made("new/db/zebra")], [])
        reader._checked = 0.0
        assert reader.search(parse_query("zebra"), ALL, limit=1).total == 1
        index.rebuild(ESTATE[:1])
        reader._checked = 0.0
        assert reader.count() == 1

    def test_an_index_that_was_never_built_says_so(self, tmp_path):
        never = TantivyIndex(str(tmp_path / "other"))
        with pytest.raises(IndexMissing, match="not been built"):
            never.count()
        with pytest.raises(IndexMissing):
            never.apply([], [])

    def test_an_index_whose_files_are_gone_is_unavailable_and_can_be_rebuilt(self, index, tmp_path):
        folder = next(path for path in (tmp_path / "search").iterdir() if path.is_dir())
        shutil.rmtree(folder)
        fresh = TantivyIndex(str(tmp_path / "search"))
        with pytest.raises(IndexMissing):
            fresh.count()
        assert fresh.rebuild(ESTATE) == len(ESTATE)


class ServerContract(RealSearchContract):
    """Elasticsearch's adapter, whichever of the two servers answers."""

    url: str

    @pytest.fixture
    def index(self):
        index = ElasticsearchIndex(self.url, name=f"test-{os.getpid()}")
        yield index
        for name in index.indexes():
            index._client.indices.delete(index=name)

    def test_an_older_version_does_not_take_the_place_of_a_newer(self, index):
        newer = replace(ESTATE[0], version=7, description="zebra")
        index.apply([newer], [])
        index.apply([replace(newer, version=6, description="horse")], [])
        assert self.find(index, "zebra").total == 1
        assert self.find(index, "horse").total == 0

    def test_what_was_deleted_comes_back_with_a_newer_version(self, index):
        index.apply([], [ESTATE[0].uuid])
        index.apply([replace(ESTATE[0], version=3)], [])
        assert index.count() == len(ESTATE)

    def test_an_index_that_was_never_built_says_so(self):
        other = ElasticsearchIndex(self.url, name=f"other-{os.getpid()}")
        for ask in (other.count, lambda: other.apply([], []), lambda: self.find(other, "x")):
            with pytest.raises(IndexMissing, match="not been built"):
                ask()

    def test_a_rebuild_leaves_one_index_behind_the_alias(self, index):
        index.rebuild(ESTATE[:3])
        assert len(index.indexes()) == 1
        assert self.names(index, "") == sorted(document.qualified_name for document in ESTATE[:3])

    def test_a_rebuild_that_fails_leaves_the_old_index_as_it_was(self, index):
        def breaking():
            yield ESTATE[0]
            raise ValueError("the database is gone")

        with pytest.raises(ValueError, match="is gone"):
            index.rebuild(breaking())
        assert index.count() == len(ESTATE)
        assert index.rebuild(ESTATE) == len(ESTATE)
        assert len(index.indexes()) == 1

    def test_an_index_whose_name_begins_alike_is_another(self, index):
        other = ElasticsearchIndex(self.url, name=f"test-{os.getpid()}-other")
        other.rebuild(ESTATE[:1])
        index.rebuild(ESTATE)
        assert other.count() == 1
        index._client.indices.delete(index=other.indexes()[0])

    def test_names_of_any_length_and_many_columns_fit(self, index):
        long = made(f"a/b/{'Å' * 500}", columns=[f"c{number}" for number in range(5_000)] + ["x" * 40_000])
        index.apply([long], [])
        assert self.find(index, f"name:{'å' * 500}").hits[0].uuid == long.uuid
        assert self.find(index, "column:c1999").total == 1


@pytest.mark.server("elasticsearch")
class TestElasticsearch(ServerContract):
    url = ELASTICSEARCH_URL


@pytest.mark.server("opensearch")
class TestOpenSearch(ServerContract):
    url = OPENSEARCH_URL


def test_a_server_that_does_not_answer_is_unavailable_at_once_and_for_a_while():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        index = ElasticsearchIndex(f"http://127.0.0.1:{probe.getsockname()[1]}")
        for _ in range(2):
            with pytest.raises(SearchUnavailable, match="does not answer"):
                index.search(parse_query("x"), ALL, limit=1)
        with pytest.raises(SearchUnavailable, match="does not answer"):
            index.rebuild([])


QUERIES = [
    "",
    "platform:iceberg",
    "customers",
    "orders -customer",
    "tag:pii",
    "column:*_id",
    "play events",
    "custmers",
    "public.orders",
    "events platform:iceberg -name:*enriched",
    "catalog:shop owner:mara tag:pii",
    "sala",
    '"play events" titles',
]
READER = Scope(frozenset({1, 2}), frozenset({1}))


@pytest.mark.parametrize("text", QUERIES)
def test_adapters_agree_on_what_is_found_and_counted(tmp_path, text):
    memory, tantivy = MemoryIndex(), TantivyIndex(str(tmp_path / "search"))
    for index in (memory, tantivy):
        index.rebuild(ESTATE)
    query = parse_query(text)
    one, other = memory.search(query, ALL, limit=50), tantivy.search(query, ALL, limit=50)
    assert {hit.uuid for hit in one.hits} <= {hit.uuid for hit in other.hits}
    if not query.words:
        assert one.total == other.total
        assert {name: dict(values) for name, values in one.facets.items()} == {
            name: dict(values) for name, values in other.facets.items()
        }


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(ELASTICSEARCH_URL, marks=pytest.mark.server("elasticsearch"), id="elasticsearch"),
        pytest.param(OPENSEARCH_URL, marks=pytest.mark.server("opensearch"), id="opensearch"),
    ],
)
def test_servers_and_tantivy_answer_alike(tmp_path, url):
    """The same datasets, the same counts, and the same first one; scores further down are each engine's own."""
    server, tantivy = ElasticsearchIndex(url, name=f"parity-{os.getpid()}"), TantivyIndex(str(tmp_path / "search"))
    dice = random.Random(11)
    parts = ["play", "events", "Orders", "customer", "daily", "acct", "v2", "titles", "raw"]
    more = [
        made(
            f"c{number % 3}/d{number % 5}/{'_'.join(dice.sample(parts, 3))}_{number}",
            columns=dice.sample(["id", "email", "customer_id", "amount", "os"], 2),
            tags=dice.sample(["pii", "gold", "secret"], 1),
            owners=[dice.choice(["user:mara", "team:playback"])],
            access_class=dice.choice([1, 2, 3]),
            description=" ".join(dice.sample(parts, 4)),
        )
        for number in range(300)
    ]
    try:
        for index in (server, tantivy):
            index.rebuild([*ESTATE, *more])
        differences = []
        for text, scope in itertools.product(QUERIES, (ALL, READER)):
            query = parse_query(text)
            one = server.search(query, scope, limit=400)
            other = tantivy.search(query, scope, limit=400)
            same = (
                one.total == other.total,
                {hit.uuid for hit in one.hits} == {hit.uuid for hit in other.hits},
                [hit.uuid for hit in one.hits[:1]] == [hit.uuid for hit in other.hits[:1]],
                {name: dict(values) for name, values in one.facets.items()}
                == {name: dict(values) for name, values in other.facets.items()},
            )
            if not all(same):
                differences.append((text, scope is ALL, same, one.total, other.total))
        assert differences == []
    finally:
        for name in server.indexes():
            server._client.indices.delete(index=name)
