"""The demo's lineage, as the unmodified client of OpenLineage reported it over HTTP: whole, by column, across stores."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from deploy.demo.reporter import NIGHTS, units
from tests.browser.conftest import client_after

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SOURCES = ("accounts/", "billing/", "lake/")
VIEWS = (
    "analytics/marts/monthly_recurring_revenue",
    "warehouse/reports/top_genres",
    "warehouse/reports/active_profiles",
)

# Numbers of rows: no column's value goes into them.
COUNTS = {
    "lake/playback/sessions events",
    "analytics/marts/customer_360 sessions_30d",
    "analytics/marts/revenue_by_country invoices",
    "analytics/marts/churn_weekly cancelled",
    "analytics/marts/title_popularity sessions",
    "analytics/marts/device_share sessions",
    "analytics/marts/monthly_recurring_revenue subscriptions",
    "analytics/growth/ad_revenue_daily impressions",
    "warehouse/legacy/plays_daily plays",
    "warehouse/legacy/revenue_monthly invoices",
    "warehouse/reports/weekly_viewing plays",
}


@pytest.fixture(scope="module")
def asked(cairn):
    """A client of the running demo, once its pipelines have reported."""
    with client_after(
        cairn, "demo_lineage", lambda client: "cairn_lineage_events_waiting 0.0" in client.get("/metrics").text
    ) as client:
        yield client


def get(client: httpx.Client, address: str, **params: Any) -> Any:
    answer = client.get(address, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_every_event_of_every_night_is_taken_once_and_told(asked):
    jobs = get(asked, "/v1/jobs", limit=200)["items"]
    assert len(jobs) == len(list(units()))
    assert get(asked, "/v1/lineage-events/failed")["items"] == []
    for job in jobs:
        assert get(asked, f"/v1/jobs/{job['uuid']}")["problems"] == []
        assert len(get(asked, f"/v1/jobs/{job['uuid']}/runs")["items"]) == NIGHTS


def test_every_derived_column_reaches_its_sources(asked):
    wanting = set()
    for name in [*("/".join(unit.writes) for unit in units()), *VIEWS]:
        dataset = get(asked, "/v1/datasets", name=name)
        for column in dataset["columns"]:
            if column["depth"]:
                continue
            address = f"/v1/datasets/{dataset['uuid']}/lineage"
            graph = get(asked, address, direction="upstream", depth=10, column=column["path"])
            made = {link["downstream"] for link in graph["links"]}
            ends = [node for node in graph["nodes"] if node["id"] not in made]
            for end in ends:
                if not end["qualified_name"].startswith(SOURCES) or end["distance"] == 0:
                    wanting.add(f"{end['qualified_name']} {end['column']}")
    assert wanting == COUNTS


def test_a_column_is_followed_from_the_lake_into_a_mart(asked):
    dataset = get(asked, "/v1/datasets", name="analytics/marts/device_share")
    graph = get(asked, f"/v1/datasets/{dataset['uuid']}/lineage", direction="upstream", depth=5, column="country_code")
    assert [(node["distance"], node["qualified_name"], node["column"]) for node in graph["nodes"]] == [
        (0, "analytics/marts/device_share", "country_code"),
        (-1, "analytics/staging/stg_sessions", "country_code"),
        (-2, "lake/playback/sessions", "country_code"),
        (-3, "lake/events/play_events", "geo.country_code"),
    ]
