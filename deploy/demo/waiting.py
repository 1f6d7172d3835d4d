"""What the demo's programs share that know Cairn by its address only: waiting until it answers, ending when they are told to."""

from __future__ import annotations

import os
import signal
import threading
import time


def end_with_cairn() -> None:
    """
    Have Ctrl-C end this process at once, and the end of the worker that started it, which may come between the two.

    Clients of others may catch what Python makes of an interrupt, and try again.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    worker = os.getppid()

    def watch() -> None:
        while os.getppid() == worker:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, name="watch", daemon=True).start()


def wait_for(url: str, seconds: float = 90) -> None:
    """Return once Cairn answers. :raises SystemExit: if it does not within a time."""
    import httpx

    deadline = time.monotonic() + seconds
    while True:
        try:
            if httpx.get(f"{url}/livez", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        if time.monotonic() > deadline:
            raise SystemExit(f"nothing answers at {url}")
        time.sleep(0.2)
