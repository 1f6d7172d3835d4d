"""The pages in a real browser: axe finds nothing serious, nothing overflows, keys and forms do what they say."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = [pytest.mark.server("chromium"), pytest.mark.browser]

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
SHOTS = os.environ.get("CAIRN_TEST_SHOTS")
PYTHONS_OWN = re.compile(r"dict_\w+\(|bound method|built-in method|object at 0x|NoneType")
"""What a template prints of something that it was not meant to."""

TWICE = "[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, at, ids) => ids.indexOf(id) < at)"
"""Ids that are on a page twice: what names one, such as a field's label, would find another."""
PAGES = {
    "home": "/",
    "dataset-snapshots": "/datasets/lake/events/play_events?tab=snapshots",
    "search": "/search?q=customer",
    "search-facet": "/search?q=customer+platform:duckdb",
    "search-empty": "/search?q=zzzz+tag:none",
    "search-suggests": "/search?q=customer+tag:pi",
    "search-columns": "/search?q=email+of+a+person",
    "search-error": "/search?q=ownr:x",
    "dataset": "/datasets/lake/events/play_events",
    "dataset-column": "/datasets/lake/events/play_events#about-device.os",
    "partitions": "/datasets/warehouse/legacy/plays_daily?tab=partitions",
    "partitions-error": "/datasets/warehouse/legacy/plays_daily?tab=partitions&filter=week+%3D+1",
    "versions": "/datasets/lake/events/play_events?tab=versions&from=1&to=2",
    "history": "/datasets/accounts/main/customers?tab=history",
    "sql": "/datasets/analytics/marts/monthly_recurring_revenue?tab=sql",
    "lineage": "/lineage/lake/playback/sessions?depth=3",
    "lineage-trace": "/lineage/lake/playback/sessions?depth=3&column=country_code",
    "lineage-empty": "/lineage/lake/content/people",
    "schemas": "/schemas",
    "schemas-empty": "/schemas?q=zzzz",
    "schemas-tables": "/schemas?where=.tables",
    "subject": "/schemas/play-events.v3-value",
    "subject-of-table": "/subject/lake/events/play_events",
    "quality": "/quality/accounts/main/customers",
    "quality-failing": "/quality/billing/main/invoices",
    "quality-error": "/quality/warehouse/reports/active_profiles",
    "findings": "/findings",
    "findings-empty": "/findings?status=rejected",
    "checks": "/checks?status=all",
    "checks-failing": "/checks",
    "policies": "/policies",
    "policy": "/policies/personal-data-has-a-retention?dry=1",
    "policy-new": "/policies/new",
    "policies-of": "/policies/of/accounts/main/customers",
    "violations": "/violations",
    "violations-empty": "/violations?resolved=1&policy=columns-are-in-snake-case",
    "jobs": "/jobs",
    "jobs-empty": "/jobs?q=zzzz",
    "catalog": "/catalogs/lake",
    "database": "/catalogs/lake/database?name=events",
    "connect": "/connect",
    "runs": "/runs",
    "tokens": "/tokens",
    "access": "/access",
    "audit": "/audit",
    "bookmarks": "/bookmarks",
    "views": "/views",
    "settings": "/settings",
    "users": "/users",
    "user": "/users/mara",
    "team": "/teams/growth-analytics",
    "system": "/system",
    "graphql": "/graphql",
    "keyboard": "/keyboard",
    "login": "/login",
    "missing": "/datasets/lake/events/play_event",
    "nothing": "/nowhere",
}


def opened(browser: Browser, cairn, address: str, *, scheme: str = "light", width: int = 1280, **more) -> Page:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}, **more)
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on(
        "console",
        lambda message: (
            page.errors.append(message.text)
            if message.type == "error" and "404" not in message.text and "400" not in message.text
            else None
        ),
    )
    page.goto(cairn.url + address)
    return page


