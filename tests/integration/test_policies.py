"""Policies: saved, activated, judged on change and by runs; violations open, close, are waived; only what one may read is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from catalog.access import gate
from catalog.access.principals import Caller
from catalog.access.services import create_grant, create_restriction
from catalog.domain.operations import DropTable, RenameColumn
from catalog.journal import clock, runs
from catalog.journal.models import JournalEntry, Run
from catalog.journal.selectors import Change
from catalog.journal.services import number_entries
from catalog.models import Annotation, Dataset
from catalog.services import annotating, inferring
from catalog.services.publishing import publish_changes, refresh_bodies
from deploy import upkeep
from deploy.flow import JOBS, PROJECTIONS, PUBLISHES
from detection.services.checks import add_check
from detection.services.scans import request_due_scans
from policy.domain.envelope import InvalidPolicy
from policy.models import DailyCount, Policy, PolicyVersion, Violation, Waiver
from policy.selectors.dry_runs import dry_run
from policy.selectors.policies import NoSuchPolicy, get_version, list_policies, list_versions
from policy.selectors.verdicts import TOLD_COLUMNS, dataset_verdicts
from policy.selectors.violations import NoSuchViolation, count_by_owner, get_violation, list_violations
from policy.services import judging, policies
from policy.services.policies import InvalidWaiver, VersionNotSound
from policy.starters import starter_policies
from tests.conftest import Source, pump, refreshed

pytestmark = pytest.mark.django_db

TAGGED_DATASETS = 10_000
OWNED = """\
policy: owned
resource: dataset
scope: {datasets: ["mem/**"]}
assert: dataset.owners.size() > 0
message: "{dataset.name} has no owner"
examples: {pass: [{dataset: {owners: ["user:mara"]}}], fail: [{dataset: {owners: []}}]}
"""
TAGGED = """\
policy: tagged
resource: column
when: column.categories.exists(c, c == 'personal')
assert: "'pii' in column.tags"
severity: high
examples: {fail: [{column: {categories: [personal]}}]}
"""


def rule(slug: str, must: str, fails: str, *, scope: str = "mem/**", resource: str = "dataset", when: str = "") -> str:
    """Return the text of a rule with an example that breaks it."""
    asked = f'when: "{when}"\n' if when else ""
    return f"""\
