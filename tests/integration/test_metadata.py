"""Business metadata: who said what, the whole history, undo; merges of ids and their undoing; observed stubs."""

from __future__ import annotations

import uuid
from datetime import timedelta

import orjson
import pytest

from catalog import selectors
from catalog.access.gate import Denied
from catalog.access.models import AuditRecord
from catalog.access.principals import Caller
from catalog.access.services import create_grant, create_team
from catalog.journal.models import JournalEntry
from catalog.models import Annotation, Dataset, DatasetState
from catalog.services import annotating, identity
from catalog.services.definitions import VersionConflict
from tests.conftest import pump, refreshed

pytestmark = pytest.mark.django_db


@pytest.fixture
def orders(source):
    source.creates("orders", {"id": "long", "email": "string"}, comment="From the source.")
    source.sync()
    return source.id_of("orders")


def body(source, key):
    return orjson.loads(selectors.get_dataset(dataset_uuid=key, principal=source.caller.principal).body)


def test_a_person_s_description_counts_before_the_source_s_and_can_be_taken_back(source, orders):
    assert body(source, orders)["description"]["said_by"] == "source"
    annotating.describe(caller=source.caller, dataset_uuid=orders, text="What was bought.")
    said = body(source, orders)["description"]
    assert (said["text"], said["said_by"], said["author"]) == ("What was bought.", "person", "system:test")
    annotating.describe(caller=source.caller, dataset_uuid=orders, text="")
    assert body(source, orders)["description"]["text"] == "From the source."


def test_saying_the_same_twice_changes_nothing(source, orders):
    annotating.add_tag(caller=source.caller, dataset_uuid=orders, tag="pii")
    entries, version = JournalEntry.objects.count(), Dataset.objects.get().version
    done = annotating.add_tag(caller=source.caller, dataset_uuid=orders, tag="pii")
    assert done.claim is None
    assert (JournalEntry.objects.count(), Dataset.objects.get().version) == (entries, version)


def test_every_change_is_audited_with_before_and_after(source, orders):
    annotating.describe(caller=source.caller, dataset_uuid=orders, text="one")
    annotating.describe(caller=source.caller, dataset_uuid=orders, text="two")
    record = AuditRecord.objects.order_by("-pk").first()
    assert (record.action, record.before, record.after["value"]) == (
        "dataset.annotation.description_changed",
        "one",
        "two",
    )


def test_undo_brings_back_what_was_said_before(source, orders):
    annotating.describe(caller=source.caller, dataset_uuid=orders, text="one")
    second = annotating.describe(caller=source.caller, dataset_uuid=orders, text="two")
    annotating.undo_claim(caller=source.caller, dataset_uuid=orders, claim_uuid=second.claim)
    assert body(source, orders)["description"]["text"] == "one"
    tagged = annotating.add_tag(caller=source.caller, dataset_uuid=orders, tag="pii")
    annotating.undo_claim(caller=source.caller, dataset_uuid=orders, claim_uuid=tagged.claim)
    assert body(source, orders)["tags"] == []
    annotating.undo_claim(caller=source.caller, dataset_uuid=orders, claim_uuid=tagged.claim)
    assert body(source, orders)["tags"] == ["pii"]


def test_claims_are_ended_and_never_overwritten(source, orders):
    for text in ("one", "two", ""):
        annotating.describe(caller=source.caller, dataset_uuid=orders, text=text)
    claims = list(Annotation.objects.order_by("pk").values_list("value", "ended_at"))
    assert [value for value, _ in claims] == ["one", "two"]
    assert all(ended for _, ended in claims)


def test_an_edit_of_what_somebody_changed_meanwhile_is_a_conflict(source, orders):
    seen = Dataset.objects.get().version
    annotating.describe(caller=source.caller, dataset_uuid=orders, text="theirs")
    with pytest.raises(VersionConflict, match="somebody changed it"):
        annotating.describe(caller=source.caller, dataset_uuid=orders, text="mine", expected_version=seen)


def test_tags_of_columns_stand_with_their_column(source, orders):
    annotating.add_tag(caller=source.caller, dataset_uuid=orders, tag="pii", column="email")
    columns = {column["name"]: column["tags"] for column in body(source, orders)["columns"]}
    assert columns == {"id": [], "email": ["pii"]}
    with pytest.raises(annotating.NoSuchColumn):
        annotating.add_tag(caller=source.caller, dataset_uuid=orders, tag="pii", column="gone")


@pytest.mark.parametrize("tag", ["", "a b", "x" * 101, "a:b", "<b>", "a\x00b", 'quo"te'])
def test_tags_that_could_not_be_searched_are_refused(source, orders, tag):
    with pytest.raises(annotating.InvalidAnnotation):
        annotating.add_tag(caller=source.caller, dataset_uuid=orders, tag=tag)


