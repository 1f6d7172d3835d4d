"""The contract of the search port: what is found, in which order, by whom, and how often each facet counts."""

from __future__ import annotations

import contextlib
import random
import string
import uuid

import pytest

from catalog.domain.query import InvalidQuery, parse_query
from catalog.search.base import Answer, Scope, SearchDocument, SearchIndex

ALL = Scope(None, None)


def made(qualified_name: str, **more) -> SearchDocument:
    catalog, database, name = qualified_name.split("/")
    return SearchDocument(
        uuid=uuid.uuid5(uuid.NAMESPACE_URL, qualified_name),
        version=1,
        access_class=more.pop("access_class", 1),
        qualified_name=qualified_name,
        name=name,
        catalog=catalog,
        database=database,
        platform=more.pop("platform", "postgresql"),
        kind=more.pop("kind", "table"),
        **more,
    )


ESTATE = [
    made(
        "lake/events/play_events",
        platform="iceberg",
        owners=["team:playback"],
        tags=["certified"],
        columns=["event_id", "device.os"],
    ),
    made("lake/events/play_events_enriched", platform="iceberg", description="Play events joined with titles."),
    made(
        "shop/public/customers",
        owners=["user:mara"],
        tags=["pii"],
        columns=["id", "email", "full_name"],
        description="Everybody who buys.",
    ),
    made("shop/public/custAcctBalance", columns=["acct_id"]),
    made("shop/public/orders", columns=["id", "customer_id"], description="One row per order of a customer."),
    made("shop/archive/orders", kind="view"),
    made("hr/people/salaries", access_class=2, columns=["salary"], tags=["secret"], owners=["user:hr"]),
    made("shop/public/Café", description="Visitors of the café."),
]


