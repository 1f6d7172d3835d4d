"""Runs: long jobs as rows with leases, attempts and fences. A lost message or a killed worker loses nothing."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from catalog.journal import clock
from catalog.journal.models import Run, RunKey, RunState

logger = logging.getLogger(__name__)

LEASE_SECONDS = 30
MAX_ATTEMPTS = 5
QUEUES = ("write", "scan", "policy")


class LostLease(RuntimeError):
    """This attempt's lease went to another; what it was about to write must not be written."""


class Cancelled(RuntimeError):
    """Somebody asked this run to stop."""


NO_FAULT_OF_A_SUBJECT = (Cancelled, LostLease, OperationalError)
"""What ends the work at all subjects; whoever goes on with the others where one cannot be done lets these through."""


class RunFailed(RuntimeError):
    """A job ends without success, and trying again would not help; the message is shown to people."""


class KeyReused(ValueError):
    """An idempotency key came again with another request."""


def create_run(
    *,
    kind: str,
    subject: str = "",
    arguments: Mapping[str, Any] | None = None,
    requested_by: str,
    queue: str = "write",
    idempotency_key: str | None = None,
) -> uuid.UUID:
    """
    Queue a run and return its id; the same idempotency key gives the same run, and queues nothing.

    :raises KeyReused: if the key stands for a run of another kind, or on another subject.
    """
    now = clock.now()
    with transaction.atomic():
        run_uuid = uuid.uuid4()
        if idempotency_key is not None:
            known = keep_run_key(idempotency_key, run_uuid, kind=kind, subject=subject)
            if known != run_uuid:
                return known
        Run.objects.create(
            uuid=run_uuid,
            created_at=now,
            not_before=now,
            kind=kind,
            subject=subject,
            queue=queue,
            arguments=dict(arguments or {}),
            requested_by=requested_by,
        )
    return run_uuid


def keep_run_key(key: str, run_uuid: uuid.UUID, *, kind: str, subject: str) -> uuid.UUID:
    """Have an idempotency key stand for a run, and return the run that it stood for before, if it did. :raises KeyReused: as :func:`create_run`."""
    row, created = RunKey.objects.get_or_create(key=key, defaults={"run_uuid": run_uuid, "created_at": clock.now()})
    if not created:
        _require_same(row, kind, subject)
    return row.run_uuid


def find_run_of_key(key: str, *, kind: str, subject: str) -> uuid.UUID | None:
    """Return the run that an idempotency key stands for, None if it was not used yet. :raises KeyReused: as :func:`create_run`."""
    row = RunKey.objects.filter(key=key).first()
    if row is None:
        return None
    _require_same(row, kind, subject)
    return row.run_uuid


def _require_same(row: RunKey, kind: str, subject: str) -> None:
    # A run that is no longer kept is believed.
    run = Run.objects.filter(uuid=row.run_uuid).first()
    if run is not None and (run.kind, run.subject) != (kind, subject):
        raise KeyReused(f"idempotency key '{row.key}' was used for another request before")


def find_active_run(*, kind: str, subject: str) -> uuid.UUID | None:
    """Return the newest queued or running run of a kind on a subject, if there is one."""
    return (
        Run.objects.filter(kind=kind, subject=subject, state__in=[RunState.QUEUED, RunState.RUNNING])
        .order_by("-pk")
        .values_list("uuid", flat=True)
        .first()
    )


def _claimable(now: datetime) -> Q:
    return Q(state=RunState.QUEUED, not_before__lte=now) | Q(state=RunState.RUNNING, lease_until__lt=now)


def release(holder: str) -> int:
    """Queue again what a worker was at when it was told to stop, so that nobody waits for its leases; return how many."""
    return Run.objects.filter(holder=holder, state=RunState.RUNNING).update(
        state=RunState.QUEUED, holder="", lease_until=None
    )


def list_claimable(*, queues: Iterable[str], limit: int) -> list[tuple[uuid.UUID, str]]:
    """Return id and queue of runs that wait for a worker, oldest first: queued ones and those whose worker fell silent."""
    return list(
        Run.objects.filter(_claimable(clock.now()), queue__in=list(queues))
        .order_by("pk")
        .values_list("uuid", "queue")[:limit]
    )


def request_cancel(run_uuid: uuid.UUID, *, by: str) -> bool:
    """Ask a run to stop; a queued one is cancelled at once. Return False if it was finished already."""
    now = clock.now()
    queued = Run.objects.filter(uuid=run_uuid, state=RunState.QUEUED).update(
        state=RunState.CANCELLED, cancel_requested_at=now, finished_at=now, error=f"cancelled by {by} before it began"
    )
    running = Run.objects.filter(uuid=run_uuid, state=RunState.RUNNING).update(cancel_requested_at=now)
    return bool(queued or running)


