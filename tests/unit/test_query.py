"""The search language and the words of identifiers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.identifiers import fold, joined, name_words, query_words
from catalog.domain.query import Filter, InvalidQuery, Text, parse_query, relaxations


@given(st.text(max_size=200))
def test_any_text_is_a_query_or_a_clear_error(text):
    try:
        query = parse_query(text)
    except InvalidQuery as error:
        assert "filter" in str(error) or "parts" in str(error)
    else:
        assert parse_query(str(query)).filters == query.filters


@pytest.mark.parametrize(
    ("text", "texts", "filters"),
    [
        ("play events", (Text("play"), Text("events")), ()),
        ('"play events"', (Text("play events", phrase=True),), ()),
        ("-test", (Text("test", excluded=True),), ()),
        ("owner:mara -name:tmp_*", (), (Filter("owner", "mara"), Filter("name", "tmp_*", excluded=True))),
        ('owner:"Mara O"', (), (Filter("owner", "Mara O"),)),
        ("OWNER:x", (), (Filter("owner", "x"),)),
        ("https://a.b/c", (Text("https://a.b/c"),), ()),
        ("tag:a tag:a", (), (Filter("tag", "a"),)),
        ('open "quote', (Text("open"), Text("quote", phrase=True)), ()),
        ("a - b", (Text("a"), Text("-"), Text("b")), ()),
    ],
)
def test_queries_read_as_documented(text, texts, filters):
    query = parse_query(text)
    assert (query.texts, query.filters) == (texts, filters)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ownr:x", "did you mean 'owner:'"),
        ("tag:", "has no value"),
        ("x" * 1001, "at most 1000 characters"),
        ("a " * 33, "at most 32 parts"),
        ("name:*********", "more than 8 stars"),
    ],
)
def test_what_cannot_be_read_says_what_to_write(text, message):
    with pytest.raises(InvalidQuery, match=message):
        parse_query(text)


def test_removing_a_part_leaves_the_others():
    query = parse_query("play tag:pii owner:x")
    assert str(query.without(Filter("tag", "pii"))) == "play owner:x"


@pytest.mark.parametrize(
    ("text", "wider"),
    [
        ("", []),
        ("play", []),
        ("tag:pi", ["tag:pii"]),
        ("orders tag:pi -kind:view", ["orders -kind:view tag:pii", "orders -kind:view", "name:orde*"]),
        ('"order customer" platform:hive', ["order customer platform:hive", '"order customer"']),
        ("catalog:x owner:y", ["owner:y", "catalog:x"]),
    ],
)
def test_a_query_that_finds_nothing_has_wider_ones_near(text, wider):
    known = {"tag": ["gold", "pii"]}
    found = [str(query) for query in relaxations(parse_query(text), known)]
    assert [sorted(each.split()) for each in found] == [sorted(each.split()) for each in wider]


@pytest.mark.parametrize(
    "variant", ["play_events", "PlayEvents", "play-events", "playEvents", "play events", "PLAY_EVENTS"]
)
def test_variants_of_a_name_share_their_words(variant):
    assert joined(variant) == "playevents"
    assert {"play", "event", "playevent"} <= set(name_words(variant))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("HTTPServer2_logs", ["http", "server", "2", "log"]),
        ("custAcct", ["cust", "acct"]),
        ("Café", ["cafe"]),
        ("大阪", ["大阪"]),
    ],
)
def test_identifiers_are_cut_where_people_see_words(name, words):
    assert query_words(name) == words


def test_short_forms_find_their_long_forms():
    assert {"customer", "account"} <= set(name_words("cust_acct"))


@given(st.text(max_size=60))
def test_a_name_is_found_by_its_own_words(name):
    assert set(query_words(name)) <= set(name_words(name))
    assert fold(fold(name)) == fold(name)


def test_a_letter_and_a_hyphen_begin_a_word():
    assert query_words("customer e-mails, e-Mail or X-ray, a-b") == ["customer", "email", "or", "xray", "a", "b"]
