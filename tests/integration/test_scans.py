"""Scans: what rows are like is found by a process of its own, kept as counts and shapes, and told to those who may read the dataset."""

from __future__ import annotations

import io
import logging
import sqlite3
import uuid
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from django.apps import apps
from django.db import connection

from catalog import selectors
from catalog.access import gate
from catalog.access.services import create_grant
from catalog.domain.operations import DropTable
from catalog.domain.query import parse_query
from catalog.journal import runs
from catalog.journal.models import JournalEntry, Run
from catalog.journal.selectors import Change
from catalog.models import Annotation, Dataset
from catalog.selectors.datasets import Listed, Tally, list_newest
from catalog.selectors.findings import count_findings, list_findings
from catalog.services import inferring
from catalog.services.annotating import NoSuchClaim, NoSuchColumn
from catalog.services.catalogs import register_catalog, request_sync, update_catalog
from catalog.services.finding import search
from deploy.demo.hive import HiveFile
from deploy.flow import JOBS
from detection import selectors as reads
from detection.domain.checks import InvalidCheck
from detection.models import CheckResult, CheckRow, ProfileRecord, Scan
from detection.sampler import Sampler
from detection.scanning import ScannedColumn, Task
from detection.services import checks, scans
from detection.services.scans import request_due_scans, request_scan
from tests.conftest import pump, refreshed

pytestmark = pytest.mark.django_db

PLANTED = "zq-planted-4471"
"""Stands in rows only; whatever it turns up in has taken a value from them."""
NOW = datetime.now(UTC).replace(microsecond=0, tzinfo=None)


class Shop:
    """A SQLite database with rows, as a catalog `shop`."""

    def __init__(self, path: Path, caller) -> None:
        self.path, self.caller = path, caller

    def run(self, statement: str, rows=None) -> None:
        with sqlite3.connect(self.path) as shop:
            if rows is None:
                shop.execute(statement)
            else:
                shop.executemany(statement, rows)
        shop.close()

    def sync(self) -> None:
        runs.execute(request_sync(caller=self.caller, name="shop"), jobs=JOBS, holder="test")
        pump()

    def scan(self) -> list[dict]:
        """Do what is due, as beat and workers do; return the results of the runs."""
        request_due_scans()
        found = list(Run.objects.filter(kind="scan", state="queued").values_list("uuid", flat=True))
        for run in found:
            runs.execute(run, jobs=JOBS, holder="test")
        pump()
        states = Run.objects.filter(uuid__in=found)
        assert {run.state for run in states} <= {"done"}, [run.error for run in states]
        return [run.result for run in states]

    def id_of(self, table: str):
        return Dataset.objects.get(qualified_name=f"shop/main/{table}").uuid

    def body(self, table: str) -> dict:
        return orjson.loads(bytes(Dataset.objects.get(qualified_name=f"shop/main/{table}").body))

    def findings(self, table: str) -> dict[str, list[str]]:
        return {c["path"]: [f["type"] for f in c["findings"]] for c in self.body(table)["columns"] if c["findings"]}

    def quality(self, table: str):
        return reads.get_quality(principal=self.caller.principal, dataset_uuid=self.id_of(table))


@pytest.fixture
def shop(tmp_path, operator) -> Shop:
    shop = Shop(tmp_path / "shop.sqlite3", operator)
    shop.run("CREATE TABLE people (id INTEGER PRIMARY KEY, contact TEXT, since DATE, country TEXT, points INTEGER)")
    rows = [(n, f"{PLANTED}{n}@mail.example", f"19{n % 90 + 10}-03-04", "DE" if n % 3 else None, n) for n in range(300)]
    shop.run("INSERT INTO people VALUES (?, ?, ?, ?, ?)", rows)
    shop.run("CREATE TABLE visits (id INTEGER, page TEXT, at TIMESTAMP)")
    shop.run(
        "INSERT INTO visits VALUES (?, ?, ?)", [(n, "home", str(NOW - timedelta(days=3, minutes=n))) for n in range(50)]
    )
    register_catalog(
        caller=operator, name="shop", platform="sqlite", options={"path": str(shop.path)}, sync_every_seconds=None
    )
    shop.sync()
    return shop


