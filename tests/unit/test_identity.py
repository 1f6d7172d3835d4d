"""Identity goes by name first; ids pair only what vanished with what came."""

from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.identity import pair

listings = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.none() | st.integers(0, 6), max_size=8)


@given(listings, listings)
def test_every_name_stands_in_exactly_one_place(before, after):
    found = pair(before, after)
    assert sorted([*found.kept, *found.vanished, *(old for old, _ in found.renamed)]) == sorted(before)
    assert sorted([*found.kept, *found.added, *(new for _, new in found.renamed)]) == sorted(after)
    assert set(found.recreated) <= set(found.kept)


@given(listings)
def test_a_listing_compared_with_itself_changes_nothing(listing):
    found = pair(listing, listing)
    assert not (found.renamed or found.added or found.vanished or found.recreated)


def test_a_name_that_stays_is_the_same_thing_whatever_its_id():
    found = pair({"orders": 1}, {"orders": 2})
    assert (list(found.kept), list(found.recreated)) == (["orders"], ["orders"])


def test_a_swap_of_two_tables_keeps_both_names_where_they_are():
    found = pair({"a": 1, "b": 2}, {"a": 2, "b": 1})
    assert not found.renamed
    assert set(found.recreated) == {"a", "b"}


def test_what_vanished_and_came_with_one_id_was_renamed():
    assert list(pair({"a": 7, "x": 1}, {"b": 7, "x": 1}).renamed) == [("a", "b")]


def test_an_id_that_is_not_unique_pairs_nothing():
    found = pair({"a": 7, "b": 7}, {"c": 7})
    assert not found.renamed
    assert set(found.vanished) == {"a", "b"}
