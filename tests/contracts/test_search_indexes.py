"""The search contract, a subclass an adapter, and that the adapters agree."""

from __future__ import annotations

import shutil

import pytest

from catalog.domain.query import parse_query
from catalog.search.base import SearchUnavailable
from catalog.search.memory import MemoryIndex
from catalog.search.tantivy import TantivyIndex
from tests.contracts.search_index import ALL, ESTATE, SearchIndexContract, made


class TestMemory(SearchIndexContract):
    @pytest.fixture
    def index(self):
        return MemoryIndex()


class TestTantivy(SearchIndexContract):
    @pytest.fixture
    def index(self, tmp_path):
        return TantivyIndex(str(tmp_path / "search"))

    @pytest.mark.parametrize("text", ["custmers", "play_evnts", "ordrs"])
    def test_one_wrong_letter_still_finds_the_name(self, index, text):
        assert self.find(index, text).hits

    def test_the_beginning_of_a_word_finds_the_name(self, index):
        assert self.names(index, "sala")[0] == "hr/people/salaries"

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
        with pytest.raises(SearchUnavailable, match="not been built"):
            TantivyIndex(str(tmp_path / "other")).count()

    def test_an_index_whose_files_are_gone_is_unavailable_and_can_be_rebuilt(self, index, tmp_path):
        folder = next(path for path in (tmp_path / "search").iterdir() if path.is_dir())
        shutil.rmtree(folder)
        fresh = TantivyIndex(str(tmp_path / "search"))
        with pytest.raises(SearchUnavailable):
            fresh.count()
        assert fresh.rebuild(ESTATE) == len(ESTATE)


@pytest.mark.parametrize(
    "text", ["", "platform:iceberg", "customers", "orders -customer", "tag:pii", "column:*_id", "play events"]
)
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
