"""Lineage's pages without a browser: full, empty, hostile, refused."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import uuid
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from catalog.access.models import User
from catalog.access.services import create_restriction, create_user
from catalog.models import Catalog, Dataset
from catalog.services import catalogs
from lineage.models import Job
from lineage.services.receiving import receive_events
from tests.conftest import pump

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
NAMESPACE = "memory://shop"


@pytest.fixture
def web(operator):
    create_user(caller=operator, username="root", password="long enough word", operator=True)
    client = Client()
    client.force_login(User.objects.get(username="root"))
    return client


@pytest.fixture
def shop(source, web):
    Catalog.objects.filter(name=source.name).update(namespaces=[NAMESPACE])
    for table in ("orders", "revenue", "report"):
        source.creates(table, {"id": "long", "email": "string"})
    source.sync()
    return source


def send(
    shop,
    inputs: list[str],
    outputs: list[str],
    *,
    job: str = "daily",
    day: int = 1,
    namespace: str = NAMESPACE,
    **more: Any,
) -> None:
    event = {
        "eventType": "COMPLETE",
        "eventTime": f"2026-11-{day:02}T03:00:00Z",
        "producer": "https://example.com/etl",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": str(uuid.uuid4()), "facets": {"errorMessage": {"message": HOSTILE}}},
        "job": {"namespace": "etl", "name": job, "facets": more.pop("facets", {})},
        "inputs": [{"namespace": namespace, "name": name} for name in inputs],
        "outputs": [{"namespace": NAMESPACE, "name": name} for name in outputs],
    }
    assert all(one.is_taken for one in receive_events(caller=shop.caller, bodies=[event | more]))
    pump()


class Tags(HTMLParser):
    """The tags of a page, each with the names of its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, [name for name, _ in attrs]))


def page(web, address: str, status: int = 200) -> str:
    answer = web.get(address)
    assert answer.status_code == status, (address, answer.status_code)
    text = answer.content.decode()
    seen = Tags()
    seen.feed(text)
    assert not [name for _, names in seen.found for name in names if name == "style" or name.startswith("on")]
    assert all("src" in names for tag, names in seen.found if tag == "script")
    return text


def test_a_dataset_without_links_says_how_pipelines_report(web, shop):
    text = page(web, "/lineage/mem/db/orders")
    assert "Nothing is linked with it yet" in text
    assert "OPENLINEAGE_URL=http://testserver" in text


def test_the_graph_and_its_table_say_the_same(web, shop):
    send(shop, ["db.orders"], ["db.revenue"])
    send(shop, ["db.revenue"], ["db.report"], job="second")
    text = page(web, "/lineage/mem/db/revenue")
    assert text.count('class="g-node') == 3
    assert text.count('class="g-job"') == 2
    assert "2 links" in text
    assert "1 step upstream" in text
    assert "1 step downstream" in text
    assert page(web, "/lineage/mem/db/revenue?direction=up").count('class="g-node') == 2
    assert "Nothing was linked with it then" in page(web, "/lineage/mem/db/revenue?as_of=2026-10-01")
    assert page(web, "/lineage/mem/db/revenue?as_of=2026-11-01").count('class="g-node') == 3
    assert 'href="/lineage/mem/db/revenue"' in page(web, "/datasets/mem/db/revenue")


def test_what_lies_behind_a_box_is_opened_and_closed_by_addresses(web, shop):
    send(shop, ["db.orders"], ["db.revenue"])
    send(shop, ["db.revenue"], ["db.report"], job="second")
    text = page(web, "/lineage/mem/db/orders?depth=1&direction=down")
    assert text.count('class="g-node') == 2
    (address,) = re.findall(r'href="([^"]+)" aria-label="Show more behind revenue"', text)
    text = page(web, f"/lineage/mem/db/orders{html.unescape(address)}")
    assert text.count('class="g-node') == 3
    assert "2 steps downstream" in text
    (address,) = re.findall(r'href="([^"]+)" aria-label="Show less behind revenue"', text)
    assert page(web, f"/lineage/mem/db/orders{html.unescape(address)}").count('class="g-node') == 2
    told = json.loads(html.unescape(re.search(r'data-drawing="([^"]*)"', text)[1]))
    assert [item["title"] for item in told["boxes"]] == ["mem/db/orders", "mem/db/revenue", "mem/db/report"]
    assert [mark["link"] for mark in told["marks"]] == [0, 1]
    assert page(web, "/lineage/mem/db/orders?open=x&open=&depth=1").count('class="g-node') == 2


