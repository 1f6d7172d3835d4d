"""The embedded worker process: Celery on memory:// with threads, and beside it Celery's beat and the pump."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from types import FrameType

from celery.beat import Scheduler, Service
from django.conf import settings

from deploy.celery import app, give_back_runs, send_run
from deploy.pump import Pump

logger = logging.getLogger(__name__)


def main() -> int:
    """Work until SIGTERM or SIGINT; runs in progress are queued again for the next start."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    pump = Pump(send_run)
    worker = app.WorkController(
        pool="threads",
        concurrency=settings.TASK_WORKERS,
        loglevel="WARNING",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
        hostname="cairn@embedded",
    )
    beat = Service(app, max_interval=1, scheduler_cls=Scheduler)
    tasks = threading.Thread(target=worker.start, name="celery", daemon=True)
    clock = threading.Thread(target=beat.start, name="beat", daemon=True)
    mover = threading.Thread(target=pump.run, args=(stop,), name="pump", daemon=True)
    for thread in (tasks, clock, mover):
        thread.start()
    while not stop.wait(1.0):
        if not all(thread.is_alive() for thread in (tasks, clock, mover)):
            logger.error("a part of the worker ended; the worker ends too and is started again")
            return 1
    mover.join(timeout=3)
    # The threads go on until the process ends in a moment; what they still write is fenced off by the next attempt.
    give_back_runs()
    return 0


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    # Threads of the pool cannot be ended; what they were at is fenced off and resumed from its run.
    import os

    os._exit(code)
