"""The pages without a browser: what they say when full, empty, hostile or refused; forms that undo and conflict."""

from __future__ import annotations

import re
import sqlite3
import uuid

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from catalog.access.models import User
from catalog.access.services import create_user, set_password
from catalog.credentials import unseal
from catalog.domain.documents import Column
from catalog.domain.operations import AddColumn
from catalog.domain.types import parse_type
from catalog.journal import runs
from catalog.journal.models import ProjectionCursor, Run
from catalog.models import Catalog, Dataset, SyncHold
from catalog.services import annotating, catalogs
from deploy.demo.hive import HiveFile
from deploy.flow import JOBS
from tests.conftest import pump, sync

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
def web(operator):
    """An operator's browser session."""
    create_user(caller=operator, username="root", password="long enough word", display_name="Root <b>", operator=True)
    client = Client()
    client.force_login(User.objects.get(username="root"))
    return client


def text_of(answer):
    return answer.content.decode()


@pytest.fixture
def orders(source, web):
    source.creates("orders", {"id": "long", "device": "struct<os:string>"}, comment="What was bought.")
    source.sync()
    pump()
    return source


PAGES = [
    "/",
    "/search",
    "/search?q=orders",
    "/datasets/mem/db/orders",
    "/datasets/mem/db/orders?tab=versions",
    "/datasets/mem/db/orders?tab=history",
    "/datasets/mem/db/orders?tab=odd&start=99999",
    "/catalogs/mem",
    "/catalogs/mem/database?name=db",
    "/connect",
    "/runs",
    "/runs?state=done",
    "/tokens",
    "/access",
    "/audit",
    "/bookmarks",
    "/views",
    "/settings",
    "/users",
    "/users/root",
    "/system",
    "/keyboard",
    "/palette?q=ord",
]


@pytest.mark.parametrize("address", PAGES)
def test_pages_answer_with_a_strict_policy_and_nothing_inline(web, orders, address):
    answer = web.get(address)
    assert answer.status_code == 200
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    page = text_of(answer)
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"\s(style|on\w+)=", page)
    assert "N/A" not in page
    assert "None" not in re.sub(r"<[^>]*>", "", page).replace("None.", "")


def test_an_empty_installation_begins_with_connecting_a_source(web):
    assert web.get("/").url == reverse("connect")
    assert "The catalog is empty" in text_of(web.get("/connect"))
    page = text_of(web.get("/search"))
    assert "No dataset yet" in page
    assert 'href="/connect"' in page[page.index("No dataset yet") :]


def test_an_id_leads_to_the_page_of_the_name_it_has_now(web, orders):
    key = web.get("/v1/datasets?name=mem/db/orders").json()["uuid"]
    assert web.get(f"/datasets/{key}").url == "/datasets/mem/db/orders"
    assert web.get(f"/datasets/{uuid.uuid4()}").status_code == 404


@pytest.mark.parametrize("address", ["/search?q=zzzz", "/runs?state=failed", "/audit?by=user:nobody"])
def test_empty_lists_name_the_next_step(web, orders, address):
    assert 'class="empty"' in text_of(web.get(address))


def test_hostile_names_comments_and_metadata_are_shown_and_do_nothing(web, source, operator):
    source.creates(HOSTILE, {HOSTILE: "int"}, database=HOSTILE, comment=HOSTILE)
    source.sync()
    dataset = Dataset.objects.get()
    annotating.describe(caller=operator, dataset_uuid=dataset.uuid, text=HOSTILE)
    annotating.set_property(caller=operator, dataset_uuid=dataset.uuid, name="p", value=HOSTILE)
    pump()
    from urllib.parse import quote

    addresses = [
        "/",
        "/search?q=script",
        f"/search?q={quote(HOSTILE)}",
        "/catalogs/mem",
        f"/catalogs/mem/database?name={quote(HOSTILE)}",
        f"/datasets/{quote(dataset.qualified_name)}",
        f"/datasets/{quote(dataset.qualified_name)}?tab=history",
        f"/datasets/mem/db/{quote(HOSTILE)}",
        "/audit",
        "/palette?q=script",
        f"/runs?state={quote(HOSTILE)}",
        f"/catalogs/{quote(HOSTILE, safe='')}",
    ]
    for address in addresses:
        page = text_of(web.get(address))
        assert "<script>alert" not in page, address
        assert "<img src=x" not in page, address


