"""The write path: guards, intent, source, re-read, one transaction; and recovery, which asks and never repeats."""

from __future__ import annotations

from datetime import timedelta

import pytest

from catalog.access.gate import Denied
from catalog.access.models import AuditRecord
from catalog.access.principals import Caller
from catalog.access.services import create_grant
from catalog.connectors.base import Conflict, Context, SourceUnavailable
from catalog.connectors.memory import MemoryConnector
from catalog.domain.documents import Column
from catalog.domain.operations import AddColumn, CreateTable, DropColumn, DropTable, RenameColumn, RenameTable
from catalog.domain.types import parse_type
from catalog.guards import ChangeRefused, Opinion, Verdict
from catalog.journal import clock
from catalog.journal.models import JournalEntry
from catalog.journal.runs import KeyReused
from catalog.models import Dataset, DatasetState, Intent
from catalog.selectors import NoSuchDataset
from catalog.services import annotating
from catalog.services.definitions import (
    OutcomeUnknown,
    ReadOnlyCatalog,
    VersionConflict,
    change_definition,
    get_outcome,
    recover_intents,
)
from tests.conftest import document, pump, refreshed, sync

pytestmark = pytest.mark.django_db
TOTAL = Column("total", parse_type("long"), "long")


def change(source, operation, **more):
    return change_definition(caller=more.pop("caller", source.caller), catalog_name="mem", operation=operation, **more)


def test_a_write_reaches_the_source_and_is_stored_as_the_source_then_says(source):
    outcome = change(source, CreateTable("db", "orders", document()))
    assert (outcome.state, outcome.reached, outcome.qualified_name) == ("closed", True, "mem/db/orders")
    assert [ref.name for ref in source.connector.list_datasets(Context.within(1), "db").items] == ["orders"]
    # The source numbers columns; the stored definition has its numbers, not ours.
    assert b'"source_type":"long"' in Dataset.objects.get().body


def test_the_next_sync_finds_nothing_new_in_our_own_write(source):
    change(source, CreateTable("db", "orders", document()))
    change(source, AddColumn("db", "orders", TOTAL))
    entries = JournalEntry.objects.filter(subject_kind="dataset").count()
    source.sync()
    assert JournalEntry.objects.filter(subject_kind="dataset").count() == entries


def test_a_rename_keeps_the_id(source):
    made = change(source, CreateTable("db", "orders", document()))
    moved = change(source, RenameTable("db", "orders", "purchases"))
    assert moved.dataset_uuid == made.dataset_uuid
    assert moved.qualified_name == "mem/db/purchases"


def test_a_drop_tombstones_and_keeps_what_was_said(source):
    made = change(source, CreateTable("db", "orders", document()))
    annotating.add_tag(caller=source.caller, dataset_uuid=made.dataset_uuid, tag="pii")
    dropped = change(source, DropTable("db", "orders"))
    assert dropped.version is None
    assert Dataset.objects.get().state == DatasetState.TOMBSTONED
    again = change(source, CreateTable("db", "orders", document()))
    assert again.dataset_uuid == made.dataset_uuid
    assert b'"pii"' in Dataset.objects.get().body


def test_a_refusal_of_the_source_changes_nothing_and_closes_the_intent(source):
    change(source, CreateTable("db", "orders", document()))
    before = Dataset.objects.get().version
    with pytest.raises(Conflict, match="exists already"):
        change(source, CreateTable("db", "orders", document()))
    assert Dataset.objects.get().version == before
    assert not Intent.objects.filter(state="open").exists()
    assert AuditRecord.objects.filter(action="definition.refused").exists()


def test_the_same_key_gives_the_same_outcome_and_touches_nothing(source):
    first = change(source, CreateTable("db", "orders", document()), idempotency_key="k")
    assert change(source, CreateTable("db", "orders", document()), idempotency_key="k") == first
    assert Intent.objects.count() == 1
    with pytest.raises(KeyReused):
        change(source, DropTable("db", "orders"), idempotency_key="k")


def test_a_key_is_its_user_s_own(source, make_user):
    change(source, CreateTable("db", "orders", document()), idempotency_key="k")
    mara = Caller(make_user("mara"), "test")
    with pytest.raises(KeyReused):
        change(source, CreateTable("db", "orders", document()), idempotency_key="k", caller=mara)


def test_a_version_that_moved_on_is_a_conflict_before_the_source_is_asked(source):
    made = change(source, CreateTable("db", "orders", document()))
    change(source, AddColumn("db", "orders", TOTAL))
    with pytest.raises(VersionConflict, match="you expected"):
        change(source, DropTable("db", "orders"), expected_version=made.version)
    assert source.connector.list_datasets(Context.within(1), "db").items


def test_a_write_at_the_version_that_was_expected_is_done(source):
    made = change(source, CreateTable("db", "orders", document()), expected_version=0)
    with pytest.raises(VersionConflict, match="at version 1, you expected 0"):
        change(source, CreateTable("db", "orders", document()), expected_version=0)
    wider = change(source, AddColumn("db", "orders", TOTAL), expected_version=made.version)
    assert wider.version == made.version + 1
    assert change(source, DropTable("db", "orders"), expected_version=wider.version).version is None