def test_owners_are_users_or_teams_that_exist(source, orders, make_user):
    make_user("mara")
    create_team(caller=source.caller, name="growth", members=["mara"])
    for owner in ("user:mara", "team:growth"):
        annotating.add_owner(caller=source.caller, dataset_uuid=orders, owner=owner)
    assert body(source, orders)["owners"] == ["user:mara", "team:growth"]
    with pytest.raises(annotating.InvalidAnnotation, match="no owner 'user:nobody'"):
        annotating.add_owner(caller=source.caller, dataset_uuid=orders, owner="user:nobody")
    with pytest.raises(annotating.NoSuchClaim):
        annotating.remove_owner(caller=source.caller, dataset_uuid=orders, owner="user:nobody")


def test_properties_are_set_changed_and_removed(source, orders):
    annotating.set_property(caller=source.caller, dataset_uuid=orders, name="sla", value="1h")
    annotating.set_property(caller=source.caller, dataset_uuid=orders, name="sla", value="2h")
    assert body(source, orders)["properties"] == {"sla": "2h"}
    annotating.set_property(caller=source.caller, dataset_uuid=orders, name="sla", value=None)
    assert body(source, orders)["properties"] == {}


def test_a_property_may_be_any_json_value_within_bounds(source, orders):
    value = {"ttl": {"days": 30, "hot": True}, "of": [1, 2.5, None, "å"]}
    annotating.set_property(caller=source.caller, dataset_uuid=orders, name="lifecycle", value=value)
    assert body(source, orders)["properties"] == {"lifecycle": value}
    deep = []
    for _ in range(500):
        deep = [deep]
    for bad, words in ((deep, "at most 50 levels"), ({"x": "y" * 30_000}, "at most 20000"), (["\x00"], "NUL")):
        with pytest.raises(annotating.InvalidAnnotation, match=words):
            annotating.set_property(caller=source.caller, dataset_uuid=orders, name="lifecycle", value=bad)


def test_only_editors_write(source, orders, make_user):
    mara = make_user("mara")
    with pytest.raises(Denied, match="needs the role 'editor' here; user:mara has 'discoverer'"):
        annotating.add_tag(caller=Caller(mara, "test"), dataset_uuid=orders, tag="x")
    create_grant(caller=source.caller, role="editor", pattern="mem/**", username="mara")
    pump()
    annotating.add_tag(caller=Caller(refreshed(mara), "test"), dataset_uuid=orders, tag="x")


# Identity beyond listings


def test_a_name_heard_of_becomes_a_stub_out_of_search_that_a_sync_confirms(source, orders):
    stub = identity.observe(caller=source.caller, qualified_name="mem/db/heard")
    assert identity.observe(caller=source.caller, qualified_name="mem/db/heard") == stub
    assert Dataset.objects.get(uuid=stub).state == DatasetState.OBSERVED
    source.creates("heard")
    source.sync()
    assert source.id_of("heard") == stub
    assert Dataset.objects.get(uuid=stub).state == DatasetState.LIVE


def test_stubs_that_nobody_speaks_of_expire(source, orders):
    stub = identity.observe(caller=source.caller, qualified_name="mem/db/heard")
    assert identity.expire_observed(caller=source.caller, older_than=timedelta(days=1)) == 0
    assert identity.expire_observed(caller=source.caller, older_than=timedelta(0)) == 1
    assert Dataset.objects.get(uuid=stub).state == DatasetState.TOMBSTONED


def test_a_merge_sends_readers_to_the_survivor_and_can_be_undone(source, orders):
    stub = identity.observe(caller=source.caller, qualified_name="mem/db/Orders_old")
    identity.merge(caller=source.caller, absorbed=stub, survivor=orders)
    assert selectors.get_dataset(dataset_uuid=stub, principal=source.caller.principal).uuid == orders
    with pytest.raises(selectors.NoSuchDataset, match="renamed to 'mem/db/orders'"):
        selectors.get_dataset_by_name(name="mem/db/Orders_old", principal=source.caller.principal)
    identity.undo_merge(caller=source.caller, absorbed=stub)
    assert selectors.get_dataset(dataset_uuid=stub, principal=source.caller.principal).uuid == stub
    assert source.id_of("Orders_old") == stub


def test_merges_that_would_come_undone_by_themselves_are_refused(source, orders):
    source.creates("other")
    source.sync()
    with pytest.raises(identity.InvalidMerge, match="live at its source"):
        identity.merge(caller=source.caller, absorbed=source.id_of("other"), survivor=orders)
    with pytest.raises(identity.InvalidMerge, match="not merged"):
        identity.undo_merge(caller=source.caller, absorbed=source.id_of("orders"))
    with pytest.raises(identity.InvalidMerge, match="with itself"):
        identity.merge(caller=source.caller, absorbed=orders, survivor=orders)
    with pytest.raises(selectors.NoSuchDataset):
        identity.merge(caller=source.caller, absorbed=uuid.uuid4(), survivor=orders)
