"""The outbox, from its other end: send what is due, and show an administrator what is not sent.

A mail is claimed and settled in two short transactions; between them, in none, it goes to the
server. Who dies in between leaves a claim that runs out, so a mail is sent at least once.
"""

import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from email.errors import MessageError
from email.utils import parseaddr
from enum import StrEnum
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import TemplateError
from sqlalchemy import ColumnElement, case, func, or_, select, true, update
from sqlalchemy.orm import Session

from core import clock, db, letters
from core.errors import MailUnderway, NotFound
from core.frames import frame
from core.letters import Letter
from core.matching import contains
from core.models import Mail
from core.permissions import Action, Actor, access_staff
from core.settings import settings
from core.smtp import Connection, NotNow, Refused, Server

log = logging.getLogger(__name__)

PER_PAGE = 50
"""How many mails stand on one page of `table`."""

WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
"""How long to wait after the first, second, third and every later attempt."""
ATTEMPTS = 75
"""After so many, 72 hours have passed, and the mail is given up."""
CLAIM_LASTS = timedelta(minutes=10)
"""Longer than a server can take for one mail by answering as slowly as `smtp.TIMEOUT` allows."""


class State(StrEnum):
    """What became of a mail so far."""

    WAITING = "waiting"
    RETRYING = "retrying"
    SENT = "sent"
    GIVEN_UP = "given up"


_STATE = case(
    (Mail.sent_at.is_not(None), State.SENT.value),
    (Mail.due_at.is_(None), State.GIVEN_UP.value),
    (Mail.error.is_not(None), State.RETRYING.value),
    else_=State.WAITING.value,
)


class Shown(NamedTuple):
    """A mail as an administrator sees it."""

    mail: Mail
    state: State
    letter: Letter
    link: str | None


