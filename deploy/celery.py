"""Celery: carries the ids of runs to workers. What to do stands in the run."""

from __future__ import annotations

import contextlib
import ctypes
import os
import uuid
from typing import Any

from celery import Celery
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings.embedded")

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from django.conf import settings

from catalog.journal import runs
from catalog.journal.projections import holder_name

HOLDER = holder_name(f"worker-{os.getpid()}")
"""What this process holds leases as."""

app = Celery("cairn")
app.conf.update(settings.CELERY)
app.conf.task_queues = [Queue(name) for name in runs.QUEUES]


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


def give_back_runs() -> None:
    """Queue again what this process was at; called when it is told to stop."""
    runs.release(HOLDER)


def send_run(run_id: uuid.UUID, queue: str) -> None:
    """Tell the workers of a queue about a run."""
    run_task.apply_async(kwargs={"run_id": str(run_id)}, queue=queue)