@pytest.fixture
def allowed(shop) -> Shop:
    update_catalog(caller=shop.caller, name="shop", changes={"allows_sampling": True})
    pump()
    return shop


def test_without_its_owners_word_no_row_is_read(shop, monkeypatch):
    monkeypatch.setattr(Sampler, "scan", lambda *_: pytest.fail("rows were read"))
    assert shop.scan() == [{"scanned": 2, "failed": 0}]
    quality = shop.quality("people")
    assert (quality.profile, quality.reads_rows, quality.error) == (None, False, "")
    assert quality.scanned_at is not None
    assert shop.findings("people") == {}


def test_names_alone_suggest(shop):
    shop.run("CREATE TABLE staff (id INTEGER, date_of_birth DATE, iban TEXT, note TEXT)")
    shop.sync()
    shop.scan()
    assert shop.findings("staff") == {"date_of_birth": ["date_of_birth"], "iban": ["iban"]}
    (found, _) = [c["findings"][0] for c in shop.body("staff")["columns"] if c["findings"]]
    assert (found["method"], found["seen"], found["tag"], found["status"]) == ("name", 0, "pii", "suggested")
    assert found["confidence"] < 0.8


def test_rows_are_profiled_where_they_may_be_read(allowed):
    assert allowed.scan() == [{"scanned": 2, "failed": 0}]
    profile = allowed.quality("people").profile
    assert (profile["rows"], profile["total_rows"], profile["method"]) == (300, 300, "all")
    columns = {column["path"]: column for column in profile["columns"]}
    assert columns["country"]["nulls"] == 100
    assert columns["points"]["least"] == 0
    assert columns["points"]["greatest"] == 299
    assert columns["contact"]["longest"] > 20
    assert "least" not in columns["contact"]
    assert columns["country"]["shapes"] == [["AA", 1]]
    assert allowed.findings("people") == {"contact": ["email"]}
    times = {c["path"]: c for c in allowed.quality("visits").profile["columns"]}["at"]
    assert times["greatest"] == str(NOW - timedelta(days=3)).replace(" ", "T")
    assert [
        count.total_rows
        for count in reads.list_row_counts(principal=allowed.caller.principal, dataset_uuid=allowed.id_of("people"))
    ] == [300]


def test_values_of_another_kind_than_their_column_are_no_trouble(allowed):
    allowed.run("CREATE TABLE odd (a INTEGER, b TEXT, d DATE)")
    rows = [(1.5e308, b"\x00\xff", 12345), ("text", "inf", "9999-99-99"), (2**62, None, -1), (None, "", b"x")]
    allowed.run("INSERT INTO odd VALUES (?, ?, ?)", rows)
    allowed.sync()
    allowed.scan()
    quality = allowed.quality("odd")
    assert quality.error == ""
    first = quality.profile["columns"][0]
    assert (first["least"], first["greatest"]) == (2**62, "1.5e+308")


def test_of_a_column_that_seems_personal_no_bound_is_kept(allowed):
    allowed.run("CREATE TABLE births (id INTEGER, birth_date DATE)")
    allowed.run("INSERT INTO births VALUES (?, ?)", [(n, f"19{n % 50 + 40}-05-06") for n in range(60)])
    allowed.sync()
    allowed.scan()
    (_, born) = allowed.quality("births").profile["columns"]
    assert allowed.findings("births") == {"birth_date": ["date_of_birth"]}
    assert not {"least", "greatest", "mean", "frequent"} & set(born)


def test_what_was_allowed_can_be_taken_back(allowed):
    allowed.scan()
    update_catalog(caller=allowed.caller, name="shop", changes={"allows_sampling": False})
    pump()
    allowed.scan()
    assert allowed.quality("people").profile is None
    assert allowed.findings("people") == {}


