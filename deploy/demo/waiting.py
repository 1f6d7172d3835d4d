"""What the demo's programs share that know Cairn by its address only: waiting until it answers, ending when they are told to."""

from __future__ import annotations

import signal
import time


def end_on_interrupt() -> None:
    """Have Ctrl-C end this process at once: clients of others may catch what Python makes of it, and try again."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


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
