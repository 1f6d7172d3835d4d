"""What not every store keeps as it is."""

from __future__ import annotations

import orjson
import pytest

from catalog.domain.storable import is_storable, json_holds_nul, nul_replaced, numbers_fit


@pytest.mark.parametrize(
    ("text", "storable"),
    [("", True), ("\x01 é 🦊", True), ("a\x00", False), ("\ud800", False), ("a\udfffb", False), ("\ue000", True)],
)
def test_nul_and_halves_of_characters_are_not_storable(text, storable):
    assert is_storable(text) is storable


@pytest.mark.parametrize("backslashes", range(5))
def test_only_a_nul_is_taken_for_one(backslashes):
    said = "\\" * backslashes + "u0000"
    assert not json_holds_nul(orjson.dumps(said))
    held = orjson.dumps("\\" * backslashes + "\x00")
    assert json_holds_nul(held)
    assert orjson.loads(nul_replaced(held)) == "\\" * backslashes + "\ufffd"


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ({"a": [1, -(2**63), 2**64 - 1, 1.5, 1e19, True, None, "9" * 40]}, True),
        (1e20, False),
        ([{"a": -1e19}], False),
        ({"a": {"b": 1.5e308}}, False),
    ],
)
def test_numbers_beyond_64_bits_do_not_fit(value, fits):
    assert numbers_fit(value) is fits
