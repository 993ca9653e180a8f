"""A database that is emptied quickly, and configured for speed instead of durability."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
from sqlalchemy import Connection, make_url

from core.audit import checkpoints
from core.database import db
from core.models import Base

_SWEPT_EVERY = 40


class Database:
    """The database that this process works on, emptied after each batch."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.url = make_url(address)
        self.emptied = 0
        if self.is_sqlite:
            self.fresh = sqlite3.connect(":memory:", check_same_thread=False)
            with closing(sqlite3.connect(str(self.url.database))) as source:
                source.backup(self.fresh)
        else:
            self.reconnect()

    def reconnect(self) -> None:
        """Reconnect after PostgreSQL was stopped."""
        plain = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self.inside = psycopg.connect(plain, autocommit=True)
        self.inside.execute("SET session_replication_role = replica")

    @property
    def is_sqlite(self) -> bool:
        """Return whether this is SQLite."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a transaction without a use case."""
        with db.writing_engine().begin() as connection:
            yield connection

    def empty(self) -> None:
        """Restore the initial state."""
        checkpoints.published_file().unlink(missing_ok=True)
        if self.is_sqlite:
            with closing(sqlite3.connect(str(self.url.database), timeout=60)) as live:
                self.fresh.backup(live)
            return
        self.emptied += 1
        names = [name for name in map(str, Base.metadata.sorted_tables) if name != "secret_keys"]
        if self.emptied % _SWEPT_EVERY == 0:
            self.inside.execute(f"TRUNCATE {', '.join(names)} CASCADE".encode())
        else:
            statements = "; ".join(f"DELETE FROM {name}" for name in names)
            self.inside.execute(statements.encode())
        self.inside.execute("INSERT INTO locks (name, n) VALUES ('staff', 0)")

    def close(self) -> None:
        """Close its connection."""
        (self.fresh if self.is_sqlite else self.inside).close()
