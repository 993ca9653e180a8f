"""Sessions and transactions: `read()` for queries, `run()` for use cases, on both engines."""

import logging
import os
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

from sqlalchemy import (
    CompoundSelect,
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
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from core.base import logs, metrics
from core.base.errors import DomainError, Unavailable
from core.base.settings import settings
from core.database import change_tracking, write_lock

if TYPE_CHECKING:
    import pandas as pd

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)

ATTEMPTS = 5
SQLITE_WAITS_MS = 5_000
"""How long a write waits for a lock, in milliseconds; measured to outlast a lock of 4 s."""

_WRITING = "writing"
_SERIALIZATION_ERRORS = {"40001", "40P01"}


class Session(SqlSession):
    """A session that tracks changes of audited rows."""


change_tracking.listen(Session)


def engine() -> Engine:
    """Return the engine of the configured database."""
    return engine_of(settings().database_url)


@cache
def engine_of(address: str) -> Engine:
    """Return the engine of a database, one per process and URL."""
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
    metrics.instrument(made)
    return made


@contextmanager
def read() -> Iterator[Session]:
    """Open a session for queries; its changes are rolled back.

    Within `shared_session` every call yields the same session, until `run` changes something.
    """
    _note_use()
    shared: _SharedSession | None = getattr(_thread, "shared", None)
    with _translated():
        _ensure_in_place()
        if shared is not None:
            yield from shared.lend()
        else:
            with Session(engine(), expire_on_commit=False) as session:
                yield session


@contextmanager
def inspect() -> Iterator[Session]:
    """Open a session that writes nothing, not even a lock: for a read-only file or a copy, too.

    All queries see the same moment, whatever others commit meanwhile.
    Raises `Unavailable`, also where there is no file, which `read` would create.
    """
    url = make_url(settings().database_url)
    if url.get_backend_name() != "sqlite":
        with read() as session:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session
        return
    with _translated():
        reader = _read_only_engine(Path(url.database or ""))
        with Session(reader, expire_on_commit=False) as session:
            yield session


def _read_only_engine(path: Path) -> Engine:
    """Return an engine for a SQLite file that is not written to.

    The first reader of a database in WAL mode creates files beside it. Where it can't, a database
    that nobody has open is read as one that never changes, for which SQLite needs no such files.
    """
    is_open = Path(f"{path}-wal").exists()
    query = "" if is_open or os.access(path.parent, os.W_OK) else "&immutable=1"
    uri = f"file:{quote(str(path.absolute()))}?mode=ro{query}&uri=true"
    reader = create_engine(f"sqlite:///{uri}", poolclass=NullPool, hide_parameters=True)
    event.listen(reader, "connect", lambda made, _entry: setattr(made, "isolation_level", None))
    event.listen(reader, "begin", _begin_sqlite)
    return reader


@contextmanager
def shared_session() -> Iterator[None]:
    """Let every `read` of this thread use one session, and so one transaction."""
    shared = _thread.shared = _SharedSession()
    try:
        yield
    finally:
        del _thread.shared
        shared.end()


_thread = threading.local()
_last_use = {"at": 0.0}


@contextmanager
def in_background() -> Iterator[None]:
    """Mark this thread as one for which nobody waits; see `is_used_since`."""
    _thread.is_background = True
    try:
        yield
    finally:
        _thread.is_background = False


def is_used_since(moment: float) -> bool:
    """Return whether a thread that is not in the background used the database since a moment.

    The moment is of `time.monotonic`. Other processes do not count.
    """
    return _last_use["at"] >= moment


def _note_use() -> None:
    if not getattr(_thread, "is_background", False):
        _last_use["at"] = time.monotonic()


class _SharedSession:
    """A session that is opened by the first `read` and used by those that follow."""

    def __init__(self) -> None:
        self._session: Session | None = None

    def lend(self) -> Iterator[Session]:
        """Yield the session; after a database error the next call opens a new one."""
        if self._session is None:
            self._session = Session(engine(), expire_on_commit=False)
        try:
            yield self._session
        except DBAPIError:
            self.end()
            raise

    def end(self) -> None:
        """Close the session, so that the next `read` sees the current data."""
        session, self._session = self._session, None
        if session is not None:
            session.close()


