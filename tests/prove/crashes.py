"""Crash tests: processes run use cases, report what they committed, and are killed at any moment.

Afterwards every reported row must be stored, history must lead to the stored rows, every mail must
have its cause, and the database must be intact.
"""

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, NoReturn

from sqlalchemy import Connection, event
from sqlalchemy.orm import Session, UOWTransaction

from core.database import db
from core.models import Entry, Mail
from tests.prove.database import Database
from tests.prove.dataset import Dataset, audited_rows, build
from tests.prove.invariants import check
from tests.prove.races import choose_options, execute
from tests.prove.rules import RULES, choose_operation
from tests.support.engines import use

DATASETS: Final = 4
BATCH: Final = 2
"""Processes that work on the same datasets, so that one may be killed while another waits."""
MAX_ROUNDS: Final = 10
"""Rounds of `BATCH` kills in one database before it is emptied."""
LIFETIMES: Final = (0.01, 0.25)
"""The shortest and the longest lifetime of a process, in seconds."""
_TOLD_BY_ANSWERS: Final = {"hit_throttle", "claim_mail"}
_RULES: Final = sorted(RULES.keys() - _TOLD_BY_ANSWERS)
_BEGUN, _ENDED = b"+\n", b"-\n"

Committed = tuple[str, int, str]
"""A table, the id of a row in it, and a value that identifies its content."""


@dataclass
class Crashes:
    """How many processes were killed, how many of them during a use case, and what broke."""

    kills: int = 0
    during_use_case: int = 0
    reported: int = 0
    lost: list[Committed] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def run(
    database: Database, count: int, seed: str, kill: Callable[[list[int]], None] | None = None
) -> Crashes:
    """Kill `count` processes, or stop their database by `kill`, and return the result."""
    result = Crashes()
    random = Random(seed)
    while result.kills < count:
        datasets = [Dataset(number, choose_options("", random)) for number in range(DATASETS)]
        with database.begin() as connection:
            build(connection, datasets)
            before = audited_rows(connection)
        reported: list[Committed] = []
        for _ in range(min(MAX_ROUNDS, -(-(count - result.kills) // BATCH))):
            db.engine().dispose()
            reported += _round(database.address, datasets, random, result, kill)
            with database.begin() as connection:
                result.lost += [row for row in reported if not _is_stored(connection, row)]
                broken = check(connection, datasets, before)
                result.broken += [f"{each.name} {each.why}" for each in broken]
                result.broken += _corruption(connection)
        result.reported += len(reported)
        database.empty()
    return result


def _round(
    address: str,
    datasets: Sequence[Dataset],
    random: Random,
    result: Crashes,
    kill: Callable[[list[int]], None] | None,
) -> list[Committed]:
    children = [_begin(address, datasets, random.random()) for _ in range(BATCH)]
    pipes = [os.fdopen(pipe, "rb") for _, pipe in children]
    for pipe in pipes:
        pipe.readline()  # it has begun
    time.sleep(random.uniform(*LIFETIMES))
    if kill is not None:
        kill([pid for pid, _ in children])
    reported = []
    for (pid, _), pipe in zip(children, pipes, strict=True):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        lines = pipe.read().splitlines(keepends=True)
        pipe.close()
        whole = [line for line in lines if line.endswith(b"\n")]
        marks = [line for line in whole if line in {_BEGUN, _ENDED}]
        result.kills += 1
        result.during_use_case += marks[-1:] != [_ENDED]
        reported += [_parse(line) for line in whole if line not in {_BEGUN, _ENDED}]
    return reported


def _parse(line: bytes) -> Committed:
    table, row_id, mark = line.decode().split()
    return table, int(row_id), mark


def _is_stored(connection: Connection, row: Committed) -> bool:
    table, row_id, mark = row
    column = "mac" if table == "history" else "message_id"
    found = connection.exec_driver_sql(f"SELECT {column} FROM {table} WHERE id = {row_id}")
    return found.scalar() == mark


def _corruption(connection: Connection) -> list[str]:
    """Return the corruption that SQLite finds in its own files."""
    if connection.dialect.name != "sqlite":
        return []
    found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    nowhere = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    return [*(text for text in found if text != "ok"), *map(str, nowhere)]


def _begin(address: str, datasets: Sequence[Dataset], seed: float) -> tuple[int, int]:
    """Fork a process that works, and return its id and the pipe that it reports commits to."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid:
        os.close(theirs)
        return pid, ours
    os.close(ours)
    try:
        _work(address, datasets, Random(seed), theirs)
    finally:
        os._exit(1)


def _work(address: str, datasets: Sequence[Dataset], random: Random, pipe: int) -> NoReturn:
    """Run one operation after another until the process is killed."""
    _report_commits(pipe)
    with use(address), db.engine().connect():
        os.write(pipe, _ENDED)
        while True:
            operation = choose_operation(random.choice(_RULES), random.choice)
            os.write(pipe, _BEGUN)
            execute(operation, random.choice(datasets))
            os.write(pipe, _ENDED)


def _report_commits(pipe: int) -> None:
    """Write the ids of history entries and mails into a pipe as soon as they are committed."""

    def gather(session: Session, _context: UOWTransaction) -> None:
        reported: list[Any] = session.info.setdefault("reported", [])
        reported += [row for row in session.new if isinstance(row, Entry | Mail)]

    def say(session: Session) -> None:
        if session.in_nested_transaction():
            return  # the end of a savepoint commits nothing
        rows = session.info.pop("reported", [])
        for row in (row for row in rows if row in session):  # others ended with a savepoint
            mark = row.mac if isinstance(row, Entry) else row.message_id
            os.write(pipe, f"{row.__tablename__} {row.id} {mark}\n".encode())

    event.listen(db.Session, "after_flush", gather)
    event.listen(db.Session, "after_commit", say)
