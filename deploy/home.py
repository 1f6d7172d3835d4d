"""The data folder: its key, its lock, the first login and token."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path
from typing import IO


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def secret_key(home: Path) -> str:
    """Return the home's secret key; the first call makes it."""
    path = home / "secret-key"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(48))
    return path.read_text()


class HomeInUse(RuntimeError):
    """Another Cairn runs on this home."""


def lock_home(home: Path) -> IO[str]:
    """Return the locked lock file of a home that is made if need be; keep it open as long as the home is in use. :raises HomeInUse: if it is locked."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = (home / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        raise HomeInUse(f"Cairn is running on {home} already ({file.read().strip() or 'by another process'})") from None
    file.truncate(0)
    return file


def read_credentials(home: Path) -> dict[str, str]:
    """Return what the first start wrote down (url, user, password, token), or nothing."""
    path = home / "credentials"
    if not path.exists():
        return {}
    lines = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {name: value for name, _, value in lines}
