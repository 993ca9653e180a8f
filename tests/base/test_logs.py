"""The log: with times, readable by machines, and with nothing personal in it."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError

from core.access.permissions import Action, access
from core.accounts import accounts, administration, sessions
from core.base import logs
from core.base.errors import NotFound, NotPermitted, TooManyAttempts
from core.base.settings import settings
from core.database import db
from core.members import account_access, invitations, members
from core.models import Mail, Role, Staff
from tests.support.cast import PASSWORD, Cast, email

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def lines(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is logged as JSON from here on, a line each."""
    monkeypatch.setenv("LOG_FORMAT", "json")
    settings.cache_clear()
    written = io.StringIO()
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    monkeypatch.setattr("sys.stderr", written)
    logs.configure()
    yield written
    root.handlers[:] = before
    logs.identify_caller(None, "")


def events(lines: io.StringIO) -> list[dict[str, object]]:
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    return [line for line in found if line["logger"] == logs.SECURITY]


def names(lines: io.StringIO) -> list[object]:
    return [event["message"] for event in events(lines)]


def test_a_line_has_a_time_in_utc_and_its_facts(lines: io.StringIO) -> None:
    logs.identify_caller(7, "192.0.2.1")
    logs.security("login.failed", account="ab")
    [event] = events(lines)
    assert datetime.fromisoformat(str(event.pop("time"))).utcoffset() is not None
    assert event == {
        "level": "INFO",
        "logger": "orgdesk.security",
        "message": "login.failed",
        "actor": 7,
        "origin": "192.0.2.1",
        "account": "ab",
    }


def test_text_says_the_same(lines: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_FORMAT", "text")
    settings.cache_clear()
    monkeypatch.setattr("sys.stderr", lines)
    logs.configure()
    logs.security("login.failed", account="ab")
    time, said = lines.getvalue().strip().split(" ", 1)
    assert datetime.fromisoformat(time).utcoffset() is not None
    assert said == "INFO orgdesk.security login.failed account=ab"


def test_logins_and_what_they_fail_on(lines: io.StringIO, cast: Cast) -> None:
    accounts.authenticate(email(cast.mia), PASSWORD, origin="192.0.2.1")
    for _ in range(20):
        try:
            accounts.authenticate(email(cast.mia), "wrong", origin="192.0.2.2")
        except TooManyAttempts:
            break
    said = names(lines)
    assert said[0] == "login.password_accepted"
    assert said[1] == "login.failed"
    assert events(lines)[-1]["why"] == "TooManyAttempts"


def test_sessions_begin_and_end(lines: io.StringIO, cast: Cast) -> None:
    assert cast.mia.user_id
    db.run(sessions.start, cast.mia.user_id, "ticket", device="Chrome", ip_address="192.0.2.1")
    db.run(sessions.redeem, "ticket", "token")
    db.run(administration.end_sessions, cast.ada, cast.mia.user_id)
    assert names(lines) == ["session.started", "session.ended", "account.sessions_ended"]


def test_who_tries_what_they_may_not(lines: io.StringIO, cast: Cast) -> None:
    logs.identify_caller(cast.mia.user_id, "192.0.2.1")
    with pytest.raises(NotPermitted):
        db.run(members.remove, cast.mia, cast.acme.id, cast.adam.user_id)
    with pytest.raises(NotFound), db.read() as session:
        access(session, cast.otto, cast.acme.id, Action.VIEW)
    assert [event["why"] for event in events(lines)] == ["NotPermitted", "NotFound"]
    assert {event["actor"] for event in events(lines)} == {cast.mia.user_id}


def test_weighty_acts_once_they_are_done(lines: io.StringIO, cast: Cast) -> None:
    db.run(members.change_role, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
    db.run(account_access.set_staff, cast.ada, cast.oda.user_id, Staff.SALES)
    with db.Session(db.writing_engine(), info={"writing": True}) as session:
        members.remove(session, cast.olga, cast.acme.id, cast.mia.user_id or 0)
        session.rollback()
    db.run(invitations.invite, cast.olga, cast.acme.id, "new@example.com")
    with db.read() as session:
        mail_id = session.scalars(select(Mail.id).order_by(-Mail.id)).first() or 0
    db.run(administration.open_link, cast.ada, mail_id, reason="They asked for it.")
    assert [name for name in names(lines) if name != "session.ended"] == [
        "member.role_changed",
        "account.staff_changed",
        "mail.link_opened",
    ]


def test_nothing_personal_is_in_it(lines: io.StringIO, cast: Cast) -> None:
    accounts.authenticate(email(cast.mia), PASSWORD, origin="192.0.2.1")
    accounts.authenticate(email(cast.mia), "wrong words", origin="192.0.2.1")
    db.run(members.remove, cast.olga, cast.acme.id, cast.mia.user_id or 0)
    for private in (email(cast.mia), "Mia", PASSWORD, "wrong words", "Acme"):
        assert private not in lines.getvalue()


def test_a_failing_statement_hides_its_values(cast: Cast) -> None:
    statement = text("SELECT nothing_there FROM users WHERE email = :email")
    with pytest.raises(DBAPIError) as failed, db.engine().connect() as connection:
        connection.execute(statement, {"email": email(cast.mia)})
    assert email(cast.mia) not in str(failed.value)
