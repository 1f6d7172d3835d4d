"""The flow: which projections follow the journal, and which jobs runs may ask for. One table each, nothing hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog.journal.partitions import Kept
from catalog.journal.projections import Projection
from catalog.journal.runs import Job
from catalog.journal.selectors import Change
from catalog.services.finding import FOLLOWED, index_changes, rebuild_index
from catalog.services.identity import reclassify
from catalog.sync.engine import run_remove_catalog, run_sync


def _class_anew(changes: Sequence[Change]) -> None:
    reclassify(patterns=[str(change.payload["pattern"]) for change in changes])


def _class_all_anew() -> None:
    reclassify(patterns=["**"])


# name, the aspects it follows, what it does with a batch, how it is made anew
PROJECTIONS: tuple[Projection, ...] = (
    Projection("access", frozenset({"access"}), _class_anew, _class_all_anew),
    Projection("search", FOLLOWED, index_changes, rebuild_index),
)

# The aspects a projection publishes in turn. A test proves that following them never leads back.
PUBLISHES: Mapping[str, frozenset[str]] = {"access": frozenset({"classes"}), "search": frozenset()}

JOBS: Mapping[str, Job] = {"sync": run_sync, "remove_catalog": run_remove_catalog}


def kept(days: Mapping[str, int]) -> list[Kept]:
    """Return the append-only tables with the days each is kept."""
    columns = {"journal_entry": "recorded_at", "journal_run": "created_at", "access_audit": "recorded_at"}
    return [Kept(table, columns[table], days[table]) for table in columns]