def test_a_planted_value_is_found_nowhere(allowed, tmp_path, settings, caplog):
    """In no table, index, log, message or answer: what the scan says is counts and shapes."""
    settings.SEARCH_INDEX = {
        "BACKEND": "catalog.search.tantivy.TantivyIndex",
        "OPTIONS": {"folder": str(tmp_path / "index")},
    }
    number = "87124493001265"
    allowed.run("CREATE TABLE odd (id INTEGER, v TEXT, n INTEGER, email TEXT)")
    allowed.run(
        "INSERT INTO odd VALUES (?, ?, ?, ?)", [(n, f"{PLANTED} {n}", int(number), f"a{PLANTED}") for n in range(40)]
    )
    allowed.run("CREATE VIEW broken AS SELECT json_extract(v || '{', '$') AS v FROM odd")
    allowed.sync()
    for kind, column, arguments in (
        ("accepted_values", "v", {"values": ["x"]}),
        ("range", "n", {"least": 0, "greatest": 5}),
        ("range", "v", {"least": 0}),
        ("uniqueness", "v", {}),
        ("freshness", "v", {"max_age_seconds": 5}),
    ):
        checks.add_check(
            caller=allowed.caller, dataset_uuid=allowed.id_of("odd"), kind=kind, column=column, arguments=arguments
        )
    out, err = io.StringIO(), io.StringIO()
    with caplog.at_level(logging.DEBUG), redirect_stdout(out), redirect_stderr(err):
        allowed.scan()
    assert allowed.quality("broken").error
    search(query=parse_query(PLANTED), principal=allowed.caller.principal, limit=5)
    told = [caplog.text, out.getvalue(), err.getvalue()]
    for model in apps.get_models():
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')
            told += [
                bytes(v).decode("latin-1") if isinstance(v, bytes | memoryview) else str(v)
                for row in cursor
                for v in row
            ]
    told += [path.read_bytes().decode("latin-1") for path in (tmp_path / "index").rglob("*") if path.is_file()]
    assert any("odd" in text for text in told)
    assert not [text[:300] for text in told if PLANTED in text]
    # A number that no detector knows may bound its column; it stands in the profile and nowhere else.
    holding = [text for text in told if number in text]
    assert all('"least"' in text for text in holding)


def test_a_finding_is_a_suggestion_that_a_steward_decides(allowed, make_user, operator):
    allowed.scan()
    (found,) = list_findings(principal=operator.principal, limit=10)
    assert (found.type, found.column, found.tag, found.status) == ("email", "contact", "pii", "suggested")
    assert (found.matched, found.seen) == (200, 200)
    assert count_findings(principal=operator.principal) == Tally([("email", 1)], is_whole=True)
    assert count_findings(principal=operator.principal, newest=0) == Tally([], is_whole=False)
    nobody = make_user("nobody")
    assert list_findings(principal=nobody, limit=10) == []
    create_grant(caller=operator, role="editor", pattern="shop/**", username="nobody")
    key = allowed.id_of("people")
    editor = type(operator)(refreshed(nobody), "test")
    with pytest.raises(gate.Denied):
        inferring.decide(caller=editor, dataset_uuid=key, finding=found.uuid, accept=True)
    accepted = inferring.decide(caller=operator, dataset_uuid=key, finding=found.uuid, accept=True)
    column = allowed.body("people")["columns"][1]
    assert (column["tags"], column["findings"][0]["status"]) == (["pii"], "accepted")
    with pytest.raises(NoSuchClaim):
        inferring.decide(caller=operator, dataset_uuid=key, finding=found.uuid, accept=False)
    inferring.decide(caller=operator, dataset_uuid=key, finding=accepted.claim, accept=False)
    column = allowed.body("people")["columns"][1]
    assert (column["tags"], column["findings"][0]["status"]) == ([], "rejected")


def test_what_somebody_decided_is_not_asked_again(allowed, operator):
    allowed.scan()
    (found,) = list_findings(principal=operator.principal, limit=10)
    inferring.decide(caller=operator, dataset_uuid=found.dataset_uuid, finding=found.uuid, accept=False)
    pump()
    version = Dataset.objects.get(uuid=found.dataset_uuid).version
    request_scan(caller=operator, dataset_uuid=found.dataset_uuid)
    allowed.scan()
    (still,) = list_findings(principal=operator.principal, limit=10)
    assert still.status == "rejected"
    assert Dataset.objects.get(uuid=found.dataset_uuid).version == version
    answer = search(query=parse_query("finding:email"), principal=operator.principal, limit=5)
    assert answer.total == 0


