"""The pump as a process of its own, as production runs it: `python -m deploy.pumping`. Any number may run."""

from __future__ import annotations

import signal
import sys
import threading

from deploy.celery import send_run
from deploy.pump import Pump


def main() -> int:
    """Pump until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    Pump(send_run).run(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
