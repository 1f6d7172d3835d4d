"""Partition filters: what they pick, and what they say of what they cannot read."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.partitions import Bounds, InvalidFilter, Key, parse_partition_filter, values_of

KEYS = [Key("day", "date"), Key("country", "string"), Key("hour", "int")]
NAMES = [
    f"day=2026-11-0{day}/country={country}/hour={hour}"
    for day, country, hour in itertools.product((1, 2, 3), ("se", "de", "__HIVE_DEFAULT_PARTITION__"), ("7", "12"))
]


def picked(text):
    wanted = parse_partition_filter(text, KEYS)
    return [name for name in NAMES if wanted.wants(name)]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("day = '2026-11-01'", 6),
        ('DAY == "2026-11-01"', 6),
        ("day <> '2026-11-01'", 12),
        ("day != '2026-11-01' and country = 'se'", 4),
        ("day >= '2026-11-02'", 12),
        ("day between '2026-11-01' and '2026-11-02'", 12),
        ("day not between '2026-11-01' and '2026-11-02'", 6),
        ("country in ('se', 'fr')", 6),
        ("country not in ('se')", 6),
        ("country is null", 6),
        ("country is not null", 12),
        ("country = 'se' or country is null", 12),
        ("country like 's%'", 6),
        ("country not like '_e'", 0),
        ("country matches 's.|d.'", 12),
        ("hour = 7", 9),
        ("hour < 12", 9),
        ("hour > '7'", 9),
        ("hour in (7, 12.0)", 18),
        ("hour = 07", 9),
        # SQL's precedence; Metacat groups to the right and finds 2 here
        ("day = '2026-11-01' and country = 'se' or hour = 12", 10),
        ("day = '2026-11-01' && (country = 'se' || hour = 12)", 4),
        ("not (country = 'se')", 6),
        ("not country = 'se' and not not hour = 7", 3),
        ("day = 'it''s'", 0),
        ("day = '__HIVE_DEFAULT_PARTITION__'", 0),
    ],
)
def test_filters_pick(text, count):
    assert len(picked(text)) == count


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nope = 1", "not partitioned by 'nope'; its partition keys are: day, country, hour"),
        ("day", "ends where a comparison"),
        ("day =", "ends where a value"),
        ("day = se", "expected a value in quotes or a number at character 7"),
        ("day = 'x", "cannot read the filter at character 7"),
        ("(day = 'x'", "ends where '\\)' should follow"),
        ("day = 'x' country = 'y'", "expected 'and', 'or' or the end at character 11"),
        ("hour = 'noon'", "'hour' is a number, and 'noon' is none"),
        ("country matches '('", "not a regular expression"),
        ("(" * 200 + "hour = 1" + ")" * 200, "at most 50 levels"),
        ("not " * 200 + "hour = 1", "at most 50 levels"),
        ("x" * 100_000, "at most 10000 characters"),
        ("day in ()", "a value in quotes"),
        ("day is 1", "expected 'null'"),
        ("day = 'a' ; drop", "cannot read the filter at character 11"),
    ],
)
def test_what_cannot_be_read_is_explained(text, words):
    with pytest.raises(InvalidFilter, match=words):
        picked(text)


def test_a_pattern_that_would_take_for_ever_does_not():
    wanted = parse_partition_filter("country matches '(a+)+$'", KEYS)
    assert not wanted.wants(f"day=1/country={'a' * 250}!/hour=1")


def test_values_in_names_are_unescaped():
    assert values_of("day=2026-11-01 07%3A00/country=__HIVE_DEFAULT_PARTITION__") == ("2026-11-01 07:00", None)


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_a_clear_error(text):
    try:
        parse_partition_filter(text, KEYS)
    except InvalidFilter as error:
        assert str(error)


_PLAIN = st.one_of(
    st.builds("day {} '2026-11-0{}'".format, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), st.integers(0, 4)),
    st.builds("country {} '{}'".format, st.sampled_from(["=", "!=", "<", ">="]), st.sampled_from(["se", "de", "x"])),
    st.builds("day in ('2026-11-0{}', '2026-11-03')".format, st.integers(1, 3)),
    st.builds("day between '2026-11-0{}' and '2026-11-0{}'".format, st.integers(1, 3), st.integers(1, 3)),
    st.builds(
        "country like '{}{}'".format, st.sampled_from(["", "s", "se", "d"]), st.sampled_from(["", "%", "_", "%e"])
    ),
    st.sampled_from(["country is null", "hour = 7", "day like '2026-11-0_'"]),
)
_FILTERS = st.recursive(
    _PLAIN,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=6,
)


@given(_FILTERS)
def test_bounds_leave_out_nothing_that_is_wanted(text):
    wanted = parse_partition_filter(text, KEYS)
    for name in NAMES:
        if wanted.wants(name):
            for index, bound in wanted.bounds.items():
                value = values_of(name)[index]
                assert value is not None
                assert bound.among is None or value in bound.among
                assert bound.least is None or value >= bound.least
                assert bound.most is None or value <= bound.most


def test_what_begins_with_a_text_is_bounded_by_it():
    assert parse_partition_filter("country like 'se%'", KEYS).bounds == {1: Bounds(least="se", most="sf")}
    for unbounded in ("country like '%se'", "not country like 'se%'", "country like '\U0010ffff%'"):
        assert parse_partition_filter(unbounded, KEYS).bounds == {}