def test_the_same_scan_again_changes_nothing(allowed, operator):
    allowed.scan()
    pump()
    before = JournalEntry.objects.count()
    claims = Annotation.objects.count()
    for table in ("people", "visits"):
        request_scan(caller=operator, dataset_uuid=allowed.id_of(table))
    assert allowed.scan() == [{"scanned": 2, "failed": 0}]
    assert (JournalEntry.objects.count(), Annotation.objects.count()) == (before, claims)
    assert ProfileRecord.objects.count() == 4


def test_findings_are_a_facet_of_what_one_may_read(allowed, operator, make_user):
    allowed.scan()
    answer = search(query=parse_query("finding:email"), principal=operator.principal, limit=5)
    assert [item.summary.name for item in answer.items] == ["people"]
    assert answer.facets["finding"] == [("email", 1)]
    answer = search(query=parse_query("people"), principal=make_user("mara"), limit=5)
    assert (answer.total, answer.facets["finding"]) == (1, [])
    assert search(query=parse_query("finding:email"), principal=make_user("jo"), limit=5).total == 0


CHECKS = (
    ("completeness", "country", {}, "fail", "100 of 300 rows empty (33.3%)"),
    ("completeness", "country", {"share": 0.6}, "pass", "100 of 300 rows empty (33.3%)"),
    ("uniqueness", "contact", {}, "pass", "0 of 300 rows repeated"),
    ("uniqueness", "country", {}, "fail", "199 of 200 rows repeated (99.5%)"),
    ("range", "points", {"least": 0, "greatest": 500}, "pass", "0 of 300 rows outside"),
    ("range", "points", {"greatest": 199}, "fail", "100 of 300 rows outside (33.3%)"),
    ("accepted_values", "country", {"values": ["DE", "FR"]}, "pass", "0 of 200 rows not accepted"),
    ("accepted_values", "country", {"values": ["FR"]}, "fail", "200 of 200 rows not accepted"),
    ("row_count", "", {"least": 300}, "pass", "300 rows"),
    ("row_count", "", {"least": 301}, "fail", "300 rows"),
    ("freshness", "points", {"max_age_seconds": 9}, "error", "its column holds no times"),
    ("range", "contact", {"least": 1}, "error", "'contact' holds no numbers, which its bounds are"),
)


def test_checks_end_by_what_rows_are(allowed, operator):
    made = [
        checks.add_check(
            caller=operator, dataset_uuid=allowed.id_of("people"), kind=kind, column=column, arguments=args
        )
        for kind, column, args, _, _ in CHECKS
    ]
    assert len(set(made)) == len(CHECKS)
    fresh = checks.add_check(
        caller=operator,
        dataset_uuid=allowed.id_of("visits"),
        kind="freshness",
        column="at",
        arguments={"max_age_seconds": 86_400},
    )
    allowed.scan()
    ended = {check.uuid: (check.status, check.observed) for check in allowed.quality("people").checks}
    assert [ended[key] for key in made] == [(status, observed) for *_, status, observed in CHECKS]
    assert reads.get_check(principal=operator.principal, check_uuid=fresh).observed == "the newest row is 3 days old"
    failing = reads.list_checks(principal=operator.principal, status="fail", limit=50).items
    assert len(failing) == 1 + sum(status == "fail" for *_, status, _ in CHECKS) == reads.count_by_status()["fail"]
    assert CheckResult.objects.count() == len(CHECKS) + 1


