"""What a process of a crash test does: `python -m tests.crash.child ACTION ARGUMENTS`. Killed by a failpoint, or prints JSON."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import sys
import time
import uuid
from datetime import timedelta
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings.test")

import django

django.setup()

from django.core.management import call_command
from django.db import transaction

from catalog.access.models import AuditRecord
from catalog.access.principals import Caller, system_principal
from catalog.access.services import Classifier
from catalog.connectors.base import Context, collect
from catalog.connectors.memory import MemoryConnector
from catalog.domain.documents import Column, DatasetDocument, content_digest, definition_bytes
from catalog.domain.operations import (
    AddColumn,
    CreateTable,
    DropTable,
    RenameColumn,
    RenameTable,
)
from catalog.domain.types import parse_type
from catalog.journal import clock, runs
from catalog.journal.models import JournalEntry, ProjectionCursor, Run
from catalog.journal.projections import Projection, advance
from catalog.journal.selectors import Change
from catalog.journal.services import Entry, number_entries, publish
from catalog.models import Catalog, ColumnRow, Database, Dataset, DatasetState, DatasetVersion, Intent, SyncUnit
from catalog.services import annotating
from catalog.services.catalogs import register_catalog, request_sync, update_catalog
from catalog.services.definitions import change_definition, recover_intents
from deploy.flow import JOBS
from deploy.pump import Pump
from detection.models import CheckResult, CheckRow, ProfileRecord, Scan
from detection.services.checks import add_check
from detection.services.scans import request_due_scans
from lineage.models import Edge, JobRun, LineageEvent, Observation
from lineage.services import applying
from lineage.services.receiving import receive_events
from policy.models import Policy, Violation
from policy.services.policies import activate, save_policy
from schema_registry.domain.subjects import SubjectName
from schema_registry.models import Subject, SubjectVersion
from schema_registry.selectors.schemas import Submitted
from schema_registry.services import registering

applying.TOGETHER = 3  # each job's events apart, so that one can be killed between two

ME = Caller(system_principal("test"), "test")
CTX = Context.within(24 * 3_600)  # children are forked from a process that imported this long ago


def doc(*names: str) -> DatasetDocument:
    return DatasetDocument("table", tuple(Column(name, parse_type("long"), "long") for name in names))


def prepare(path: str) -> None:
    """Migrate, make a source of two databases, sync it, describe some of it."""
    call_command("migrate", verbosity=0)
    source = MemoryConnector(path=path)
    for database in ("one", "two"):
        for number in range(4):
            source.apply(CTX, CreateTable(database, f"t{number}", doc("id", "name")))
    register_catalog(caller=ME, name="mem", platform="memory", options={"path": path}, sync_every_seconds=None)
    runs.execute(request_sync(caller=ME, name="mem"), jobs=JOBS, holder="prepare")
    settle()
    for name in ("one/t0", "two/t1", "two/t2"):
        key = Dataset.objects.get(qualified_name=f"mem/{name}").uuid
        annotating.add_tag(caller=ME, dataset_uuid=key, tag="kept")


def point_to(path: str) -> None:
    """Have the catalog read the copy of the source that belongs to this test."""
    Catalog.objects.filter(name="mem").update(options={"path": path})


OPERATIONS = {
    "create": CreateTable("one", "made", doc("id")),
    "add": AddColumn("one", "t0", Column("extra", parse_type("string"), "string")),
    "rename_column": RenameColumn("one", "t0", "name", "title"),
    "rename": RenameTable("one", "t0", "moved"),
    "drop": DropTable("one", "t0"),
}


def write(operation: str) -> None:
    """Make one change through the write path."""
    change_definition(caller=ME, catalog_name="mem", operation=OPERATIONS[operation], idempotency_key=operation)


def change_outside(path: str) -> None:
    """Change the source behind the catalog's back, in every way there is."""
    source = MemoryConnector(path=path)
    source.apply(CTX, CreateTable("one", "new", doc("id")))
    source.apply(CTX, AddColumn("one", "t1", Column("extra", parse_type("string"), "string")))
    source.apply(CTX, RenameTable("one", "t2", "renamed"))
    source.apply(CTX, DropTable("one", "t3"))
    source.apply(CTX, RenameColumn("two", "t1", "name", "title"))
    source.apply(CTX, DropTable("two", "t2"))
    source.apply(CTX, CreateTable("two", "t2", doc("id", "name")))


