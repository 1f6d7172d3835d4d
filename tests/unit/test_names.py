"""Qualified names: what is printed can be read back, and nothing deceptive is printed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.names import (
    MAX_NAME_BYTES,
    InvalidName,
    QualifiedName,
    check_catalog_name,
    escape_segment,
    is_chosen,
    join_namespace,
    lookup_key,
    matches_pattern,
    split_namespace,
    unescape_segment,
)

segments = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=40)


@given(st.lists(segments, min_size=1, max_size=4))
def test_parsing_a_printed_name_gives_it_back(parts):
    name = QualifiedName(tuple(parts))
    assert QualifiedName.parse(str(name)) == name


@given(segments)
def test_a_printed_segment_never_holds_a_slash_or_a_control(segment):
    printed = escape_segment(segment)
    assert "/" not in printed
    assert printed.isprintable() or not any(ord(char) < 32 for char in printed)
    assert unescape_segment(printed) == segment


@pytest.mark.parametrize(
    ("segment", "printed"),
    [
        ("a/b", "a%2Fb"),
        ("100%", "100%25"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("a.b", "a.b"),
        ("tab\there", "tab%09here"),
        ("left\u202eright", "left%E2%80%AEright"),
        ("naïve 大阪 🎬", "naïve 大阪 🎬"),
        ('quo"te', 'quo"te'),
    ],
)
def test_segments_print_as_documented(segment, printed):
    assert escape_segment(segment) == printed


@pytest.mark.parametrize("text", ["", "a//b", "/a", "a/", "a/%zz", "a/%", "a/%80"])
def test_what_is_no_name_is_refused(text):
    with pytest.raises(InvalidName):
        QualifiedName.parse(text)


@pytest.mark.parametrize("segment", ["", "a\x00b", "\ud800", "x" * 1021])
def test_segments_that_no_store_can_keep_are_refused(segment):
    with pytest.raises(InvalidName):
        QualifiedName.of("c", segment)


def test_a_name_of_255_bytes_in_each_part_is_kept():
    QualifiedName.of("c" * 63, "d" * 255, "é" * 127)


def test_a_name_longer_than_an_index_row_is_refused():
    with pytest.raises(InvalidName, match=str(MAX_NAME_BYTES)):
        QualifiedName.of("c", "/" * 400, "/" * 600)


@given(st.lists(segments, min_size=1, max_size=4))
def test_namespaces_split_as_they_were_joined(levels):
    assert split_namespace(join_namespace(tuple(levels))) == tuple(levels)


def test_names_that_differ_in_letter_case_only_share_a_key():
    assert lookup_key("Straße/A") == lookup_key("STRASSE/a")
    assert lookup_key("A") != lookup_key("B")


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("**", "a/b/c", True),
        ("a/*/c", "a/b/c", True),
        ("a/*", "a/b/c", False),
        ("a/**", "a/b/c", True),
        ("a/**", "ab/c", False),
        ("a/b*", "a/bc", True),
        ("a.b/**", "axb/c", False),
        ("A/**", "a/b", False),
    ],
)
def test_patterns_stop_at_slashes(pattern, name, fits):
    assert matches_pattern(pattern, name) is fits


@given(st.text("ab/*", min_size=1, max_size=10), st.text("ab/", min_size=1, max_size=10))
def test_patterns_match_as_the_expression_they_stand_for(pattern, name):
    import re

    try:
        found = matches_pattern(pattern, name)
    except InvalidName:
        return
    rest = pattern.endswith("**")
    body = pattern[:-2] if rest else pattern
    expression = "[^/]*".join(re.escape(part) for part in body.split("*")) + (".*" if rest else "")
    assert found == bool(re.fullmatch(expression, name))


def test_a_pattern_of_many_stars_is_quick_on_a_long_name():
    assert not matches_pattern("*a" * 8 + "b", "a" * 2_000)


@pytest.mark.parametrize("pattern", ["", "a/**/b", "*" * 9, "x" * 501, "***"])
def test_patterns_that_could_surprise_are_refused(pattern):
    with pytest.raises(InvalidName):
        matches_pattern(pattern, "a")


@pytest.mark.parametrize("name", ["", "a/b", "ä", "-a", "x" * 64, "a b", "a\n"])
def test_catalog_names_are_plain(name):
    with pytest.raises(InvalidName):
        check_catalog_name(name)


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        ([], {"sales_eu", "sales_us", "tmp_x", "hr"}),
        (["sales_*"], {"sales_eu", "sales_us"}),
        (["sales_*", "hr"], {"sales_eu", "sales_us", "hr"}),
        (["-tmp_*"], {"sales_eu", "sales_us", "hr"}),
        (["sales_*", "-*_us"], {"sales_eu"}),
        (["Sales_*"], set()),
    ],
)
def test_patterns_choose_databases(patterns, chosen):
    assert {name for name in ("sales_eu", "sales_us", "tmp_x", "hr") if is_chosen(name, patterns)} == chosen
