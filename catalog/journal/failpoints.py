"""Named places between two durable effects, where a test may kill the process to prove that nothing is lost."""

from __future__ import annotations

import itertools
import os
import signal

DECLARED: dict[str, str] = {}
"""Every failpoint and the gap it stands for; tests kill a process at each."""

_armed, _, _nth = os.environ.get("CAIRN_FAILPOINT", "").partition(":")
_passes = itertools.count(1)


def declare(name: str, gap: str) -> str:
    """Return the name after listing it, with the two effects it lies between."""
    DECLARED[name] = gap
    return name


def reach(name: str) -> None:
    """Kill this process with SIGKILL if it was started with ``CAIRN_FAILPOINT=name`` or ``name:nth``; else do nothing."""
    if name == _armed and next(_passes) >= int(_nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