def sync() -> None:
    """Ask for a sync and do it in this process."""
    runs.execute(request_sync(caller=ME, name="mem"), jobs=JOBS, holder=f"sync-{os.getpid()}")


def ask_for_sync() -> None:
    """Ask for a sync and leave it to the workers."""
    request_sync(caller=ME, name="mem")


def run_states() -> dict[str, int]:
    """Return how many runs are not finished, and the attempts that the newest took."""
    newest = Run.objects.order_by("-pk").first()
    return {
        "unfinished": Run.objects.filter(state__in=["queued", "running"]).count(),
        "attempts": newest.attempt if newest else 0,
    }


def expire_runs() -> None:
    """Let the time of the leases of killed workers pass."""
    Run.objects.filter(state="running").update(lease_until=clock.now() - timedelta(seconds=1))


def settle() -> None:
    """Tick as the worker does until nothing moves, doing runs in this process."""
    pump = Pump(lambda run, _queue: runs.execute(run, jobs=JOBS, holder=f"settle-{os.getpid()}"))
    for _ in range(200):
        busy = pump.tick()
        waiting = Run.objects.filter(state__in=["queued", "running"]).exists()
        if not busy and not waiting:
            return
    raise SystemExit("the worker does not come to rest")


def recover() -> None:
    """Let the time of all leases pass, then do what a restarted worker does."""
    past = clock.now() - timedelta(seconds=1)
    Intent.objects.filter(state="open").update(lease_until=past)
    Run.objects.filter(state="running").update(lease_until=past)
    recover_intents()
    settle()


def check(path: str) -> dict[str, object]:
    """Return what the catalog says beside what the source says, and what must never be."""
    source = MemoryConnector(path=path)
    said = {}
    for database in collect(lambda page: source.list_databases(CTX, page)):
        for loaded in source.load(CTX, collect(lambda page: source.list_datasets(CTX, database.name, page))):  # noqa: B023
            said[f"mem/{database.name}/{loaded.ref.name}"] = content_digest(definition_bytes(loaded.document)).hex()
    live = Dataset.objects.filter(state=DatasetState.LIVE)
    stored = {row.qualified_name: bytes(row.definition_digest).hex() for row in live}
    positions = list(JournalEntry.objects.order_by("pk").values_list("position", flat=True))
    wrong = []
    for dataset in Dataset.objects.all():
        numbers = list(
            DatasetVersion.objects.filter(dataset=dataset).order_by("number").values_list("number", flat=True)
        )
        if numbers != list(range(1, dataset.schema_version + 1)):
            wrong.append(f"{dataset.qualified_name}: versions {numbers} of {dataset.schema_version}")
        told = (
            JournalEntry.objects.filter(subject_uuid=dataset.uuid)
            .order_by("position")
            .values_list("subject_version", flat=True)
        )
        if list(told) != list(range(1, dataset.version + 1)):
            wrong.append(f"{dataset.qualified_name}: entries {list(told)} of version {dataset.version}")
        if json.loads(bytes(dataset.body))["version"] != dataset.version:
            wrong.append(f"{dataset.qualified_name}: its body is not its version's")
    return {
        "source": said,
        "stored": stored,
        "open_intents": Intent.objects.filter(state="open").count(),
        "unfinished_runs": Run.objects.exclude(state="done").count(),
        "unfinished_units": SyncUnit.objects.filter(state="todo").count(),
        "positions": sorted(positions) == list(range(1, len(positions) + 1)),
        "wrong": wrong,
        "kept": sorted(
            Dataset.objects.filter(annotations__key="kept", annotations__ended_at__isnull=True).values_list(
                "qualified_name", flat=True
            )
        ),
        "columns": ColumnRow.objects.filter(dropped_at__isnull=True, dataset__state="live").count(),
    }


# Writers and followers of the journal

SUBJECTS = 40