def test_a_check_that_fails_says_since_when_until_it_passes(allowed, operator):
    key = checks.add_check(
        caller=operator, dataset_uuid=allowed.id_of("visits"), kind="row_count", arguments={"greatest": 40}
    )
    allowed.scan()
    first = reads.get_check(principal=operator.principal, check_uuid=key)
    assert first.failing_since is not None
    for statement, status in (("SELECT 1", "fail"), ("DELETE FROM visits WHERE id > 30", "pass")):
        allowed.run(statement)
        request_scan(caller=operator, dataset_uuid=allowed.id_of("visits"))
        allowed.scan()
        now = reads.get_check(principal=operator.principal, check_uuid=key)
        assert (now.status, now.failing_since) == (status, first.failing_since if status == "fail" else None)
    results = reads.list_results(principal=operator.principal, check_uuid=key, limit=10)
    assert [result.status for result in results] == ["pass", "fail", "fail"]
    judged = [e.payload for e in JournalEntry.objects.filter(aspect="quality", operation="judged")]
    assert judged == [{"checks": {str(key): "fail"}}, {"checks": {str(key): "pass"}}]


def test_lists_say_where_they_go_on_however_little_of_them_one_may_know(allowed, operator):
    made = [
        checks.add_check(
            caller=operator, dataset_uuid=allowed.id_of("visits"), kind="row_count", arguments={"greatest": most}
        )
        for most in range(1, 11)
    ]
    rows = CheckRow.objects.all()

    def read(wanted: set[uuid.UUID], limit: int) -> list[list[uuid.UUID]]:
        parts, before = [], None
        while True:
            part = list_newest(
                rows,
                lambda page: ((row, row.uuid) for row in page if row.uuid in wanted),
                before=before,
                limit=limit,
                page=2,
                most=4,
            )
            parts.append(list(part.items))
            if part.next is None:
                return parts
            before = part.next

    newest = made[::-1]
    assert read(set(made), 3) == [newest[0:3], newest[3:6], newest[6:9], newest[9:]]
    assert read(set(made[:1]), 3) == [[], [], made[:1]]
    assert read(set(), 3) == [[], [], []]
    assert [len(part) for part in read(set(made), 50)] == [4, 4, 2]


def test_checks_are_for_those_who_may_describe_the_dataset(allowed, operator, make_user):
    key = allowed.id_of("people")
    check = checks.add_check(caller=operator, dataset_uuid=key, kind="uniqueness", column="id", arguments={})
    again = checks.add_check(caller=operator, dataset_uuid=key, kind="uniqueness", column="id", arguments={})
    assert check == again
    user = type(operator)(make_user("mara"), "test")
    with pytest.raises(gate.Denied):
        checks.add_check(caller=user, dataset_uuid=key, kind="row_count", arguments={"least": 1})
    with pytest.raises(gate.Denied):
        checks.remove_check(caller=user, check_uuid=check)
    with pytest.raises(gate.Denied):
        reads.get_quality(principal=user.principal, dataset_uuid=key)
    with pytest.raises(reads.NoSuchCheck):
        reads.list_results(principal=user.principal, check_uuid=check, limit=5)
    assert reads.list_checks(principal=user.principal, limit=5) == Listed([])
    checks.remove_check(caller=operator, check_uuid=check)
    with pytest.raises(reads.NoSuchCheck):
        checks.remove_check(caller=operator, check_uuid=check)


@pytest.mark.parametrize(
    ("kind", "column", "arguments", "reason"),
    [
        ("magic", "id", {}, "there is no kind of check 'magic'"),
        ("range", "points", {}, "give least, greatest, or both"),
        ("range", "points", {"least": 5, "greatest": 1}, "least is more than greatest"),
        ("range", "points", {"least": "x"}, "'x' is no time"),
        ("range", "points", {"least": "2026-01-01", "greatest": 5}, "both numbers, or both times"),
        ("range", "points", {"least": float("nan")}, "both numbers"),
        ("range", "points", {"least": 1e30}, "both numbers"),
        ("range", "points", {"least": True}, "both numbers"),
        ("completeness", "", {}, "needs a column"),
        ("row_count", "id", {"least": 1}, "takes no column"),
        ("row_count", "", {"least": -1}, "whole numbers"),
        ("completeness", "id", {"share": 0}, "share is"),
        ("completeness", "id", {"share": 1.5}, "share is"),
        ("completeness", "id", {"shre": 1}, "has no argument 'shre'"),
        ("accepted_values", "id", {}, "values is a list"),
        ("accepted_values", "id", {"values": [[1]]}, "values are texts or numbers"),
        ("accepted_values", "id", {"values": ["\x00"]}, "NUL"),
        ("freshness", "since", {"max_age_seconds": -5}, "max_age_seconds"),
    ],
)
def test_checks_that_cannot_work_are_refused_with_what_to_write(shop, operator, kind, column, arguments, reason):
    with pytest.raises(InvalidCheck, match=reason):
        checks.add_check(
            caller=operator, dataset_uuid=shop.id_of("people"), kind=kind, column=column, arguments=arguments
        )
    assert not CheckRow.objects.exists()