def test_a_dataset_s_page_leads_to_every_part_of_it(web, orders):
    page = text_of(web.get("/datasets/mem/db/orders"))
    assert "What was bought." in page
    assert 'id="about-device.os"' in page
    assert "/v1/datasets/" in page
    assert 'href="/catalogs/mem"' in page


def post(web, address, **data):
    return web.post(address, data, follow=True)


def test_a_description_is_edited_in_place_and_undone(web, orders):
    address = "/datasets/mem/db/orders"
    version = Dataset.objects.get().version
    page = text_of(post(web, address, action="describe", text="Mine.", expected_version=version))
    assert "Description saved." in page
    assert "Mine." in page
    undo = re.search(r'action="(/datasets/[^"]+/undo/[^"]+)"', page).group(1)
    assert "What was bought." in text_of(post(web, undo))


def test_an_edit_over_somebody_else_s_keeps_the_draft(web, orders, operator):
    version = Dataset.objects.get().version
    annotating.describe(caller=operator, dataset_uuid=Dataset.objects.get().uuid, text="Theirs.")
    answer = post(web, "/datasets/mem/db/orders", action="describe", text="My draft.", expected_version=version)
    assert answer.status_code == 409
    assert "Somebody changed this dataset while you wrote" in text_of(answer)
    assert "My draft." in text_of(answer)
    assert "Theirs." in text_of(answer)


def test_tags_and_owners_are_added_and_removed_by_forms(web, orders):
    address = "/datasets/mem/db/orders"
    post(web, address, action="add_tag", tag="pii")
    post(web, address, action="add_tag", tag="key", column="id")
    page = text_of(post(web, address, action="add_owner", owner="user:root"))
    assert "Root &lt;b&gt;" in page
    assert "PII" in page
    assert "bad tag" in text_of(post(web, address, action="add_tag", tag="bad tag")).lower()
    assert post(web, address, action="explode").status_code == 400
    post(web, address, action="remove_tag", tag="pii")
    assert Dataset.objects.get().annotations.filter(key="pii", ended_at__isnull=True).count() == 0


def test_a_name_nearly_right_is_answered_with_names_close_to_it(web, orders):
    answer = web.get("/datasets/mem/db/order")
    assert answer.status_code == 404
    assert "Names close to it" in text_of(answer)
    assert "/datasets/mem/db/orders" in text_of(answer)


