"""A Spark session in a process of its own, with Hive as ``spark_catalog`` and Iceberg's REST catalog as ``ice``."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

_PROGRAM = Path(__file__).parent.parent / "local" / "spark_sql.py"


class SparkFailed(RuntimeError):
    """Spark ended, or a statement failed; the message says what Spark said."""


class Spark:
    """
    Spark 3.5, as `deploy/local/spark` installs it.

    ``python`` and ``jar`` are Spark's Python and the jar that teaches it Iceberg, ``hive`` and ``iceberg`` the addresses
    of a Hive metastore (thrift://) and of an Iceberg REST catalog, ``folder`` is where it may leave files.
    """

    def __init__(self, *, python: str, jar: str, hive: str, iceberg: str, folder: Path) -> None:
        """Start it and wait until it takes statements. :raises SparkFailed: if it ends instead."""
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "spark.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [python, str(_PROGRAM), jar, hive, iceberg, str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=folder,
                env={name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SPARK"))},
                text=True,
            )
        self.version = str(self._answer()["ready"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                return answer
        raise SparkFailed(f"Spark ended: {self._log.read_text()[-2000:]}")

    def does(self, statement: str) -> list[dict[str, Any]]:
        """Run a statement and return its rows. :raises SparkFailed: if Spark says that it failed."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(statement) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        if "error" in answer:
            raise SparkFailed(f"{statement}\n{answer['error']}")
        rows: list[dict[str, Any]] = answer["rows"]
        return rows

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
