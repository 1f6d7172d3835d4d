"""Findings in a dataset's body: what its columns seem to hold, as far as nobody rejected it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

REJECTED = "rejected"


def standing_findings(column: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the findings of a column of a body, those that somebody rejected left out."""
    return [found for found in column.get("findings", ()) if found["status"] != REJECTED]
