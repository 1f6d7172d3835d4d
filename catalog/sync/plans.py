"""What a sync is to do with one database: what its listing says beside what is stored."""

from __future__ import annotations

from dataclasses import dataclass, field

from catalog.connectors.base import DatasetRef
from catalog.domain.storable import storable_text
from catalog.models import Database
from catalog.services import store


@dataclass(slots=True)
class Known:
    """A stored dataset, as far as listings are compared with it."""

    pk: int
    source_id: str | None
    digest: str | None
    state: str


@dataclass(slots=True)
class Plan:
    """What one database needs: references to load, renames into it, keys of datasets that vanished."""

    database: Database
    load: list[DatasetRef] = field(default_factory=list)
    renames: dict[str, store.Rename] = field(default_factory=dict)
    added: dict[str, DatasetRef] = field(default_factory=dict)
    vanished: dict[str, Known] = field(default_factory=dict)
    listed: int = 0
    failures: list[dict[str, str]] = field(default_factory=list)
    is_complete: bool = True

    def note(self, name: str, reason: str) -> None:
        """Note what could not be read or kept."""
        self.failures.append({"name": storable_text(name[:200]), "reason": storable_text(reason[:500])})
