"""What is said of data hangs on its place: shared by all names there, merged key by key, lost by no other writer."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, connections

from catalog.access.gate import Denied
from catalog.access.models import AuditRecord
from catalog.access.principals import Caller
from catalog.domain.locations import lies_within, location_key, places_above
from catalog.domain.merging import merge_patch
from catalog.journal.models import JournalEntry
from catalog.selectors import data_metadata_of, data_metadata_of_dataset, get_data_metadata
from catalog.services.annotating import InvalidAnnotation
from catalog.services.data_metadata import save_data_metadata

PLACE = "s3://lake/orders"


@pytest.fixture
def orders(source):
    source.creates("orders", location=PLACE)
    source.creates("twin", location="s3a://lake/orders/")
    source.creates("nowhere")
    source.sync()
    return source.id_of("orders")


@pytest.mark.django_db
def test_changes_are_merged_and_null_removes(source, orders):
    def say(changes, **more):
        return save_data_metadata(caller=source.caller, dataset_uuid=orders, changes=changes, **more)

    assert say({"metrics": {"rows": 7, "size": 1}, "by": "x"}) == {"metrics": {"rows": 7, "size": 1}, "by": "x"}
    assert say({"metrics": {"size": None}, "by": None}) == {"metrics": {"rows": 7}}
    before = JournalEntry.objects.count()
    assert say({"metrics": {"rows": 7}}) == {"metrics": {"rows": 7}}
    assert JournalEntry.objects.count() == before
    # The twin lies at the same place, in another spelling; a part of the place is another place.
    twin = source.id_of("twin")
    assert data_metadata_of_dataset(dataset_uuid=twin, principal=source.caller.principal)[1] == {"metrics": {"rows": 7}}
    say({"rows": 1}, location=f"{PLACE}/day=1")
    assert data_metadata_of([f"{PLACE}/day=1/", PLACE, None, "s3://x"]) == {
        f"{PLACE}/day=1/": {"rows": 1},
        PLACE: {"metrics": {"rows": 7}},
    }
    assert say({"metrics": None}) == {}
    assert data_metadata_of([PLACE]) == {}
    assert AuditRecord.objects.filter(action="dataset.annotation.data_metadata_changed").count() == 4


@pytest.mark.django_db
def test_what_does_not_fit_is_refused(source, orders, make_user):
    def say(changes, key=orders, caller=source.caller, **more):
        save_data_metadata(caller=caller, dataset_uuid=key, changes=changes, **more)

    for place in ("s3://lake/other", "s3://lake/orders_2", f"{PLACE}/../other", "s3://lake"):
        with pytest.raises(InvalidAnnotation, match="does not lie within"):
            say({"a": 1}, location=place)
    with pytest.raises(InvalidAnnotation, match="has no location"):
        say({"a": 1}, key=source.id_of("nowhere"))
    with pytest.raises(InvalidAnnotation, match="at most 100000"):
        say({"a": "x" * 200_000})
    with pytest.raises(InvalidAnnotation, match="NUL"):
        say({"a": "\x00"})
    with pytest.raises(Denied):
        say({"a": 1}, caller=Caller(make_user("mara"), "test"))
    assert get_data_metadata(principal=make_user("x"), location=PLACE) is None


@pytest.mark.django_db(transaction=True)
def test_no_writer_loses_another_s_keys(source, orders):
    twin, errors = source.id_of("twin"), []

    def write(number):
        try:
            key = orders if number % 2 else twin
            save_data_metadata(caller=source.caller, dataset_uuid=key, changes={f"k{number}": number})
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert data_metadata_of([PLACE])[PLACE] == {f"k{number}": number for number in range(16)}
    assert connection.vendor


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("s3a://b/t/", "s3://b/t"),
        ("S3N://b/T", "s3://b/T"),
        ("file:///x/y", "file:/x/y"),
        ("file:/x/y/", "file:/x/y"),
        ("hdfs://nn:8020/x", "hdfs://nn:8020/x"),
        ("/plain/path/", "/plain/path"),
        ("", None),
        (None, None),
        ("///", None),
        ("s3://b/" + "x" * 900, ("s3://b/" + "x" * 900)[:500]),
    ],
)
def test_places_have_one_spelling(address, key):
    assert location_key(address) == key


def test_places_above_and_within():
    assert places_above("s3://b/t/day=1") == ["s3://b", "s3://b/t", "s3://b/t/day=1"]
    assert lies_within("s3a://b/t/day=1", "s3://b/t/")
    assert not lies_within("s3://b/t2", "s3://b/t")
    assert not lies_within("", "s3://b/t")


def test_a_patch_is_rfc_7396_s():
    target = {"a": "b", "c": {"d": "e", "f": "g"}}
    assert merge_patch(target, {"a": "z", "c": {"f": None}}) == {"a": "z", "c": {"d": "e"}}
    assert merge_patch({"a": [1]}, {"a": {"b": 1}}) == {"a": {"b": 1}}
    assert merge_patch({}, {"a": {"b": {"c": None}}}) == {"a": {"b": {}}}
    assert target == {"a": "b", "c": {"d": "e", "f": "g"}}
