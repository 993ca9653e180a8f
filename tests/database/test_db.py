import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.base import clock
from core.base.errors import Unavailable
from core.database import db
from core.mail import outbox
from core.models import Lock, Mail, Throttle
from tests.support.engines import use

sqlite_only = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
postgresql_only = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)


def enqueue(organization: str = "Acme") -> Mail:
    return db.run(outbox.enqueue, "alert_test", "olga@example.com", organization=organization)


def count_mails() -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(Mail)) or 0


def count_up(session: Session, name: str) -> None:
    session.execute(update(Lock).where(Lock.name == name).values(n=Lock.n + 1))


def number(name: str) -> int:
    with db.read() as session:
        return session.get_one(Lock, name).n


class TestRead:
    def test_its_changes_are_rolled_back(self, engine: Engine):
        with db.read() as session:
            assert not db.is_writing(session)
            count_up(session, "staff")
        assert number("staff") == 0

    def test_it_does_not_block_writers(self, engine: Engine):
        with db.read() as session:
            assert session.get_one(Lock, "staff").n == 0
            db.run(count_up, "staff")
        assert number("staff") == 1

    def test_it_is_not_blocked_by_writers(self, engine: Engine):
        with db.transaction() as session:
            count_up(session, "staff")
            assert number("staff") == 0


class TestRun:
    def test_it_commits_and_returns_the_result_of_the_use_case(self, engine: Engine):
        assert enqueue().id == 1
        assert count_mails() == 1

    def test_an_exception_rolls_everything_back(self, engine: Engine):
        def fail_late(session: Session) -> None:
            outbox.enqueue(session, "alert_test", "olga@example.com")
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            db.run(fail_late)
        assert count_mails() == 0

    def test_writers_wait_for_each_other(self, engine: Engine):
        with ThreadPoolExecutor(12) as pool:
            for done in [pool.submit(db.run, count_up, "staff") for _ in range(60)]:
                done.result()
        assert number("staff") == 60

    def test_it_retries_after_a_unique_violation(self, engine: Engine):
        now = clock.now()

        def take(session: Session) -> str:
            if session.get(Throttle, "key") is not None:
                return "taken"
            meet.wait()
            session.add(Throttle(key="key", hits=1, ends_at=now))
            return "mine"

        # SQLite lets one writer in at a time, so there is nobody to meet.
        meet = threading.Barrier(2 if engine.dialect.name == "postgresql" else 1)
        with ThreadPoolExecutor(2) as pool:
            results = [pool.submit(db.run, take) for _ in range(2)]
        assert sorted(result.result() for result in results) == ["mine", "taken"]

    def test_it_gives_up_after_five_attempts(self, engine: Engine):
        calls = []

        def collide(session: Session) -> None:
            calls.append(None)
            session.add(Lock(name="staff", n=0))

        with pytest.raises(IntegrityError):
            db.run(collide)
        assert len(calls) == db.ATTEMPTS

    @postgresql_only
    def test_it_retries_after_a_deadlock(self, engine: Engine):
        db.run(lambda session: session.add(Lock(name="other", n=0)))
        first_time = threading.Barrier(2)
        attempts: list[str] = []

        def take_both(session: Session, first: str, second: str) -> None:
            count_up(session, first)
            attempts.append(first)
            if attempts.count(first) == 1:
                first_time.wait()
            count_up(session, second)

        with ThreadPoolExecutor(2) as pool:
            one = pool.submit(db.run, take_both, "staff", "other")
            other = pool.submit(db.run, take_both, "other", "staff")
            one.result()
            other.result()
        assert len(attempts) == 3
        assert (number("staff"), number("other")) == (2, 2)

    @postgresql_only
    def test_it_reconnects_after_a_lost_connection(self, engine: Engine):
        calls = []

        def use_case(session: Session) -> None:
            calls.append(None)
            if len(calls) == 1:
                session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
            count_up(session, "staff")

        db.run(use_case)
        assert (len(calls), number("staff")) == (2, 1)


@sqlite_only
class TestSqlite:
    def test_its_pragmas_make_it_durable(self, engine: Engine):
        with engine.connect() as connection:
            found = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }
        assert found == {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "busy_timeout": db.SQLITE_WAITS_MS,
        }

    def locked(self, engine: Engine) -> sqlite3.Connection:
        """Return another program's connection that holds the write lock."""
        other = sqlite3.connect(
            str(engine.url.database), isolation_level=None, check_same_thread=False
        )
        other.execute("BEGIN IMMEDIATE")
        return other

    def test_a_write_waits_for_a_lock(self, engine: Engine):
        with closing(self.locked(engine)) as other:
            release = threading.Timer(0.3, other.rollback)
            release.start()
            enqueue()
            release.join()
        assert count_mails() == 1
        with engine.connect() as connection:  # the same one
            left = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
        assert left == db.SQLITE_WAITS_MS

    def test_many_who_wait_all_get_their_turn(self, engine: Engine):
        with closing(self.locked(engine)) as other, ThreadPoolExecutor(8) as pool:
            waiting = [pool.submit(enqueue) for _ in range(8)]
            threading.Timer(0.1, other.rollback).start()
            for each in waiting:
                each.result()
        assert count_mails() == 8

    def test_a_lasting_lock_is_a_refusal_and_the_next_attempt_works(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog
    ):
        monkeypatch.setattr(db, "SQLITE_WAITS_MS", 50)
        engine.dispose()
        with closing(self.locked(engine)), pytest.raises(Unavailable) as refused:
            enqueue()
        assert refused.value.error_id in caplog.text
        assert refused.value.error_id in str(refused.value)
        enqueue()
        assert count_mails() == 1

    def test_a_full_disk_is_a_refusal_and_rolls_back(self, engine: Engine):
        def fill(connection, _entry) -> None:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count={pages}").close()

        engine.dispose()
        event.listen(engine, "connect", fill)
        with pytest.raises(Unavailable):
            enqueue("x" * 100_000)
        assert count_mails() == 0

        event.remove(engine, "connect", fill)
        engine.dispose()
        enqueue("x" * 100_000)
        assert count_mails() == 1

    def test_foreign_keys_are_enforced(self, engine: Engine):
        def point_nowhere(session: Session) -> None:
            outbox.enqueue(session, "alert_test", "olga@example.com", org_id=99)

        with pytest.raises(IntegrityError):
            db.run(point_nowhere)


class TestIsUsedSince:
    def test_threads_in_the_background_do_not_count(self, engine: Engine):
        before = time.monotonic()
        with db.in_background():
            enqueue()
        assert not db.is_used_since(before)
        count_mails()
        assert db.is_used_since(before)


class TestUnavailable:
    def test_an_unreachable_server_is_a_refusal(self):
        with use("postgresql+psycopg://nobody@127.0.0.1:1/none"):
            with pytest.raises(Unavailable), db.read() as session:
                session.get(Lock, "staff")
            with pytest.raises(Unavailable):
                db.run(count_up, "staff")

    def test_a_missing_directory_is_created(self, tmp_path: Path):
        with use(f"sqlite:///{tmp_path}/new/place/orgdesk.db") as engine:
            with engine.connect() as connection:
                assert connection.exec_driver_sql("SELECT 1").scalar() == 1
            assert (tmp_path / "new" / "place" / "orgdesk.db").exists()
