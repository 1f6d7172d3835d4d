"""The other side of the process that reads rows: starts it, asks it, ends it when it takes too long, and starts it anew."""

from __future__ import annotations

import hashlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import orjson
from django.conf import settings

from detection.scanning import Scanned, Task

START_SECONDS = 20.0
"""For the process to begin, and to end a task after the source's time is over."""
MAX_ANSWER = 32 << 20
FRUGAL = {"MALLOC_ARENA_MAX": "2", "ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1"}
"""What keeps libraries from reserving addresses by the gigabyte, which the bound of the process's memory would count."""
OURS = ("CAIRN_", "CELERY_", "DATABASE_", "DJANGO_", "ELASTICSEARCH_", "METACAT_", "NEO4J_")
"""How the names of Cairn's own settings in the environment begin: the process that reads rows has no use for addresses and keys."""


@dataclass
class Sampler:
    """A process of its own that reads rows of one source, as long as the context is open."""

    connector: str
    options: Mapping[str, Any]
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Sampler:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def scan(self, task: Task) -> Scanned:
        """Return what the process found. One that ends, or takes too long, is an error of this dataset alone."""
        process = self._running()
        assert process.stdin is not None
        try:
            process.stdin.write(orjson.dumps(task.to_json()) + b"\n")
            process.stdin.flush()
            answer = self._line(process, time.monotonic() + task.seconds + START_SECONDS)
        except (BrokenPipeError, EOFError):
            self._end()
            return Scanned(
                task.dataset, error="the process that read its rows ended; they may need more memory than it may take"
            )
        except TimeoutError:
            self._end()
            return Scanned(
                task.dataset, error=f"looking at its rows took longer than {task.seconds + START_SECONDS:.0f} s"
            )
        return Scanned(**orjson.loads(answer))

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            # What it says beside its answers is thrown away: it may hold values.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "detection.scanner"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={name: value for name, value in os.environ.items() if not name.startswith(OURS)} | FRUGAL,
                cwd=settings.BASE_DIR,
            )
            how = {
                "connector": self.connector,
                "options": dict(self.options),
                "detectors": settings.DETECTORS,
                "key": value_key().hex(),
                "memory_bytes": settings.SAMPLING["memory_bytes"],
            }
            assert self._process.stdin is not None
            self._process.stdin.write(orjson.dumps(how) + b"\n")
        return self._process

    @staticmethod
    def _line(process: subprocess.Popen[bytes], deadline: float) -> bytes:
        assert process.stdout is not None
        pipe, parts, size = process.stdout.fileno(), list[bytes](), 0
        while not parts or not parts[-1].endswith(b"\n"):
            ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            part = os.read(pipe, 1 << 16)
            size += len(part)
            if not part or size > MAX_ANSWER:
                raise EOFError
            parts.append(part)
        return b"".join(parts)

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def value_key() -> bytes:
    """Return this installation's key for digests of values."""
    return hashlib.sha256(b"cairn.detection.values:" + settings.SECRET_KEY.encode()).digest()
