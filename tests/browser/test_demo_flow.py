"""The demo, untouched: its planted problems are found by sampling and judged by six policies; and a table that changes goes all the way."""

from __future__ import annotations

import time

import pytest

from policy.starters import starter_policies
from tests.browser.conftest import client_after
from tests.e2e.conftest import Stack
from tests.e2e.flow import a_table_goes_all_the_way

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PLANTED = {
    ("accounts/main/support_tickets", "note", "email"),
    ("analytics/growth/trial_candidates", "contact", "email"),
    ("analytics/growth/campaign_touches", "extra_1", "email"),
}
"""Columns that hold addresses under names that hide it: agents pasted them, and marts carry them on."""
FAILING = {
    ("billing/main/invoices", "customer_id is never empty"),
    ("lake/events/ad_impressions", "shown_at is not older than 2 days"),
}


def is_judged(client) -> bool:
    """Whether every check was judged and the violations of what failed are there."""
    checks = client.get("/v1/checks?limit=200").json()["items"]
    broken = client.get("/v1/violations?policy=failing-checks-are-mended").json()["items"]
    return bool(checks) and all(check["status"] for check in checks) and len(broken) >= len(FAILING)


@pytest.fixture(scope="module")
def asked(cairn):
    """A client of the running demo, once its rows were looked into and judged."""
    with client_after(cairn, "scan", is_judged) as client:
        yield client


def test_the_planted_problems_are_found(asked):
    found = asked.get("/v1/findings?limit=200").json()["items"]
    assert {(each["qualified_name"], each["column"], each["type"]) for each in found} >= PLANTED
    failing = asked.get("/v1/checks?status=fail").json()["items"]
    assert {(check["qualified_name"], check["title"]) for check in failing} == FAILING


def test_six_policies_judge_and_say_why(asked):
    policies = asked.get("/v1/policies").json()["items"]
    assert {policy["slug"] for policy in policies if policy["state"] == "active"} == set(starter_policies())
    violations = asked.get("/v1/violations?limit=200").json()["items"]
    assert {each["policy"] for each in violations} >= set(starter_policies()) - {"columns-are-in-snake-case"}
    assert all(each["explanation"] and each["message"] for each in violations)
    assert not [each for each in violations if each["verdict"] == "error"]


def test_the_home_page_says_what_needs_attention(asked):
    home = asked.get("/", headers={"Accept": "text/html"}).text
    for said in ("A check fails on", "violations of policies", "to hold personal or secret values"):
        assert said in home


def test_a_table_that_changes_is_found_versioned_sampled_judged_and_shown(asked, cairn, browser, tmp_path):
    began = time.monotonic()
    stack = Stack(cairn.home)
    stack.credentials["token"] = "browser-tests-token"
    a_table_goes_all_the_way(stack, tmp_path, browser)
    assert time.monotonic() - began < 120
