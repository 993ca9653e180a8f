"""Fault injection: the database is locked, full, restarted, or backed up during writes."""

import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Final

import pytest
from sqlalchemy import event, text

from core.audit import verification
from core.database import db
from core.ops import backups
from tests.prove.database import Database
from tests.prove.dataset import Dataset, audited_rows, build
from tests.prove.invariants import Broken, Outcome, check
from tests.prove.races import execute
from tests.prove.rules import Operation, choose_operation
from tests.support.engines import Postgresql, use

WRITERS: Final = 10
_UNAVAILABLE: Final = "Unavailable"
_RENAMES: Final = [
    Operation("rename", (who, name)) for who in ("olga", "adam") for name in ("A", "B")
]
_BUSY: Final = ("rename", "plan", "invite", "change_role", "save_profile", "resend", "send_reset")


class Workload:
    """A dataset on which several threads run use cases until they are stopped."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.data = Dataset(0)
        self.outcomes: list[Outcome] = []
        self.stopping = threading.Event()
        with database.begin() as connection:
            build(connection, [self.data])
            self.before = audited_rows(connection)

    def work(self, seed: int) -> None:
        """Run one operation after another until stopped."""
        random = Random(seed)
        while not self.stopping.is_set():
            self.outcomes.append(
                execute(choose_operation(random.choice(_BUSY), random.choice), self.data)
            )

    @contextmanager
    def busy(self, threads: int = 3) -> Iterator[None]:
        """Run the workload in this many threads for the length of the block."""
        with ThreadPoolExecutor(threads) as pool:
            working = [pool.submit(self.work, seed) for seed in range(threads)]
            try:
                yield
            finally:
                self.stopping.set()
        for each in working:
            each.result()

    def violations(self) -> list[Broken]:
        """Return the violated invariants."""
        with self.database.begin() as connection:
            return check(connection, [self.data], self.before)

    def is_usable(self) -> bool:
        """Return whether the next use case succeeds."""
        return execute(Operation("rename", ("mia", "Next")), self.data).status == "done"


def lock(database: Database, seconds: float) -> tuple[int, int, bool]:
    """Lock SQLite for `seconds` while ten threads write.

    Return how many of them succeeded, how many were refused as unavailable, and whether the next
    write succeeds and all invariants hold.
    """
    workload = Workload(database)
    path = str(database.url.database)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    with closing(other), ThreadPoolExecutor(WRITERS) as pool:
        other.execute("BEGIN IMMEDIATE")
        trying = [pool.submit(execute, _RENAMES[n % 4], workload.data) for n in range(WRITERS)]
        time.sleep(seconds)
        other.rollback()
        outcomes = [each.result() for each in trying]
    refused = sum(each.what == _UNAVAILABLE for each in outcomes)
    done = sum(each.status == "done" for each in outcomes)
    has_recovered = workload.is_usable() and workload.violations() == []
    database.empty()
    return done, refused, has_recovered


def fill(database: Database) -> tuple[int, list[str], bool]:
    """Let the disk be full while people write.

    Return how many were refused, what else was answered or broke, and whether it works again.
    """
    workload = Workload(database)

    def limit(connection: sqlite3.Connection, _entry: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages + 3}").close()

    db.engine().dispose()
    event.listen(db.engine(), "connect", limit)
    with workload.busy():
        _wait_until(lambda: sum(each.what == _UNAVAILABLE for each in workload.outcomes) > 20)
    event.remove(db.engine(), "connect", limit)
    db.engine().dispose()
    refused = sum(each.what == _UNAVAILABLE for each in workload.outcomes)
    failures = [str(each.what) for each in workload.outcomes if each.status == "failed"]
    failures += [f"{each.name} {each.why}" for each in workload.violations()]
    has_recovered = workload.is_usable()
    database.empty()
    return refused, failures, has_recovered


def restart(database: Database, stop: Callable[[], None], start: Callable[[], None]) -> list[str]:
    """Restart PostgreSQL during writes, and return the failures and violations afterwards."""
    workload = Workload(database)
    with workload.busy():
        _wait_until(lambda: len(workload.outcomes) > 20)
        stop()
        start()
        _wait_until(workload.is_usable, timeout=20)
    failures = [str(each.what) for each in workload.outcomes if each.status == "failed"]
    failures += [f"{each.name} {each.why}" for each in workload.violations()]
    database.reconnect()
    database.empty()
    return failures


def back_up(database: Database, directory: Path, server: Postgresql | None) -> list[str]:
    """Back up the database during writes, and return the violations in the backup.

    Sessions that had ended before must be ended in it.
    """
    workload = Workload(database)
    with workload.busy():
        _wait_until(lambda: len(workload.outcomes) > 30)
        execute(Operation("end_sessions", ("ada", "mia")), workload.data)
        copy = _back_up_and_put_back(database, directory, server)
    broken = [f"original: {each.name} {each.why}" for each in workload.violations()]
    with use(copy), db.writing_engine().begin() as connection:
        found = check(connection, [workload.data], workload.before)
        broken += [f"copy: {each.name} {each.why}" for each in found]
        mia = f"ended_at IS NULL AND user_id = {workload.data.id('mia')}"
        alive = connection.exec_driver_sql(f"SELECT count(*) FROM sessions WHERE {mia}").scalar()
        broken += ["a dead session came back"] if alive else []
    with use(copy):
        broken += _what_lives_after_restored()
    database.empty()
    return broken


def _what_lives_after_restored() -> list[str]:
    """Run `manage restored`, and return what must not live on, and what is broken in history."""
    backups.restored()
    living = (
        "SELECT 'a session lives' FROM sessions WHERE ended_at IS NULL",
        "SELECT 'a link works' FROM links WHERE used_at IS NULL",
        "SELECT 'an invitation is open' FROM invitations i JOIN organizations o"
        " ON o.id = i.org_id WHERE status = 'pending' AND o.deleted_at IS NULL",
        "SELECT 'an email waits' FROM mails WHERE due_at IS NOT NULL AND template = 'invitation'"
        " AND sent_at IS NULL",
        "SELECT 'a challenge is open' FROM challenges",
    )
    with db.read() as session:
        found = [str(why) for each in living for why in session.scalars(text(each))]
        broken = [
            each for each in verification.verify(session) if isinstance(each, verification.Broken)
        ]
    absent = verification.ABSENT
    return [*found, *(f"{each.chain}: {each.why}" for each in broken if each.why != absent)]


def _back_up_and_put_back(database: Database, directory: Path, server: Postgresql | None) -> str:
    """Make a backup as operators do, and return the URL of a database restored from it."""
    file = directory / "orgdesk.backup"
    if server is None:
        backups.make(file)
        return f"sqlite:///{file}"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PATH", f"{server.server.bin_path}:{os.environ['PATH']}")
        backups.make(file)
    address = server.make("copy", migrated=False)
    target = address.replace("postgresql+psycopg", "postgresql")
    command = [str(server.server.bin_path / "pg_restore"), "--no-owner", "-d", target, str(file)]
    subprocess.run(command, capture_output=True, check=True)
    return address


def _wait_until(condition: Callable[[], bool], *, timeout: float = 60) -> None:
    ends = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > ends:
            raise TimeoutError("the condition was not met in time")
        time.sleep(0.05)
