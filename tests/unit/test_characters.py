"""Characters that no store keeps."""

from __future__ import annotations

import orjson
import pytest

from catalog.domain.characters import is_storable, json_holds_nul, nul_replaced


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
