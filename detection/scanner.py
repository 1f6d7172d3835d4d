"""
The process that reads rows: `python -m detection.scanner`. It takes what to do from its input and answers a line for each dataset.

It knows no database of ours, keeps nothing and writes no log; memory and processor time are bounded, and it leaves no core
behind. Whoever started it ends it if it takes too long.
"""

from __future__ import annotations

import importlib
import resource
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from typing import Any, BinaryIO

import orjson

from detection.scanning import Task, scan_rows

FILE_BYTES = 1 << 20
"""SQLite keeps locks of a file beside it; nothing else is written."""


def main(source: BinaryIO, answers: BinaryIO) -> None:
    """Read the first line, which says how, then a line for each dataset; answer each before the next is read."""
    how: Mapping[str, Any] = orjson.loads(source.readline())
    _bound(how["memory_bytes"])
    detectors = [_class(path)() for path in how["detectors"]]
    key = bytes.fromhex(how["key"])
    with closing(_class(how["connector"])(**how["options"])) as connector:
        for line in source:
            scanned = scan_rows(Task.from_json(orjson.loads(line)), connector, detectors, key)
            answers.write(orjson.dumps(asdict(scanned)) + b"\n")
            answers.flush()


def _bound(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _class(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
