"""Why a dataset is found, in words for people."""

from __future__ import annotations

import pytest

from catalog.domain.ranking import Why, why

ORDERS = ("shop", "public", "customer_orders")


@pytest.mark.parametrize(
    ("wanted", "reasons", "columns"),
    [
        ("", (), ()),
        ("customer_orders", ("the name itself",), ()),
        ("public.customer_orders", ("the end of the qualified name",), ()),
        ("CustomerOrders", ("the name, written otherwise",), ()),
        ("customer_o", ("the name begins so", "'customer' in the name"), ()),
        (
            "customer email shop gold paid",
            (
                "'customer' in the name",
                "'shop' in the database or catalog",
                "'gold' in a tag",
                "'email' in columns",
                "'paid' in the description",
            ),
            ("contact.email",),
        ),
        ("custmer_ordres", ("a name much like it",), ()),
    ],
)
def test_reasons_name_the_place_of_each_word(wanted, reasons, columns):
    found = why(
        wanted,
        ORDERS,
        description="Who paid.",
        columns=["id", "customer_id", "contact", "contact.email"],
        tags=["gold-tier"],
    )
    assert found == Why(reasons, columns)


def test_few_of_many_columns_are_shown():
    found = why("email", ORDERS, columns=[f"email_{number}" for number in range(50)])
    assert found.columns == ("email_0", "email_1", "email_2", "email_3")