class SearchIndexContract:
    """Every search adapter keeps these promises."""

    @pytest.fixture
    def index(self) -> SearchIndex:
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _filled(self, index):
        index.rebuild(ESTATE)

    def find(self, index: SearchIndex, text: str, scope: Scope = ALL, **more) -> Answer:
        return index.search(parse_query(text), scope, limit=more.pop("limit", 20), **more)

    def names(self, index: SearchIndex, text: str, scope: Scope = ALL) -> list[str]:
        by_uuid = {document.uuid: document.qualified_name for document in ESTATE}
        hits = self.find(index, text, scope).hits
        assert [hit.qualified_name for hit in hits] == [by_uuid[hit.uuid] for hit in hits]
        return [hit.qualified_name for hit in hits]

    @pytest.mark.parametrize(
        ("text", "first"),
        [
            ("play_events", "lake/events/play_events"),
            ("play events", "lake/events/play_events"),
            ("PlayEvents", "lake/events/play_events"),
            ("playevents", "lake/events/play_events"),
            ("lake/events/play_events", "lake/events/play_events"),
            ("events.play_events", "lake/events/play_events"),
            ('"events"."play_events"', "lake/events/play_events"),
            ("customers", "shop/public/customers"),
            ("customer", "shop/public/customers"),
            ("public.orders", "shop/public/orders"),
            ("archive/orders", "shop/archive/orders"),
            ("customer account", "shop/public/custAcctBalance"),
            ("cafe", "shop/public/Café"),
            ("who buys", "shop/public/customers"),
            ("the email of everybody who buys", "shop/public/customers"),
        ],
    )
    def test_the_dataset_that_is_meant_comes_first(self, index, text, first):
        assert self.names(index, text)[0] == first

    def test_what_somebody_cares_for_comes_before_its_like_and_what_is_deprecated_after(self, index):
        index.rebuild(
            [
                made("a/old/plans", deprecated=True, description="Plans.", owners=["user:mara"], tags=["deprecated"]),
                made("b/new/plans"),
                made("c/new/plans", description="Plans that are sold."),
                made("d/new/plans", description="Plans that are sold.", owners=["user:mara"]),
            ]
        )

        def catalogs(scope=ALL):
            hits = self.find(index, "plans", scope).hits
            known = {
                uuid.uuid5(uuid.NAMESPACE_URL, f"{name}/plans"): name[0]
                for name in ("a/old", "b/new", "c/new", "d/new")
            }
            return [known[hit.uuid] for hit in hits]

        assert catalogs() == ["d", "c", "b", "a"]
        # Tags are a detail: who may not read it does not learn from its place that it is deprecated.
        assert catalogs(Scope(frozenset({1}), frozenset())) == ["a", "d", "c", "b"]

    def test_a_word_of_many_columns_counts_like_one_of_few(self, index):
        index.rebuild(
            [
                made("shop/public/active_customers", columns=["customer_id", "email"]),
                made("shop/public/customers", columns=["id", "email", *(f"column_{n}" for n in range(30))]),
            ]
        )
        for text in ("customer email", "the table with customer e-mails"):
            first = self.find(index, text).hits[0]
            assert first.uuid == uuid.uuid5(uuid.NAMESPACE_URL, "shop/public/customers")

    def test_words_that_say_nothing_find_nothing_beside_others(self, index):
        assert self.names(index, "the salaries of a") == ["hr/people/salaries"]

    def test_words_need_not_all_match(self, index):
        assert "shop/public/customers" in self.names(index, "customers zebra")

    def test_nothing_is_found_where_nothing_fits(self, index):
        answer = self.find(index, "zzzz")
        assert (answer.total, list(answer.hits)) == (0, [])

    def test_no_words_find_everything_by_name(self, index):
        assert self.names(index, "") == sorted(document.qualified_name for document in ESTATE)

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("platform:iceberg", {"lake/events/play_events", "lake/events/play_events_enriched"}),
            ("owner:mara", {"shop/public/customers"}),
            ("owner:team:playback", {"lake/events/play_events"}),
            ("tag:PII", {"shop/public/customers"}),
            ("column:email", {"shop/public/customers"}),
            ("column:*_id", {"lake/events/play_events", "shop/public/custAcctBalance", "shop/public/orders"}),
            ("column:os", {"lake/events/play_events"}),
            ("kind:view", {"shop/archive/orders"}),
            ("name:orders", {"shop/public/orders", "shop/archive/orders"}),
            ("name:play*", {"lake/events/play_events", "lake/events/play_events_enriched"}),
            ("catalog:shop database:archive", {"shop/archive/orders"}),
            ("catalog:shop -database:archive -name:c* -name:café", {"shop/public/orders"}),
            ("orders -customer", {"shop/archive/orders"}),
            ('"order customer"', {"shop/public/orders"}),
        ],
    )
    def test_filters_leave_what_they_say(self, index, text, found):
        assert set(self.names(index, text)) == found

    def test_a_facet_is_counted_without_its_own_filter(self, index):
        facets = self.find(index, "platform:iceberg").facets
        assert dict(facets["platform"]) == {"iceberg": 2, "postgresql": 6}
        assert dict(facets["catalog"]) == {"lake": 2}
        assert dict(facets["tag"]) == {"certified": 1}
        assert dict(self.find(index, "tag:pii").facets["tag"]) == {"certified": 1, "pii": 1, "secret": 1}

    def test_what_may_not_be_known_is_neither_found_nor_counted(self, index):
        scope = Scope(frozenset({1}), frozenset({1}))
        answer = self.find(index, "", scope)
        assert answer.total == len(ESTATE) - 1
        assert "hr" not in dict(answer.facets["catalog"])
        assert "secret" not in dict(answer.facets["tag"])
        assert "user:hr" not in dict(answer.facets["owner"])
        assert self.names(index, "salaries", scope) == []

    def test_details_of_what_may_only_be_discovered_are_neither_matched_nor_counted(self, index):
        scope = Scope(frozenset({1, 2}), frozenset({1}))
        assert self.names(index, "salaries", scope) == ["hr/people/salaries"]
        assert self.names(index, "column:salary", scope) == []
        assert (
            self.names(index, "salary", scope) != ["hr/people/salaries"] or self.names(index, "xsalaryx", scope) == []
        )
        assert self.names(index, "tag:secret", scope) == []
        assert self.names(index, "secret", scope) == []
        assert "secret" not in dict(self.find(index, "", scope).facets["tag"])

    def test_nobody_who_may_know_nothing_finds_anything(self, index):
        assert self.find(index, "", Scope(frozenset(), frozenset())).total == 0

    def test_pages_join_to_the_whole_list(self, index):
        whole = [hit.uuid for hit in self.find(index, "").hits]
        parts = [
            hit.uuid for offset in range(0, len(ESTATE), 3) for hit in self.find(index, "", limit=3, offset=offset).hits
        ]
        assert sorted(parts, key=str) == sorted(whole, key=str)
        assert len(set(parts)) == len(parts)

    def test_a_newer_document_takes_the_place_of_the_older(self, index):
        document = made("shop/public/orders", description="zebra crossing")
        index.apply([document], [])
        assert [hit.uuid for hit in self.find(index, "zebra").hits] == [document.uuid]
        assert index.count() == len(ESTATE)

    def test_what_is_deleted_is_not_found(self, index):
        index.apply([], [ESTATE[0].uuid, uuid.uuid4()])
        assert ESTATE[0].uuid not in {hit.uuid for hit in self.find(index, "").hits}
        assert index.count() == len(ESTATE) - 1

    def test_a_rebuild_replaces_everything(self, index):
        assert index.rebuild(ESTATE[:2]) == 2
        assert index.count() == 2

    @pytest.mark.parametrize(
        "text",
        [
            "<script>",
            "a<",
            "name:<*",
            *string.punctuation,
            *(f"name:{char}*" for char in string.punctuation),
            "a.*b[c",
            "(((",
            "\\",
            "name:[a-z]*",
            "name:a.b",
            "^$",
            "~",
            "'; DROP TABLE",
            "🎬 大阪",
        ],
    )
    def test_no_text_is_an_expression(self, index, text):
        with contextlib.suppress(InvalidQuery):
            self.find(index, text)

    def test_random_queries_never_fail(self, index):
        dice = random.Random(7)
        alphabet = string.printable + "abcplay_events.* é🎬"
        for _ in range(500):
            text = "".join(dice.choice(alphabet) for _ in range(dice.randrange(30)))
            try:
                query = parse_query(text)
            except ValueError:
                continue
            index.search(query, ALL, limit=5)
