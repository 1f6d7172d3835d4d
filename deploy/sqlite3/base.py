"""
Django's SQLite backend, except that a transaction that waits for the write lock asks for it every millisecond.

SQLite's own busy handler waits ever longer, up to a tenth of a second, so that a small write beside a merge of many short
transactions misses one gap after the other: 2.3 s were measured.
"""

from __future__ import annotations

import time

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

POLL_SECONDS = 0.001


class DatabaseWrapper(base.DatabaseWrapper):
    """The backend that ``DATABASES`` names."""

    def _start_transaction_under_autocommit(self) -> None:
        patience = float(self.settings_dict["OPTIONS"].get("timeout", 5))
        deadline = time.monotonic() + patience
        self._set_busy_timeout(0)
        try:
            while True:
                try:
                    super()._start_transaction_under_autocommit()  # type: ignore[misc]
                except OperationalError as error:
                    if "locked" not in str(error) or time.monotonic() > deadline:
                        raise
                    time.sleep(POLL_SECONDS)
                else:
                    return
        finally:
            self._set_busy_timeout(int(patience * 1_000))

    def _set_busy_timeout(self, milliseconds: int) -> None:
        self.connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