def serious(page: Page) -> list[tuple[str, list[list[str]]]]:
    """What axe finds serious or worse on the page as it is now. GraphiQL's tabs hold their closing buttons: its own."""
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run({exclude: ['.graphiql-tab']}, {resultTypes: ['violations']})")
    return [
        (violation["id"], [node["target"] for node in violation["nodes"]][:3])
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious_and_nothing_overflows(browser, cairn, name, scheme):
    for width in (1280, 390):
        page = opened(browser, cairn, PAGES[name], scheme=scheme, width=width, bypass_csp=True)
        if page.locator("script[type=module]").count() > 1:  # a page with a part of its own to draw
            page.wait_for_load_state("networkidle")
        assert serious(page) == []
        assert PYTHONS_OWN.search(page.content()) is None
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(TWICE) == []
        assert page.errors == []
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/{name}-{scheme}-{width}.png", full_page=True)
        page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_graphiql_shows_an_answer_and_the_schema_beside_it(browser, cairn, scheme, width):
    page = opened(browser, cairn, "/graphql", scheme=scheme, width=width, bypass_csp=True)
    page.get_by_role("button", name="Execute query").click()
    expect(page.locator(".result-window .cm-string").first).to_contain_text("accounts/main/customers")
    page.get_by_role("button", name="Show Documentation Explorer").click()
    expect(page.get_by_role("link", name="DatasetSummary")).to_be_visible()
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".result-window").bounding_box()["width"] > 250
    assert page.errors == []
    page.context.close()


@pytest.mark.parametrize(
    "name", ["home", "search", "dataset", "catalog", "runs", "connect", "lineage-trace", "policy", "graphql"]
)
def test_pages_load_under_their_own_policy_without_a_word_in_the_console(browser, cairn, name):
    page = opened(browser, cairn, PAGES[name])
    page.wait_for_load_state("networkidle")
    assert page.errors == []
    page.context.close()


GRAPH = "document.querySelector('.graph-canvas')._cyreg.cy"


def wait_until(page: Page, holds: str) -> None:
    """Wait for an expression to hold; playwright's own waiting is forbidden by the pages."""
    deadline = time.monotonic() + 10
    while not page.evaluate(f"Boolean({holds})"):
        assert time.monotonic() < deadline, f"this does not come to hold: {holds}"
        time.sleep(0.05)


def wait_for_boxes(page: Page, condition: str) -> None:
    wait_until(page, f"document.querySelector('.graph-canvas')?._cyreg?.cy.nodes('.box').length {condition}")


def press_chip(page: Page, sign: str) -> None:
    """Click where the canvas shows a chip, once it has come to rest."""
    wait_until(page, "document.querySelector('.graph-frame').ariaBusy === 'false'")
    at = page.evaluate(
        f"(() => {{ const at = {GRAPH}.nodes('.more').filter((each) => each.data('sign') === '{sign}')[0].renderedPosition();"
        " const frame = document.querySelector('.graph-canvas').getBoundingClientRect();"
        " return [frame.left + at.x, frame.top + at.y]; })()"
    )
    page.mouse.click(*at)


def test_what_lies_behind_a_box_is_opened_on_the_canvas_and_back_closes_it(browser, cairn):
    page = opened(browser, cairn, "/lineage/lake/playback/sessions?depth=1")
    wait_for_boxes(page, "=== 3")
    rows = page.locator("section[data-with-graph=table] tbody tr")
    before = rows.count()
    press_chip(page, "+")
    page.wait_for_url("**open=*")
    wait_for_boxes(page, "> 3")
    assert rows.count() > before
    address, now = page.url, page.evaluate(f"{GRAPH}.nodes('.box').length")
    page.go_back()
    wait_for_boxes(page, "=== 3")
    expect(rows).to_have_count(before)
    page.goto(address)
    wait_for_boxes(page, f"=== {now}")
    press_chip(page, "−")
    wait_for_boxes(page, "=== 3")
    assert page.errors == []
    page.context.close()


def test_a_graph_without_javascript_opens_by_links(browser, cairn):
    page = opened(browser, cairn, "/lineage/lake/playback/sessions?depth=1", java_script_enabled=False)
    expect(page.locator("svg.graph .g-node")).to_have_count(3)
    page.locator("a.g-chip").first.click()
    assert page.locator("svg.graph .g-node").count() > 3
    page.context.close()