def run(use_case: Callable[Concatenate[Session, P], R], *args: P.args, **options: P.kwargs) -> R:
    """Call a use case in one write transaction and return its result.

    The whole use case is called again, at most `ATTEMPTS` times in all, after a conflict with
    another transaction: a deadlock, a lost connection, or a unique value that was just taken.
    """
    _note_use()
    if shared := getattr(_thread, "shared", None):
        shared.end()
    with _translated():
        for attempt in range(1, ATTEMPTS):
            try:
                return _run_once(use_case, *args, **options)
            except DBAPIError as error:
                if not _is_transient(error):
                    raise
                time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311
        return _run_once(use_case, *args, **options)


def frame(
    session: SqlSession,
    statement: Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]],
    parameters: Mapping[str, Any] | None = None,
) -> "pd.DataFrame":
    """Return the rows of a statement as a data frame, with a column per selected column."""
    import pandas as pd  # slow to import, and exports start without it

    result = session.execute(statement, parameters)
    return pd.DataFrame(result.all(), columns=pd.Index(result.keys()))


def capped_count(rows: Select[*tuple[Any, ...]], limit: int) -> ScalarSelect[int]:
    """Return a subquery that counts rows, but never more than `limit` + 1."""
    return select(func.count()).select_from(rows.limit(limit + 1).subquery()).scalar_subquery()


def count_up_to(session: SqlSession, rows: Select[*tuple[Any, ...]], limit: int) -> int:
    """Return the number of rows, or `limit` + 1 if there are more than `limit`."""
    return session.scalars(select(capped_count(rows, limit))).one()


def is_writing(session: SqlSession) -> bool:
    """Return whether a session belongs to a write transaction."""
    return bool(session.info.get(_WRITING))


def writing_engine() -> Engine:
    """Return the engine for write transactions; on SQLite they begin `IMMEDIATE`."""
    return engine().execution_options(**{_WRITING: True})


@contextmanager
def transaction() -> Iterator[Session]:
    """Open one write transaction; call use cases through `run` instead."""
    with Session(writing_engine(), expire_on_commit=False, info={_WRITING: True}) as session:
        yield session
        change_tracking.ensure_all_recorded(session)
        session.commit()


def after_commit(session: SqlSession, wake: threading.Event) -> None:
    """Set the event once the transaction of this session is committed."""
    event.listen(session, "after_commit", lambda _session: wake.set())


def _run_once(
    use_case: Callable[Concatenate[Session, P], R], *args: P.args, **options: P.kwargs
) -> R:
    _ensure_in_place()
    with transaction() as session:
        result = use_case(session, *args, **options)
    _ensure_in_place()
    return result


def _is_transient(error: DBAPIError) -> bool:
    if isinstance(error, IntegrityError) or error.connection_invalidated:
        return True
    return getattr(error.orig, "sqlstate", None) in _SERIALIZATION_ERRORS


@contextmanager
def _translated() -> Iterator[None]:
    """Raise `Unavailable` for a database that is locked, full or unreachable, and log its id."""
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
    _opened_file(settings().database_url)


@cache
def _opened_file(address: str) -> tuple[int, int] | None:
    """Return device and inode of the SQLite file that was opened first, None if there is none."""
    return _find_file(address)


def _find_file(address: str) -> tuple[int, int] | None:
    try:
        found = Path(engine_of(address).url.database or "").stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _ensure_in_place() -> None:
    """Raise `Unavailable` if the SQLite file was moved, deleted or replaced since it was opened.

    Without this, writes into a file that is no longer there would be confirmed.
    """
    address = settings().database_url
    if address.startswith("sqlite") and _opened_file(address) != _find_file(address):
        if _opened_file(address) is None:  # it was created since
            _opened_file.cache_clear()
            return
        error_id = secrets.token_hex(4)
        log.error("the database file was moved or replaced; restart Orgdesk, error %s", error_id)
        raise Unavailable(error_id)


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get(_WRITING):
        write_lock.begin(connection)
    else:
        connection.exec_driver_sql("BEGIN")