def test_the_audit_names_the_column_that_was_changed(source):
    change(source, CreateTable("db", "orders", document()))
    for operation in (AddColumn("db", "orders", TOTAL), RenameColumn("db", "orders", "total", "sum")):
        change(source, operation)
    told = AuditRecord.objects.filter(action="definition.closed").order_by("pk").values_list("after", flat=True)
    assert [after["operation"].get("column") for after in told] == [None, "total", "total"]


def test_a_protected_dataset_is_not_broken(source):
    made = change(source, CreateTable("db", "orders", document()))
    annotating.add_tag(caller=source.caller, dataset_uuid=made.dataset_uuid, tag="protected")
    for operation in (DropTable("db", "orders"), DropColumn("db", "orders", "id"), RenameTable("db", "orders", "x")):
        with pytest.raises(ChangeRefused, match="tagged 'protected'"):
            change(source, operation)
    assert not change(source, AddColumn("db", "orders", TOTAL)).warnings
    assert not Intent.objects.filter(state="open").exists()


def test_a_breaking_change_warns(source):
    change(source, CreateTable("db", "orders", document()))
    assert "column_removed" in change(source, DropColumn("db", "orders", "name")).warnings[0]


def slow_guard(proposal):
    import time

    time.sleep(0.06)
    return Opinion(Verdict.ALLOW)


def test_guards_that_take_too_long_refuse(source, settings):
    settings.CHANGE_GUARDS = ["tests.integration.test_write_path.slow_guard"] * 2
    with pytest.raises(ChangeRefused, match="longer than 50 ms"):
        change(source, CreateTable("db", "orders", document()))
    assert not Intent.objects.exists()


def test_only_admins_of_the_name_change_definitions(source, make_user):
    change(source, CreateTable("db", "orders", document()))
    mara = make_user("mara")
    with pytest.raises(Denied, match="needs the role 'admin'"):
        change(source, DropTable("db", "orders"), caller=Caller(mara, "test"))
    create_grant(caller=source.caller, role="admin", pattern="mem/db/**", username="mara")
    pump()
    change(source, DropTable("db", "orders"), caller=Caller(refreshed(mara), "test"))


def test_a_rename_out_of_one_s_reach_is_denied(source, make_user):
    change(source, CreateTable("db", "orders_a", document()))
    mara = make_user("mara")
    create_grant(caller=source.caller, role="admin", pattern="mem/db/orders_*", username="mara")
    pump()
    with pytest.raises(Denied):
        change(source, RenameTable("db", "orders_a", "elsewhere"), caller=Caller(refreshed(mara), "test"))


def test_what_may_not_be_known_is_not_there_to_be_changed(source, make_user):
    from catalog.access.models import Grant

    change(source, CreateTable("db", "orders", document()))
    Grant.objects.all().delete()
    with pytest.raises(NoSuchDataset):
        change(source, DropTable("db", "orders"), caller=Caller(refreshed(make_user("mara")), "test"))


def test_a_connector_that_cannot_write_says_so(operator, tmp_path):
    import sqlite3

    from catalog.services.catalogs import register_catalog

    path = tmp_path / "a.db"
    sqlite3.connect(path).close()
    path.touch()
    register_catalog(caller=operator, name="lite", platform="sqlite", options={"path": str(path)})
    sync(operator, "lite")
    with pytest.raises(ReadOnlyCatalog, match="sqlite connector does not write tables"):
        change_definition(caller=operator, catalog_name="lite", operation=CreateTable("main", "t", document()))


class Silent(MemoryConnector):
    """A source that falls silent once it was asked: before or after it has done what was asked."""

    does_it = True

    def apply(self, ctx, operation):
        if Silent.does_it:
            super().apply(ctx, operation)
        raise SourceUnavailable("no answer in time")


@pytest.mark.parametrize("does_it", [True, False])
def test_after_silence_recovery_asks_the_source_what_is_true(source, settings, does_it):
    Silent.does_it = does_it
    settings.CONNECTORS = {**settings.CONNECTORS, "memory": "tests.integration.test_write_path.Silent"}
    with pytest.raises(OutcomeUnknown):
        change(source, CreateTable("db", "orders", document()), idempotency_key="k")
    intent = Intent.objects.get()
    assert intent.state == "open"
    with pytest.raises(OutcomeUnknown):
        change(source, CreateTable("db", "orders", document()), idempotency_key="k")
    assert recover_intents() == 0  # its writer may still be at it
    Intent.objects.update(lease_until=clock.now() - timedelta(seconds=1))
    assert recover_intents() == 1
    state, outcome = get_outcome(intent_uuid=intent.uuid, caller=source.caller)
    assert (state, outcome.reached) == ("recovered", does_it)
    assert Dataset.objects.filter(state="live").exists() is does_it


def test_a_source_that_stays_silent_leaves_the_intent_open_and_says_why(source, settings):
    Silent.does_it = True
    settings.CONNECTORS = {**settings.CONNECTORS, "memory": "tests.integration.test_write_path.Dead"}
    with pytest.raises(OutcomeUnknown):
        change(source, CreateTable("db", "orders", document()))
    Intent.objects.update(lease_until=clock.now() - timedelta(seconds=1))
    assert recover_intents() == 0
    intent = Intent.objects.get()
    assert (intent.state, intent.outcome["last_error"]) == ("open", "no answer in time")


class Dead(Silent):
    """A source that does not answer to anything any more."""

    def load(self, ctx, refs):
        raise SourceUnavailable("no answer in time")
        yield
