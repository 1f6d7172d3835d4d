"""Families of names: copies and shards belong to what they are of, and nothing else does."""

import pytest

from catalog.domain.families import family_of, stem


@pytest.mark.parametrize(
    "name",
    [
        "orders",
        "Orders",
        "orders_backup",
        "orders_bak2",
        "orders_copy",
        "tmp_orders",
        "zz_orders_tmp",
        "orders_old",
        "orders_v1",
        "orders_001",
        "orders_20260131",
        "orders_202601",
        "orders_2026",
        "orders_2026_01",
        "orders_2026_01_31",
        "orders-2026-01-31",
        "orders_backup_20260131",
        "orders_snapshot_2026_01",
        "orders_20260131_bak",
        "backup.orders",
    ],
)
def test_copies_and_shards_have_the_stem_of_their_original(name):
    assert stem(name) == "orders"


@pytest.mark.parametrize(
    "name",
    [
        "customer_360",
        "orders_snapshot",
        "stg_orders",
        "orders_daily",
        "week_52",
        "test",
        "backup",
        "2026",
        "_",
        "v1",
        "testimonials",
        "olden_days",
        "top_100",
    ],
)
def test_names_of_their_own_stay_alone(name):
    assert stem(name) == name


def test_a_family_lies_in_one_database():
    assert family_of("lake/events/plays_20260131") == family_of("lake/events/plays") == "lake/events/plays"
    assert family_of("lake/other/plays") != family_of("lake/events/plays")