def prepare_subjects() -> None:
    """Migrate and make the datasets that writers change."""
    call_command("migrate", verbosity=0)
    catalog = Catalog.objects.create(name="w", platform="memory", created_at=clock.now())
    database = Database.objects.create(catalog=catalog, name="db", created_at=clock.now())
    with transaction.atomic():
        classifier = Classifier()
        classifier.refresh()
        for number in range(SUBJECTS):
            name = f"w/db/t{number}"
            now = clock.now()
            Dataset.objects.create(
                catalog=catalog,
                database=database,
                name=f"t{number}",
                qualified_name=name,
                lookup_key=name,
                kind="table",
                access_class_id=classifier.class_of(name),
                version=0,
                created_at=now,
                seen_at=now,
            )


def writer(seed: str, changes: str) -> None:
    """Make changes in transactions of 1 to 40, with random pauses in them."""
    dice = random.Random(int(seed))
    keys = list(Dataset.objects.order_by("pk").values_list("pk", flat=True))
    left = int(changes)
    while left:
        size = min(left, dice.randint(1, 40))
        with transaction.atomic():
            rows = list(
                Dataset.objects.select_for_update().filter(pk__in=dice.sample(keys, min(size, SUBJECTS))).order_by("pk")
            )
            for row in rows:
                row.version += 1
                publish([Entry("definition", "changed", "dataset", row.uuid, row.version)])
                if dice.random() < 0.02:
                    time.sleep(dice.random() * 0.01)
            Dataset.objects.bulk_update(rows, ["version"])
            left -= len(rows)


def follower(path: str, holder: str) -> None:
    """Number entries and follow the journal into a file of its own until killed: versions by subject."""
    store = sqlite3.connect(path, timeout=30)
    store.execute("CREATE TABLE IF NOT EXISTS seen (uuid TEXT PRIMARY KEY, version INTEGER)")

    def apply(changes: list[Change]) -> None:
        keys = {change.subject_uuid for change in changes}
        rows = Dataset.objects.filter(uuid__in=keys).values_list("uuid", "version")
        store.executemany(
            "INSERT INTO seen VALUES (?, ?) ON CONFLICT (uuid) DO UPDATE SET version = excluded.version"
            " WHERE excluded.version > seen.version",
            [(key.hex, version) for key, version in rows],
        )
        store.commit()

    def rebuild() -> None:
        apply(
            [
                Change(0, clock.now(), "", key, 0, "", "", {}, {})
                for key in Dataset.objects.values_list("uuid", flat=True)
            ]
        )

    projection = Projection(f"follower-{Path(path).stem}", frozenset({"definition"}), apply, rebuild)
    while True:
        moved = number_entries() + advance([projection], holder=holder, batches=2)
        if not moved:
            if os.environ.get("CAIRN_TEST_UNTIL_REST"):
                return
            time.sleep(0.01)


def report() -> None:
    """Send the events of three runs of two jobs, as a producer does that sends again what was not answered."""
    Catalog.objects.filter(name="mem").update(namespaces=["memory://shop"])
    receive_events(caller=ME, bodies=[reported(number, job) for number in range(3) for job in ("daily", "hourly")])


def reported(number: int, job: str) -> dict[str, object]:
    """Return an event of a job's run."""

    def named(*names: str) -> list[dict[str, str]]:
        return [{"namespace": "memory://shop", "name": name} for name in names]

    return {
        "eventType": "COMPLETE",
        "eventTime": f"2026-11-01T0{number}:00:00Z",
        "producer": "https://example.com/etl",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{job}/{number}"))},
        "job": {"namespace": "etl", "name": job},
        "inputs": named("one.t0", "one.t1"),
        "outputs": named("two.t2", f"landing.{job}"),
    }


def register() -> None:
    """Register three versions of a subject, as a producer does that begins anew when it hears no answer; then follow a table."""
    for number in range(3):
        fields = ",".join(f'{{"name":"f{n}","type":"int","default":0}}' for n in range(number))
        text = f'{{"type":"record","name":"R","fields":[{fields}]}}'
        registering.register_schema(caller=ME, name=SubjectName(".", "s"), submitted=Submitted(text))


def check_registry() -> dict[str, object]:
    """Return what is registered, and whether each version has its entry and its record."""
    return {
        "versions": list(
            SubjectVersion.objects.filter(subject__name="s")
            .order_by("number")
            .values_list("number", "schema__schema_id")
        ),
        "revision": list(Subject.objects.filter(name="s").values_list("revision", flat=True)),
        "entries": JournalEntry.objects.filter(aspect="schema", operation="registered").count(),
        "audited": AuditRecord.objects.filter(action="subject.registered").count(),
        "tables": SubjectVersion.objects.filter(subject__context__name=".tables").count(),
        "live": Dataset.objects.filter(state=DatasetState.LIVE).count(),
    }