def send_due(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Send every mail that is due and return how many the server took; 0 without a server.

    Ends early when the server is away: what is left stays due.
    """
    if not settings().smtp_url:
        return 0
    sent = 0
    with Connection(Server.at(settings().smtp_url)) as connection:
        while not is_stopping() and _is_any_due() and (mail := db.run(_claim)):
            sent += _send(connection, mail)
            if not connection.is_open:
                break
    return sent


def table(
    session: Session,
    actor: Actor,
    *,
    states: Collection[State] = (),
    recipient: str = "",
    page: int = 1,
) -> pd.DataFrame:
    """Return one page of mails, the newest first, and one more row where others follow.

    They are in one of these states, and go to addresses that contain `recipient`. Columns: id,
    recipient, subject, state, created_at, due_at, sent_at, attempts, error.
    """
    access_staff(session, actor, Action.READ_MAIL)
    statement = select(
        Mail.id,
        Mail.recipient,
        Mail.template,
        Mail.context,
        _STATE.label("state"),
        Mail.created_at,
        Mail.due_at,
        Mail.sent_at,
        Mail.attempts,
        Mail.error,
    ).order_by(Mail.id.desc())
    if recipient.strip():
        statement = statement.where(contains(Mail.recipient, recipient))
    if states:
        statement = statement.where(_STATE.in_(states))
    mails = frame(session, statement.limit(PER_PAGE + 1).offset((page - 1) * PER_PAGE))
    pairs = zip(mails.pop("template"), mails.pop("context"), strict=True)
    mails.insert(2, "subject", [_subject(template, context) for template, context in pairs])
    return mails


def counts(session: Session, actor: Actor) -> dict[State, int]:
    """Return how many mails there are in each state."""
    access_staff(session, actor, Action.READ_MAIL)
    rows = session.execute(select(_STATE, func.count()).group_by(_STATE))
    return dict.fromkeys(State, 0) | {State(state): number for state, number in rows}


def show(session: Session, actor: Actor, mail_id: int) -> Shown:
    """Return a mail and what it says.

    Its link is there only while the administrator is the one who has to pass it on: there is no
    mail server, and the mail was not sent. Otherwise nobody but the recipient ever sees it.
    """
    access_staff(session, actor, Action.READ_MAIL)
    found = session.execute(select(Mail, _STATE).where(Mail.id == mail_id)).one_or_none()
    if found is None:
        raise NotFound("mail")
    mail, state = found
    link = mail.context.get("link")
    with_link = not settings().smtp_url and mail.sent_at is None
    address = letters.address(link) if link and with_link else None
    return Shown(mail, State(state), letters.render(mail, with_link=with_link), address)


def retry(session: Session, actor: Actor, mail_id: int) -> Mail:
    """Make a mail due at once, whatever became of it before, and return it."""
    return _change_unsent(session, actor, mail_id, due_at=clock.now(), attempts=0, error=None)


def cancel(session: Session, actor: Actor, mail_id: int) -> Mail:
    """Give up a mail that was not sent yet, and return it."""
    return _change_unsent(session, actor, mail_id, due_at=None, error="Cancelled on the Mail page.")


def _change_unsent(session: Session, actor: Actor, mail_id: int, **values: Any) -> Mail:
    """Change a mail that nobody is sending just now."""
    access_staff(session, actor, Action.READ_MAIL)
    if session.get(Mail, mail_id) is None:
        raise NotFound("mail")
    changed = session.scalar(
        update(Mail)
        .where(Mail.id == mail_id, Mail.sent_at.is_(None), _unclaimed())
        .values(**values)
        .returning(Mail)
        .execution_options(populate_existing=True)
    )
    if changed is None:
        raise MailUnderway
    return changed


def _is_due() -> ColumnElement[bool]:
    return (Mail.due_at <= clock.now()) & _unclaimed()


def _unclaimed() -> ColumnElement[bool]:
    return or_(Mail.claimed_until.is_(None), Mail.claimed_until <= clock.now())


def _is_any_due() -> bool:
    with db.read() as session:
        return session.scalar(select(Mail.id).where(_is_due()).limit(1)) is not None


def _claim(session: Session) -> Mail | None:
    """Take the mail that waits longest, for this process alone."""
    first = (
        select(Mail.id)
        .where(_is_due())
        .order_by(Mail.due_at, Mail.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    mail_id = session.scalar(first)
    return session.scalar(
        update(Mail)
        .where(Mail.id == mail_id, _is_due())
        .values(claimed_until=clock.now() + CLAIM_LASTS, attempts=Mail.attempts + 1)
        .returning(Mail)
    )


def _send(connection: Connection, mail: Mail) -> bool:
    """Hand a claimed mail to the server, keep what came of it, return whether it was taken."""
    try:
        sender = parseaddr(settings().mail_from)[1]
        connection.send(letters.message(mail), sender, letters.envelope(mail.recipient))
    except Refused as refused:
        db.run(_settle, mail, error=str(refused))
    except NotNow as why:
        db.run(_settle, mail, error=str(why), due_at=_next_attempt(mail))
    except (TemplateError, MessageError, ValueError) as bug:
        log.exception("mail %s cannot be written", mail.id)
        error = f"It could not be written: {type(bug).__name__}"
        db.run(_settle, mail, error=error, due_at=_next_attempt(mail))
    else:
        db.run(_settle, mail, sent_at=clock.now())
        return True
    return False


def _settle(
    session: Session,
    mail: Mail,
    *,
    error: str | None = None,
    due_at: datetime | None = None,
    sent_at: datetime | None = None,
) -> None:
    """Keep what came of an attempt, unless the claim ran out and another process tries now."""
    is_mine = true() if sent_at else Mail.claimed_until == mail.claimed_until
    session.execute(
        update(Mail)
        .where(Mail.id == mail.id, Mail.sent_at.is_(None), is_mine)
        .values(claimed_until=None, error=error, due_at=due_at, sent_at=sent_at)
    )


def _next_attempt(mail: Mail) -> datetime | None:
    if mail.attempts >= ATTEMPTS:
        return None
    return clock.now() + WAITS[min(mail.attempts, len(WAITS)) - 1]


def _subject(template: str, context: dict[str, Any]) -> str:
    try:
        return letters.subject(template, context)
    except TemplateError:
        return template