def test_a_rule_is_looked_at_while_it_is_written(browser, cairn):
    page = opened(browser, cairn, "/policies/new")
    editor = page.locator(".cm-content")
    expect(page.locator("#text")).to_be_hidden()
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\nseverity: terrible\n")
    expect(page.locator("#lint")).to_contain_text("Line ")
    expect(page.locator(".cm-lint-marker-error")).to_be_visible()
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.type("policy: owned\nresource: dataset\nassert: dataset.own")
    page.get_by_role("option", name="dataset.owners").click()
    page.keyboard.type(".size() > 0")
    assert page.locator("#text").input_value().splitlines()[2] == "assert: dataset.owners.size() > 0"
    page.get_by_role("button", name="Dry run").click()
    expect(page.get_by_role("heading", name="Dry run")).to_be_visible()
    expect(page.locator(".cm-content")).to_contain_text("dataset.owners.size() > 0")
    assert page.errors == []
    page.context.close()


def test_graphql_is_asked_from_its_page(browser, cairn):
    page = opened(browser, cairn, "/graphql")
    page.get_by_role("button", name="Execute query").click()
    expect(page.locator(".result-window")).to_contain_text("qualifiedName")
    expect(page.locator(".result-window")).to_contain_text("customers")
    assert page.errors == []
    page.context.close()


def test_a_slash_goes_to_search_and_j_and_k_walk_the_results(browser, cairn):
    page = opened(browser, cairn, "/search?q=customer")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.locator("h1").click()
    page.keyboard.press("j")
    page.keyboard.press("j")
    first, second = page.locator(".result h2 a").nth(0), page.locator(".result h2 a").nth(1)
    expect(second).to_be_focused()
    page.keyboard.press("k")
    expect(first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("customers")
    page.context.close()


def test_the_palette_finds_a_dataset_and_goes_there(browser, cairn):
    page = opened(browser, cairn, "/")
    page.keyboard.press("Control+k")
    page.keyboard.type("play events")
    expect(page.locator("#palette [role=option]").first).to_contain_text("play_events")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("play_events")
    page.context.close()


def test_a_column_s_drawer_is_an_address_and_escape_closes_it(browser, cairn):
    page = opened(browser, cairn, "/datasets/lake/events/play_events")
    page.get_by_role("link", name="profile_id", exact=True).click()
    drawer = page.locator("#about-profile_id")
    expect(drawer).to_be_visible()
    assert page.url.endswith("#about-profile_id")
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_code_that_reads_a_dataset_is_shown_and_copied(browser, cairn, scheme):
    page = opened(
        browser,
        cairn,
        "/datasets/lake/events/play_events",
        scheme=scheme,
        permissions=["clipboard-read", "clipboard-write"],
    )
    page.get_by_text("PyIceberg", exact=True).click()
    page.get_by_text("Spark SQL", exact=True).click()
    shown = page.locator("details.snippet", has_text="PyIceberg")
    shown.get_by_role("button", name="Copy").click()
    assert page.evaluate("navigator.clipboard.readText()") == (
        "from pyiceberg.catalog import load_catalog\n\n"
        'table = load_catalog("lake").load_table(("events", "play_events"))\n'
        "table.scan(limit=100).to_arrow()"
    )
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/dataset-snippets-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.context.close()


def test_a_description_is_written_seen_and_undone(browser, cairn):
    page = opened(browser, cairn, "/datasets/lake/events/ratings")
    before = page.locator(".lede").inner_text()
    page.get_by_text("Edit description").click()
    page.locator("#description").fill("Stars, one to five.\nGiven by profiles.")
    page.get_by_role("button", name="Save").first.click()
    expect(page.locator(".lede")).to_contain_text("Stars, one to five.")
    expect(page.locator(".provenance").first).to_contain_text("Administrator")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".lede")).to_have_text(before)
    page.context.close()