def test_a_check_of_a_column_that_is_not_there_is_refused(shop, operator):
    with pytest.raises(NoSuchColumn, match="has no column 'gone'"):
        checks.add_check(
            caller=operator, dataset_uuid=shop.id_of("people"), kind="uniqueness", column="gone", arguments={}
        )


def test_a_check_follows_its_column_through_a_rename_of_nothing_and_says_when_it_is_gone(allowed, operator):
    key = checks.add_check(
        caller=operator, dataset_uuid=allowed.id_of("people"), kind="completeness", column="country", arguments={}
    )
    allowed.run("ALTER TABLE people DROP COLUMN country")
    allowed.sync()
    allowed.scan()
    check = reads.get_check(principal=operator.principal, check_uuid=key)
    assert (check.status, check.observed, check.column) == ("error", "its column is gone", "(gone)")


def test_a_check_where_rows_are_not_read_is_an_error_and_no_pass(shop, operator):
    key = checks.add_check(caller=operator, dataset_uuid=shop.id_of("people"), kind="row_count", arguments={"least": 1})
    shop.scan()
    check = reads.get_check(principal=operator.principal, check_uuid=key)
    assert check.status == "error"
    assert "do not let rows be read" in check.observed


def test_a_source_that_fails_is_tried_again_later_and_forgets_nothing(allowed, operator):
    allowed.scan()
    key = allowed.id_of("people")
    check = checks.add_check(caller=operator, dataset_uuid=key, kind="row_count", arguments={"least": 1})
    allowed.path.rename(allowed.path.with_suffix(".away"))
    assert allowed.scan() == [{"scanned": 1, "failed": 1}]
    quality = allowed.quality("people")
    assert "there is no file" in quality.error
    assert not quality.is_refused
    assert quality.profile["rows"] == 300
    assert quality.checks[0].status == "error"
    assert allowed.findings("people") == {"contact": ["email"]}
    first = Scan.objects.get(dataset_uuid=key)
    assert timedelta(minutes=5) < first.due_at - first.scanned_at < timedelta(hours=1)
    assert allowed.scan() == []
    allowed.path.with_suffix(".away").rename(allowed.path)
    request_scan(caller=operator, dataset_uuid=key)
    allowed.scan()
    assert (allowed.quality("people").error, Scan.objects.get(dataset_uuid=key).failures) == ("", 0)
    assert reads.get_check(principal=operator.principal, check_uuid=check).status == "pass"


def test_what_changes_while_a_scan_runs_is_looked_into_again(allowed, operator, monkeypatch):
    allowed.scan()
    key, whole, meanwhile = allowed.id_of("people"), Sampler.scan, []

    def scan(self, task):
        found = whole(self, task)
        if meanwhile:
            meanwhile.pop()()
        return found

    def another_column():
        allowed.run("ALTER TABLE people ADD COLUMN extra TEXT")
        allowed.sync()

    def another_check():
        checks.add_check(caller=operator, dataset_uuid=key, kind="row_count", arguments={"least": 1})

    monkeypatch.setattr(Sampler, "scan", scan)
    for change in (another_column, another_check):
        meanwhile.append(change)
        request_scan(caller=operator, dataset_uuid=key)
        assert allowed.scan() == [{"scanned": 2, "failed": 0}]
    quality = allowed.quality("people")
    assert "extra" in [column["path"] for column in quality.profile["columns"]]
    assert [check.status for check in quality.checks] == ["pass"]
    meanwhile.append(lambda: Dataset.objects.filter(uuid=key).update(data={"rows": 301}))
    request_scan(caller=operator, dataset_uuid=key)
    assert allowed.scan() == [{"scanned": 1, "failed": 0}]
    quality = allowed.quality("people")
    assert quality.due_at - quality.scanned_at == timedelta(minutes=10)


