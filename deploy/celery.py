"""Celery: carries the ids of runs to workers, and the parts of the upkeep when their time has come. What to do stands in the run."""

from __future__ import annotations

import contextlib
import ctypes
import os
import uuid
from datetime import UTC, datetime
from typing import Any

from celery import Celery
from celery.signals import worker_shutdown
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings.embedded")

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from django.conf import settings

from catalog.journal import runs
from catalog.journal.projections import holder_name
from deploy.upkeep import UPKEEP
from deploy.upkeep import do as do_upkeep

HOLDER = holder_name(f"worker-{os.getpid()}")
"""What this process holds leases as."""

app = Celery("cairn")
app.conf.update(settings.CELERY)
app.conf.task_queues = [Queue(name) for name in runs.QUEUES]
# Beat keeps no file: every part is due when it starts. A message that nobody got to in its time is dropped: the next is as good.
app.conf.beat_scheduler = "celery.beat:Scheduler"
app.conf.beat_schedule = {
    name: {
        "task": "upkeep",
        "schedule": part.every,
        "kwargs": {"part": name},
        "options": {"expires": part.every},
        "last_run_at": datetime.fromtimestamp(0, UTC),
    }
    for name, part in UPKEEP.items()
}


@app.task(name="run")
def run_task(*, run_id: str, **_later: Any) -> None:
    """Do one run; harmless if it is done already or another worker has it. Later senders may send more."""
    from deploy.flow import JOBS

    runs.execute(uuid.UUID(run_id), jobs=JOBS, holder=HOLDER)
    _return_memory()


def _return_memory() -> None:
    """Hand what a large run left free back to the system; only glibc keeps it otherwise."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


@app.task(name="upkeep")
def upkeep_task(*, part: str, **_later: Any) -> None:
    """Do one part of the upkeep."""
    do_upkeep(part)


@worker_shutdown.connect
def give_back_runs(**_sent: Any) -> None:
    """Queue again what this worker was at; called when it is told to stop. Its pool's processes hold leases in its name."""
    runs.release(HOLDER)


def send_run(run_id: uuid.UUID, queue: str) -> None:
    """Tell the workers of a queue about a run."""
    run_task.apply_async(kwargs={"run_id": str(run_id)}, queue=queue)
