"""Crash safety: kills during dispatch and delivery lose no change and repeat none."""

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import NoReturn

import pytest
from sqlalchemy import Engine, select, update

from core.base import settings
from core.database import db
from core.mail import delivery, digests
from core.models import Digest, DigestItem, Mail, Organization
from core.notifications import dispatch
from core.profile import profile
from tests.support.cast import Cast
from tests.support.depth import rounds
from tests.support.mailbox import Mailbox, receive

KILLS = rounds(3, 8)
PATIENCE = 20.0
CHANGES = 3
"""How many before each kill."""


@pytest.fixture
def server(engine: Engine, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """A mail server and an alert address, without any delays."""
    at_once = timedelta(0)
    monkeypatch.setattr(digests, "DELAY", at_once)
    monkeypatch.setattr(digests, "ALERT_INTERVAL", at_once)
    monkeypatch.setattr(digests, "POSTPONED_FOR", timedelta(milliseconds=20))
    monkeypatch.setattr(delivery, "CLAIM_TTL", timedelta(milliseconds=100))
    with db.Session(db.writing_engine()) as session, session.begin():
        session.get_one(Organization, cast.acme.id).alert_email = "alerts@acme.example"
    with receive() as server:
        monkeypatch.setenv("SMTP_URL", server.url)
        settings.settings.cache_clear()
        yield server


def test_after_kills_every_change_is_in_one_mail(server: Mailbox, cast: Cast):
    chance = Random(12)
    for number in range(KILLS):
        child = start_worker()
        for change in range(CHANGES):
            change_website(cast, f"site{number * CHANGES + change}.example")
        time.sleep(chance.uniform(0, 0.06))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    run_to_end()

    with db.read() as session:
        mails = session.scalars(select(Mail).where(Mail.template == "alerts")).all()
        assert session.scalars(select(DigestItem)).all() == []
        assert set(session.scalars(select(Digest.due_at))) == {None}
    details = [line["detail"] for mail in mails for line in mail.context["lines"]]
    numbers = [int(re.findall(r"→ https://site(\d+)\.example", detail)[0]) for detail in details]
    assert sorted(numbers) == list(range(KILLS * CHANGES))

    arrived = Counter(message["Message-ID"].partition("@")[0] for message in server.messages)
    assert arrived.keys() == {mail.message_id.partition("@")[0] for mail in mails}
    assert arrived.total() - len(arrived) <= KILLS


def start_worker() -> int:
    """Start a process that dispatches and sends until it is killed, and return its id."""
    db.engine().dispose()
    child = os.fork()
    if child == 0:
        run_worker()
    return child


def run_worker() -> NoReturn:
    try:
        db.engine().dispose(close=False)
        while True:
            dispatch.run_due()
            delivery.run_due()
    finally:
        os._exit(1)


def change_website(cast: Cast, website: str) -> None:
    with db.read() as session:
        shown = profile.form_texts(session.get_one(Organization, cast.acme.id))
    typed = shown | {"website": website}
    db.run(profile.save, cast.olga, cast.acme.id, shown, typed)


def run_to_end() -> None:
    """Finish what killed processes have left: expired claims and waiting digest items."""
    db.engine().dispose()
    ends_at = time.monotonic() + PATIENCE
    released = update(Mail).values(claimed_until=None)
    while True:
        db.run(lambda session: session.execute(released) and None)
        delivery.run_due()
        dispatch.run_due()
        with db.read() as session:
            waits = select(DigestItem.id).union_all(select(Mail.id).where(Mail.sent_at.is_(None)))
            if session.scalars(waits).first() is None:
                break
        assert time.monotonic() < ends_at, "something is never dispatched"