def test_a_source_is_tested_then_registered_by_the_form(web, tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE parcels (id INTEGER)")
    connection.close()
    form = {"platform": "sqlite", "name": "shop", "sqlite.path": str(path)}
    tested = web.post("/connect", {**form, "action": "test"})
    assert "The source answers: SQLite" in text_of(tested)
    wrong = web.post("/connect", {**form, "sqlite.path": "/nowhere", "action": "register"})
    assert wrong.status_code == 400
    assert "there is no file /nowhere" in text_of(wrong)
    registered = web.post("/connect", {**form, "action": "register"}, follow=True)
    assert "Sync of" in text_of(registered)


def test_a_connection_is_changed_by_the_form_once_the_source_answers(web, tmp_path):
    for name in ("old", "new"):
        HiveFile(tmp_path / f"{name} store.db", created=1_790_000_000).close()
    old, new = (f"sqlite:///{tmp_path}/{name} store.db" for name in ("old", "new"))
    web.post("/connect", {"platform": "hive", "name": "hive", "hive.database_url": old, "action": "register"})
    page = text_of(web.get("/catalogs/hive"))
    assert "stays as it is" in page
    assert old not in page
    form = {"action": "connection", "secret.database_url": "on", "option.uri": "", "option.rows_below": "/data"}
    changed = post(web, "/catalogs/hive", **form, **{"option.database_url": ""})
    assert "The source answers, and its connection is changed." in text_of(changed)
    stored = Catalog.objects.get(name="hive")
    assert (stored.options, unseal(bytes(stored.secrets))) == ({"rows_below": "/data"}, {"database_url": old})
    wrong = post(web, "/catalogs/hive", **form, **{"option.database_url": "sqlite:////nowhere"})
    assert wrong.status_code == 400
    assert "does not exist" in text_of(wrong)
    assert '<details class="edit" open>' in text_of(wrong)
    forgotten = post(web, "/catalogs/hive", **form, **{"option.database_url": "", "forget.database_url": "on"})
    assert "needs one of the options" in text_of(forgotten)
    assert unseal(bytes(Catalog.objects.get(name="hive").secrets)) == {"database_url": old}
    post(web, "/catalogs/hive", **form, **{"option.database_url": new})
    assert unseal(bytes(Catalog.objects.get(name="hive").secrets)) == {"database_url": new}


def test_facets_that_are_ticked_become_part_of_the_query(web, orders):
    answer = web.get("/search?q=orders&platform=memory&tag=")
    assert answer.url == "/search?q=orders+platform%3Amemory"


def test_a_query_that_cannot_be_read_is_explained(web, orders):
    answer = web.get("/search?q=ownr:x")
    assert answer.status_code == 400
    assert "did you mean" in text_of(answer)


def test_a_hold_is_decided_on_its_run_s_page(web, source):
    for number in range(12):
        source.creates(f"t{number:02}")
    source.sync()
    for number in range(11):
        source.drops(f"t{number:02}")
    run = source.sync()
    page = text_of(web.get(f"/runs/{run.uuid}"))
    assert "This sync would drop 11 of 12 datasets" in page
    assert "A sync wants to drop 11 datasets" in text_of(web.get("/"))
    post(web, f"/runs/{run.uuid}", action="keep", hold=SyncHold.objects.get().uuid)
    assert SyncHold.objects.get().state == "kept"
    assert post(web, f"/runs/{run.uuid}", action="keep", hold=SyncHold.objects.get().uuid).status_code == 400


def test_progress_is_a_part_of_its_own_and_ends_with_a_whole_page(web, source):
    source.creates("t")
    run = source.sync()
    answer = web.get(f"/runs/{run.uuid}/progress", headers={"HX-Request": "true"})
    assert answer["HX-Refresh"] == "true"
    assert "Listed" in text_of(answer)


def test_a_catalog_is_paused_changed_and_removed_by_forms(web, orders):
    assert "is paused" in text_of(post(web, "/catalogs/mem", action="pause"))
    bad = post(web, "/catalogs/mem", action="settings", sync_every_seconds="soon", drop_limit_ratio="0.2")
    assert "is not a number of seconds" in text_of(bad)
    post(web, "/catalogs/mem", action="settings", sync_every_seconds="900", drop_limit_ratio="0.5", description="D")
    assert "type mem to remove it" in text_of(post(web, "/catalogs/mem", action="remove", sure="x"))
    post(web, "/catalogs/mem", action="remove", sure="mem")
    assert web.get("/catalogs/mem").status_code == 404


def test_access_is_managed_by_forms(web, orders):
    post(web, "/users", action="user", username="mara", password="long enough word")
    page = text_of(post(web, "/access", action="grant", pattern="mem/**", role="reader", to="user:mara"))
    assert "Granted." in page
    assert "mara" in page
    assert "restrict" in text_of(post(web, "/access", action="restrict", pattern="mem/**")).lower()
    assert "no user is named" in text_of(
        post(web, "/access", action="grant", pattern="**", role="reader", to="user:eve")
    )


def test_a_token_s_secret_is_shown_once(web):
    made = web.post("/tokens", {"action": "create", "name": "job", "days": "30"})
    secret = re.search(r'id="secret">([^<]+)<', text_of(made)).group(1)
    assert secret.startswith("cairn_")
    assert secret not in text_of(web.get("/tokens"))


def test_signing_in_and_out(web):
    client = Client()
    wrong = client.post("/login", {"username": "root", "password": "no"})
    assert (wrong.status_code, "User or password is wrong." in text_of(wrong)) == (401, True)
    right = client.post("/login", {"username": "root", "password": "long enough word", "next": "/tokens"})
    assert right.url == "/tokens"
    away = client.post("/login", {"username": "root", "password": "long enough word", "next": "https://evil.example/"})
    assert away.url == "/"
    assert client.post("/logout").url == "/login"
    assert client.get("/tokens").status_code == 302


def test_guessing_passwords_is_stopped(web):
    client = Client()
    statuses = [client.post("/login", {"username": "guess", "password": str(n)}).status_code for n in range(12)]
    assert statuses == [401] * 10 + [429] * 2


def test_forms_from_elsewhere_are_refused(web):
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get(username="root"))
    answer = client.post("/tokens", {"action": "create", "name": "evil"})
    assert answer.status_code == 403
    assert "safety token" in text_of(answer)


