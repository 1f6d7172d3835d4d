"""Views: their definitions read as what moves data, from the time they came to be until the next."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence

from django.db import transaction

from catalog.domain.names import lookup_key
from catalog.journal import clock
from catalog.journal.runs import NO_FAULT_OF_A_SUBJECT
from catalog.journal.selectors import Change
from catalog.selectors.definitions import ViewText, columns_of, find_tables, iterate_views, list_view_texts
from lineage.domain.sql import StatementLineage, TableName, UnreadableSql, dialect_of, masked_sql, query_lineage
from lineage.models import Job, WantedTable
from lineage.services.edges import EdgeKey, Shown, Told, TooManyEdges, record_shown
from lineage.services.jobs import locked_jobs, save_jobs

logger = logging.getLogger(__name__)

FOLLOWED = frozenset({"identity", "definition"})
NAMESPACE = "view"
PAGE = 200


def tell_views(changes: Sequence[Change]) -> None:
    """Tell the edges of views that changes speak of anew, and of those that waited for a table that came."""
    subjects = [change.subject_uuid for change in changes if change.subject_uuid is not None]
    names = {lookup_key(str(change.payload.get("qualified_name", ""))) for change in changes}
    waiting = WantedTable.objects.filter(name__in=sorted(names)).values_list("job__name", flat=True).distinct()
    _tell([*subjects, *(uuid.UUID(name) for name in waiting)])


def tell_all_views() -> None:
    """Tell the edges of all views anew."""
    place = 0
    while True:
        uuids, place = iterate_views(after=place)
        if not uuids:
            return
        _tell(uuids)


def _tell(subjects: Sequence[uuid.UUID]) -> None:
    wanted = list(dict.fromkeys(subjects))
    for start in range(0, len(wanted), PAGE):
        views = list_view_texts(wanted[start : start + PAGE])
        known = set(
            Job.objects.filter(kind="view", name__in=[str(view.uuid) for view in views]).values_list("name", flat=True)
        )
        for view in views:
            if view.text is not None or str(view.uuid) in known:
                _tell_one(view)


def _tell_one(view: ViewText) -> None:
    """Tell the edges of one view; what fails at it stays with it and holds up no other."""
    dialect = dialect_of(view.platform)
    try:
        sql = masked_sql(view.text, dialect=dialect) if view.text is not None else ""
        _keep(view, sql, *(_edges_of(view, view.text, dialect) if view.text is not None else (frozenset(), [], [])))
    except NO_FAULT_OF_A_SUBJECT:
        raise
    except (UnreadableSql, TooManyEdges) as error:
        _keep(view, sql, frozenset(), [], [str(error)])
    except Exception as error:  # its text may quote the SQL
        logger.exception("view %s could not be told", view.uuid)
        _keep(view, "", frozenset(), [], [f"its SQL could not be told ({type(error).__name__})"])


def _keep(view: ViewText, sql: str, edges: frozenset[EdgeKey], missing: Sequence[str], problems: Sequence[str]) -> None:
    with transaction.atomic():
        (job,) = locked_jobs([("view", NAMESPACE, str(view.uuid))]).values()
        job.sql = sql
        job.problems = list(problems[:20])
        key = f"version {view.schema_version}" if view.text is not None else f"gone {view.since:%Y%m%dT%H%M%S%f}"
        # What one version shows grows while tables come that it names.
        shown = Shown(key, view.since, edges, is_declared=True)
        record_shown([Told(job, [shown], {"door": "view"})], now=clock.now())
        save_jobs([job])
        WantedTable.objects.filter(job=job).delete()
        WantedTable.objects.bulk_create([WantedTable(job=job, name=name) for name in dict.fromkeys(missing)])


def _edges_of(view: ViewText, text: str, dialect: str) -> tuple[frozenset[EdgeKey], list[str], list[str]]:
    """Return a view's edges, the folded names of tables that it waits for, and what could not be told."""
    meant: dict[TableName, uuid.UUID] = {}
    missing: list[str] = []

    def schemas(names: Sequence[TableName]) -> Mapping[TableName, Sequence[str]]:
        meanings = {name: view.context.meanings(name) for name in names}
        found = find_tables([meaning for each in meanings.values() for meaning in each])
        for name, each in meanings.items():
            key = next((found[meaning] for meaning in each if meaning in found), None)
            if key is not None:
                meant[name] = key
            else:
                missing.extend(lookup_key(meaning) for meaning in each)
        columns = columns_of(list(meant.values()))
        return {name: columns[key] for name, key in meant.items() if key in columns}

    found: StatementLineage = query_lineage(text, dialect=dialect, schemas=schemas)
    spelled = {name.casefold(): name for name in columns_of([view.uuid]).get(view.uuid, ())}
    edges = {EdgeKey(key, "", view.uuid, "", "", False, "view") for key in meant.values() if key != view.uuid}
    for column, parts in (*found.columns.items(), ("", found.indirect)):
        for part in parts:
            key = meant.get(part.table)
            if key is not None and key != view.uuid:
                name = spelled.get(column.casefold(), column)
                edges.add(EdgeKey(key, part.column, view.uuid, name, part.subtype, part.masking, "view"))
    return frozenset(edges), missing, list(found.problems)
