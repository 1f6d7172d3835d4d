"""Finding: families fold into one result over pages, and what one may know decides what folds."""

from __future__ import annotations

import pytest

from catalog.domain.query import parse_query
from catalog.services import finding
from tests.conftest import pump

pytestmark = pytest.mark.django_db


@pytest.fixture
def shards(source):
    for number in range(1, 29):
        source.creates(f"plays_202602{number:02}", comment="A day of plays.")
    for name in ("plays", "plays_backup", "play_lists", "tmp_play_lists", "player_errors"):
        source.creates(name, comment="Of plays.")
    source.creates("plays", database="other")
    source.sync()
    pump()
    return source


def pages(source, text, **more):
    """Return every page of a search as names with what each stands for."""
    found, offset = [], 0
    while offset is not None:
        page = finding.search(
            query=parse_query(text), principal=source.caller.principal, offset=offset, limit=2, **more
        )
        found.append([(item.summary.qualified_name.partition("/")[2], item.folded) for item in page.items])
        offset = page.next_offset
        assert page.total == 34
    return found


def test_a_dataset_stands_for_its_copies_and_shards_on_all_pages(shards):
    found = pages(shards, "plays", fold_families=True)
    assert found[0][0] == ("db/plays", 29)
    assert sorted(item for page in found for item in page) == [
        ("db/play_lists", 1),
        ("db/player_errors", 0),
        ("db/plays", 29),
        ("other/plays", 0),
    ]


def test_without_folding_each_is_found(shards):
    found = [item for page in pages(shards, "plays") for item in page]
    assert len(found) == len(set(found)) == 34


def test_families_of_earlier_windows_may_come_again_but_pages_end(shards, monkeypatch):
    monkeypatch.setattr(finding, "FOLDED_HITS", 10)
    found = [name for page in pages(shards, "plays", fold_families=True) for name, _ in page]
    assert {"db/plays", "other/plays", "db/play_lists", "db/player_errors"} <= {
        name.replace("tmp_", "") for name in found
    } | set(found)
    assert len(found) < 34


def test_the_page_and_rest_fold_when_asked(shards, client, operator):
    from catalog.access.models import User
    from catalog.access.services import create_user

    create_user(caller=operator, username="root", password="long enough word", operator=True)
    client.force_login(User.objects.get(username="root"))
    page = client.get("/search?q=plays").content.decode()
    assert "29 copies and shards" in page
    assert "fold=0&amp;q=name%3A%2Aplays%2A" in page
    assert client.get("/search?q=plays&fold=0").content.decode().count('class="result-head"') == 20
    assert client.get("/search?q=name:*plays*+catalog:mem+database:db&fold=0").status_code == 200
    items = client.get("/v1/search?q=plays&fold=true").json()["items"]
    assert items[0]["folded"] == 29
