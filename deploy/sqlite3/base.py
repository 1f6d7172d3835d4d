"""
Django's SQLite backend, except that whoever waits for the write lock asks for it every millisecond.

SQLite's own busy handler waits ever longer, up to a tenth of a second, so that a small write beside a merge of many short
transactions misses one gap after the other: 2.3 s were measured, and writers beside impatient ones starved for 30 s.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from django.db.backends.sqlite3 import base

POLL_SECONDS = 0.001


class PatientCursor(base.SQLiteCursorWrapper):
    """A cursor that repeats a statement which found the database locked; nothing of it was done then."""

    patience_seconds: float

    def execute(self, query: str, params: Any = None) -> Any:
        """Execute a statement, waiting for the write lock as long as the connection's patience lasts."""
        deadline = time.monotonic() + self.patience_seconds
        while True:
            try:
                return super().execute(query, params)
            except sqlite3.OperationalError as error:
                # Within a transaction the lock is held already; what is busy there is another matter.
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or self.connection.in_transaction or time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)


class DatabaseWrapper(base.DatabaseWrapper):
    """The backend that ``DATABASES`` names."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection that leaves waiting to its cursors."""
        connection = super().get_new_connection(conn_params)
        connection.execute("PRAGMA busy_timeout = 0")
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a patient cursor."""
        cursor = self.connection.cursor(factory=PatientCursor)
        cursor.patience_seconds = self.settings_dict["OPTIONS"]["timeout"]
        return cursor