def test_rows_that_cannot_be_read_are_no_failure_and_not_asked_for_again_soon(shop, tmp_path):
    hive = HiveFile(tmp_path / "metastore.db", created=1_790_000_000)
    hive.create_database("main", "", f"file:{tmp_path}")
    hive.create_table("main", "staff", [("iban", "string", "")], view_text="SELECT 1", location="")
    hive.close()
    options = {"database_url": f"sqlite:///{tmp_path}/metastore.db"}
    register_catalog(
        caller=shop.caller, name="hms", platform="hive", options=options, sync_every_seconds=None, allows_sampling=True
    )
    runs.execute(request_sync(caller=shop.caller, name="hms"), jobs=JOBS, holder="test")
    pump()
    assert {"scanned": 1, "failed": 0} in shop.scan()
    key = Dataset.objects.get(qualified_name="hms/main/staff").uuid
    quality = reads.get_quality(principal=shop.caller.principal, dataset_uuid=key)
    assert (quality.is_refused, "it is a view" in quality.error) == (True, True)
    assert quality.due_at - quality.scanned_at > timedelta(hours=20)
    assert shop.scan() == []
    update_catalog(caller=shop.caller, name="hms", changes={"description": "what was changed may be how it is reached"})
    pump()
    assert shop.scan() == [{"scanned": 1, "failed": 0}]
    assert [found.type for found in list_findings(principal=shop.caller.principal, limit=5)] == ["iban"]


def test_changed_data_is_scanned_again_but_not_at_once(allowed):
    allowed.scan()
    key = allowed.id_of("people")
    before = Scan.objects.get(dataset_uuid=key)
    changed = Change(1, before.scanned_at, "dataset", key, 0, "data", "changed", {}, {})
    for _ in range(2):
        scans.mark_changes([changed])
        after = Scan.objects.get(dataset_uuid=key)
        assert before.scanned_at < after.due_at < before.due_at
        assert timedelta(seconds=590) <= after.due_at - before.scanned_at <= timedelta(seconds=610)
    allowed.run("ALTER TABLE people ADD COLUMN extra TEXT")
    allowed.sync()
    assert allowed.scan() == [{"scanned": 1, "failed": 0}]


def test_what_is_gone_is_not_scanned(source, operator):
    source.creates("orders", {"id": "long"})
    source.creates("other", {"id": "long"})
    source.sync()
    pump()
    source.does(DropTable("db", "orders"))
    source.sync()
    pump()
    rows = dict(Scan.objects.values_list("dataset_uuid", "due_at"))
    assert rows[source.id_of("orders")] is None
    for run in request_due_scans():
        runs.execute(run, jobs=JOBS, holder="test")
        assert Run.objects.get(uuid=run).result == {"scanned": 1, "failed": 0}
    update_catalog(caller=operator, name="mem", changes={"state": "paused"})
    Scan.objects.update(due_at=Scan.objects.exclude(due_at=None).first().scanned_at)
    assert request_due_scans() == []


