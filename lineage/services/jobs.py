"""Jobs as they are found, made, locked and written: by who reports to us, and by who reads views."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import orjson

from catalog import bulk
from catalog.bodies import new_uuid
from catalog.journal import clock
from lineage.models import Job

JobName = tuple[str, str, str]
"""A job's kind, namespace and name."""

_JOB = tuple(each.attname for each in Job._meta.concrete_fields if not each.primary_key)


def job_digest(kind: str, namespace: str, name: str) -> bytes:
    """Return what a job is found by."""
    return hashlib.blake2b(orjson.dumps([kind, namespace, name]), digest_size=16).digest()


def locked_jobs(names: Collection[JobName]) -> dict[JobName, Job]:
    """Return jobs, made if need be, with their rows locked until the transaction ends."""
    digests = {job_digest(*name): name for name in names}
    found = _lock(digests)
    missing = {digest: name for digest, name in digests.items() if digest not in found}
    if missing:
        now = clock.now()
        rows = [
            Job(digest=digest, uuid=new_uuid(), kind=kind, namespace=namespace, name=name, created_at=now)
            for digest, (kind, namespace, name) in missing.items()
        ]
        Job.objects.bulk_create(rows, ignore_conflicts=True)
        found |= _lock(missing)
    return {digests[digest]: job for digest, job in found.items()}


def _lock(digests: Collection[bytes]) -> dict[bytes, Job]:
    # In one order, so that two who lock some of the same never wait for each other.
    rows = Job.objects.select_for_update().filter(digest__in=list(digests)).order_by("digest")
    return {bytes(row.digest): row for row in rows}


def save_jobs(jobs: Sequence[Job]) -> None:
    """Write all of jobs that are locked."""
    bulk.update(Job, _JOB, [(job.pk, [getattr(job, name) for name in _JOB]) for job in jobs])
