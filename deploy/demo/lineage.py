"""The run that has the demo's pipelines report what they did."""

from __future__ import annotations

import subprocess
import sys
import time

from catalog.journal.runs import Attempt, RunFailed

KIND = "demo_lineage"
TIMEOUT_SECONDS = 300
RENEW_SECONDS = 10


def report_runs(attempt: Attempt) -> dict[str, int]:
    """Have a process of its own report the runs, since its libraries would stay in the worker's memory; return how many events it sent."""
    from django.conf import settings

    from deploy.home import read_credentials

    credentials = read_credentials(settings.CAIRN_HOME)
    if "token" not in credentials:
        raise RunFailed("the home keeps no good token to report with")
    command = [sys.executable, "-m", "deploy.demo.reporter", credentials["url"]]
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
                    raise RunFailed(f"reporting took more than {TIMEOUT_SECONDS} s") from None
    if process.returncode:
        last = complaint.strip().splitlines()[-1:] or ["no reason was given"]
        raise RunFailed(f"the runs could not be reported: {last[0][:300]}")
    return {"events": int(output)}