def test_a_process_that_is_killed_or_hangs_is_an_error_of_one_dataset(allowed, settings):
    task = Task("1", "main", "people", [ScannedColumn("id", "id", "long")], seconds=0.1)
    connector = settings.CONNECTORS["sqlite"]
    with Sampler(connector, {"path": str(allowed.path)}) as sampler:
        assert sampler.scan(task).profile["rows"] == 300
        sampler._process.kill()
        sampler._process.wait()
        assert sampler.scan(task).profile["rows"] == 300
    # Half of what it may take suffices by far: libraries reserve no more addresses than they use.
    settings.SAMPLING = settings.SAMPLING | {"memory_bytes": 1 << 30}
    with Sampler(connector, {"path": str(allowed.path)}) as sampler:
        assert sampler.scan(task).profile["rows"] == 300
    settings.SAMPLING = settings.SAMPLING | {"memory_bytes": 96 << 20}
    with Sampler(connector, {"path": str(allowed.path)}) as sampler:
        scanned = sampler.scan(task)
        assert (bool(scanned.error), scanned.profile) == (True, None)


def test_the_process_that_reads_rows_is_given_no_address_and_key_of_ours(allowed, settings, monkeypatch):
    for name in ("DATABASE_URL", "CAIRN_SECRET_KEY", "NEO4J_URL", "ELASTICSEARCH_API_KEY", "CELERY_BROKER_URL"):
        monkeypatch.setenv(name, PLANTED)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with Sampler(settings.CONNECTORS["sqlite"], {"path": str(allowed.path)}) as sampler:
        assert not sampler.scan(Task("1", "main", "people", [ScannedColumn("id", "id", "long")])).error
        given = Path(f"/proc/{sampler._process.pid}/environ").read_text()
    assert "AWS_REGION=eu-west-1" in given
    assert PLANTED not in given


def test_what_cannot_be_kept_of_one_dataset_holds_up_no_other(allowed, monkeypatch, caplog):
    broken, infer = allowed.id_of("people"), scans.infer

    def broken_infer(*, caller, dataset_uuid, inferred):
        if dataset_uuid == broken and inferred:
            raise ValueError(PLANTED)
        return infer(caller=caller, dataset_uuid=dataset_uuid, inferred=inferred)

    monkeypatch.setattr(scans, "infer", broken_infer)
    assert allowed.scan() == [{"scanned": 2, "failed": 1}]
    assert allowed.quality("people").error == "what was found could not be kept (ValueError)"
    assert allowed.quality("visits").profile["rows"] == 50
    assert PLANTED not in caplog.text
    assert "could not be kept (ValueError)" in caplog.text


def test_a_dataset_that_takes_too_long_is_ended(allowed, settings, monkeypatch):
    monkeypatch.setattr("detection.sampler.START_SECONDS", 0.0)
    task = Task("1", "main", "people", [ScannedColumn("id", "id", "long")], seconds=0.01)
    with Sampler(settings.CONNECTORS["sqlite"], {"path": str(allowed.path)}) as sampler:
        assert "took longer than" in sampler.scan(task).error
        assert sampler._process is None


def test_a_sample_is_no_more_than_the_setting_says(allowed, settings):
    settings.SAMPLING = settings.SAMPLING | {"rows": 100}
    key = checks.add_check(
        caller=allowed.caller, dataset_uuid=allowed.id_of("people"), kind="row_count", arguments={"least": 300}
    )
    allowed.scan()
    profile = allowed.quality("people").profile
    assert (profile["rows"], profile["total_rows"], profile["method"]) == (100, 300, "blocks")
    assert reads.get_check(principal=allowed.caller.principal, check_uuid=key).status == "pass"


def test_a_rebuild_keeps_what_is_known(allowed):
    allowed.scan()
    before = dict(Scan.objects.values_list("dataset_uuid", "due_at"))
    scans.mark_all()
    assert dict(Scan.objects.values_list("dataset_uuid", "due_at")) == before


def test_somebody_may_have_a_dataset_scanned_now(allowed, operator, make_user):
    allowed.scan()
    run = request_scan(caller=operator, dataset_uuid=allowed.id_of("people"))
    assert run == request_scan(caller=operator, dataset_uuid=allowed.id_of("people"))
    assert allowed.scan() == [{"scanned": 1, "failed": 0}]
    with pytest.raises(gate.Denied):
        request_scan(caller=type(operator)(make_user("mara"), "test"), dataset_uuid=allowed.id_of("people"))
    with pytest.raises(selectors.NoSuchDataset):
        request_scan(caller=operator, dataset_uuid=run)
