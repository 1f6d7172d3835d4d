"""The runs that have clients of others, unmodified and in processes of their own, tell the demo's Cairn what its pipelines and producers do."""

from __future__ import annotations

import subprocess
import sys
import time

from catalog.journal.runs import Attempt, RunFailed

LINEAGE = "demo_lineage"
SCHEMAS = "demo_schemas"
TIMEOUT_SECONDS = 300
RENEW_SECONDS = 10


def report_runs(attempt: Attempt) -> dict[str, int]:
    """Have OpenLineage's client report the runs; return how many events it sent."""
    return {"events": _sent_by("deploy.demo.reporter", attempt)}


def register_schemas(attempt: Attempt) -> dict[str, int]:
    """Have Confluent's client register the schemas of the demo's topics; return how many versions it registered."""
    return {"versions": _sent_by("deploy.demo.producer", attempt)}


def _sent_by(program: str, attempt: Attempt) -> int:
    """Run a program, whose libraries would else stay in the worker's memory, and return the number that it prints."""
    from django.conf import settings

    from deploy.home import read_credentials

    credentials = read_credentials(settings.CAIRN_HOME)
    if "token" not in credentials:
        raise RunFailed("the home keeps no good token to report with")
    command = [sys.executable, "-m", program, credentials["url"]]
    deadline = time.monotonic() + TIMEOUT_SECONDS
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        said: str | None = credentials["token"]
        while True:
            try:
                output, complaint = process.communicate(said, timeout=RENEW_SECONDS)
                break
            except subprocess.TimeoutExpired:
                said = None
                attempt.renew()
                if time.monotonic() > deadline:
                    process.kill()
                    raise RunFailed(f"{program} took more than {TIMEOUT_SECONDS} s") from None
    if process.returncode:
        last = complaint.strip().splitlines()[-1:] or ["no reason was given"]
        raise RunFailed(f"{program} failed: {last[0][:300]}")
    return int(output)
