"""The outbox, from its other end: send what is due.

A mail is claimed and settled in two short transactions; between them, in none, it goes to the
server. Who dies in between leaves a claim that runs out, so a mail is sent at least once.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from email.errors import MessageError
from email.utils import parseaddr

from jinja2 import TemplateError
from sqlalchemy import ColumnElement, select, true, update
from sqlalchemy.orm import Session

from core.base import clock
from core.base.settings import settings
from core.database import db
from core.mail import digests, messages
from core.mail.outbox import is_unclaimed
from core.mail.smtp import Connection, NotNow, Refused, Server
from core.models import Alert, Mail, Organization

log = logging.getLogger(__name__)

WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
"""How long to wait after the first, second, third and every later attempt."""
ATTEMPTS = 75
"""After so many, 72 hours have passed, and the mail is given up."""
CLAIM_LASTS = timedelta(minutes=10)
"""Longer than a server can take for one mail by answering as slowly as `smtp.TIMEOUT` allows."""


def run_due(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Send every mail that is due and return how many the server took; 0 without a server.

    Ends early when the server is away: what is left stays due.
    """
    if not settings().smtp_url:
        return 0
    sent = 0
    with Connection(Server.at(settings().smtp_url)) as connection:
        while not is_stopping() and _is_any_due() and (mail := db.run(_claim)):
            sent += _send(connection, mail)
            if connection.has_failed:
                break
    return sent


def _is_due() -> ColumnElement[bool]:
    return (Mail.due_at <= clock.now()) & is_unclaimed()


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
        connection.send(messages.build(mail), sender, messages.ascii_address(mail.recipient))
    except Refused as refused:
        db.run(_give_up, mail, str(refused))
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


def _give_up(session: Session, mail: Mail, said: str) -> None:
    """Keep why the server will never take a mail; owners hear of invitations that do not arrive."""
    _settle(session, mail, error=said)
    org = session.get(Organization, mail.org_id) if mail.template == "invitation" else None
    if org is not None and digests.is_alert_enabled(org, Alert.INVITATIONS):
        title = f"The invitation of {mail.recipient} cannot be delivered"
        detail = f"The mail server said: {said}"
        digests.add_for_alert_address(
            session, org, Alert.INVITATIONS, title, detail, page="members"
        )


def _next_attempt(mail: Mail) -> datetime | None:
    if mail.attempts >= ATTEMPTS:
        return None
    return clock.now() + WAITS[min(mail.attempts, len(WAITS)) - 1]