def test_facets_narrow_and_chips_widen_again(browser, cairn):
    page = opened(browser, cairn, "/search?q=customer")
    page.get_by_role("checkbox", name="duckdb").check()
    expect(page.locator(".chip", has_text="platform:duckdb")).to_be_visible()
    assert all("analytics" in text for text in page.locator(".result h2").all_inner_texts())
    page.locator(".chip", has_text="platform:duckdb").click()
    expect(page.locator(".chip", has_text="platform:duckdb")).to_have_count(0)
    page.context.close()


def test_the_theme_is_switched_and_kept(browser, cairn):
    page = opened(browser, cairn, "/")
    page.get_by_role("button", name="Switch between light and dark").click()
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.context.close()


def test_a_sync_is_watched_until_it_is_done(browser, cairn):
    page = opened(browser, cairn, "/catalogs/billing")
    page.get_by_role("button", name="Sync now").click()
    expect(page.locator("h1")).to_contain_text("Sync of billing")
    expect(page.locator(".page-head .status")).to_contain_text("done", timeout=15_000)
    page.context.close()


def test_a_kind_of_source_shows_its_own_options(browser, cairn):
    page = opened(browser, cairn, "/connect")
    expect(page.get_by_label("File").first).to_be_visible()
    page.get_by_role("radio", name="PostgreSQL").check()
    expect(page.get_by_label("Host")).to_be_visible()
    expect(page.locator("#o-sqlite-path")).to_be_hidden()
    page.context.close()


def test_a_kind_of_check_asks_for_what_it_needs(browser, cairn):
    page = opened(browser, cairn, "/quality/accounts/main/addresses")
    asked = {
        "completeness": {"Column", "In at least, % of rows"},
        "range": {"Column", "Least", "Greatest", "In at least, % of rows"},
        "accepted_values": {"Column", "Accepted values", "In at least, % of rows"},
        "freshness": {"Column", "Not older than, hours"},
        "row_count": {"Least", "Greatest"},
    }
    labels = set().union(*asked.values())
    for kind, shown in asked.items():
        page.get_by_label("Kind").select_option(kind)
        assert {label for label in labels if page.get_by_label(label, exact=True).is_visible()} == shown
    page.get_by_label("Least", exact=True).fill("1")
    page.get_by_role("button", name="Add check").click()
    expect(page.get_by_text("It has 1 or more rows")).to_be_visible()
    page.context.close()


def test_removing_a_catalog_asks_for_its_name(browser, cairn):
    page = opened(browser, cairn, "/catalogs/lake")
    page.get_by_role("button", name="Remove lake…").click()
    button = page.get_by_role("button", name="Remove lake", exact=True)
    expect(button).to_be_disabled()
    page.get_by_label("Type lake").fill("lake")
    expect(button).to_be_enabled()
    page.get_by_role("button", name="Keep it").click()
    page.context.close()


def test_search_and_datasets_work_without_javascript(browser, cairn):
    page = opened(browser, cairn, "/", java_script_enabled=False)
    page.locator("#hero-q").fill("customer")
    page.locator("#hero-q").press("Enter")
    page.locator(".result h2 a").first.click()
    expect(page.locator("h1")).to_have_text("customers")
    page.get_by_role("link", name="Versions").click()
    expect(page.get_by_text("Version 1", exact=True)).to_be_visible()
    page.context.close()


def test_print_hides_what_is_for_the_screen(browser, cairn):
    page = opened(browser, cairn, "/datasets/lake/events/play_events")
    page.emulate_media(media="print")
    expect(page.locator(".rail")).to_be_hidden()
    expect(page.locator("table.schema")).to_be_visible()
    page.context.close()


def test_a_tab_that_waits_shows_its_outline_then_what_it_says_and_back_leads_back(browser, cairn):
    page = opened(browser, cairn, "/datasets/warehouse/legacy/plays_daily")
    page.route("**/*tab=partitions*", lambda route: (page.wait_for_timeout(1_000), route.continue_())[1])
    page.locator("#tab-partitions").click(no_wait_after=True)
    expect(page.locator("#panel .skeletons")).to_be_visible()
    expect(page.get_by_text("day=", exact=False).first).to_be_visible(timeout=10_000)
    expect(page.locator("#panel .skeletons")).to_be_hidden()
    expect(page.locator("#tab-partitions")).to_have_attribute("aria-current", "page")
    assert page.url.endswith("tab=partitions")
    page.go_back()
    expect(page.locator("#tab-schema")).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("link", name="Connect a source")).to_be_visible()
    assert page.errors == []
    page.context.close()


