"""
One sync run of one catalog: list everything, compare by name, pair renames, then load and store what changed, unit by unit.

Only a complete listing may make anything missing. A database whose listing fails keeps all it had; the others go on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from catalog.access.principals import Caller, system_principal
from catalog.access.services import Classifier
from catalog.connectors.base import (
    Changes,
    Connector,
    ConnectorError,
    Context,
    DatabaseRef,
    DatasetRef,
    FollowsChanges,
    Loaded,
    LoadFailure,
    collect,
)
from catalog.domain.documents import MAX_COLUMNS
from catalog.domain.identity import pair
from catalog.domain.names import InvalidName, QualifiedName, check_segment, is_chosen
from catalog.domain.storable import storable_text
from catalog.journal import clock, failpoints
from catalog.journal.runs import NO_FAULT_OF_A_SUBJECT, Attempt, RunFailed
from catalog.models import Catalog, CatalogState, Database, Dataset, DatasetState, SyncHold, SyncUnit
from catalog.selectors import open_connector
from catalog.services import store
from catalog.sync.holding import must_hold
from catalog.sync.plans import Known, Plan

logger = logging.getLogger(__name__)

CALL_SECONDS = 120
BATCH_COLUMNS = 500
"""A batch of a merge ends at this many columns, so that no other writer waits long."""
MARK_ROWS = 200
MAX_FAILURES = 200

LISTED = failpoints.declare("sync.listed", "units committed, nothing loaded")
UNIT_STORED = failpoints.declare("sync.unit_stored", "a unit's datasets stored, its vanished ones not yet marked")
UNIT_MARKED = failpoints.declare("sync.unit_marked", "a unit's vanished datasets marked, the unit not done")
UNIT_DONE = failpoints.declare("sync.unit_done", "a unit done, the next not begun")
FINISHED = failpoints.declare("sync.finished", "the catalog's sync time committed, the run not done")


class SyncRun:
    """One attempt at one sync."""

    def __init__(self, attempt: Attempt, catalog: Catalog, connector: Connector) -> None:
        self.attempt = attempt
        self.catalog = catalog
        self.connector = connector
        self.load_refs = connector.spec.load_refs
        self.caller = Caller(system_principal("sync"), "sync")
        self.classifier = Classifier()
        self.started = time.monotonic()
        self.progress: dict[str, Any] = {"phase": "listing", "done": 0, "total": 0, "steps": {}}
        self.counts: dict[str, int] = {}
        self.listed_at = clock.now()
        self.changes: Changes | None = None
        self.refused = 0

    def context(self) -> Context:
        return Context.within(CALL_SECONDS, page_size=self.connector.spec.list_refs)

    def writing(self, read_at: datetime) -> store.Writing:
        return store.Writing(
            caller=self.caller,
            cause={"run": str(self.attempt.run_uuid)},
            classifier=self.classifier,
            fence=self.attempt.fence,
            read_at=read_at,
        )

    def step(self, phase: str, **numbers: Any) -> None:
        """Begin a phase and note what the one before came to."""
        now = time.monotonic()
        previous = self.progress["phase"]
        steps = {**self.progress["steps"], previous: {"seconds": round(now - self.started, 2), **numbers}}
        self.progress |= {"phase": phase, "steps": steps}
        self.started = now
        self.attempt.tell(self.progress, force=True)
        self.attempt.check_cancelled()

    # Listing and comparing

    def run(self) -> Mapping[str, Any]:
        """Do the whole run and return its result."""
        plans, complete = self._list()
        self.step("comparing", databases=len(plans), datasets=sum(plan.listed for plan in plans))
        self._pair(plans, complete)
        hold = must_hold(self.attempt, self.catalog, plans)
        total = sum(len(plan.load) for plan in plans)
        self.progress["total"] = total
        vanished = sum(len(plan.vanished) for plan in plans)
        added = sum(len(plan.added) for plan in plans)
        self.step("reading", new=added, gone=vanished, changed=total - added)
        failpoints.reach(LISTED)
        for plan in plans:
            self._do_unit(plan, may_mark=not hold)
        self.step("done", failed=sum(len(plan.failures) for plan in plans))
        return self._finish(plans, hold)

    def _list(self) -> tuple[list[Plan], bool]:
        self.listed_at = clock.now()
        known = self._known()
        if isinstance(self.connector, FollowsChanges):
            # Asked before the listing: what happens meanwhile is told again next time.
            self.changes = self.connector.changes(self.context(), self.catalog.source_token or None)
        databases = self._store_databases(list(self._storable_databases()))
        plans = []
        complete = True
        for database in databases:
            plan = Plan(database)
            try:
                self._list_database(plan, known.pop(database.pk, {}))
            except ConnectorError as error:
                logger.warning("sync of %s: listing of %s failed: %s", self.catalog.name, database.name, error)
                plan = Plan(database, is_complete=False)
                plan.note(database.name, str(error))
                complete = False
            plans.append(plan)
            self.progress |= {"databases": len(databases), "listed": len(plans)}
            self.attempt.tell(self.progress)
            self.attempt.check_cancelled()
        plans += self._gone_databases(known)
        return plans, complete

    def _known(self) -> dict[int, dict[str, Known]]:
        """Return stored datasets by database and name; read before the listing, so that what is made meanwhile is not missed."""
        known: dict[int, dict[str, Known]] = {}
        rows = Dataset.objects.filter(
            catalog=self.catalog, database__isnull=False, state__in=[DatasetState.LIVE, DatasetState.MISSING]
        ).values_list("database_id", "name", "pk", "source_id", "source_digest", "state")
        for database_id, name, pk, source_id, digest, state in rows.iterator(chunk_size=5_000):
            known.setdefault(database_id, {})[name] = Known(pk, source_id, digest, state)
        return known

    def _storable_databases(self) -> Iterator[DatabaseRef]:
        """Yield the databases that are to be read, as they can be kept; what cannot is a failed unit of the run."""
        for ref in collect(lambda page: self.connector.list_databases(self.context(), page)):
            if not is_chosen(ref.name, self.catalog.database_patterns):
                continue
            try:
                check_segment(ref.name, "its name")
            except InvalidName as error:
                self._refuse_database(ref.name, str(error))
                continue
            properties = {storable_text(key): storable_text(value) for key, value in ref.properties.items()}
            yield replace(ref, comment=storable_text(ref.comment), properties=properties)

    def _refuse_database(self, name: str, reason: str) -> None:
        shown = storable_text(name[:200])
        logger.warning("sync of %s: database %s cannot be kept: %s", self.catalog.name, shown, reason)
        failures = [{"name": shown, "reason": reason}]
        SyncUnit.objects.update_or_create(
            run_uuid=self.attempt.run_uuid,
            database=shown,
            defaults={"catalog": self.catalog, "state": "failed", "failures": failures, "finished_at": clock.now()},
        )
        self.refused += 1

    def _store_databases(self, refs: Sequence[DatabaseRef]) -> list[Database]:
        now = clock.now()
        stored = {row.name: row for row in Database.objects.filter(catalog=self.catalog)}
        with transaction.atomic():
            self.attempt.fence()
            for ref in refs:
                row = stored.get(ref.name)
                if row is None:
                    row = stored[ref.name] = Database(catalog=self.catalog, name=ref.name, created_at=now)
                elif (row.comment, row.properties, row.missing_since) == (ref.comment, dict(ref.properties), None):
                    continue
                row.comment, row.properties, row.missing_since = ref.comment, dict(ref.properties), None
                row.save()
        return [stored[ref.name] for ref in refs]

    def _gone_databases(self, known: Mapping[int, Mapping[str, Known]]) -> Iterator[Plan]:
        """Plans for databases that the listing no longer holds: all their datasets vanished."""
        for row in Database.objects.filter(catalog=self.catalog, pk__in=list(known)):
            yield Plan(row, vanished=dict(known[row.pk]))
            Database.objects.filter(pk=row.pk, missing_since__isnull=True).update(missing_since=self.listed_at)

    def _list_database(self, plan: Plan, known: Mapping[str, Known]) -> None:
        refs: dict[str, DatasetRef] = {}
        for ref in collect(lambda page: self.connector.list_datasets(self.context(), plan.database.name, page)):
            try:
                QualifiedName.of(self.catalog.name, plan.database.name, ref.name)
            except InvalidName as error:
                plan.note(ref.name, f"its name cannot be kept: {error}")
                continue
            refs[ref.name] = ref
        plan.listed = len(refs)
        for name, ref in refs.items():
            stored = known.get(name)
            if stored is None:
                plan.added[name] = ref
            elif stored.state != DatasetState.LIVE or self._may_have_changed(ref, stored):
                plan.load.append(ref)
        plan.vanished = {name: stored for name, stored in known.items() if name not in refs}

    def _may_have_changed(self, ref: DatasetRef, stored: Known) -> bool:
        if ref.digest is not None:
            return ref.digest != stored.digest
        touched = self.changes.touched if self.changes else None
        return touched is None or ref.name in touched.get(ref.database, ())

    def _pair(self, plans: Sequence[Plan], complete: bool) -> None:
        """Find renames among what vanished and what came, across databases if all of them were listed."""
        groups = [list(plans)] if complete else [[plan] for plan in plans if plan.is_complete]
        for group in groups:
            gone = {f"{p.database.pk}/{name}": known for p in group for name, known in p.vanished.items()}
            if gone and any(known.source_id for known in gone.values()):
                self._pair_group(group, gone)
        for plan in plans:
            plan.load += plan.added.values()

    def _pair_group(self, group: Sequence[Plan], gone: Mapping[str, Known]) -> None:
        by_key = {str(plan.database.pk): plan for plan in group}
        for plan in group:
            self._learn_ids(plan)
        come = {f"{p.database.pk}/{name}": ref.source_id for p in group for name, ref in p.added.items()}
        pairing = pair({key: known.source_id for key, known in gone.items()}, come)
        for old, new in pairing.renamed:
            old_plan, old_name = by_key[old.partition("/")[0]], old.partition("/")[2]
            new_plan, new_name = by_key[new.partition("/")[0]], new.partition("/")[2]
            new_plan.renames[new_name] = store.Rename(gone[old].pk, new_plan.database, new_name)
            del old_plan.vanished[old_name]

    def _learn_ids(self, plan: Plan) -> None:
        """Load added datasets for their ids alone, where the listing does not give them."""
        unknown = [ref for ref in plan.added.values() if ref.source_id is None]
        for start in range(0, len(unknown), self.load_refs):
            for answer in self.connector.load(self.context(), unknown[start : start + self.load_refs]):
                if isinstance(answer, Loaded) and answer.ref.source_id is not None:
                    plan.added[answer.ref.name] = answer.ref

    # Loading and storing

    def _do_unit(self, plan: Plan, *, may_mark: bool) -> None:
        unit, _ = SyncUnit.objects.get_or_create(
            run_uuid=self.attempt.run_uuid, database=plan.database.name, defaults={"catalog": self.catalog}
        )
        counts: dict[str, int] = dict(unit.counts)
        read_at = clock.now()
        for loaded in self._batches(plan):
            self._store(plan, loaded, read_at, counts)
        failpoints.reach(UNIT_STORED)
        if may_mark and plan.is_complete:
            gone = [known.pk for known in plan.vanished.values()]
            for start in range(0, len(gone), MARK_ROWS):
                marked = store.mark_unlisted(
                    catalog=self.catalog,
                    dataset_ids=gone[start : start + MARK_ROWS],
                    run_uuid=self.attempt.run_uuid,
                    writing=self.writing(self.listed_at),
                )
                self._count(counts, marked)
        failpoints.reach(UNIT_MARKED)
        with transaction.atomic():
            self.attempt.fence()
            unit.state = "done" if plan.is_complete else "failed"
            unit.counts = {**counts, "listed": plan.listed}
            unit.failures = plan.failures[:MAX_FAILURES]
            unit.finished_at = clock.now()
            unit.save()
        failpoints.reach(UNIT_DONE)

    def _store(self, plan: Plan, loaded: Sequence[Loaded], read_at: datetime, counts: dict[str, int]) -> None:
        """Store what was loaded; where that fails, each by itself, so that one that cannot be stored holds up no other."""
        renames = [plan.renames[item.ref.name] for item in loaded if item.ref.name in plan.renames]
        try:
            stored = store.store_loaded(
                catalog=self.catalog,
                database=plan.database,
                loaded=loaded,
                writing=self.writing(read_at),
                renames=renames,
            )
        except NO_FAULT_OF_A_SUBJECT:
            raise
        except Exception as error:
            if len(loaded) > 1:
                for one in loaded:
                    self._store(plan, [one], read_at, counts)
                return
            (one,) = loaded
            logger.exception("sync of %s: a dataset of %s could not be stored", self.catalog.name, plan.database.name)
            self._fail(plan, LoadFailure(one.ref, f"it could not be stored ({type(error).__name__})"))
        else:
            self._count(counts, stored)

    def _count(self, counts: dict[str, int], more: Mapping[str, int]) -> None:
        for name, number in more.items():
            counts[name] = counts.get(name, 0) + number
            self.counts[name] = self.counts.get(name, 0) + number

    def _batches(self, plan: Plan) -> Iterator[list[Loaded]]:
        """Load what the plan names and yield it in batches of bounded size."""
        batch: list[Loaded] = []
        columns = 0
        for start in range(0, len(plan.load), self.load_refs):
            refs = plan.load[start : start + self.load_refs]
            try:
                for answer in self.connector.load(self.context(), refs):
                    if isinstance(answer, LoadFailure):
                        self._fail(plan, answer)
                        continue
                    if len(answer.document.columns) > MAX_COLUMNS:
                        self._fail(plan, LoadFailure(answer.ref, f"it has more than {MAX_COLUMNS} columns"))
                        continue
                    batch.append(answer)
                    columns += len(answer.document.columns)
                    if columns >= BATCH_COLUMNS:
                        yield batch
                        batch, columns = [], 0
            except ConnectorError as error:
                plan.note(plan.database.name, str(error))
                plan.is_complete = False
                break
            finally:
                self.progress["done"] += len(refs)
                self.attempt.tell(self.progress)
            self.attempt.check_cancelled()
        if batch:
            yield batch

    def _fail(self, plan: Plan, failure: LoadFailure) -> None:
        """Note a dataset that could not be read: its copy is stale, never dropped for it."""
        plan.note(failure.ref.name, failure.reason)
        if not failure.gone:
            Dataset.objects.filter(database=plan.database, name=failure.ref.name, holds_name=True).update(
                stale_reason=storable_text(failure.reason[:500])
            )

    def _finish(self, plans: Sequence[Plan], hold: bool) -> Mapping[str, Any]:
        failed = [plan.database.name for plan in plans if not plan.is_complete]
        failures = self.refused + sum(len(plan.failures) for plan in plans)
        now = clock.now()
        with transaction.atomic():
            self.attempt.fence()
            every = self.catalog.sync_every_seconds
            # What could not be read is asked for again, by the older token.
            learned = {"source_token": self.changes.token} if self.changes and not failures and not failed else {}
            Catalog.objects.filter(pk=self.catalog.pk).update(
                synced_at=now,
                last_error=f"listing failed for {', '.join(failed[:5])}" if failed else "",
                **learned,
            )
            Catalog.objects.filter(pk=self.catalog.pk, state=CatalogState.ACTIVE).update(
                next_sync_at=now + timedelta(seconds=every) if every else None
            )
            if not hold:
                SyncHold.objects.filter(catalog=self.catalog, state="approved").update(state="done")
        failpoints.reach(FINISHED)
        return {
            "databases": len(plans),
            "listed": sum(plan.listed for plan in plans),
            "failures": failures,
            "held": hold,
            **self.counts,
        }


def run_sync(attempt: Attempt) -> Mapping[str, Any]:
    """
    Sync the catalog that a run names. Doing it again after a crash repeats no effect: what is stored already compares equal.

    :raises RunFailed: if the catalog is gone or paused, or its source cannot be reached at all; nothing is dropped then.
    """
    catalog = Catalog.objects.filter(name=attempt.subject, state=CatalogState.ACTIVE).first()
    if catalog is None:
        raise RunFailed(f"catalog '{attempt.subject}' is not there to be synced: it was removed or paused")
    try:
        connector = open_connector(catalog)
        try:
            return SyncRun(attempt, catalog, connector).run()
        finally:
            connector.close()
    except ConnectorError as error:
        Catalog.objects.filter(pk=catalog.pk).update(last_error=storable_text(str(error)[:2_000]))
        raise RunFailed(str(error)) from error


def run_remove_catalog(attempt: Attempt) -> Mapping[str, Any]:
    """Tombstone all datasets of a removed catalog, a page in one transaction."""
    catalog = Catalog.objects.filter(name=attempt.subject, state=CatalogState.REMOVED).first()
    if catalog is None:
        raise RunFailed(f"catalog '{attempt.subject}' is in use again")
    caller = Caller(system_principal("sync"), "sync")
    done = 0
    while True:
        keys = list(
            Dataset.objects.filter(catalog=catalog, state__in=[DatasetState.LIVE, DatasetState.MISSING]).values_list(
                "pk", flat=True
            )[:MARK_ROWS]
        )
        if not keys:
            return {"tombstoned": done}
        writing = store.Writing(caller, {"run": str(attempt.run_uuid)}, Classifier(), fence=attempt.fence)
        store.mark_unlisted(catalog=catalog, dataset_ids=keys, run_uuid=None, writing=writing)
        done += len(keys)
        attempt.tell({"phase": "dropping", "done": done})
