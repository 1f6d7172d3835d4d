"""Bookmarks and views: one's own, gated as everything, bounded, and audited."""

from __future__ import annotations

import pytest

from catalog import selectors
from catalog.access.gate import Denied
from catalog.access.models import AuditRecord
from catalog.access.principals import Caller
from catalog.access.services import create_grant, create_restriction
from catalog.services import keeping
from tests.conftest import pump, refreshed

pytestmark = pytest.mark.django_db


@pytest.fixture
def mara(make_user):
    return Caller(make_user("mara"), "test")


@pytest.fixture
def jonas(make_user):
    return Caller(make_user("jonas"), "test")


def kept(caller):
    found = selectors.list_bookmarks(principal=caller.principal, limit=10)
    return [summary.qualified_name for _, summary in found]


def test_bookmarks_are_one_s_own_newest_first_and_follow_a_rename(source, mara, jonas):
    source.creates("a")
    source.creates("b")
    source.sync()
    for caller in (mara, jonas):
        refreshed(caller.principal)
    mara = Caller(refreshed(mara.principal), "test")
    for table in ("a", "b", "a"):
        keeping.add_bookmark(caller=mara, dataset_uuid=source.id_of(table))
    assert kept(mara) == ["mem/db/b", "mem/db/a"]
    assert kept(jonas) == []
    assert selectors.count_bookmarks(principal=mara.principal) == 2
    assert selectors.is_bookmarked(principal=mara.principal, dataset_uuid=source.id_of("a"))
    keeping.remove_bookmark(caller=mara, dataset_uuid=source.id_of("a"))
    keeping.remove_bookmark(caller=mara, dataset_uuid=source.id_of("a"))
    assert kept(mara) == ["mem/db/b"]
    actions = AuditRecord.objects.filter(principal="user:mara").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["bookmark.added", "bookmark.added", "bookmark.removed"]


def test_what_one_may_not_know_any_more_is_not_among_one_s_bookmarks(source, operator, mara):
    source.creates("secret")
    source.sync()
    mara = Caller(refreshed(mara.principal), "test")
    keeping.add_bookmark(caller=mara, dataset_uuid=source.id_of("secret"))
    create_restriction(caller=operator, pattern="mem/**")
    pump()
    hidden = Caller(refreshed(mara.principal), "test")
    assert kept(hidden) == []
    assert selectors.count_bookmarks(principal=hidden.principal) == 0
    with pytest.raises(selectors.NoSuchDataset):
        keeping.add_bookmark(caller=hidden, dataset_uuid=source.id_of("secret"))
    create_grant(caller=operator, role="discoverer", pattern="mem/**", username="mara")
    assert kept(Caller(refreshed(mara.principal), "test")) == ["mem/db/secret"]


def test_too_many_bookmarks_and_views_are_refused(source, mara, monkeypatch):
    source.creates("a")
    source.creates("b")
    source.sync()
    mara = Caller(refreshed(mara.principal), "test")
    monkeypatch.setattr(keeping, "MAX_BOOKMARKS", 1)
    monkeypatch.setattr(keeping, "MAX_VIEWS", 1)
    keeping.add_bookmark(caller=mara, dataset_uuid=source.id_of("a"))
    with pytest.raises(keeping.NotKept, match="at most 1"):
        keeping.add_bookmark(caller=mara, dataset_uuid=source.id_of("b"))
    keeping.save_view(caller=mara, name="one", query="tag:a")
    keeping.save_view(caller=mara, name="one", query="tag:b")
    with pytest.raises(keeping.NotKept, match="at most 1"):
        keeping.save_view(caller=mara, name="two", query="tag:a")


def test_cairn_s_own_processes_keep_nothing(source, operator):
    source.creates("a")
    source.sync()
    with pytest.raises(keeping.NotKept, match="only users"):
        keeping.add_bookmark(caller=operator, dataset_uuid=source.id_of("a"))
    assert kept(operator) == []


def names(caller):
    return [view.name for view in selectors.list_views(principal=caller.principal, limit=10)]


def test_views_are_one_s_own_until_they_are_shared(mara, jonas, operator):
    own = keeping.save_view(caller=mara, name="mine", query="tag:pii")
    shared = keeping.save_view(caller=mara, name="ours", query="owner:mara", is_shared=True)
    assert names(mara) == ["mine", "ours"]
    assert names(jonas) == ["ours"]
    assert not selectors.find_view(principal=jonas.principal, view_uuid=shared.uuid).is_mine
    for call in (keeping.change_view, keeping.remove_view):
        with pytest.raises(selectors.NoSuchView):
            call(caller=jonas, view_uuid=own.uuid)
        with pytest.raises(Denied):
            call(caller=jonas, view_uuid=shared.uuid)
    with pytest.raises(selectors.NoSuchView):
        selectors.find_view(principal=jonas.principal, view_uuid=own.uuid)
    changed = keeping.change_view(caller=operator, view_uuid=shared.uuid, is_shared=False)
    assert not changed.is_shared
    assert names(jonas) == []


@pytest.mark.parametrize(
    ("name", "query", "why"),
    [
        ("", "tag:a", "name"),
        ("x" * 101, "tag:a", "name"),
        ("a\nb", "tag:a", "name"),
        ("x", "", "query"),
        ("x", "y" * 1_001, "query"),
        ("x", "ownr:me", "cannot be read"),
    ],
)
def test_what_is_no_view_is_refused(mara, name, query, why):
    with pytest.raises(keeping.NotKept, match=why):
        keeping.save_view(caller=mara, name=name, query=query)


def test_two_views_of_one_have_two_names(mara):
    keeping.save_view(caller=mara, name="one", query="tag:a")
    two = keeping.save_view(caller=mara, name="two", query="tag:b")
    with pytest.raises(keeping.NotKept, match="already"):
        keeping.change_view(caller=mara, view_uuid=two.uuid, name="one")
    was = keeping.remove_view(caller=mara, view_uuid=two.uuid)
    assert (was.name, was.query) == ("two", "tag:b")
    assert names(mara) == ["one"]
