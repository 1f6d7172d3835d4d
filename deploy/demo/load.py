"""Puts the demo into a home: builds its stores, registers and syncs them, adds what its people say."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from catalog.access.principals import Caller, system_principal
from catalog.journal import runs
from catalog.journal.projections import holder_name
from catalog.models import Catalog
from catalog.services.catalogs import register_catalog, request_sync, update_catalog
from catalog.sync.engine import run_sync
from deploy.demo.clients import LINEAGE, SCHEMAS
from deploy.demo.people import add_people
from deploy.demo.reporter import NAMESPACES
from deploy.demo.stores import build_stores, evolve_lake


def _sync(caller: Caller, name: str) -> None:
    runs.execute(request_sync(caller=caller, name=name), jobs={"sync": run_sync}, holder=holder_name("demo"))


def load_demo(home: Path) -> bool:
    """
    Build and register the demo unless it, or any other catalog, is there; return whether it was built.

    What a crash left half built is thrown away and built anew: the mark is set last.
    """
    folder, mark = home / "demo", home / "demo" / "complete"
    caller = Caller(system_principal("demo"), "demo")
    if mark.exists():
        _have_runs_reported(caller, folder)
        return False
    if not folder.exists() and Catalog.objects.exists():
        return False
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    stores = build_stores(folder, datetime.now(UTC).replace(minute=0, second=0, microsecond=0))
    known = set(Catalog.objects.values_list("name", flat=True))
    for name, store in stores.items():
        if name not in known:
            register_catalog(
                caller=caller,
                name=name,
                sync_every_seconds=300,
                namespaces=[NAMESPACES[name]],
                allows_sampling=True,
                **store,
            )
        _sync(caller, name)
    evolve_lake(folder)
    _sync(caller, "lake")
    if not known:
        add_people(caller)
    _have_runs_reported(caller, folder)
    mark.write_text("built\n")
    return True


def _have_runs_reported(caller: Caller, folder: Path) -> None:
    """Have the demo's pipelines report their runs, once, to catalogs that declare their namespaces; homes of earlier versions do not."""
    there = dict(Catalog.objects.filter(name__in=NAMESPACES).values_list("name", "namespaces"))
    for name, namespaces in there.items():
        if not namespaces:
            update_catalog(caller=caller, name=name, changes={"namespaces": [NAMESPACES[name]]})
    if there:
        for kind in (LINEAGE, SCHEMAS):
            runs.create_run(kind=kind, requested_by=caller.principal.handle, idempotency_key=f"{kind}:{folder}")
