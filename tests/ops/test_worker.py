import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from core.base import settings
from core.database import db
from core.mail import delivery, outbox
from core.members import invitations, reminders
from core.models import Invitation, Lock, Mail
from core.ops import cleanup, worker
from tests.support import mail_server
from tests.support.mail_server import MailServer

PATIENCE = 10.0
both = pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)
one = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def wait_until(is_so: Callable[[], object]) -> None:
    ends_at = time.monotonic() + PATIENCE
    turn = threading.Event()
    while not is_so():
        assert time.monotonic() < ends_at, "it never happened"
        turn.wait(0.01)


@pytest.fixture
def server(engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    with mail_server.running() as server:
        monkeypatch.setenv("SMTP_URL", server.url)
        settings.settings.cache_clear()
        yield server


@pytest.fixture
def working(engine) -> Iterator[worker.Worker]:
    started = worker.start()
    yield started
    started.stop()
    assert not started._thread.is_alive()


def enqueue(recipient: str) -> None:
    db.run(outbox.enqueue, "alert_test", recipient, organization="Acme")


@both
def test_it_sends_what_is_queued_while_it_works(server, working):
    enqueue("olga@example.com")
    working.wake()
    wait_until(lambda: server.recipients == ["olga@example.com"])


@both
def test_several_workers_do_everything_once(server):
    workers = [worker.start() for _ in range(3)]
    for number in range(9):
        enqueue(f"person{number}@example.com")
    for each in workers:
        each.wake()
    wait_until(lambda: len(server.recipients) == 9)
    for each in workers:
        each.stop()
    assert len(set(server.recipients)) == 9


@one
def test_it_reminds_of_invitations(engine, cast, clock, working):
    (made,) = db.run(invitations.invite, cast.olga, cast.acme.id, "new@example.com")
    db.run(lambda session: session.get(Mail, made.mail_id).__setattr__("sent_at", clock.now()))
    clock.turn(reminders.AFTER)

    def was_reminded() -> bool:
        with db.read() as session:
            return session.get(Invitation, made.id).reminded_at is not None

    working._keeps_house_at = 0.0
    working.wake()
    wait_until(was_reminded)


@one
def test_it_keeps_the_house(working):
    def was_kept() -> bool:
        with db.read() as session:
            return session.get(Lock, "housekeeping") is not None

    wait_until(was_kept)


@one
def test_it_goes_on_after_a_bug(server, monkeypatch: pytest.MonkeyPatch, caplog):
    broken = threading.Event()

    def fail(_is_stopping: Callable[[], bool]) -> int:
        broken.set()
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(cleanup, "keep", fail)
        working = worker.start()
        assert broken.wait(PATIENCE)
    enqueue("olga@example.com")
    working.wake()
    wait_until(lambda: server.recipients)
    working.stop()
    assert "ZeroDivisionError" in caplog.text


@one
def test_it_waits_for_a_database_that_is_away_and_says_so_once(
    engine, tmp_path, monkeypatch: pytest.MonkeyPatch, caplog
):
    asked = []
    away = db.create_engine(f"sqlite:///{tmp_path}/no/such/directory.db")
    with monkeypatch.context() as patched:

        def nowhere() -> object:
            asked.append(None)
            return away

        patched.setattr(db, "engine", nowhere)
        working = worker.start()
        for count in (1, 2, 3):
            wait_until(lambda count=count: len(asked) >= count)
            working.wake()
    working.wake()
    wait_until(lambda: "the database is back" in caplog.text)
    working.stop()
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1


@one
def test_it_stops_soon_even_while_the_mail_server_is_slow(engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker, "STOPS_WITHIN", worker.LOOKS_EVERY / 10)
    busy, released = threading.Event(), threading.Event()

    def send_slowly(_is_stopping: Callable[[], bool]) -> int:
        busy.set()
        released.wait(PATIENCE)
        return 0

    monkeypatch.setattr(delivery, "send_due", send_slowly)
    working = worker.start()
    assert busy.wait(PATIENCE)
    began = time.monotonic()
    working.stop()
    assert time.monotonic() - began < 1
    released.set()
    working._thread.join(PATIENCE)
