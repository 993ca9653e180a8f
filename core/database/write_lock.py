"""SQLite's write lock: those who wait for it take it within milliseconds, one after the other."""

import sqlite3
import threading
import time
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Connection

_PAUSE: Final = 0.002
"""Seconds between two looks at the lock."""

_next_writer: Final = threading.Lock()


def begin(connection: Connection) -> None:
    """Begin a write transaction as soon as the lock is free, within the `busy_timeout`.

    SQLite itself looks again after pauses that grow to 100 ms, in which those who came later
    overtake. So one thread at a time looks every few milliseconds, and the others queue behind it.
    """
    sqlite: Any = connection.connection.dbapi_connection
    waits_ms = sqlite.execute("PRAGMA busy_timeout").fetchone()[0]
    ends_at = time.monotonic() + waits_ms / 1000
    is_next = _next_writer.acquire(timeout=waits_ms / 1000)
    sqlite.execute("PRAGMA busy_timeout=0").close()
    try:
        while not _has_begun(sqlite) and time.monotonic() < ends_at:
            time.sleep(_PAUSE)
        if not sqlite.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # raises what SQLAlchemy makes of it
    finally:
        sqlite.execute(f"PRAGMA busy_timeout={waits_ms}").close()
        if is_next:
            _next_writer.release()


def _has_begun(sqlite: Any) -> bool:
    with suppress(sqlite3.OperationalError):  # whatever else is wrong will be met again
        sqlite.execute("BEGIN IMMEDIATE").close()
    return bool(sqlite.in_transaction)
