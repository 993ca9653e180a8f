"""Kills: children do real work, say what has been committed, and are killed at any moment.

Afterwards all that they have said is stored, history leads to what is stored, every mail has its
cause, and the database is whole.
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
from tests.prove.databases import Database
from tests.prove.invariants import check
from tests.prove.races import answer, start_of
from tests.prove.rules import RULES, draw
from tests.prove.world import World, build, snapshot
from tests.support.engines import use

WORLDS: Final = 4
AT_ONCE: Final = 2
"""Children that work in the same worlds, so that one may die while the other waits."""
ROUNDS: Final = 10
"""Kills in one database before it is emptied, times `AT_ONCE`."""
LIVES: Final = (0.01, 0.25)
"""Seconds between the shortest and the longest life of a child."""
_TOLD_BY_ANSWERS: Final = {"knock", "knock_and_take_back", "claim_mail"}
_RULES: Final = sorted(RULES.keys() - _TOLD_BY_ANSWERS)
_BEGUN, _ENDED = b"+\n", b"-\n"

Kept = tuple[str, int, str]
"""A table, the id of a row in it, and what makes it this row and no other."""


@dataclass
class Killed:
    """How many children were killed, how many of them amid a use case, and what broke."""

    kills: int = 0
    amid: int = 0
    said: int = 0
    lost: list[Kept] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def run(
    database: Database, count: int, seed: str, kill: Callable[[list[int]], None] | None = None
) -> Killed:
    """Kill so many children, or let `kill` end what they work on, and return what came of it."""
    killed = Killed()
    chance = Random(seed)
    while killed.kills < count:
        worlds = [World(number, start_of("", chance)) for number in range(WORLDS)]
        with database.begin() as connection:
            build(connection, worlds)
            before = snapshot(connection)
        said: list[Kept] = []
        for _ in range(min(ROUNDS, -(-(count - killed.kills) // AT_ONCE))):
            db.engine().dispose()
            said += _round(database.address, worlds, chance, killed, kill)
            with database.begin() as connection:
                killed.lost += [kept for kept in said if not _is_stored(connection, kept)]
                broken = check(connection, worlds, before)
                killed.broken += [f"{each.name} {each.why}" for each in broken]
                killed.broken += _torn(connection)
        killed.said += len(said)
        database.empty()
    return killed


def _round(
    address: str,
    worlds: Sequence[World],
    chance: Random,
    killed: Killed,
    kill: Callable[[list[int]], None] | None,
) -> list[Kept]:
    children = [_begin(address, worlds, chance.random()) for _ in range(AT_ONCE)]
    pipes = [os.fdopen(pipe, "rb") for _, pipe in children]
    for pipe in pipes:
        pipe.readline()  # it has begun
    time.sleep(chance.uniform(*LIVES))
    if kill is not None:
        kill([pid for pid, _ in children])
    said = []
    for (pid, _), pipe in zip(children, pipes, strict=True):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        lines = pipe.read().splitlines(keepends=True)
        pipe.close()
        whole = [line for line in lines if line.endswith(b"\n")]
        marks = [line for line in whole if line in {_BEGUN, _ENDED}]
        killed.kills += 1
        killed.amid += marks[-1:] != [_ENDED]
        said += [_kept(line) for line in whole if line not in {_BEGUN, _ENDED}]
    return said


def _kept(line: bytes) -> Kept:
    table, row_id, mark = line.decode().split()
    return table, int(row_id), mark


def _is_stored(connection: Connection, kept: Kept) -> bool:
    table, row_id, mark = kept
    column = "mac" if table == "history" else "message_id"
    found = connection.exec_driver_sql(f"SELECT {column} FROM {table} WHERE id = {row_id}")
    return found.scalar() == mark


def _torn(connection: Connection) -> list[str]:
    """Return what the database itself finds wrong with its files."""
    if connection.dialect.name != "sqlite":
        return []
    found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    nowhere = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    return [*(text for text in found if text != "ok"), *map(str, nowhere)]


def _begin(address: str, worlds: Sequence[World], seed: float) -> tuple[int, int]:
    """Let a child work, and return its id and the pipe through which it says what it has done."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid:
        os.close(theirs)
        return pid, ours
    os.close(ours)
    try:
        _work(address, worlds, Random(seed), theirs)
    finally:
        os._exit(1)


def _work(address: str, worlds: Sequence[World], chance: Random, pipe: int) -> NoReturn:
    """Do one thing after another, for ever."""
    _say_what_is_kept(pipe)
    with use(address), db.engine().connect():
        os.write(pipe, _ENDED)
        while True:
            op = draw(chance.choice(_RULES), chance.choice)
            os.write(pipe, _BEGUN)
            answer(op, chance.choice(worlds))
            os.write(pipe, _ENDED)


def _say_what_is_kept(pipe: int) -> None:
    """Write the ids of entries and mails into a pipe, once the database has committed them."""

    def gather(session: Session, _context: UOWTransaction) -> None:
        said: list[Any] = session.info.setdefault("said", [])
        said += [row for row in session.new if isinstance(row, Entry | Mail)]

    def say(session: Session) -> None:
        for row in session.info.pop("said", []):
            mark = row.mac if isinstance(row, Entry) else row.message_id
            os.write(pipe, f"{row.__tablename__} {row.id} {mark}\n".encode())

    event.listen(db.Session, "after_flush", gather)
    event.listen(db.Session, "after_commit", say)