def test_the_theme_is_written_by_the_server(web, orders):
    web.cookies["theme"] = "dark"
    assert '<html lang="en" data-theme="dark">' in text_of(web.get("/search"))
    web.cookies["theme"] = '"><script>'
    assert "<script>" not in text_of(web.get("/search"))[:200]


def test_an_undo_of_what_is_not_there_is_a_page_and_no_fault(web, orders):
    import uuid

    key = Dataset.objects.get().uuid
    assert web.post(f"/datasets/{key}/undo/{uuid.uuid4()}").status_code == 404
    assert web.get(f"/datasets/{uuid.uuid4()}/undo/{uuid.uuid4()}").status_code == 404


def test_partitions_have_a_tab_with_a_filter_that_explains_itself(web, operator, tmp_path):
    hive = HiveFile(tmp_path / "metastore.db", created=1_790_000_000)
    hive.create_database("logs", "", "file:/w/logs")
    hive.create_table(
        "logs", "lines", [("line", "string", "")], partition_keys=[("day", "date", "")], location="file:/w/logs/lines"
    )
    for day in range(1, 61):
        values = (f"2026-{day // 31 + 1:02}-{day % 31 + 1:02}",)
        hive.add_partition("logs", "lines", ["day"], values, location=f"file:/w/logs/lines/{day}")
    hive.close()
    options = {"database_url": f"sqlite:///{tmp_path}/metastore.db"}
    catalogs.register_catalog(caller=operator, name="hms", platform="hive", options=options, sync_every_seconds=None)
    sync(operator, "hms")
    address = "/datasets/hms/logs/lines"
    assert "tab=partitions" in text_of(web.get(address))
    first = text_of(web.get(f"{address}?tab=partitions"))
    assert "day=2026-01-02" in first
    following = re.search(r'href="([^"]*after=[^"]*)"', first).group(1).replace("&amp;", "&")
    assert "day=2026-02-29" in text_of(web.get(f"{address}{following}"))
    assert "day=2026-02-10" not in text_of(web.get(f"{address}?tab=partitions&filter=day = '2026-02-11'"))
    assert "No partition is so" in text_of(web.get(f"{address}?tab=partitions&filter=day = '1999-01-01'"))
    assert "its partition keys are: day" in text_of(web.get(f"{address}?tab=partitions&filter=week = 1"))
    (tmp_path / "metastore.db").unlink()
    assert "The source does not answer" in text_of(web.get(f"{address}?tab=partitions"))


def test_what_was_seen_last_is_on_the_home_page_until_one_signs_out(web, orders, operator):
    for name in ("shipments", "returns"):
        orders.creates(name)
    orders.sync()
    assert "Recently seen" not in text_of(web.get("/"))
    for name in ("orders", "shipments", "orders", "returns"):
        web.get(f"/datasets/mem/db/{name}")

    def shown():
        block = re.search(r'id="recent".*?</section>', text_of(web.get("/")), re.DOTALL)
        return re.findall(r'href="/datasets/([^"]+)"', block.group()) if block else []

    assert shown() == ["mem/db/returns", "mem/db/orders", "mem/db/shipments"]
    orders.drops("returns")
    orders.sync()
    orders.sync()
    assert shown() == ["mem/db/orders", "mem/db/shipments"]
    web.cookies["cairn_seen"] = f"x.{'f' * 32}..{'9' * 500}"
    assert shown() == []
    web.get("/datasets/mem/db/orders")
    web.post("/logout")
    assert web.cookies["cairn_seen"].value == ""


