"""The pump: the loop that keeps the journal moving, hands runs to workers and settles interrupted writes. Any number may run; leases decide who works."""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable

from django.db import close_old_connections

from catalog.journal import failpoints, runs
from catalog.journal.projections import advance, holder_name, release
from catalog.journal.services import SEQUENCE_ROWS, flush_data_changes, number_entries
from catalog.services.definitions import recover_intents
from deploy.flow import PROJECTIONS

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.1
"""Between ticks, busy or not: what comes one by one is done some at a time, for a tick costs about as much for one entry as for twenty."""
BATCHES_NUMBERED = 4
"""Of one tick, so that what comes by the thousand is not held up by the wait."""
SEND_AGAIN_SECONDS = 20
SAY_AGAIN_SECONDS = 60
SETTLE_SECONDS = 5.0

NUMBERED = failpoints.declare("pump.numbered", "entries numbered, no projection moved")


class Pump:
    """Ticks until it is stopped. ``send`` hands a run's id and queue to Celery."""

    def __init__(self, send: Callable[[uuid.UUID, str], None]) -> None:
        self.send = send
        self.holder = holder_name(f"pump-{os.getpid()}")
        self._sent: dict[uuid.UUID, float] = {}
        self._settle_at = 0.0
        self._quiet_until: dict[str, float] = {}

    def run(self, stop: threading.Event) -> None:
        """Tick until the event is set; one failing part never stops the others."""
        while not stop.is_set():
            self.tick()
            stop.wait(TICK_SECONDS)
        release(self.holder)

    def tick(self) -> bool:
        """Do what is due once; return whether the journal moved."""
        close_old_connections()
        moved = self._guarded("journal", self._move_journal)
        self._guarded("runs", self._send_runs)
        if time.monotonic() >= self._settle_at:
            self._settle_at = time.monotonic() + SETTLE_SECONDS
            self._guarded("intents", recover_intents)
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
        numbered = 0
        for _ in range(BATCHES_NUMBERED):
            batch = number_entries()
            numbered += batch
            if batch < SEQUENCE_ROWS:
                break
        failpoints.reach(NUMBERED)
        moved = advance(PROJECTIONS, holder=self.holder)
        return bool(flushed or numbered or moved)

    def _send_runs(self) -> None:
        now = time.monotonic()
        self._sent = {key: at for key, at in self._sent.items() if now - at < SEND_AGAIN_SECONDS}
        for run_uuid, queue in runs.list_claimable(queues=runs.QUEUES, limit=100):
            if run_uuid not in self._sent:
                self.send(run_uuid, queue)
                self._sent[run_uuid] = now
