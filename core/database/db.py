"""The database: `read()` to look, `run()` to change, the same on SQLite and PostgreSQL."""

import logging
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import pandas as pd
from sqlalchemy import (
    Connection,
    Engine,
    ScalarSelect,
    Select,
    create_engine,
    event,
    func,
    make_url,
    select,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.pool import ConnectionPoolEntry

from core.base import logs, metrics
from core.base.errors import DomainError, Unavailable
from core.base.settings import settings
from core.database import change_tracking

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)

ATTEMPTS = 5
SQLITE_WAITS_MS = 5_000
"""How long a write waits for another to end; measured to outlast a lock of 4 s."""

_WRITING = "writing"
_SERIALIZATION_ERRORS = {"40001", "40P01"}


class Session(SqlSession):
    """A session of Orgdesk: it gathers what it changes, for history."""


change_tracking.listen(Session)


def engine() -> Engine:
    """Return this process's one engine."""
    return engine_of(settings().database_url)


@cache
def engine_of(address: str) -> Engine:
    """Return the engine of a database, with all that SQLAlchemy has learned of its statements."""
    url = make_url(address)
    if url.get_backend_name() == "sqlite":
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
        made = create_engine(url, pool_size=20, max_overflow=20, hide_parameters=True)
        event.listen(made, "connect", _prepare_sqlite)
        event.listen(made, "begin", _begin_sqlite)
    else:
        made = create_engine(
            url, pool_size=10, max_overflow=20, pool_pre_ping=True, hide_parameters=True
        )
    metrics.watch(made)
    return made


@contextmanager
def read() -> Iterator[Session]:
    """Open a session to look; whatever is changed in it is thrown away.

    Within `one_look` it is the same session each time, until something is changed by `run`.
    """
    look: _Look | None = getattr(_thread, "look", None)
    with _translated():
        if look is not None:
            yield from look.lend()
        else:
            with Session(engine(), expire_on_commit=False) as session:
                yield session


@contextmanager
def one_look() -> Iterator[None]:
    """Let every `read` of this thread share one session, and so one transaction, from here on."""
    look = _thread.look = _Look()
    try:
        yield
    finally:
        del _thread.look
        look.end()


_thread = threading.local()


class _Look:
    """A session that is opened when it is first asked for, and lent to one `read` after another."""

    def __init__(self) -> None:
        self._session: Session | None = None

    def lend(self) -> Iterator[Session]:
        """Yield the session; the next one is a new one after the database has failed in this."""
        if self._session is None:
            self._session = Session(engine(), expire_on_commit=False)
        try:
            yield self._session
        except DBAPIError:
            self.end()
            raise

    def end(self) -> None:
        """Give the connection back: what is read after this is seen as it is then."""
        session, self._session = self._session, None
        if session is not None:
            session.close()


def run(use_case: Callable[Concatenate[Session, P], R], *args: P.args, **options: P.kwargs) -> R:
    """Call a use case in one write transaction that keeps all or nothing, and return its result.

    It is called again, whole, at most five times, when another transaction was in its way: a
    deadlock, a lost connection, or a unique value that somebody else took meanwhile.
    """
    if look := getattr(_thread, "look", None):
        look.end()
    with _translated():
        for attempt in range(1, ATTEMPTS):
            try:
                return _run_once(use_case, *args, **options)
            except DBAPIError as error:
                if not _is_passing(error):
                    raise
                time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311
        return _run_once(use_case, *args, **options)


def frame(
    session: SqlSession,
    statement: Select[*tuple[Any, ...]],
    parameters: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return the statement's rows as a data frame, one column per selected column, by its name."""
    result = session.execute(statement, parameters)
    return pd.DataFrame(result.all(), columns=pd.Index(result.keys()))


def capped_count(rows: Select[*tuple[Any, ...]], limit: int) -> ScalarSelect[int]:
    """Return the expression of how many rows there are, counted no further than `limit` + 1."""
    return select(func.count()).select_from(rows.limit(limit + 1).subquery()).scalar_subquery()


def count_up_to(session: SqlSession, rows: Select[*tuple[Any, ...]], limit: int) -> int:
    """Return how many rows there are, counted no further than `limit` + 1."""
    return session.scalars(select(capped_count(rows, limit))).one()


def is_writing(session: SqlSession) -> bool:
    """Return whether this session may change anything."""
    return bool(session.info.get(_WRITING))


def writing_engine() -> Engine:
    """Return the engine whose transactions write: on SQLite they take the write lock at once."""
    return engine().execution_options(**{_WRITING: True})


@contextmanager
def transaction() -> Iterator[Session]:
    """Open one write transaction that keeps all or nothing; use cases are called through `run`."""
    with Session(writing_engine(), expire_on_commit=False, info={_WRITING: True}) as session:
        yield session
        change_tracking.ensure_all_recorded(session)
        session.commit()


def _run_once(
    use_case: Callable[Concatenate[Session, P], R], *args: P.args, **options: P.kwargs
) -> R:
    with transaction() as session:
        return use_case(session, *args, **options)


def _is_passing(error: DBAPIError) -> bool:
    if isinstance(error, IntegrityError) or error.connection_invalidated:
        return True
    return getattr(error.orig, "sqlstate", None) in _SERIALIZATION_ERRORS


@contextmanager
def _translated() -> Iterator[None]:
    """Turn a database that is locked, full or away into a refusal whose id the log has too."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        error_id = secrets.token_hex(4)
        log.exception("database unavailable, error %s", error_id)
        raise Unavailable(error_id) from error
    except DomainError as error:
        logs.refused(error)
        raise


def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={SQLITE_WAITS_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(_WRITING)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