def test_a_tab_that_cannot_be_fetched_as_a_part_is_opened_as_a_page(browser, cairn):
    page = opened(browser, cairn, "/datasets/warehouse/legacy/plays_daily")

    def elsewhere(route):
        if route.request.headers.get("hx-request"):
            route.fulfill(status=200, content_type="text/html", body="<html><body>Sign in</body></html>")
        else:
            route.continue_()

    page.route("**/*tab=partitions*", elsewhere)
    page.locator("#tab-partitions").click()
    expect(page.get_by_text("day=", exact=False).first).to_be_visible(timeout=10_000)
    expect(page.get_by_role("link", name="Connect a source")).to_be_visible()
    assert page.url.endswith("tab=partitions")
    page.context.close()


def test_a_bookmark_and_a_saved_view_are_a_click_away(browser, cairn):
    page = opened(browser, cairn, "/datasets/accounts/main/customers")
    page.get_by_role("button", name="Bookmark", exact=True).click()
    expect(page.get_by_role("button", name="Bookmarked")).to_have_attribute("aria-pressed", "true")
    page.goto(cairn.url + "/search?q=customer+platform:duckdb")
    page.get_by_text("Save as a view").click()
    page.get_by_label("Name of the view").fill("Customers in DuckDB")
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Customers in DuckDB")).to_be_visible()
    page.goto(cairn.url + "/")
    expect(page.locator("#bookmarks")).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("customers in du")
    expect(page.get_by_role("option", name="Customers in DuckDB")).to_be_visible()
    page.context.close()


def test_names_of_hundreds_of_characters_overflow_nothing(browser, cairn, tmp_path):
    table, column, catalog = "very_long_table_name_" * 12, "column_that_goes_on_" * 30, "c" * 63
    path = tmp_path / "long.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE {table} ({column} TEXT, b TEXT)")
    connection.close()
    asked = {"headers": {"Authorization": "Bearer browser-tests-token"}, "timeout": 30}
    with httpx.Client(base_url=cairn.url, **asked) as client:
        body = {"name": catalog, "platform": "sqlite", "options": {"path": str(path)}, "description": "d" * 500}
        assert client.post("/v1/catalogs", json=body).status_code == 201
        deadline = time.monotonic() + 30
        name = f"{catalog}/main/{table}"
        while (found := client.get("/v1/datasets", params={"name": name})).status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        key, user = found.json()["uuid"], "u" * 100
        client.post(
            "/v1/users", json={"username": user, "display_name": "Name" * 50, "email": f"{'e' * 60}@example.com"}
        )
        client.post("/v1/teams", json={"name": "t" * 100, "display_name": "Team" * 50, "members": [user]})
        client.post("/v1/views", json={"name": "V" * 100, "query": "q" * 1_000})
        for part in (f"tags/{'t' * 100}", f"owners/user:{user}", "bookmark"):
            assert client.put(f"/v1/datasets/{key}/{part}").is_success
        addresses = [
            *("/", "/search?q=" + "x" * 900, f"/datasets/{name}", f"/datasets/{name}?tab=versions", "/bookmarks"),
            *(f"/datasets/{name}?tab=history", f"/catalogs/{catalog}", f"/catalogs/{catalog}/database?name=main"),
            *("/views", "/users", f"/users/{user}", f"/teams/{'t' * 100}", "/audit", "/runs", f"/datasets/{name}x"),
        ]
        for width in (1280, 390):
            page = opened(browser, cairn, "/", width=width)
            for address in addresses:
                page.goto(cairn.url + address)
                assert page.evaluate("document.documentElement.scrollWidth") <= width, address
            page.context.close()
        client.delete(f"/v1/catalogs/{catalog}")
