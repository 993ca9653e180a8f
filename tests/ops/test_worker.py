"""The background worker: its jobs, its schedule, and how it survives failures."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from core.base import settings
from core.database import db
from core.mail import delivery, outbox
from core.members import invitations, reminders
from core.models import DuplicatePair, Invitation, Lock, Mail, Run, RunStatus
from core.onboarding import bulk_flag
from core.onboarding.onboarding import Plan
from core.ops import cleanup, worker
from core.organizations import organizations
from core.runs.items import Selection
from tests.support.mailbox import Mailbox, receive

PATIENCE = 10.0
BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)
SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def wait_until(is_so: Callable[[], object]) -> None:
    ends_at = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not is_so():
        assert time.monotonic() < ends_at, "timed out"
        pause.wait(0.01)


@pytest.fixture
def server(engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with receive() as server:
        monkeypatch.setenv("SMTP_URL", server.url)
        settings.settings.cache_clear()
        yield server


@pytest.fixture
def background(engine) -> Iterator[worker.Worker]:
    started = worker.start()
    yield started
    started.stop()
    assert not started.is_running()


def enqueue(recipient: str) -> None:
    db.run(outbox.enqueue, "alert_test", recipient, organization="Acme")


def status_of(run: Run) -> RunStatus:
    with db.read() as session:
        return session.get_one(Run, run.id).status


@BOTH
def test_it_sends_queued_mail(server, background):
    enqueue("olga@example.com")
    background.wake()
    wait_until(lambda: server.recipients == ["olga@example.com"])


@SQLITE
def test_queued_mail_is_sent_without_waiting_for_the_next_poll(server, monkeypatch):
    monkeypatch.setattr(worker, "POLL_INTERVAL", timedelta(hours=1))
    started = worker.start()
    wait_until(lambda: started._is_database_up)
    for number in range(3):
        enqueue(f"person{number}@example.com")
        wait_until(lambda number=number: len(server.recipients) == number + 1)
    started.stop()


@SQLITE
def test_a_confirmed_run_begins_without_waiting_for_the_next_poll(engine, cast, monkeypatch):
    monkeypatch.setattr(worker, "POLL_INTERVAL", timedelta(hours=1))
    started = worker.start()
    wait_until(lambda: started._housekeeping_at)  # it has nothing to do, and waits
    run = db.run(bulk_flag.start, cast.sam, Selection((cast.acme.id,)), Plan(), expected=1)
    wait_until(lambda: status_of(run) is RunStatus.ENDED)
    started.stop()


@BOTH
def test_several_workers_send_each_mail_once(server):
    workers = [worker.start() for _ in range(3)]
    for number in range(9):
        enqueue(f"person{number}@example.com")
    for each in workers:
        each.wake()
    wait_until(lambda: len(server.recipients) == 9)
    for each in workers:
        each.stop()
    assert len(set(server.recipients)) == 9


@SQLITE
def test_it_reminds_of_invitations(engine, cast, clock, background):
    (made,) = db.run(invitations.invite, cast.olga, cast.acme.id, "new@example.com")
    db.run(lambda session: session.get(Mail, made.mail_id).__setattr__("sent_at", clock.now()))
    clock.turn(reminders.REMIND_AFTER)

    def was_reminded() -> bool:
        with db.read() as session:
            return session.get(Invitation, made.id).reminded_at is not None

    background._housekeeping_at = 0.0
    background.wake()
    wait_until(was_reminded)


@SQLITE
def test_it_runs_the_cleanup(background):
    def has_run() -> bool:
        with db.read() as session:
            return session.get(Lock, "housekeeping") is not None

    wait_until(has_run)


@SQLITE
def test_it_looks_for_duplicates_of_a_new_organization(engine, cast, background):
    made = db.run(organizations.create, cast.otto, "The ACME Company")

    def is_found() -> bool:
        with db.read() as session:
            return session.get(DuplicatePair, (cast.acme.id, made.id)) is not None

    background.wake()
    wait_until(is_found)


@SQLITE
def test_it_continues_after_a_bug(server, monkeypatch: pytest.MonkeyPatch, caplog):
    broken = threading.Event()

    def fail(_is_stopping: Callable[[], bool]) -> int:
        broken.set()
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(cleanup, "run_due", fail)
        background = worker.start()
        assert broken.wait(PATIENCE)
    enqueue("olga@example.com")
    wait_until(lambda: server.recipients)
    background.stop()
    assert "ZeroDivisionError" in caplog.text


@SQLITE
def test_it_waits_for_the_database_and_logs_that_once(
    engine, tmp_path, monkeypatch: pytest.MonkeyPatch, caplog
):
    attempts = []
    broken_engine = db.create_engine(f"sqlite:///{tmp_path}/no/such/directory.db")
    with monkeypatch.context() as patched:

        def unavailable() -> object:
            attempts.append(None)
            return broken_engine

        patched.setattr(db, "engine", unavailable)
        background = worker.start()
        for count in (1, 2, 3):
            wait_until(lambda count=count: len(attempts) >= count)
            background.wake()
    background.wake()
    wait_until(lambda: "the database is available again" in caplog.text)
    background.stop()
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1


@SQLITE
def test_it_stops_soon_even_if_the_mail_server_is_slow(engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker, "STOP_TIMEOUT", worker.POLL_INTERVAL / 10)
    busy, released = threading.Event(), threading.Event()

    def send_slowly(_is_stopping: Callable[[], bool]) -> int:
        busy.set()
        released.wait(PATIENCE)
        return 0

    monkeypatch.setattr(delivery, "run_due", send_slowly)
    background = worker.start()
    assert busy.wait(PATIENCE)
    started_at = time.monotonic()
    background.stop()
    assert time.monotonic() - started_at < 1
    released.set()
    wait_until(lambda: not background.is_running())