def test_what_was_seen_shows_nobody_what_they_may_not_know(web, orders, make_user, operator):
    from catalog.access.services import create_restriction

    web.get("/datasets/mem/db/orders")
    create_restriction(caller=operator, pattern="mem/**")
    pump()
    make_user("other")
    other = Client()
    other.force_login(User.objects.get(username="other"))
    other.cookies["cairn_seen"] = web.cookies["cairn_seen"].value
    assert "orders" not in text_of(other.get("/"))


def undo_of(page):
    """Return the address that a toast's button posts to."""
    return re.search(r'<form method="post" action="(/undo/[^"]+)">', page).group(1)


def test_a_bookmark_is_set_on_the_page_shown_at_home_removed_and_taken_back(web, orders):
    key = orders.id_of("orders")
    assert 'aria-pressed="false"' in text_of(web.get("/datasets/mem/db/orders"))
    assert "Bookmarked." in text_of(post(web, f"/datasets/{key}/bookmark", keep="1"))
    assert 'aria-pressed="true"' in text_of(web.get("/datasets/mem/db/orders"))
    assert 'id="bookmarks"' in text_of(web.get("/"))
    assert "orders" in text_of(web.get("/bookmarks"))
    page = text_of(post(web, f"/datasets/{key}/bookmark", keep="0", **{"from": "list"}))
    assert "No bookmark yet" in page
    assert "Taken back." in text_of(post(web, undo_of(page)))
    assert "No bookmark yet" not in text_of(web.get("/bookmarks"))


def test_a_search_is_saved_as_a_view_found_in_the_rail_changed_and_removed(web, orders):
    assert "Save as a view" in text_of(web.get("/search?q=orders+kind:table"))
    page = text_of(post(web, "/views", action="save", name="Tables <b>", query="orders kind:table", shared="1"))
    assert "Tables &lt;b&gt;" in page
    assert "mem/" in page
    assert "Save as a view" not in page
    view = re.search(r'href="/views/([0-9a-f-]{36})"', text_of(web.get("/"))).group(1)
    page = text_of(post(web, "/views", action="change", view=view, name="Tables", query="kind:table"))
    assert "kind:table" in page
    assert "cannot be read" in text_of(post(web, "/views", action="save", name="x", query="ownr:me"))
    page = text_of(post(web, "/views", action="remove", view=view))
    assert "No view yet" in page
    assert "Taken back." in text_of(post(web, undo_of(page)))
    assert "Tables" in text_of(web.get("/views"))
    assert "Tables" in text_of(web.get("/palette?q=tab"))


def test_a_view_behind_those_in_the_rail_is_known_by_the_search_and_the_palette(web, orders):
    for number in range(30):
        post(web, "/views", action="save", name=f"A {number:02}", query=f"orders column:c{number}")
    post(web, "/views", action="save", name="Zebra", query="orders kind:table")
    assert "Save as a view" not in text_of(web.get("/search?q=orders+kind:table"))
    assert "Zebra" in text_of(web.get("/palette?q=zeb"))
    assert "Zebra" not in text_of(web.get("/palette?q="))


def test_settings_change_what_is_shown_of_oneself_the_time_zone_and_the_password(web, orders, operator):
    page = text_of(
        post(web, "/settings", action="profile", display_name="Root", email="root@example.com", time_zone="Asia/Tokyo")
    )
    assert "Saved." in page
    assert re.search(r'title="[^"]+ JST"', text_of(web.get("/datasets/mem/db/orders")))
    assert "no time zone" in text_of(post(web, "/settings", action="profile", time_zone="Mars/Olympus"))
    assert "no e-mail" in text_of(post(web, "/settings", action="profile", email="root"))
    set_password(caller=operator, username="root", password="the first long word")
    other = Client()
    assert other.login(username="root", password="the first long word")
    web.force_login(User.objects.get(username="root"))
    new = {"action": "password", "password": "another long word", "again": "another long word"}
    assert "current password" in text_of(post(web, "/settings", current="wrong", **new))
    assert "differ" in text_of(post(web, "/settings", current="x", **{**new, "again": "yet another word"}))
    assert "Password set." in text_of(post(web, "/settings", current="the first long word", **new))
    assert web.get("/settings").status_code == 200
    assert other.get("/settings").status_code == 302
    assert web.post("/settings", {"action": "theme", "theme": "dark"}).cookies["theme"].value == "dark"
    assert web.post("/settings", {"action": "theme", "theme": ""}).cookies["theme"].value == ""