def allow(path: str) -> None:
    """Put rows into two tables, let them be read, and expect something of them."""
    source = MemoryConnector(path=path)
    for table in ("t0", "t1"):
        source.put_rows("one", table, [{"id": number, "name": 5} for number in range(20)])
    update_catalog(caller=ME, name="mem", changes={"allows_sampling": True})
    settle()
    for table in ("t0", "t1"):
        key = Dataset.objects.get(qualified_name=f"mem/one/{table}").uuid
        add_check(caller=ME, dataset_uuid=key, kind="row_count", arguments={"least": 20})


def scan() -> None:
    """Do the scans that are due, as beat asks for them and workers do them."""
    request_due_scans()
    settle()


def enact() -> None:
    """Have a policy judge, whose violations workers find."""
    text = (
        "policy: named\nresource: column\nassert: column.name == 'id'\n"
        "examples: {fail: [{column: {name: other}}], pass: [{column: {name: id}}]}"
    )
    slug, number = save_policy(caller=ME, text=text)
    activate(caller=ME, slug=slug, number=number)


def check_policies() -> dict[str, object]:
    """Return the violations, and whether each has its entries."""
    return {
        "open": Violation.objects.filter(resolved_at=None).count(),
        "resolved": Violation.objects.exclude(resolved_at=None).count(),
        "opened": JournalEntry.objects.filter(aspect="verdict", operation="opened").count(),
        "counts": Policy.objects.get().counts,
        "other": ColumnRow.objects.filter(dropped_at=None, dataset__state="live").exclude(name="id").count(),
    }


def check_scans() -> dict[str, object]:
    """Return what is known of rows, and whether each judgement has its result and its entry."""
    return {
        "profiled": Scan.objects.filter(profile__isnull=False).count(),
        "recorded": ProfileRecord.objects.count(),
        "due": Scan.objects.filter(due_at__lte=clock.now()).count(),
        "statuses": list(CheckRow.objects.values_list("status", flat=True)),
        "results": CheckResult.objects.count(),
        "judged": JournalEntry.objects.filter(aspect="quality", operation="judged").count(),
        "versions": sorted(Scan.objects.filter(version__gt=0).values_list("version", flat=True)),
    }


def check_lineage() -> dict[str, object]:
    """Return what is told of the events."""
    return {
        "events": LineageEvent.objects.count(),
        "waiting": LineageEvent.objects.filter(applied_at__isnull=True).count(),
        "errors": list(LineageEvent.objects.exclude(error="").values_list("error", flat=True)),
        "runs": JobRun.objects.count(),
        "observations": Observation.objects.count(),
        "edges": sorted(Edge.objects.filter(superseded_at=None).values_list("runs_seen", flat=True)),
        "superseded": Edge.objects.exclude(superseded_at=None).count(),
        "stubs": Dataset.objects.filter(state="observed").count(),
    }


def expire_cursors() -> None:
    """Let the time of the leases of killed followers pass."""
    ProjectionCursor.objects.update(lease_until=clock.now() - timedelta(seconds=1))


def check_journal(path: str) -> dict[str, object]:
    """Return what became of all entries and of the follower's file."""
    rows = list(JournalEntry.objects.order_by("position").values_list("position", "subject_uuid", "subject_version"))
    last: dict[uuid.UUID, int] = {}
    disorder = 0
    for _, subject, version in rows:
        disorder += last.get(subject, 0) + 1 != version
        last[subject] = version
    seen = dict(sqlite3.connect(path).execute("SELECT uuid, version FROM seen").fetchall())
    return {
        "entries": len(rows),
        "gapless": [row[0] for row in rows] == list(range(1, len(rows) + 1)),
        "disorder": disorder,
        "converged": seen == {row.uuid.hex: row.version for row in Dataset.objects.all()},
    }


def act(action: str, *arguments: str) -> None:
    """Do an action of this module and print what it returns."""
    result = globals()[action](*arguments)
    if result is not None:
        print(json.dumps(result))


if __name__ == "__main__":
    act(*sys.argv[1:])
