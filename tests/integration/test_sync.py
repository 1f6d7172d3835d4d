"""Sync: what a source lists is what the catalog says, and what people wrote survives whatever the source does."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from catalog import selectors
from catalog.connectors.base import ConnectorError, DatabaseRef, DatasetRef, LoadFailure, Page, SourceUnavailable
from catalog.connectors.memory import MemoryConnector
from catalog.domain.documents import Column, DataFacts
from catalog.domain.names import QualifiedName
from catalog.domain.operations import AddColumn, CreateTable, DropColumn, RenameColumn, RenameTable
from catalog.domain.types import parse_type
from catalog.journal import clock
from catalog.journal.models import JournalEntry
from catalog.models import Catalog, ColumnRow, Database, Dataset, DatasetState, DefinitionDocument, SyncHold
from catalog.services import annotating, catalogs, definitions
from tests.conftest import Source, document, sync

pytestmark = pytest.mark.django_db


def state_of(source, table, database="db"):
    return Dataset.objects.get(qualified_name=f"{source.name}/{database}/{table}", holds_name=True).state


def says(source, dataset_uuid):
    """Return owners, tags and description that hang on an id."""
    claims = selectors.list_claims(dataset_uuid=dataset_uuid, principal=source.caller.principal, include_ended=False)
    return sorted((claim.aspect, claim.key, claim.value) for claim in claims)


@pytest.fixture
def described(source, make_user):
    """A table that people have described, its id, and what they said."""
    make_user("mara")
    source.creates("orders", {"id": "long", "email": "string"})
    source.sync()
    key = source.id_of("orders")
    annotating.add_owner(caller=source.caller, dataset_uuid=key, owner="user:mara")
    annotating.add_tag(caller=source.caller, dataset_uuid=key, tag="pii", column="email")
    annotating.describe(caller=source.caller, dataset_uuid=key, text="What was bought.")
    return key, says(source, key)


def test_a_first_sync_finds_every_table(source):
    for number in range(5):
        source.creates(f"t{number}")
    run = source.sync()
    assert (run.state, run.result["created"], run.result["listed"]) == ("done", 5, 5)


def test_a_sync_of_nothing_new_writes_nothing(source):
    source.creates("orders")
    source.sync()
    entries = JournalEntry.objects.count()
    version = Dataset.objects.get().version
    source.sync()
    assert (
        JournalEntry.objects.filter(subject_kind="dataset").count()
        == entries - JournalEntry.objects.filter(subject_kind="catalog").count()
    )
    assert Dataset.objects.get().version == version


def test_a_changed_definition_makes_a_version_with_its_difference(source):
    source.creates("orders")
    source.sync()
    source.does(AddColumn("db", "orders", Column("total", parse_type("decimal(10,2)"), "decimal(10,2)")))
    run = source.sync()
    assert run.result["changed"] == 1
    newest, first = selectors.list_versions(
        dataset_uuid=source.id_of("orders"), principal=source.caller.principal, limit=5
    )
    assert (newest.number, [change["what"] for change in newest.changes]) == (2, ["column_added"])
    assert first.changes == []


def test_equal_definitions_are_stored_once(source):
    for number in range(4):
        source.creates(f"t{number}", {"id": "long"})
    source.sync()
    # The memory source numbers columns through, so only names and types could be shared where ids are equal.
    assert DefinitionDocument.objects.count() <= 4
    source.drops("t0")
    source.sync()
    source.sync()
    source.creates("t0", {"id": "long"})
    source.sync()
    assert selectors.get_dataset(dataset_uuid=source.id_of("t0"), principal=source.caller.principal)


def test_owners_and_tags_survive_drop_and_re_creation(source, described):
    key, said = described
    source.drops("orders")
    source.creates("orders", {"id": "long", "email": "string"})
    source.sync()
    assert source.id_of("orders") == key
    assert says(source, key) == said
    assert Dataset.objects.get(uuid=key).recreated_at is not None


def test_owners_and_tags_survive_a_swap_by_renames(source, described):
    key, said = described
    source.creates("orders_new", {"id": "long", "email": "string", "total": "long"})
    source.does(RenameTable("db", "orders", "orders_old"), RenameTable("db", "orders_new", "orders"))
    source.drops("orders_old")
    source.sync()
    assert source.id_of("orders") == key
    assert says(source, key) == said


def test_a_rename_keeps_the_id_and_the_old_name_leads_to_it(source, described):
    key, said = described
    source.does(RenameTable("db", "orders", "purchases"))
    run = source.sync()
    assert run.result["renamed"] == 1
    assert source.id_of("purchases") == key
    assert says(source, key) == said
    with pytest.raises(selectors.NoSuchDataset, match="renamed to 'mem/db/purchases'"):
        source.id_of("orders")


def test_a_table_that_moves_to_another_database_keeps_its_id(source, described):
    key, said = described
    state = source.connector._state()["databases"]
    state.setdefault("archive", {})["orders"] = state["db"].pop("orders")
    source.sync()
    assert source.id_of("orders", database="archive") == key
    assert says(source, key) == said


def test_a_renamed_column_keeps_its_id_and_its_tags(source, described):
    key, said = described
    before = ColumnRow.objects.get(dataset__uuid=key, path="email").uuid
    source.does(RenameColumn("db", "orders", "email", "mail"))
    source.sync()
    assert ColumnRow.objects.get(dataset__uuid=key, path="mail").uuid == before
    assert says(source, key) == said


def test_a_dropped_column_that_comes_back_is_the_same_column(source, described):
    key, _ = described
    before = ColumnRow.objects.get(dataset__uuid=key, path="email").uuid
    source.does(DropColumn("db", "orders", "email"))
    source.sync()
    assert ColumnRow.objects.get(uuid=before).dropped_at is not None
    source.does(AddColumn("db", "orders", Column("email", parse_type("string"), "string")))
    source.sync()
    assert ColumnRow.objects.get(dataset__uuid=key, path="email").uuid == before


def test_a_column_may_take_the_name_of_a_dropped_one(source):
    source.creates("t", {"a": "long", "b": "long"})
    source.sync()
    source.does(DropColumn("db", "t", "a"))
    source.sync()
    source.does(RenameColumn("db", "t", "b", "a"))
    source.sync()
    alive = ColumnRow.objects.filter(dataset__name="t", dropped_at__isnull=True)
    assert [row.path for row in alive] == ["a"]


def test_columns_may_swap_their_names(source):
    source.creates("t", {"a": "long", "b": "string"})
    source.sync()
    source.does(
        RenameColumn("db", "t", "a", "tmp"), RenameColumn("db", "t", "b", "a"), RenameColumn("db", "t", "tmp", "b")
    )
    source.sync()
    rows = ColumnRow.objects.filter(dataset__name="t", dropped_at__isnull=True).order_by("ordinal")
    assert [(row.path, row.type) for row in rows] == [("b", "long"), ("a", "string")]


def test_one_complete_listing_makes_missing_and_a_second_tombstones(source, described):
    key, said = described
    source.drops("orders")
    source.sync()
    assert state_of(source, "orders") == DatasetState.MISSING
    source.sync()
    assert state_of(source, "orders") == DatasetState.TOMBSTONED
    source.creates("orders", {"id": "long", "email": "string"})
    assert source.sync().result["revived"] == 1
    assert source.id_of("orders") == key
    assert says(source, key) == said


def test_a_rename_into_the_name_of_a_tombstone_leaves_both_their_ids(source, described):
    key, _ = described
    source.drops("orders")
    source.sync()
    source.sync()
    source.creates("other")
    source.sync()
    other = source.id_of("other")
    source.does(RenameTable("db", "other", "orders"))
    source.sync()
    assert source.id_of("orders") == other
    assert Dataset.objects.get(uuid=key).state == DatasetState.TOMBSTONED


def test_a_database_that_is_gone_takes_its_tables_along(source):
    source.creates("a", database="one")
    source.creates("b", database="two")
    source.sync()
    del source.connector._state()["databases"]["two"]
    source.sync()
    assert state_of(source, "a", "one") == DatasetState.LIVE
    assert state_of(source, "b", "two") == DatasetState.MISSING


class Faulty(MemoryConnector):
    """A source that fails where it is told to."""

    fail_on_page: int | None = None
    fail_to_load: tuple[str, ...] = ()
    fail_databases = False
    pages = 0

    def list_databases(self, ctx, page=None):
        if Faulty.fail_databases:
            raise SourceUnavailable("the source does not answer")
        return super().list_databases(ctx, page)

    def list_datasets(self, ctx, database, page=None):
        listed = list(super().list_datasets(ctx, database, None).items)
        start = int(page or 0)
        if Faulty.fail_on_page is not None and start // 2 >= Faulty.fail_on_page and database == "db":
            raise SourceUnavailable("the connection broke in mid-listing")
        more = str(start + 2) if start + 2 < len(listed) else None
        return Page(listed[start : start + 2], more)

    def load(self, ctx, refs):
        from catalog.connectors.base import LoadFailure

        for answer in super().load(ctx, refs):
            yield (
                LoadFailure(answer.ref, "its definition cannot be read")
                if answer.ref.name in Faulty.fail_to_load
                else answer
            )


@pytest.fixture
def faulty(settings, db, operator):
    settings.CONNECTORS = {**settings.CONNECTORS, "memory": "tests.integration.test_sync.Faulty"}
    Faulty.fail_on_page, Faulty.fail_to_load, Faulty.fail_databases = None, (), False
    made = Source(operator, "faulty")
    for number in range(6):
        made.creates(f"t{number}")
    made.creates("elsewhere", database="other")
    made.sync()
    return made


def test_a_source_that_fails_on_its_second_page_drops_nothing(faulty):
    Faulty.fail_on_page = 1
    faulty.creates("new", database="other")
    run = faulty.sync()
    assert run.state == "done"
    assert run.result["failures"] == 1
    assert set(Dataset.objects.filter(database__name="db").values_list("state", flat=True)) == {"live"}
    assert state_of(faulty, "new", "other") == DatasetState.LIVE
    assert "listing failed for db" in Catalog.objects.get(name="faulty").last_error
    Faulty.fail_on_page = None
    faulty.sync()
    assert Catalog.objects.get(name="faulty").last_error == ""


def test_a_source_that_is_gone_fails_the_run_and_drops_nothing(faulty):
    Faulty.fail_databases = True
    run = faulty.sync()
    assert (run.state, run.error) == ("failed", "the source does not answer")
    assert not Dataset.objects.exclude(state="live").exists()


def test_a_table_that_cannot_be_read_is_stale_and_its_neighbours_are_stored(faulty):
    Faulty.fail_to_load = ("t1",)
    for table in ("t1", "t2"):
        faulty.does(AddColumn("db", table, Column("more", parse_type("int"), "int")))
    run = faulty.sync()
    assert run.result["changed"] == 1
    assert Dataset.objects.get(name="t1").stale_reason == "its definition cannot be read"
    assert state_of(faulty, "t1") == DatasetState.LIVE
    Faulty.fail_to_load = ()
    faulty.sync()
    assert Dataset.objects.get(name="t1").stale_reason == ""


@pytest.fixture
def many(source):
    for number in range(40):
        source.creates(f"t{number:02}")
    source.sync()
    return source


def drop_many(many):
    for number in range(15):
        many.drops(f"t{number:02}")


def test_a_sync_that_would_drop_much_asks_and_drops_nothing(many):
    drop_many(many)
    many.creates("new")
    run = many.sync()
    assert run.result["held"] is True
    assert not Dataset.objects.exclude(state="live").exists()
    assert state_of(many, "new") == DatasetState.LIVE
    hold = SyncHold.objects.get()
    assert (hold.vanished, hold.known, hold.state) == (15, 40, "waiting")


def test_an_approved_hold_lets_the_next_sync_drop(many):
    drop_many(many)
    many.sync()
    run = catalogs.decide_hold(caller=many.caller, hold_uuid=SyncHold.objects.get().uuid, drop=True)
    from catalog.journal import runs
    from catalog.sync.engine import run_sync

    runs.execute(run, jobs={"sync": run_sync}, holder="test")
    assert Dataset.objects.filter(state="missing").count() == 15
    assert SyncHold.objects.get().state == "done"


def test_a_hold_that_was_refused_is_not_asked_again_within_a_day(many):
    drop_many(many)
    many.sync()
    catalogs.decide_hold(caller=many.caller, hold_uuid=SyncHold.objects.get().uuid, drop=False)
    many.sync()
    assert not SyncHold.objects.filter(state="waiting").exists()
    assert not Dataset.objects.exclude(state="live").exists()


def test_a_hold_goes_away_when_the_tables_come_back(many):
    drop_many(many)
    many.sync()
    for number in range(15):
        many.creates(f"t{number:02}")
    many.sync()
    assert SyncHold.objects.get().state == "gone"


def test_few_vanished_tables_never_ask(source):
    for number in range(5):
        source.creates(f"t{number}")
    source.sync()
    for number in range(4):
        source.drops(f"t{number}")
    assert source.sync().result["held"] is False


def test_odd_names_and_hostile_comments_are_kept_as_they_are(source):
    comment = "<script>alert(1)</script> \x00 ' \" %"
    for name in ("a/b", "dot.ted", "..", "per%cent", 'quo"te', "Ünïcode 🎬", "x" * 255, "case", "CASE"):
        source.creates(name, {name[:60]: "int"}, comment=comment)
    run = source.sync()
    assert run.result["created"] == 9
    stored = selectors.get_dataset_by_name(name="mem/db/a%2Fb", principal=source.caller.principal)
    assert b"<script>alert(1)</script> \xef\xbf\xbd" in stored.body


def test_a_name_that_no_store_can_keep_fails_alone(source):
    source.creates("good")
    source.creates("/" * 1000)
    run = source.sync()
    assert (run.result["created"], run.result["failures"]) == (1, 1)


class Hostile(MemoryConnector):
    """Says of its databases and of the table ``other`` what PostgreSQL cannot keep."""

    what = ""

    def list_databases(self, ctx, page=None):
        found = super().list_databases(ctx, page)
        refs = [replace(ref, comment="a\x00b", properties={"k\x00": "\ud800"}) for ref in found.items]
        return Page([*refs, DatabaseRef("z\x00z")], found.next)

    def list_datasets(self, ctx, database, page=None):
        found = super().list_datasets(ctx, database, page)
        return Page([*(self._odd(ref) for ref in found.items), DatasetRef(database, "a\x00b")], found.next)

    def load(self, ctx, refs):
        for one in super().load(ctx, [ref for ref in refs if "\x00" not in ref.name]):
            if one.ref.name != "other" or self.what in ("digest", "source_id"):
                yield replace(one, ref=self._odd(one.ref))
            elif self.what == "rows":
                yield replace(one, document=replace(one.document, data=DataFacts(rows=2**70)))
            else:
                yield LoadFailure(one.ref, "it says a\x00b\ud800")

    def _odd(self, ref):
        is_odd = ref.name == "other" and self.what in ("digest", "source_id")
        return replace(ref, **{self.what: "a\x00b\ud800"}) if is_odd else ref


@pytest.mark.parametrize("what", ["digest", "source_id", "rows", "reason"])
def test_what_no_store_can_keep_holds_up_no_other(source, monkeypatch, what):
    for name in ("good", "other", "third"):
        source.creates(name, {"id": "int"})
    monkeypatch.setattr(Hostile, "what", what)
    monkeypatch.setattr("catalog.backends.make_connector", lambda *_: Hostile(space=source.space))
    run = source.sync()
    assert (run.state, run.result["created"], run.result["failures"]) == ("done", 2, 3), run.error
    assert set(Dataset.objects.values_list("name", flat=True)) == {"good", "third"}
    database = Database.objects.get()
    assert (database.comment, database.properties) == ("a\ufffdb", {"k\ufffd": "\ufffd"})
    units = selectors.list_sync_units(run_uuid=run.uuid, principal=source.caller.principal, failed=True, limit=5)
    told = {failure["name"]: failure["reason"] for unit in units for failure in unit.failures}
    assert set(told) == {"z\ufffdz", "a\ufffdb", "other"}
    assert "NUL" in told["z\ufffdz"]
    assert "NUL" in told["a\ufffdb"]
    assert told["other"] == "it says a\ufffdb\ufffd" if what == "reason" else "could not be stored" in told["other"]


def test_the_units_of_a_sync_are_paged_by_database(source):
    for number in range(5):
        source.creates("t", {"id": "int"}, database=f"db{number}")
    run = source.sync()
    listed, after = [], None
    while part := selectors.list_sync_units(run_uuid=run.uuid, principal=source.caller.principal, after=after, limit=2):
        listed += [unit.database for unit in part]
        after = listed[-1]
    assert listed == [f"db{number}" for number in range(5)]
    failed = selectors.list_sync_units(run_uuid=run.uuid, principal=source.caller.principal, failed=True, limit=9)
    assert failed == []


def test_a_source_that_fails_with_odd_words_ends_its_run(source, monkeypatch):
    def refuse(*_):
        raise ConnectorError("it says a\x00b\ud800")

    source.creates("good")
    monkeypatch.setattr(MemoryConnector, "list_databases", refuse)
    run = source.sync()
    assert run.state == "failed"
    assert run.error == "it says a\ufffdb?"


def test_names_that_differ_in_case_only_are_ambiguous_where_the_source_folds(operator, db, tmp_path):
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE Orders (id INTEGER)")
    connection.close()
    catalogs.register_catalog(caller=operator, name="lite", platform="sqlite", options={"path": str(path)})
    sync(operator, "lite")
    found = selectors.get_dataset_by_name(name="lite/main/ORDERS", principal=operator.principal)
    assert found.qualified_name == "lite/main/Orders"


def test_a_removed_catalog_is_gone_and_comes_back_with_what_was_said(source, described):
    from catalog.journal import runs
    from catalog.sync.engine import run_remove_catalog

    key, said = described
    run = catalogs.remove_catalog(caller=source.caller, name="mem")
    runs.execute(run, jobs={"remove_catalog": run_remove_catalog}, holder="test")
    with pytest.raises(selectors.NoSuchCatalog):
        selectors.get_catalog(name="mem", principal=source.caller.principal)
    assert Dataset.objects.get(uuid=key).state == DatasetState.TOMBSTONED
    catalogs.register_catalog(caller=source.caller, name="mem", platform="memory", options={"space": source.space})
    source.sync()
    assert source.id_of("orders") == key
    assert says(source, key) == said


def test_data_changes_are_no_versions(source):
    from catalog.domain.documents import DataFacts
    from catalog.journal.models import PendingDataChange

    made = document(data=DataFacts(rows=1))
    from catalog.access.services import Classifier
    from catalog.connectors.base import DatasetRef, Loaded
    from catalog.models import Database
    from catalog.services import store

    source.creates("t")
    source.sync()
    database = Database.objects.get(name="db")
    writing = store.Writing(source.caller, {}, Classifier())
    dataset = Dataset.objects.get()
    stored = selectors.get_version_document(dataset_uuid=dataset.uuid, number=1, principal=source.caller.principal)
    from dataclasses import replace

    from catalog.domain.documents import document_from_json

    same = replace(document_from_json(stored), data=made.data)
    ref = DatasetRef("db", "t", dataset.source_id, "other")
    counts = store.store_loaded(
        catalog=database.catalog, database=database, loaded=[Loaded(ref, same)], writing=writing
    )
    assert counts == {"data_changed": 1}
    assert Dataset.objects.get().schema_version == 1
    assert PendingDataChange.objects.get().subject_uuid == dataset.uuid


def test_a_bad_connector_error_is_a_failed_run_with_its_words(operator, db, tmp_path):
    catalogs.register_catalog(
        caller=operator, name="gone", platform="sqlite", options={"path": str(tmp_path / "x.db")}, test=False
    )
    run = sync(operator, "gone")
    assert run.state == "failed"
    assert "there is no file" in run.error
    assert issubclass(SourceUnavailable, ConnectorError)


def test_patterns_choose_the_databases_that_a_catalog_has(operator, db):
    source = Source(operator, "chosen", database_patterns=["sales*", "-*_old"], drop_limit_ratio=1.0)
    for database in ("sales", "sales_old", "hr"):
        source.creates("t", database=database)

    def names():
        return sorted(Dataset.objects.filter(state=DatasetState.LIVE).values_list("qualified_name", flat=True))

    source.sync()
    assert names() == ["chosen/sales/t"]
    assert selectors.list_live_databases(catalog="chosen", principal=operator.principal) == ["sales"]
    with pytest.raises(selectors.NoSuchDataset):
        selectors.get_live_dataset(name=QualifiedName.parse("chosen/hr/t"), principal=operator.principal)
    with pytest.raises(selectors.NoSuchDatabase, match="leaves out"):
        definitions.change_definition(
            caller=operator, catalog_name="chosen", operation=CreateTable("hr", "u", document())
        )
    catalogs.update_catalog(caller=operator, name="chosen", changes={"database_patterns": ["hr"]})
    source.sync()
    assert names() == ["chosen/hr/t"]
    with pytest.raises(catalogs.InvalidCatalog, match="no pattern"):
        catalogs.update_catalog(caller=operator, name="chosen", changes={"database_patterns": ["-"]})


def test_a_name_is_registered_once_and_stays_with_its_platform(source, operator, tmp_path):
    def register(platform: str, **options: str) -> None:
        catalogs.register_catalog(caller=operator, name="mem", platform=platform, options=options)

    with pytest.raises(catalogs.CatalogExists, match="choose another name"):
        register("sqlite", path=str(tmp_path / "not.there"))
    catalogs.remove_catalog(caller=operator, name="mem")
    sqlite3.connect(tmp_path / "a.db").close()
    with pytest.raises(catalogs.CatalogExists, match="a removed memory catalog"):
        register("sqlite", path=str(tmp_path / "a.db"))
    register("memory", space=source.space)


def test_a_paused_catalog_is_not_due_and_a_resumed_one_is_at_once(source, operator):
    def due() -> bool:
        at = Catalog.objects.get(name="mem").next_sync_at
        return at is not None and at <= clock.now()

    def set_state(state: str) -> None:
        catalogs.update_catalog(caller=operator, name="mem", changes={"state": state})

    catalogs.update_catalog(caller=operator, name="mem", changes={"sync_every_seconds": 3_600})
    set_state("paused")
    assert Catalog.objects.get(name="mem").next_sync_at is None
    set_state("active")
    assert due()
    catalogs.update_catalog(caller=operator, name="mem", changes={"sync_every_seconds": None})
    assert Catalog.objects.get(name="mem").next_sync_at is None
    told = JournalEntry.objects.filter(subject_kind="catalog").order_by("pk").values_list("operation", flat=True)
    assert list(told) == ["registered", *["changed"] * 4]
