"""The pump: the loop that keeps the journal moving and hands runs to workers. Any number may run; leases decide who works."""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import close_old_connections

from catalog.access.principals import Caller, system_principal
from catalog.journal import failpoints, runs
from catalog.journal.projections import advance, holder_name, release
from catalog.journal.services import flush_data_changes, number_entries, trim
from catalog.services.catalogs import request_due_syncs
from catalog.services.definitions import recover_intents
from catalog.services.identity import expire_observed
from deploy.flow import PROJECTIONS, kept

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.1
SEND_AGAIN_SECONDS = 20
SAY_AGAIN_SECONDS = 60
OBSERVED_DAYS = 14

NUMBERED = failpoints.declare("pump.numbered", "entries numbered, no projection moved")


class Pump:
    """Ticks until it is stopped. ``send`` hands a run's id and queue to Celery."""

    def __init__(self, send: Callable[[uuid.UUID, str], None]) -> None:
        self.send = send
        self.holder = holder_name(f"pump-{os.getpid()}")
        self.caller = Caller(system_principal("pump"), "schedule")
        self._sent: dict[uuid.UUID, float] = {}
        self._due: dict[str, float] = {}
        self._quiet_until: dict[str, float] = {}

    def run(self, stop: threading.Event) -> None:
        """Tick until the event is set; one failing part never stops the others."""
        while not stop.is_set():
            moved = self.tick()
            if not moved:
                stop.wait(TICK_SECONDS)
        release(self.holder)

    def tick(self) -> bool:
        """Do what is due once; return whether the journal moved, so that the next tick should come at once."""
        close_old_connections()
        moved = self._guarded("journal", self._move_journal)
        self._guarded("runs", self._send_runs)
        for name, seconds, part in (
            ("syncs", 1.0, lambda: request_due_syncs(caller=self.caller)),
            ("intents", 5.0, recover_intents),
            ("observed", 3_600.0, self._expire),
            ("partitions", 3_600.0, self._maintain),
        ):
            if time.monotonic() >= self._due.get(name, 0.0):
                self._due[name] = time.monotonic() + seconds
                self._guarded(name, part)
        return bool(moved)

    def _guarded(self, name: str, part: Callable[[], object]) -> object:
        try:
            return part()
        except Exception:
            # A part that fails ten times a second is said once a minute.
            if time.monotonic() >= self._quiet_until.get(name, 0.0):
                logger.exception("the pump's part '%s' failed; it is tried again", name)
                self._quiet_until[name] = time.monotonic() + SAY_AGAIN_SECONDS
            return None

    def _move_journal(self) -> bool:
        flushed = flush_data_changes()
        numbered = number_entries()
        failpoints.reach(NUMBERED)
        moved = [advance(projection, holder=self.holder) for projection in PROJECTIONS]
        return bool(flushed or numbered or any(moved))

    def _send_runs(self) -> None:
        now = time.monotonic()
        self._sent = {key: at for key, at in self._sent.items() if now - at < SEND_AGAIN_SECONDS}
        for run_uuid, queue in runs.list_claimable(queues=runs.QUEUES, limit=100):
            if run_uuid not in self._sent:
                self.send(run_uuid, queue)
                self._sent[run_uuid] = now

    def _expire(self) -> None:
        expire_observed(caller=self.caller, older_than=timedelta(days=OBSERVED_DAYS))

    def _maintain(self) -> None:
        trim(kept(settings.KEEP_DAYS))