policy: {slug}
resource: {resource}
scope: {{datasets: ["{scope}"]}}
{asked}assert: "{must}"
examples: {{fail: [{fails}]}}
"""


def work() -> None:
    """Do the runs that wait, and what follows from them."""
    pump()
    for _ in range(5):
        request_due_scans()
        waiting = list(Run.objects.filter(state="queued").order_by("pk").values_list("uuid", flat=True))
        if not waiting:
            return
        for run in waiting:
            runs.execute(run, jobs=JOBS, holder="test")
        pump()
    raise AssertionError("runs lead to runs")


def activated(caller: Caller, text: str) -> str:
    slug, number = policies.save_policy(caller=caller, text=text)
    policies.activate(caller=caller, slug=slug, number=number)
    work()
    return slug


def open_ones(caller: Caller, **more) -> list[tuple[str, str, str]]:
    found = list_violations(principal=caller.principal, limit=500, **more).items
    return sorted((each.qualified_name, each.column, each.verdict) for each in found)


@pytest.fixture
def shop(source) -> Source:
    source.creates("orders", {"id": "long", "email": "string"})
    source.creates("lines", {"id": "long"})
    source.sync()
    work()
    return source


def test_one_that_a_release_cannot_read_any_more_stops_no_other_and_mends_nothing(shop, operator, make_user, caplog):
    make_user("mara")
    activated(operator, OWNED)
    activated(operator, rule("short", "dataset.column_count < 2", "{dataset: {column_count: 3}}"))
    PolicyVersion.objects.filter(policy__slug="owned").update(text=OWNED.replace("size()", "gone()"))
    shop.creates("fresh", {"id": "long", "b": "long"})
    annotating.add_owner(caller=operator, dataset_uuid=shop.id_of("orders"), owner="user:mara")
    shop.sync()
    work()
    policies.request_judging(caller=operator)
    work()
    assert open_ones(operator, policy="owned") == [
        ("mem/db/lines", "", "fail"),
        ("mem/db/orders", "", "fail"),
    ]
    assert ("mem/db/fresh", "", "fail") in open_ones(operator, policy="short")
    views = {view.slug: view for view in list_policies(principal=operator.principal, limit=50)}
    assert (views["owned"].state, views["owned"].counts) == ("unreadable", {"fail": 2})
    assert (views["short"].state, views["short"].counts) == ("active", {"fail": 2, "pass": 1})
    assert sum("cannot be read any more" in record.message for record in caplog.records) == 1
    policies.retire(caller=operator, slug="owned")
    work()
    assert open_ones(operator, policy="owned") == []


def test_a_dataset_that_cannot_be_judged_holds_up_no_other(shop, operator, monkeypatch, caplog):
    broken = shop.id_of("orders")
    look = judging._look

    def broken_look(bodies, *more):
        if any(key == broken for key, _ in bodies):
            raise KeyError("columns")
        return look(bodies, *more)

    monkeypatch.setattr(judging, "_look", broken_look)
    activated(operator, OWNED)
    assert open_ones(operator) == [("mem/db/lines", "", "fail")]
    assert f"dataset {broken} could not be judged" in caplog.text
    shop.creates("fresh", {"id": "long"})
    annotating.add_tag(caller=operator, dataset_uuid=broken, tag="touched")
    shop.sync()
    work()
    assert open_ones(operator) == [("mem/db/fresh", "", "fail"), ("mem/db/lines", "", "fail")]
    monkeypatch.undo()
    policies.request_judging(caller=operator)
    work()
    assert ("mem/db/orders", "", "fail") in open_ones(operator)


def test_an_activated_policy_judges_everything(shop, operator):
    activated(operator, OWNED)
    assert open_ones(operator) == [("mem/db/lines", "", "fail"), ("mem/db/orders", "", "fail")]
    (view,) = list_policies(principal=operator.principal, limit=50)
    assert (view.state, view.counts, view.open_violations) == ("active", {"fail": 2}, 2)
    assert DailyCount.objects.get().counts == {"fail": 2}
    (first, _) = list_violations(principal=operator.principal, limit=5).items
    assert first.message == f"{first.qualified_name.rpartition('/')[2]} has no owner"
    assert first.explanation == [
        {
            "text": "dataset.owners.size() > 0",
            "depth": 0,
            "holds": False,
            "reason": "",
            "facts": [["dataset.owners", "none"]],
        }
    ]


def test_a_change_is_judged_and_mended_ones_are_resolved_and_remembered(shop, operator):
    activated(operator, OWNED)
    key = shop.id_of("orders")
    annotating.add_owner(caller=operator, dataset_uuid=key, owner=_user(operator))
    work()
    assert open_ones(operator) == [("mem/db/lines", "", "fail")]
    annotating.remove_owner(caller=operator, dataset_uuid=key, owner="user:mara")
    work()
    assert len(open_ones(operator)) == 2
    assert open_ones(operator, resolved=True) == [("mem/db/orders", "", "fail")]
    assert Violation.objects.filter(dataset_uuid=key).count() == 2
    told = JournalEntry.objects.filter(aspect="verdict", payload__dataset=str(key)).order_by("pk")
    assert list(told.values_list("operation", "subject_version")) == [("opened", 1), ("resolved", 2), ("opened", 1)]


def _user(operator: Caller) -> str:
    from catalog.access.services import create_user

    create_user(caller=operator, username="mara", password=None)
    return "user:mara"


def test_what_a_new_dataset_breaks_is_found_and_what_is_gone_is_resolved(shop, operator):
    activated(operator, OWNED)
    shop.creates("later")
    shop.sync()
    work()
    assert len(open_ones(operator)) == 3
    shop.does(DropTable("db", "later"))
    shop.sync()
    shop.sync()
    work()
    assert len(Violation.objects.filter(resolved_at=None)) == 2


def test_what_was_resolved_long_ago_goes_and_what_is_open_stays(shop, operator):
    activated(operator, OWNED)
    owner = _user(operator)
    for table in ("orders", "lines"):
        key = shop.id_of(table)
        annotating.add_owner(caller=operator, dataset_uuid=key, owner=owner)
        work()
    annotating.remove_owner(caller=operator, dataset_uuid=key, owner=owner)
    work()
    long_ago = clock.now() - timedelta(days=settings.KEEP_DAYS["policy_violation"] + 1)
    Violation.objects.update(opened_at=long_ago)
    Violation.objects.filter(dataset_uuid=key, resolved_at__isnull=False).update(resolved_at=long_ago)
    upkeep.do("trim")
    rows = Violation.objects.values_list("dataset_uuid", "resolved_at")
    assert {(dataset, at is None) for dataset, at in rows} == {(key, True), (shop.id_of("orders"), False)}


def test_columns_are_judged_by_what_was_found_in_them(shop, operator):
    activated(operator, TAGGED)
    assert open_ones(operator) == [("mem/db/orders", "email", "fail")]
    (found,) = list_violations(principal=operator.principal, limit=5).items
    assert found.severity == "high"
    from catalog.selectors.findings import list_findings

    (finding,) = list_findings(principal=operator.principal, limit=5)
    inferring.decide(caller=operator, dataset_uuid=finding.dataset_uuid, finding=finding.uuid, accept=True)
    work()
    assert open_ones(operator) == []


def test_a_column_s_violation_follows_its_rename(shop, operator):
    asked = "column.name.contains('mail')"
    activated(
        operator, rule("tagged", "'pii' in column.tags", "{column: {name: email}}", resource="column", when=asked)
    )
    (before,) = list_violations(principal=operator.principal, limit=5).items
    shop.does(RenameColumn("db", "orders", "email", "e_mail"))
    shop.sync()
    work()
    (after,) = list_violations(principal=operator.principal, limit=5).items
    assert (after.uuid, after.column) == (before.uuid, "e_mail")


def test_checks_are_facts(shop, operator):
    activated(operator, starter_policies()["failing-checks-are-mended"])
    assert open_ones(operator) == []
    add_check(caller=operator, dataset_uuid=shop.id_of("orders"), kind="row_count", arguments={"least": 5})
    from catalog.services.catalogs import update_catalog

    update_catalog(caller=operator, name="mem", changes={"allows_sampling": True})
    Violation.objects.all().delete()
    from detection.models import CheckRow, Scan

    work()
    CheckRow.objects.update(status="fail")
    Scan.objects.update(version=7)

    from catalog.journal.services import Entry, publish

    with transaction.atomic():
        publish([Entry("quality", "judged", "quality", shop.id_of("orders"), 8)])
    work()
    assert open_ones(operator) == [("mem/db/orders", "", "fail")]


def test_what_cannot_be_judged_is_an_error_and_never_a_pass(shop, operator):
    activated(operator, rule("owned", "dataset.properties.x == 1", "{dataset: {properties: {x: 2}}}"))
    assert [verdict for *_, verdict in open_ones(operator)] == ["error", "error"]
    (view,) = list_policies(principal=operator.principal, limit=50)
    assert view.counts == {"error": 2}
    found = list_violations(principal=operator.principal, limit=1).items[0]
    assert "not found" in found.message


def test_data_that_grows_is_judged_where_a_rule_asks_for_it(shop, operator):
    small = rule("small", "!has(dataset.data.rows) || dataset.data.rows < 10", "{dataset: {data: {rows: 50}}}")
    key = shop.id_of("orders")
    grown = Change(1, clock.now(), "dataset", key, 0, "data", "changed", {}, {})
    activated(operator, OWNED)
    Violation.objects.all().delete()
    judging.judge_changes([grown])
    assert open_ones(operator) == []
    activated(operator, small)
    row = Dataset.objects.get(uuid=key)
    row.data = {"rows": 50}
    refresh_bodies([row])
    judging.judge_changes([grown])
    assert open_ones(operator, policy="small") == [("mem/db/orders", "", "fail")]


def test_versions_are_kept_and_going_back_is_activating_an_earlier_one(shop, operator):
    slug = activated(operator, OWNED)
    assert policies.save_policy(caller=operator, text=OWNED) == (slug, 1)
    wider = (
        OWNED.replace('scope: {datasets: ["mem/**"]}\n', "")
        .replace("> 0", "> 1")
        .replace('["user:mara"]', '["user:mara", "user:jo"]')
    )
    assert policies.save_policy(caller=operator, text=wider) == (slug, 2)
    assert get_version(slug=slug).number == 1
    policies.activate(caller=operator, slug=slug, number=2)
    work()
    assert {row.policy_version for row in Violation.objects.filter(resolved_at=None)} == {2}
    policies.activate(caller=operator, slug=slug, number=1)
    work()
    assert {row.policy_version for row in Violation.objects.filter(resolved_at=None)} == {1}
    assert [version.number for version in list_versions(slug=slug, limit=5)] == [2, 1]
    assert [version.number for version in list_versions(slug=slug, before=2, limit=5)] == [1]
    assert PolicyVersion.objects.get(number=1).text == OWNED
    with pytest.raises(NoSuchPolicy):
        policies.activate(caller=operator, slug=slug, number=9)


def test_a_retired_policy_judges_no_more_and_its_violations_are_resolved(shop, operator):
    slug = activated(operator, OWNED)
    policies.retire(caller=operator, slug=slug)
    work()
    assert open_ones(operator) == []
    (view,) = list_policies(principal=operator.principal, limit=50)
    assert view.state == "retired"
    shop.creates("later")
    shop.sync()
    work()
    assert open_ones(operator) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (OWNED.replace("examples:", "#"), "at least one example under 'fail'"),
        (
            OWNED.replace("fail: [{dataset: {owners: []}}]", 'fail: [{dataset: {owners: ["user:a"]}}]'),
            "its verdict is pass",
        ),
    ],
)
def test_a_policy_whose_examples_come_out_otherwise_is_kept_and_does_not_judge(shop, operator, text, reason):
    slug, number = policies.save_policy(caller=operator, text=text)
    with pytest.raises(VersionNotSound, match=reason):
        policies.activate(caller=operator, slug=slug, number=number)
    assert Policy.objects.get().active is None


def test_a_text_that_is_no_rule_is_not_kept(operator):
    with pytest.raises(InvalidPolicy, match="line 3"):
        policies.save_policy(caller=operator, text="policy: x\nresource: dataset\nassert: dataset.nothing")
    assert not Policy.objects.exists()


def test_a_waiver_lets_be_until_its_time_and_still_counts(shop, operator):
    activated(operator, OWNED)
    found = next(
        each
        for each in list_violations(principal=operator.principal, limit=5).items
        if each.qualified_name == "mem/db/orders"
    )
    soon = clock.now() + timedelta(days=7)
    for reason, until in (("", soon), ("x", clock.now()), ("x", clock.now() + timedelta(days=500)), ("\x00", soon)):
        with pytest.raises(InvalidWaiver):
            policies.waive(caller=operator, violation_uuid=found.uuid, reason=reason, expires_at=until)
    policies.waive(caller=operator, violation_uuid=found.uuid, reason="it moves next week", expires_at=soon)
    work()
    assert open_ones(operator) == [("mem/db/lines", "", "fail"), ("mem/db/orders", "", "waived")]
    (verdict,) = dataset_verdicts(principal=operator.principal, dataset_uuid=found.dataset_uuid)
    assert (verdict.verdict, verdict.waiver.reason) == ("waived", "it moves next week")
    Waiver.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    assert policies.expire_waivers() == 1
    work()
    assert open_ones(operator) == [("mem/db/lines", "", "fail"), ("mem/db/orders", "", "fail")]
    assert policies.expire_waivers() == 0


def test_a_waiver_can_be_ended(shop, operator):
    activated(operator, OWNED)
    found = list_violations(principal=operator.principal, limit=1).items[0]
    until = clock.now() + timedelta(days=7)
    waiver = policies.waive(caller=operator, violation_uuid=found.uuid, reason="x", expires_at=until)
    work()
    policies.end_waiver(caller=operator, waiver_uuid=waiver)
    work()
    assert {verdict for *_, verdict in open_ones(operator)} == {"fail"}
    with pytest.raises(NoSuchViolation):
        policies.end_waiver(caller=operator, waiver_uuid=waiver)


def test_whoever_waives_anew_ends_the_waiver_before(shop, operator):
    activated(operator, OWNED)
    found = list_violations(principal=operator.principal, limit=1).items[0]
    for reason, days in (("first", 30), ("second", 7)):
        until = clock.now() + timedelta(days=days)
        waiver = policies.waive(caller=operator, violation_uuid=found.uuid, reason=reason, expires_at=until)
    assert [row.reason for row in Waiver.objects.filter(ended_at__isnull=True)] == ["second"]
    policies.end_waiver(caller=operator, waiver_uuid=waiver)
    work()
    assert {verdict for *_, verdict in open_ones(operator)} == {"fail"}


def test_a_dry_run_names_so_many_that_newly_fail_and_counts_the_others(shop, operator, monkeypatch):
    monkeypatch.setattr("policy.selectors.dry_runs.SHOWN_CHANGES", 1)
    found = dry_run(principal=operator.principal, text="policy: other\nresource: column\nassert: column.name == 'x'")
    assert (len(found.newly_failing), found.changes["newly_failing"]) == (1, 3)


def test_a_dry_run_says_what_would_change_and_stores_nothing(shop, operator):
    activated(operator, OWNED)
    before = (PolicyVersion.objects.count(), Violation.objects.count(), JournalEntry.objects.count())
    looser = OWNED.replace("dataset.owners.size() > 0", "dataset.name == 'orders'")
    found = dry_run(principal=operator.principal, text=looser)
    assert dict(found.changes) == {"newly_passing": 1, "still_failing": 1}
    assert found.is_whole
    assert found.looked_at == 2
    stricter = "policy: other\nresource: column\nassert: column.name == 'id'"
    found = dry_run(principal=operator.principal, text=stricter)
    assert dict(found.changes) == {"still_passing": 2, "newly_failing": 1}
    assert found.newly_failing[0]["column"] == "email"
    assert {name: dict(counts) for name, counts in found.by_catalog.items()} == {"mem": dict(found.changes)}
    stopped = dry_run(principal=operator.principal, text=stricter, seconds=0)
    assert (stopped.looked_at, stopped.is_whole) == (0, False)
    assert before == (PolicyVersion.objects.count(), Violation.objects.count(), JournalEntry.objects.count())
    with pytest.raises(InvalidPolicy):
        dry_run(principal=operator.principal, text="nothing")


def test_what_one_may_not_read_is_not_told(shop, operator, make_user):
    activated(operator, OWNED)
    mara = make_user("mara")
    assert list_violations(principal=mara, limit=5).items == []
    assert count_by_owner(principal=mara).counts == []
    key = shop.id_of("orders")
    violation = Violation.objects.get(dataset_uuid=key).uuid
    with pytest.raises(NoSuchViolation):
        get_violation(principal=mara, violation_uuid=violation)
    with pytest.raises(gate.Denied):
        dataset_verdicts(principal=mara, dataset_uuid=key)
    with pytest.raises(gate.Denied):
        policies.save_policy(caller=Caller(mara, "test"), text=OWNED)
    assert list_policies(principal=mara, limit=50)[0].counts is None
    create_grant(caller=operator, role="reader", pattern="mem/db/orders", username="mara")
    pump()
    mara = refreshed(mara)
    assert open_ones(Caller(mara, "test")) == [("mem/db/orders", "", "fail")]
    assert count_by_owner(principal=mara).counts == [("-", 1)]
    until = clock.now() + timedelta(days=1)
    with pytest.raises(gate.Denied):
        policies.waive(caller=Caller(mara, "test"), violation_uuid=violation, reason="x", expires_at=until)
    create_grant(caller=operator, role="steward", pattern="mem/db/orders", username="mara")
    mara = refreshed(mara)
    found = dry_run(principal=mara, text=OWNED.replace("owned", "mine"))
    assert (found.datasets, dict(found.changes)) == (1, {"newly_failing": 1})
    create_restriction(caller=operator, pattern="mem/db/lines")
    pump()
    assert open_ones(Caller(refreshed(mara), "test"), policy="owned") == [("mem/db/orders", "", "fail")]


def test_owners_are_told_apart(shop, operator):
    activated(operator, OWNED.replace("> 0", "> 1").replace('["user:mara"]', '["user:mara", "user:jo"]'))
    annotating.add_owner(caller=operator, dataset_uuid=shop.id_of("orders"), owner=_user(operator))
    work()
    assert count_by_owner(principal=operator.principal).counts == [("-", 1), ("user:mara", 1)]
    assert open_ones(operator, owner="user:mara") == [("mem/db/orders", "", "fail")]
    assert open_ones(operator, owner="-") == [("mem/db/lines", "", "fail")]


def test_the_six_starters_judge_together(shop, operator):
    for text in starter_policies().values():
        activated(operator, text)
    assert [view.state for view in list_policies(principal=operator.principal, limit=50)] == ["active"] * 6
    verdicts = dataset_verdicts(principal=operator.principal, dataset_uuid=shop.id_of("orders"))
    assert {verdict.policy: verdict.verdict for verdict in verdicts} == {
        "certified-is-described-and-checked": "not_applicable",
        "columns-are-in-snake-case": "pass",
        "failing-checks-are-mended": "not_applicable",
        "personal-columns-are-tagged": "not_applicable",
        "personal-data-has-a-retention": "not_applicable",
        "tables-have-an-owner": "fail",
    }


def test_of_very_many_columns_so_many_are_told_and_the_others_counted(operator, source):
    source.creates("wide", {f"c{number}": "long" for number in range(TOLD_COLUMNS + 7)})
    source.sync()
    activated(
        operator,
        "policy: no-c\nresource: column\nassert: column.name == 'x' || column.name == 'c0'\nexamples: {fail: [{column: {name: c}}]}",
    )
    verdicts = dataset_verdicts(principal=operator.principal, dataset_uuid=source.id_of("wide"))
    assert [each.columns for each in verdicts] == [0] * TOLD_COLUMNS + [6]
    assert (verdicts[-1].verdict, verdicts[-1].message, verdicts[-1].column) == ("fail", "more columns: 6", "")


def test_judging_again_changes_nothing(shop, operator):
    slug = activated(operator, OWNED)
    before = JournalEntry.objects.filter(aspect="verdict").count()
    policies.request_judging(caller=operator, slug=slug)
    policies.request_judging(caller=operator)
    work()
    assert JournalEntry.objects.filter(aspect="verdict").count() == before


def test_reactions_end(shop, operator):
    """A verdict leads to nothing; a rule that speaks of itself settles; what one change leads to is bounded."""
    follows = {projection.name: projection.aspects for projection in PROJECTIONS}
    assert not any("verdict" in aspects for aspects in follows.values())
    assert PUBLISHES["policies"] == {"verdict"}
    activated(operator, rule("itself", "!('broken' in dataset.tags)", "{dataset: {tags: [broken]}}"))
    annotating.add_tag(caller=operator, dataset_uuid=shop.id_of("orders"), tag="broken")
    before = JournalEntry.objects.count()
    work()
    work()
    assert JournalEntry.objects.count() - before <= 2
    assert open_ones(operator, policy="itself") == [("mem/db/orders", "", "fail")]


@pytest.mark.slow
def test_a_tag_renamed_on_ten_thousand_datasets_settles_in_bounded_work(operator):
    """Each is judged once, in pages, and nothing follows from it."""
    source = Source(operator, "big")
    for number in range(TAGGED_DATASETS):
        source.creates(f"t{number}")
    source.sync()
    work()
    activated(operator, rule("known", "'known' in dataset.tags", "{dataset: {tags: []}}", scope="big/**"))
    opened = Violation.objects.filter(resolved_at=None)
    assert opened.count() == TAGGED_DATASETS
    for operations, fail in (
        ((("tag_added", "knwon"),), True),
        ((("tag_removed", "knwon"), ("tag_added", "known")), False),
    ):
        before = JournalEntry.objects.count()
        _retag_all(operator, operations)
        while number_entries():
            pass
        with CaptureQueriesContext(connection) as asked:
            pump()
        assert opened.count() == (TAGGED_DATASETS if fail else 0)
        # What was said of its tags, and a verdict where that changes it; nothing more.
        told = len(operations) + (not fail)
        assert JournalEntry.objects.count() == before + told * TAGGED_DATASETS
        assert len(asked) < TAGGED_DATASETS / 3
        work()
        assert JournalEntry.objects.count() == before + told * TAGGED_DATASETS


def _retag_all(operator: Caller, operations: Sequence[tuple[str, str]]) -> None:
    """Add or rename a tag of every dataset, as something that changes very many at once does."""
    key = operations[-1][1]
    keys = list(Dataset.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), 500):
        with transaction.atomic():
            page = list(Dataset.objects.select_related("catalog", "database").filter(pk__in=keys[start : start + 500]))
            now = clock.now()
            if len(operations) > 1:
                Annotation.objects.filter(dataset__in=page, aspect="tag").update(key=key)
            else:
                Annotation.objects.bulk_create(
                    Annotation(
                        dataset=each, aspect="tag", key=key, value=True, said_by="person", author="test", said_at=now
                    )
                    for each in page
                )
            for each in page:
                each.version += 1
            refresh_bodies(page)
            changes = [("annotation", operation, {"key": tag}) for operation, tag in operations]
            publish_changes([(each, changes) for each in page], caller=operator, cause={})
