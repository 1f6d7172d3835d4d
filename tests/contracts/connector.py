"""The contract of the connector port. A subclass gives a source with known tables; what it cannot have, its facts leave out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from catalog.connectors.base import (
    Connector,
    Context,
    DatasetRef,
    Loaded,
    LoadFailure,
    NoSuchDatabase,
    SourceUnavailable,
    collect,
)
from catalog.domain.documents import DatasetDocument, content_digest, definition_bytes

ODD_NAMES = ["with space", "dot.ted", "sla/sh", "per%cent", 'quo"te', "éclair 🎬", "x" * 63]


@dataclass(frozen=True)
class Facts:
    """What is true of the source that a subclass prepares: a database with `customers` (id, email, name) and `orders` (id)."""

    database: str
    odd_names: Sequence[str] = tuple(ODD_NAMES)
    has_source_ids: bool = False
    has_column_ids: bool = False
    has_comments: bool = True
    has_primary_keys: bool = True
    has_nullability: bool = True


class ConnectorContract:
    """Every connector keeps these promises."""

    facts: Facts

    @pytest.fixture
    def connector(self) -> Connector:
        """Return a connector on a source prepared with :meth:`prepare`."""
        raise NotImplementedError

    @pytest.fixture
    def change(self):
        """Return a function that adds a column ``added`` to ``customers`` behind the connector's back."""
        raise NotImplementedError

    def context(self) -> Context:
        return Context.within(10)

    def refs(self, connector: Connector, page_size: int = 1_000) -> list[DatasetRef]:
        ctx = Context.within(10, page_size=page_size)
        return collect(lambda page: connector.list_datasets(ctx, self.facts.database, page))

    def load(self, connector: Connector, name: str) -> DatasetDocument:
        (answer,) = connector.load(self.context(), [DatasetRef(self.facts.database, name)])
        assert isinstance(answer, Loaded)
        return answer.document

    def test_a_check_says_what_answered(self, connector):
        health = connector.check(self.context())
        assert health.version
        assert health.databases >= 1

    def test_databases_are_listed_by_name_without_the_system_s(self, connector):
        names = [ref.name for ref in collect(lambda page: connector.list_databases(self.context(), page))]
        assert self.facts.database in names
        assert names == sorted(names)
        assert not {"information_schema", "pg_catalog"} & set(names)

    def test_datasets_are_listed_in_name_order_each_once(self, connector):
        names = [ref.name for ref in self.refs(connector)]
        assert names == sorted(names)
        assert set(names) == {"customers", "orders", *self.facts.odd_names}

    @pytest.mark.parametrize("page_size", [1, 2, 3])
    def test_pages_of_any_size_give_the_same_list(self, connector, page_size):
        assert self.refs(connector, page_size) == self.refs(connector)

    def test_a_database_that_is_not_there_is_said_to_be_missing(self, connector):
        with pytest.raises(NoSuchDatabase):
            connector.list_datasets(self.context(), "no such database")

    def test_listing_twice_gives_equal_digests(self, connector):
        assert self.refs(connector) == self.refs(connector)

    def test_a_digest_changes_when_the_definition_does(self, connector, change):
        before = {ref.name: ref.digest for ref in self.refs(connector)}
        change()
        after = {ref.name: ref.digest for ref in self.refs(connector)}
        assert before["customers"] is None or before["customers"] != after["customers"]
        assert before["orders"] == after["orders"]

    def test_documents_come_in_the_order_of_the_references(self, connector):
        refs = list(reversed(self.refs(connector)))
        answers = list(connector.load(self.context(), refs))
        assert [answer.ref.name for answer in answers] == [ref.name for ref in refs]
        assert all(isinstance(answer, Loaded) for answer in answers)

    def test_columns_keep_the_source_s_order_and_types(self, connector):
        document = self.load(connector, "customers")
        assert document.kind == "table"
        assert [column.name for column in document.columns] == ["id", "email", "name"]
        assert [str(column.type) for column in document.columns] == ["long", "string", "string"]
        assert [column.nullable for column in document.columns][1] is not self.facts.has_nullability

    def test_loading_twice_gives_one_content_address(self, connector):
        first, second = (content_digest(definition_bytes(self.load(connector, "customers"))) for _ in range(2))
        assert first == second

    def test_what_is_gone_is_data_and_not_an_exception(self, connector):
        refs = [DatasetRef(self.facts.database, "gone"), DatasetRef(self.facts.database, "orders")]
        gone, there = connector.load(self.context(), refs)
        assert isinstance(gone, LoadFailure)
        assert gone.gone
        assert isinstance(there, Loaded)

    def test_odd_names_load_as_they_were_listed(self, connector):
        refs = [ref for ref in self.refs(connector) if ref.name in self.facts.odd_names]
        assert all(isinstance(answer, Loaded) for answer in connector.load(self.context(), refs))

    def test_lasting_ids_are_given_where_the_source_has_them(self, connector):
        (answer,) = connector.load(self.context(), [DatasetRef(self.facts.database, "customers")])
        assert (answer.ref.source_id is not None) == self.facts.has_source_ids
        given = [column.source_column_id is not None for column in answer.document.columns]
        assert given == [self.facts.has_column_ids] * 3

    def test_comments_are_read_where_the_source_has_them(self, connector):
        document = self.load(connector, "customers")
        if self.facts.has_comments:
            assert (document.comment, document.columns[1].comment) == ("Who buys.", "Lower-cased.")
        else:
            assert (document.comment, document.columns[1].comment) == ("", "")

    def test_the_primary_key_is_read_where_the_source_has_one(self, connector):
        assert self.load(connector, "customers").primary_key == (("id",) if self.facts.has_primary_keys else ())

    def test_a_deadline_that_has_passed_is_an_answer(self, connector):
        with pytest.raises(SourceUnavailable):
            list(connector.load(Context(deadline=0.0), [DatasetRef(self.facts.database, "customers")]))

    def test_closing_twice_does_no_harm(self, connector):
        connector.close()
        connector.close()
