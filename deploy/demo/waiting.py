"""Waiting until Cairn answers, for programs that know it by its address only."""

from __future__ import annotations

import time


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