def test_a_column_is_traced(web, shop):
    sql = {"sql": {"query": "INSERT INTO revenue SELECT id, lower(email) FROM orders WHERE email = 'secret-4711'"}}
    send(shop, ["db.orders"], ["db.revenue"], facets=sql)
    text = page(web, "/lineage/mem/db/revenue?column=email")
    assert "Tracing <code>email</code>: from 1 column upstream into 0 columns downstream" in text
    assert "g-edge on" in text
    assert "email → email" in text
    assert "Nothing is known of where" in page(web, "/lineage/mem/db/report?column=email")
    job = Job.objects.get(kind="job")
    text = page(web, f"/jobs/{job.uuid}")
    assert "lower" in text.lower()
    assert "4711" not in text


@pytest.mark.parametrize(
    "query",
    [
        "depth=x",
        "depth=-1",
        "depth=99999",
        "as_of=soon",
        "direction=z",
        "column=zz",
        "as_of=0001-01-01T00:00:00%2B14:00",
    ],
)
def test_odd_questions_show_the_page(web, shop, query):
    send(shop, ["db.orders"], ["db.revenue"])
    page(web, f"/lineage/mem/db/revenue?{query}")


def test_hostile_names_are_shown_and_do_nothing(web, shop):
    shop.creates(HOSTILE, {HOSTILE: "int"}, database=HOSTILE)
    shop.sync()
    facets = {"documentation": {"description": HOSTILE}, "jobType": {"jobType": HOSTILE}, "sql": {"query": HOSTILE}}
    send(shop, ["db.orders", f"{HOSTILE} topic"], ["db.revenue"], job=HOSTILE, facets=facets, namespace=HOSTILE)
    for address in ("/lineage/mem/db/revenue", "/jobs", f"/jobs/{Job.objects.get(kind='job').uuid}"):
        text = page(web, address)
        assert "<img" not in text
        assert "&lt;img" in text
    stub = Dataset.objects.get(name__endswith=" topic")
    found = web.get(f"/datasets/{stub.uuid}", follow=True)
    assert found.status_code == 200
    assert "Known from elsewhere only" in found.content.decode()
    assert "<img" not in found.content.decode()
    assert page(web, f"/lineage/{uuid.uuid4()}/x", 404)


def test_the_catalog_of_what_is_known_from_elsewhere_has_a_page_and_no_place_in_lists(web, shop):
    send(shop, ["topic.clicks"], ["db.revenue"], namespace="kafka://broker:9092")
    assert "elsewhere" not in page(web, "/")
    assert web.get("/catalogs/elsewhere").status_code == 200
    for ask in (catalogs.request_sync, catalogs.remove_catalog):
        with pytest.raises(catalogs.InvalidCatalog, match="kept for"):
            ask(caller=shop.caller, name="elsewhere")
    with pytest.raises(catalogs.InvalidCatalog, match="kept for"):
        catalogs.register_catalog(caller=shop.caller, name="elsewhere", platform="memory", options={"space": "x"})
    names = [catalog["name"] for catalog in web.get("/v1/catalogs").json()["items"]]
    assert names == ["mem"]


def test_csv_has_every_link_and_no_formula(web, shop):
    send(shop, ["db.orders"], ["db.revenue"], job="=1+1")
    answer = web.get("/lineage/mem/db/revenue?csv=1")
    assert answer["Content-Type"].startswith("text/csv")
    assert answer["Content-Disposition"] == 'attachment; filename="lineage of mem.db.revenue.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [(row["step"], row["dataset"], row["jobs"]) for row in rows] == [("-1", "mem/db/orders", "'=1+1")]


def test_what_may_not_be_known_is_a_dashed_line(web, shop, operator):
    send(shop, ["db.orders"], ["db.revenue"])
    send(shop, ["db.revenue"], ["db.report"], job="second")
    create_restriction(caller=operator, pattern="mem/db/revenue")
    pump()
    create_user(caller=operator, username="mara", password="long enough word")
    mara = Client()
    mara.force_login(User.objects.get(username="mara"))
    text = page(mara, "/lineage/mem/db/report")
    assert "revenue" not in text
    assert "g-edge restricted" in text
    assert "through something restricted" in text
    assert mara.get("/lineage/mem/db/revenue").status_code == 404


def test_jobs_are_found_and_paged(web, shop):
    assert "No job has reported a run yet" in page(web, "/jobs")
    for number in range(60):
        send(shop, ["db.orders"], ["db.revenue"], job=f"job {number:02}", day=1 + number % 28)
    first = page(web, "/jobs")
    assert first.count('href="/jobs/') == 50
    older = re.search(r'href="(\?before=[^"]+)"', first)
    assert older is not None
    assert page(web, "/jobs" + older.group(1).replace("&amp;", "&")).count('href="/jobs/') == 10
    assert page(web, "/jobs?q=job+07").count('href="/jobs/') == 1
    assert "No job fits" in page(web, "/jobs?q=zzz")
    assert "No job fits" in page(web, "/jobs?state=FAIL")
    assert "No such job" in page(web, f"/jobs/{uuid.uuid4()}", 404)