@dataclass
class Attempt:
    """One try at a run, by one worker. All its writes go through the fence."""

    run_uuid: uuid.UUID
    number: int
    kind: str
    subject: str
    arguments: Mapping[str, Any]
    requested_by: str
    _told: float = 0.0

    def _mine(self) -> Any:
        return Run.objects.filter(uuid=self.run_uuid, attempt=self.number, state=RunState.RUNNING)

    def fence(self) -> None:
        """Hold the run's row within the present transaction. :raises LostLease: if this attempt is no longer the one."""
        if not self._mine().select_for_update().values_list("pk", flat=True):
            raise LostLease(f"run {self.run_uuid}: attempt {self.number} lost its lease")

    def renew(self) -> None:
        """Prolong the lease. :raises LostLease: if it went to another."""
        until = clock.now() + timedelta(seconds=LEASE_SECONDS)
        if not self._mine().update(lease_until=until):
            raise LostLease(f"run {self.run_uuid}: attempt {self.number} lost its lease")

    def check_cancelled(self) -> None:
        """:raises Cancelled: if somebody asked the run to stop."""
        if self._mine().filter(cancel_requested_at__isnull=False).exists():
            raise Cancelled("cancelled on request; what was done until then stays")

    def tell(self, progress: Mapping[str, Any], *, force: bool = False) -> None:
        """Store the progress, at most four times a second unless forced."""
        if force or time.monotonic() - self._told > 0.25:
            self._mine().update(progress=dict(progress))
            self._told = time.monotonic()


Job = Callable[[Attempt], Mapping[str, Any]]
"""Does a run's work and returns its result; may be called again after a crash."""


def claim(run_uuid: uuid.UUID, *, holder: str) -> Attempt | None:
    """Take a run for this worker, or return None if another has it or it is finished."""
    now = clock.now()
    # Only deaths count against a run: one that was given back or never began is always taken.
    claimable = Run.objects.filter(_claimable(now), uuid=run_uuid)
    taken = claimable.exclude(state=RunState.RUNNING, attempt__gte=MAX_ATTEMPTS).update(
        state=RunState.RUNNING,
        attempt=F("attempt") + 1,
        holder=holder,
        lease_until=now + timedelta(seconds=LEASE_SECONDS),
        started_at=Coalesce(F("started_at"), now),
    )
    if not taken:
        Run.objects.filter(_claimable(now), uuid=run_uuid, attempt__gte=MAX_ATTEMPTS).update(
            state=RunState.FAILED,
            finished_at=now,
            error=f"given up after {MAX_ATTEMPTS} attempts whose worker ended without a word",
        )
        return None
    run = Run.objects.get(uuid=run_uuid, holder=holder)
    return Attempt(run.uuid, run.attempt, run.kind, run.subject, run.arguments, run.requested_by)


def execute(run_uuid: uuid.UUID, *, jobs: Mapping[str, Job], holder: str) -> None:
    """Do one run if it can be claimed: renew its lease meanwhile, store how it ended."""
    attempt = claim(run_uuid, holder=holder)
    if attempt is None:
        return
    stop = threading.Event()
    keeper = threading.Thread(target=_keep_lease, args=(attempt, stop), name=f"lease-{run_uuid}", daemon=True)
    keeper.start()
    try:
        _finish(attempt, *_outcome(attempt, jobs))
    except LostLease:
        logger.warning("run %s: attempt %d lost its lease", run_uuid, attempt.number)
    finally:
        stop.set()
        keeper.join()


def _outcome(attempt: Attempt, jobs: Mapping[str, Job]) -> tuple[str, Mapping[str, Any], str]:
    job = jobs.get(attempt.kind)
    if job is None:
        return RunState.FAILED, {}, f"this worker knows no job of kind '{attempt.kind}'; it knows {', '.join(jobs)}"
    try:
        return RunState.DONE, job(attempt), ""
    except LostLease:
        raise
    except Cancelled as error:
        return RunState.CANCELLED, {}, str(error)
    except RunFailed as error:
        return RunState.FAILED, {}, str(error)
    except Exception as error:
        logger.exception("run %s failed", attempt.run_uuid)
        return RunState.FAILED, {}, f"{type(error).__name__}; the log of the worker has the details"


def _finish(attempt: Attempt, state: str, result: Mapping[str, Any], error: str) -> None:
    # It may quote what a source says; without this it could not be kept, and the run would never end.
    told = error[:4_000].encode(errors="replace").decode().replace("\x00", "\ufffd")
    done = attempt._mine().update(
        state=state, result=dict(result), error=told, finished_at=clock.now(), lease_until=None
    )
    if not done:
        raise LostLease(f"run {attempt.run_uuid}: attempt {attempt.number} lost its lease")


def _keep_lease(attempt: Attempt, stop: threading.Event) -> None:
    try:
        while not stop.wait(LEASE_SECONDS / 3):
            try:
                attempt.renew()
            except DatabaseError:
                # The lease lasts for two more tries; what is wrong with the database shows where the work is done.
                logger.warning("run %s: the lease could not be renewed just now", attempt.run_uuid, exc_info=True)
    except LostLease:
        return
    finally:
        connection.close()
