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
from deploy.demo import clients as demo
from detection.services import scans
from lineage.backends import PROJECTION
from lineage.services import applying, projecting, views
from policy.services import judging, policies
from schema_registry.services import table_subjects


def _class_anew(changes: Sequence[Change]) -> None:
    _class_under([str(change.payload["pattern"]) for change in changes])


def _class_all_anew() -> None:
    _class_under(["**"])


def _class_under(patterns: Sequence[str]) -> None:
    reclassify(patterns=patterns)
    table_subjects.class_anew(patterns)


# name, the aspects it follows, what it does with a batch, how it is made anew
PROJECTIONS: tuple[Projection, ...] = (
    Projection("access", frozenset({"access"}), _class_anew, _class_all_anew),
    Projection("search", FOLLOWED, index_changes, rebuild_index),
    Projection("lineage", applying.FOLLOWED, applying.apply_changes, applying.apply_all),
    Projection(PROJECTION, projecting.FOLLOWED, projecting.record_changes, projecting.record_all),
    Projection("view_lineage", views.FOLLOWED, views.tell_views, views.tell_all_views),
    Projection(
        "table_subjects",
        table_subjects.FOLLOWED,
        table_subjects.version_tables,
        table_subjects.version_all_tables,
    ),
    Projection("policies", judging.FOLLOWED, judging.judge_changes, judging.judge_all),
    Projection("scans", scans.FOLLOWED, scans.mark_changes, scans.mark_all),
)

# The aspects a projection publishes in turn. A test proves that following them never leads back.
PUBLISHES: Mapping[str, frozenset[str]] = {
    "access": frozenset({"classes"}),
    "search": frozenset(),
    "lineage": frozenset({"identity", "lineage"}),
    PROJECTION: frozenset(),
    "view_lineage": frozenset({"lineage"}),
    "table_subjects": frozenset({"schema"}),
    # By the runs that it leads to.
    "scans": frozenset({"annotation", "quality"}),
    "policies": frozenset({"verdict"}),
}

JOBS: Mapping[str, Job] = {
    "sync": run_sync,
    "remove_catalog": run_remove_catalog,
    scans.KIND: scans.run_scan,
    policies.KIND: judging.run_judge,
    demo.LINEAGE: demo.report_runs,
    demo.SCHEMAS: demo.register_schemas,
}


def kept(days: Mapping[str, int]) -> list[Kept]:
    """Return the tables that grow with time, with the days each is kept."""
    columns = {
        "journal_entry": "recorded_at",
        "journal_run": "created_at",
        "access_audit": "recorded_at",
        "lineage_event": "received_at",
        "lineage_run": "created_at",
        "detection_profile": "made_at",
        "detection_check_result": "judged_at",
    }
    return [
        *(Kept(table, column, days[table]) for table, column in columns.items()),
        Kept("journal_run_key", "created_at", days["journal_run"], key="key"),
        Kept("lineage_event_key", "received_at", days["lineage_event"], key="id"),
        Kept("policy_violation", "resolved_at", days["policy_violation"], key="id"),
    ]
