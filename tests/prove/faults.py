"""Faults: the database is locked, full, gone for a moment, or copied while people write."""

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

from sqlalchemy import event

from core.database import db
from tests.prove.databases import Database
from tests.prove.invariants import Answer, Broken, check
from tests.prove.races import answer
from tests.prove.rules import Op, draw
from tests.prove.world import World, build, snapshot
from tests.support.engines import Postgresql, use

WRITERS: Final = 10
_POLITE: Final = "Unavailable"
_RENAMES: Final = [Op("rename", (who, name)) for who in ("olga", "adam") for name in ("A", "B")]
_BUSY: Final = ("rename", "plan", "invite", "change_role", "save_profile", "resend", "send_reset")


class Desk:
    """One world in which several people work until they are stopped."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.world = World(0)
        self.answers: list[Answer] = []
        self.stopping = threading.Event()
        with database.begin() as connection:
            build(connection, [self.world])
            self.before = snapshot(connection)

    def work(self, seed: int) -> None:
        """Do one thing after another."""
        chance = Random(seed)
        while not self.stopping.is_set():
            self.answers.append(answer(draw(chance.choice(_BUSY), chance.choice), self.world))

    @contextmanager
    def busy(self, people: int = 3) -> Iterator[None]:
        """Let people work meanwhile."""
        with ThreadPoolExecutor(people) as pool:
            working = [pool.submit(self.work, seed) for seed in range(people)]
            try:
                yield
            finally:
                self.stopping.set()
        for each in working:
            each.result()

    def broken(self) -> list[Broken]:
        """Return what does not hold."""
        with self.database.begin() as connection:
            return check(connection, [self.world], self.before)

    def is_usable(self) -> bool:
        """Return whether the next thing that somebody does works."""
        return answer(Op("rename", ("mia", "Next")), self.world).kind == "done"


def lock(database: Database, seconds: float) -> tuple[int, int, bool]:
    """Lock SQLite for so long while ten people write.

    Return how many of them were told that it is done, how many were refused politely, and whether
    the next try works.
    """
    desk = Desk(database)
    path = str(database.url.database)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    with closing(other), ThreadPoolExecutor(WRITERS) as pool:
        other.execute("BEGIN IMMEDIATE")
        trying = [pool.submit(answer, _RENAMES[n % 4], desk.world) for n in range(WRITERS)]
        time.sleep(seconds)
        other.rollback()
        answers = [each.result() for each in trying]
    refused = sum(each.what == _POLITE for each in answers)
    done = sum(each.kind == "done" for each in answers)
    is_well = desk.is_usable() and desk.broken() == []
    database.empty()
    return done, refused, is_well


def fill(database: Database) -> tuple[int, list[str], bool]:
    """Let the disk be full while people write.

    Return how many were refused, what else was answered or broke, and whether it works again.
    """
    desk = Desk(database)

    def limit(connection: sqlite3.Connection, _entry: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages + 3}").close()

    db.engine().dispose()
    event.listen(db.engine(), "connect", limit)
    with desk.busy():
        _wait_until(lambda: sum(each.what == _POLITE for each in desk.answers) > 20)
    event.remove(db.engine(), "connect", limit)
    db.engine().dispose()
    refused = sum(each.what == _POLITE for each in desk.answers)
    odd = [str(each.what) for each in desk.answers if each.kind == "failed"]
    odd += [f"{each.name} {each.why}" for each in desk.broken()]
    is_well = desk.is_usable()
    database.empty()
    return refused, odd, is_well


def restart(database: Database, stop: Callable[[], None], start: Callable[[], None]) -> list[str]:
    """Stop PostgreSQL while people work, start it, and return what does not work afterwards."""
    desk = Desk(database)
    with desk.busy():
        _wait_until(lambda: len(desk.answers) > 20)
        stop()
        start()
        _wait_until(desk.is_usable, most=20)
    odd = [str(each.what) for each in desk.answers if each.kind == "failed"]
    odd += [f"{each.name} {each.why}" for each in desk.broken()]
    database.reconnect()
    database.empty()
    return odd


def back_up(database: Database, directory: Path, server: Postgresql | None) -> list[str]:
    """Copy the database while people write; return what does not hold in the copy.

    Sessions that had ended before are ended in it.
    """
    desk = Desk(database)
    with desk.busy():
        _wait_until(lambda: len(desk.answers) > 30)
        answer(Op("end_sessions", ("ada", "mia")), desk.world)
        copy = _copy(database, directory, server)
    broken = [f"original: {each.name} {each.why}" for each in desk.broken()]
    with use(copy), db.writing_engine().begin() as connection:
        found = check(connection, [desk.world], desk.before)
        broken += [f"copy: {each.name} {each.why}" for each in found]
        mia = f"ended_at IS NULL AND user_id = {desk.world.id('mia')}"
        alive = connection.exec_driver_sql(f"SELECT count(*) FROM sessions WHERE {mia}").scalar()
        broken += ["a dead session came back"] if alive else []
    database.empty()
    return broken


def _copy(database: Database, directory: Path, server: Postgresql | None) -> str:
    if server is None:
        path = directory / "copy.db"
        with (
            closing(sqlite3.connect(str(database.url.database))) as live,
            closing(sqlite3.connect(path)) as copy,
        ):
            live.backup(copy, pages=8)
        return f"sqlite:///{path}"
    plain = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    dump = subprocess.run(
        [str(server.server.bin_path / "pg_dump"), "--no-owner", plain],
        capture_output=True,
        check=True,
    ).stdout
    address = server.make("copy", migrated=False)
    target = address.replace("postgresql+psycopg", "postgresql")
    subprocess.run(
        [str(server.server.bin_path / "psql"), "-q", "-v", "ON_ERROR_STOP=1", target],
        input=dump,
        capture_output=True,
        check=True,
    )
    return address


def _wait_until(is_so: Callable[[], bool], *, most: float = 60) -> None:
    ends = time.monotonic() + most
    while not is_so():
        if time.monotonic() > ends:
            raise TimeoutError("it never came to that")
        time.sleep(0.05)
