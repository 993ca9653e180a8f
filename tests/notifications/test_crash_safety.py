"""Whoever is killed while telling: each thing is told in one mail, and each mail arrives."""

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
from tests.support import mail_server
from tests.support.cast import Cast
from tests.support.mail_server import MailServer

KILLS = 8
PATIENCE = 20.0
CHANGES = 3
"""How many before each kill."""


@pytest.fixture
def server(engine: Engine, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """A mail server, an alert address, and nobody who waits for anything."""
    at_once = timedelta(0)
    monkeypatch.setattr(digests, "DELAY", at_once)
    monkeypatch.setattr(digests, "ALERT_INTERVAL", at_once)
    monkeypatch.setattr(digests, "POSTPONED_FOR", timedelta(milliseconds=20))
    monkeypatch.setattr(delivery, "CLAIM_LASTS", timedelta(milliseconds=100))
    with db.Session(db.writing_engine()) as session, session.begin():
        session.get_one(Organization, cast.acme.id).alert_email = "alerts@acme.example"
    with mail_server.running() as server:
        monkeypatch.setenv("SMTP_URL", server.url)
        settings.settings.cache_clear()
        yield server


def test_whoever_is_killed_everything_is_told_once_and_arrives(server: MailServer, cast: Cast):
    chance = Random(12)
    for number in range(KILLS):
        child = work_elsewhere()
        for change in range(CHANGES):
            move_website(cast, f"site{number * CHANGES + change}.example")
        time.sleep(chance.uniform(0, 0.06))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    finish()

    with db.read() as session:
        mails = session.scalars(select(Mail).where(Mail.template == "alerts")).all()
        assert session.scalars(select(DigestItem)).all() == []
        assert set(session.scalars(select(Digest.due_at))) == {None}
    told = [line["detail"] for mail in mails for line in mail.context["lines"]]
    numbers = [int(re.findall(r"→ https://site(\d+)\.example", detail)[0]) for detail in told]
    assert sorted(numbers) == list(range(KILLS * CHANGES))

    arrived = Counter(message["Message-ID"].partition("@")[0] for message in server.mails)
    assert arrived.keys() == {mail.message_id.partition("@")[0] for mail in mails}
    assert arrived.total() - len(arrived) <= KILLS


def work_elsewhere() -> int:
    """Start a process that tells and sends until it is killed, and return its id."""
    db.engine().dispose()
    child = os.fork()
    if child == 0:
        work()
    return child


def work() -> NoReturn:
    try:
        db.engine().dispose(close=False)
        while True:
            dispatch.run_due()
            delivery.run_due()
    finally:
        os._exit(1)


def move_website(cast: Cast, website: str) -> None:
    with db.read() as session:
        shown = profile.form_texts(session.get_one(Organization, cast.acme.id))
    typed = shown | {"website": website}
    db.run(profile.save, cast.olga, cast.acme.id, shown, typed)


def finish() -> None:
    """Do what those who were killed have left: claims that ran out, lines that waited for them."""
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
        assert time.monotonic() < ends_at, "something is never told"