def test_users_and_teams_are_managed_by_forms(web, orders):
    page = text_of(
        post(web, "/users", action="user", username="mara", display_name="Mara", password="long enough word")
    )
    assert "user:mara" in page
    assert "exists already" in text_of(post(web, "/users", action="user", username="mara"))
    assert "Members" in text_of(post(web, "/users", action="team", name="growth", members="mara, root"))
    assert "no user is named" in text_of(post(web, "/teams/growth", action="add", members="eve"))
    page = text_of(post(web, "/teams/growth", action="remove", member="mara"))
    assert "mara is out of growth" in page
    assert 'href="/users/mara"' in text_of(post(web, undo_of(page)))
    assert "deactivated" in text_of(post(web, "/users/mara", action="deactivate"))
    assert not Client().login(username="mara", password="long enough word")
    post(web, "/users/mara", action="activate")
    assert Client().login(username="mara", password="long enough word")
    assert "somebody must be an active operator" in text_of(post(web, "/users/root", action="demote"))
    assert "mara" in text_of(web.get("/users?q=mar"))
    assert "No user fits" in text_of(web.get("/users?q=zzz"))
    assert web.get("/users/nobody").status_code == 404


def test_a_revoked_grant_is_taken_back_by_its_toast_and_by_nobody_else(web, orders, operator):
    post(web, "/access", action="grant", pattern="mem/**", role="editor", to="")
    grant = re.search(
        r'name="id" value="([^"]+)"><button[^>]+aria-label="Revoke editor on mem/', text_of(web.get("/access"))
    )
    page = text_of(post(web, "/access", action="revoke_grant", id=grant.group(1)))
    address = undo_of(page)
    create_user(caller=operator, username="eve", password="long enough word", operator=True)
    eve = Client()
    eve.force_login(User.objects.get(username="eve"))
    assert eve.post(address).status_code == 400
    assert "Revoke editor on mem/**" not in text_of(web.get("/access"))
    post(web, address)
    assert "Revoke editor on mem/**" in text_of(web.get("/access"))


def test_the_system_page_says_how_far_projections_are_and_has_them_made_anew(web, orders):
    assert "level" in text_of(web.get("/system"))
    assert "is rebuilt" in text_of(post(web, "/system", rebuild="search"))
    assert ProjectionCursor.objects.get(name="search").rebuild_requested
    pump()
    assert not ProjectionCursor.objects.get(name="search").rebuild_requested


def test_a_catalog_s_page_shows_what_changed_and_its_last_runs(web, orders):
    orders.does(AddColumn("db", "orders", Column("total", parse_type("double"), "double")))
    orders.sync()
    page = text_of(web.get("/catalogs/mem"))
    assert "What changed" in page
    assert page.count("Sync of") == 2
    assert "Sync of" in text_of(web.get("/runs?subject=mem"))
    assert "No run fits" in text_of(web.get("/runs?subject=other"))


def test_runs_of_every_kind_say_what_they_are_and_what_they_came_to(web, operator):
    assert set(settings.RUN_TITLES) == set(JOBS)
    run = runs.create_run(kind="judge", subject="", requested_by="user:mara", queue="policy")
    assert "Queued" in text_of(web.get(f"/runs/{run}"))
    Run.objects.filter(uuid=run).update(state="running", progress={"done": 500, "total": 2_000})
    assert "500 of 2,000" in text_of(web.get(f"/runs/{run}"))
    Run.objects.filter(uuid=run).update(state="done", result={"not_applicable": 1_000, "pass": 2, "fail": 0})
    for address in ("/runs", f"/runs/{run}"):
        page = text_of(web.get(address))
        assert "Judging by all policies" in page
        assert "1,000 not applicable, 2 pass" in page
        assert "By database" not in page


@pytest.mark.parametrize("address", ["/settings", "/users", "/access", "/views", "/tokens", "/catalogs/mem"])
def test_a_form_with_a_nul_is_refused(web, orders, address):
    answer = web.post(address, {"action": "profile", "display_name": "a\x00b", "name": "a\x00b"})
    assert answer.status_code == 400
    assert "NUL" in text_of(answer)
