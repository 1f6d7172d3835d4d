"""Policies to begin with, kept as data beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_FOLDER = Path(__file__).parent / "starter_policies"


def starter_policies() -> Mapping[str, str]:
    """Return the texts of the starter policies by their names."""
    return {path.stem: path.read_text() for path in sorted(_FOLDER.glob("*.yaml"))}
