"""Rules without I/O: envelopes, the five verdicts, explanations."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.domain.envelope import MAX_TEXT, InvalidPolicy, parse_rule
from policy.domain.explaining import explain
from policy.domain.facts import (
    COLUMN,
    DATASET,
    EPOCH,
    Checked,
    columns_facts,
    dataset_facts,
    empty_facts,
    fits,
    types_of,
)
from policy.domain.verdicts import Subject, Verdict, judge, judgements, surprises
from policy.language.cel import CelLanguage
from policy.starters import starter_policies

CEL = CelLanguage()
NOW = datetime(2026, 11, 26, tzinfo=UTC)
RULE = """\
policy: owned
resource: dataset
scope:
  datasets: ["shop/**"]
  exclude: ["*/tmp/*"]
when: "!('deprecated' in dataset.tags)"
assert: dataset.owners.size() > 0
severity: high
message: "{dataset.name} of {dataset.catalog} has no owner"
examples:
  pass:
    - {dataset: {owners: ["user:mara"]}}
  fail:
    - {dataset: {owners: []}}
"""


def rule(text: str = RULE, **changes: object):
    parts = {**yaml.safe_load(text), **changes}
    return parse_rule(yaml.safe_dump({k.rstrip("_"): v for k, v in parts.items() if v is not None}), CEL)


def facts(name: str = "shop/db/orders", resource: str = "dataset", **more: object) -> dict:
    given = {f"dataset.{key}": value for key, value in more.items()}
    return empty_facts(resource) | {"dataset.qualified_name": name} | given


def test_an_envelope_is_read():
    read = parse_rule(RULE, CEL)
    assert (read.slug, read.resource, read.severity, read.title) == ("owned", "dataset", "high", "Owned")
    assert read.told(facts(name="x", catalog="shop") | {"dataset.name": "orders"}) == "orders of shop has no owner"
    assert surprises(read) == []


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "it is empty"),
        ("- a", 1, "keys and values"),
        ("policy: x", 1, "needs the key 'resource'"),
        ("policy: X y\nresource: dataset\nassert: 'true'", 1, "small letters"),
        ("policy: x\nresource: house\nassert: 'true'", 2, "dataset or column"),
        ("policy: x\nresource: dataset\nassert: 'true'\nseverity: bad", 4, "'severity' is info"),
        ("policy: x\nresource: dataset\nassert: dataset.ownr == 'x'", 3, "undeclared reference to 'dataset.ownr'"),
        ("policy: x\nresource: dataset\nassert: |\n  dataset.kind == 'table' &&\n  dataset.ownr", 5, "dataset.ownr"),
        ("policy: x\nresource: dataset\nassert: column.name == 'x'", 3, "column.name"),
        ("policy: x\nresource: dataset\nassert: dataset.name", 3, "neither true nor false"),
        ("policy: x\nresource: dataset\nassert: [a]", 3, "'assert' is a text"),
        ("policy: x\nresource: dataset\nasert: 'true'", 3, "no key 'asert'"),
        ("policy: x\npolicy: y", 2, "stands twice"),
        ("policy: x\nresource: dataset\nassert: 'true'\nscope: {datasets: ['a/**/b']}", 4, "may stand only at the end"),
        ("policy: x\nresource: dataset\nassert: 'true'\nscope: {datset: []}", 4, "scope has no key"),
        ("policy: x\nresource: dataset\nassert: 'true'\nmessage: '{dataset.nme}'", 4, "no fact of a dataset"),
        (
            "policy: x\nresource: dataset\nassert: 'true'\nexamples: {fail: [{dataset: {ownrs: []}}]}",
            4,
            "no fact 'dataset.ownrs'",
        ),
        (
            "policy: x\nresource: dataset\nassert: 'true'\nexamples: {fail: [{dataset: {owners: 5}}]}",
            4,
            "is a list of texts",
        ),
        ("policy: x\nresource: dataset\nassert: 'true'\nexamples: {maybe: []}", 4, "no key 'maybe'"),
        (
            f"policy: x\nresource: dataset\nassert: 'true'\nexamples: {{pass: [{'{}, ' * 51}]}}",
            4,
            "at most 50 examples",
        ),
        ("policy: x\nresource: dataset\nassert: 'true'\nexamples: {pass: {}}", 4, "is a list"),
        (f"policy: x\nresource: dataset\nassert: 'true'\ntitle: {'t' * 201}", 4, "at most 200 characters"),
        ("policy: &a x\nresource: *a\nassert: 'true'", 1, "anchors"),
        ("policy: !!python/object/apply:os.system ['true']\nresource: dataset", 1, "cannot be read"),
        ("policy: [x\nresource", 2, "no YAML"),
        ("a: " + "[" * 50 + "]" * 50, 1, "levels"),
        ("x" * (MAX_TEXT + 1), 1, "at most"),
        ("policy: x\x00", 1, "no YAML"),
        ("policy: x\n---\npolicy: y", 2, "no YAML"),
        ("policy: x\nresource: dataset\nassert: 'true'\nmessage: \"a \\0\"", 4, "cannot be kept"),
        ("policy: x\nresource: dataset\nassert: 'true'\nmessage: \"a \\ud800\"", 4, "cannot be kept"),
        ("policy: x\nresource: dataset\nassert: 'true'\nscope: {tags: [\"\\udfff\"]}", 4, "cannot be kept"),
        ("policy: x\nresource: dataset\nassert: 'true'\nexamples:\n  fail:\n    - \"\\0\": 1", 6, "cannot be kept"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text, line, reason):
    with pytest.raises(InvalidPolicy) as found:
        parse_rule(text, CEL)
    assert reason in found.value.reason, found.value.reason
    assert found.value.line == line, found.value.reason


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=300), st.text(alphabet="policy: resource{}[]&*!|>-\n\"'x", max_size=300)))
def test_any_text_is_a_rule_or_told_why_not(text):
    began = time.process_time()
    try:
        parse_rule(text, CEL)
    except InvalidPolicy as error:
        assert error.line >= 1
        assert error.reason
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("must", "wanted"),
    [
        ("dataset.owners.size() > 0", {"dataset.owners"}),
        ("dataset\n .  owners.size() > 0", {"dataset.owners"}),
        ("dataset. // whose\n owners.size() > 0", {"dataset.owners", "dataset.data"}),
    ],
)
def test_a_rule_wants_the_facts_that_it_asks_of_however_it_is_written(must, wanted):
    found = rule(assert_=must, message="x").wanted
    assert wanted <= found
    assert ("dataset.data" in found) == ("dataset.data" in wanted)


WHEN = {"holds": "true", "not": "false", "error": "dataset.properties.nothing == 1", "none": None}
MUST = {"holds": "true", "not": "false", "error": "1 / dataset.column_count == 1"}


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(WHEN)), st.sampled_from(sorted(MUST)), st.booleans(), st.booleans())
def test_the_five_verdicts(when, must, within, waived):
    read = rule(when=WHEN[when], assert_=MUST[must], examples=None)
    judged = judge(read, facts("shop/db/orders" if within else "other/db/orders"), waived=waived)
    if not within or when == "not":
        expected = Verdict.NOT_APPLICABLE
    elif "error" in (when, must):
        expected = Verdict.ERROR
    elif must == "holds":
        expected = Verdict.PASSED
    else:
        expected = Verdict.WAIVED if waived else Verdict.FAILED
    assert judged.verdict is expected
    assert bool(judged.reason) == (expected is Verdict.ERROR)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["user:a", "team:b"]), max_size=2),
    st.lists(st.sampled_from(["deprecated", "pii"]), max_size=2, unique=True),
    st.sampled_from(["shop/db/t", "shop/tmp/t", "lake/db/t"]),
)
def test_verdicts_are_what_plain_python_says(owners, tags, name):
    judged = judge(parse_rule(RULE, CEL), facts(name, owners=owners, tags=tags))
    if not name.startswith("shop/") or "/tmp/" in name or "deprecated" in tags:
        assert judged.verdict is Verdict.NOT_APPLICABLE
    else:
        assert judged.verdict is (Verdict.PASSED if owners else Verdict.FAILED)


def test_examples_that_come_out_otherwise_are_told():
    read = rule(examples={"pass": [{"dataset": {"owners": []}}], "fail": [{"dataset": {"owners": ["user:a"]}}]})
    assert {surprise.reason for surprise in surprises(read)} == {
        "this example shall pass and its verdict is fail",
        "this example shall fail and its verdict is pass",
    }


@pytest.mark.parametrize("name", sorted(starter_policies()))
def test_starter_policies_are_sound(name):
    read = parse_rule(starter_policies()[name], CEL)
    assert read.slug == name
    assert surprises(read) == []
    assert {example.passes for example in read.examples} == {True, False}


def test_there_are_six_starter_policies_of_both_resources():
    read = [parse_rule(text, CEL) for text in starter_policies().values()]
    assert len(read) == 6
    assert {each.resource for each in read} == {"dataset", "column"}


BODY = {
    "name": "orders",
    "qualified_name": "shop/db/orders",
    "catalog": "shop",
    "database": "db",
    "platform": "memory",
    "environment": "prod",
    "kind": "table",
    "format": None,
    "location": None,
    "description": {"text": "All.", "said_by": "person"},
    "owners": ["user:mara"],
    "tags": ["certified"],
    "properties": {"retention_days": 30},
    "data": {"rows": 5},
    "partitioning": [],
    "primary_key": ["id"],
    "schema_version": 2,
    "created_at": "2026-01-01T00:00:00+00:00",
    "definition_changed_at": None,
    "columns": [
        {
            "uuid": "12345678-1234-1234-1234-123456789abc",
            "path": "id",
            "name": "id",
            "type": "long",
            "description": None,
            "nullable": False,
            "tags": [],
        },
        {
            "uuid": "22345678-1234-1234-1234-123456789abc",
            "path": "who.mail",
            "name": "mail",
            "type": "string",
            "description": {"text": "Where."},
            "nullable": True,
            "tags": ["pii"],
            "findings": [
                {"type": "email", "category": "personal", "status": "suggested", "confidence": 0.97},
                {"type": "secret", "category": "secret", "status": "rejected", "confidence": 0.9},
            ],
        },
    ],
}


def test_facts_are_made_as_they_are_declared():
    made = dataset_facts(BODY, Checked(3, 1), NOW)
    assert set(made) == {fact.name for fact in DATASET}
    types = types_of("column")
    assert all(fits(types[name], value) for name, value in made.items())
    assert made["dataset.personal_columns"] == ["who.mail"]
    assert made["dataset.findings"] == ["email"]
    assert made["dataset.definition_changed_at"] == EPOCH
    for _, own in columns_facts(BODY):
        assert set(own) == {fact.name for fact in COLUMN}
        assert all(fits(types[name], value) for name, value in own.items())
    assert (own["column.findings"], own["column.categories"], own["column.confidence"]) == (
        ["email"],
        ["personal"],
        0.97,
    )
    assert made["dataset.checks_failing"] == 1


def test_columns_are_judged_one_by_one_and_waived_so():
    read = rule(resource="column", when=None, assert_="column.name == 'id'", message=None, examples=None)
    subject = Subject.of(BODY, Checked(), NOW)
    first, second = judgements(read, subject)
    assert (first.verdict, second.verdict, second.column) == (Verdict.PASSED, Verdict.FAILED, "who.mail")
    assert second.told(read) == "who.mail does not meet it"
    assert [one.verdict for one in judgements(read, subject, {second.column_uuid})] == [Verdict.PASSED, Verdict.WAIVED]
    assert [one.verdict for one in judgements(read, subject, {None})] == [Verdict.PASSED, Verdict.WAIVED]
    elsewhere = rule(
        resource="column", scope={"kinds": ["view"]}, when=None, assert_="true", message=None, examples=None
    )
    assert list(judgements(elsewhere, subject)) == []


def test_an_explanation_goes_part_by_part():
    text = "has(dataset.properties.retention_days) && (dataset.owners.size() > 5 || dataset.name.contains('a && b'))"
    parts = explain(text, dataset_facts(BODY, Checked(), NOW), types_of("dataset"), CEL)
    assert [(part.text, part.depth, part.holds) for part in parts] == [
        (text, 0, False),
        ("has(dataset.properties.retention_days)", 1, True),
        ("(dataset.owners.size() > 5 || dataset.name.contains('a && b'))", 1, False),
        ("dataset.owners.size() > 5", 2, False),
        ("dataset.name.contains('a && b')", 2, False),
    ]
    assert parts[1].facts == [("dataset.properties.retention_days", "30")]
    assert parts[3].facts == [("dataset.owners", "user:mara")]


def test_an_explanation_of_what_came_to_no_answer_says_why():
    (part,) = explain("dataset.properties.x > 1", facts(), types_of("dataset"), CEL)
    assert part.holds is None
    assert "not found" in part.reason
    assert part.facts == [("dataset.properties.x", "not set")]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="()&|!'\"\\ ab[]{},.", max_size=80))
def test_any_text_is_explained_in_no_time(text):
    began = time.process_time()
    explain(text, facts(), types_of("dataset"), CEL)
    assert time.process_time() - began < 1
