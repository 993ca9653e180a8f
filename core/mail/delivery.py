"""Delivery: send the mails that are due.

A mail is claimed in one short transaction, sent outside any, and settled in another. If the process
dies in between, the claim expires and the mail is sent again: delivery is at least once.
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
from core.mail.smtp import Connection, PermanentFailure, Server, TemporaryFailure
from core.models import Alert, Mail, Organization

log = logging.getLogger(__name__)

RETRY_DELAYS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
)
"""The delays after the first, second, third and every later attempt."""
MAX_ATTEMPTS = 75
"""The attempts made within 72 hours, after which a mail has failed."""
CLAIM_TTL = timedelta(minutes=10)
"""Longer than one mail can take when each reply takes up to `smtp.TIMEOUT`."""


def run_due(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Send the mails that are due and return how many the server accepted.

    Sends none if no server is configured, and stops early if the server is unreachable.
    """
    if not settings().smtp_url:
        return 0
    sent = 0
    with Connection(Server.from_url(settings().smtp_url)) as connection:
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
    """Claim the longest due mail for this process."""
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
        .values(claimed_until=clock.now() + CLAIM_TTL, attempts=Mail.attempts + 1)
        .returning(Mail)
    )


def _send(connection: Connection, mail: Mail) -> bool:
    """Send a claimed mail, store the outcome, and return whether the server accepted it."""
    if _is_pointless(mail):
        db.run(_settle, mail)
        return False
    try:
        sender = parseaddr(settings().mail_from)[1]
        connection.send(messages.build(mail), sender, messages.ascii_address(mail.recipient))
    except PermanentFailure as failure:
        db.run(_fail, mail, str(failure))
    except TemporaryFailure as failure:
        db.run(_settle, mail, error=str(failure), due_at=_next_attempt(mail))
    except (TemplateError, MessageError, ValueError) as bug:
        log.exception("cannot render mail %s", mail.id)
        error = f"The email could not be rendered: {type(bug).__name__}"
        db.run(_settle, mail, error=error, due_at=_next_attempt(mail))
    else:
        db.run(_settle, mail, sent_at=clock.now())
        return True
    return False


def _is_pointless(mail: Mail) -> bool:
    """Return whether a mail invites to an organization that was deleted while the mail waited."""
    if mail.template != "invitation":
        return False
    with db.read() as session:
        org = session.get(Organization, mail.org_id)
        return org is None or org.deleted_at is not None


def _settle(
    session: Session,
    mail: Mail,
    *,
    error: str | None = None,
    due_at: datetime | None = None,
    sent_at: datetime | None = None,
) -> None:
    """Store the outcome of an attempt, unless the claim expired and another process took over."""
    is_mine = true() if sent_at else Mail.claimed_until == mail.claimed_until
    session.execute(
        update(Mail)
        .where(Mail.id == mail.id, Mail.sent_at.is_(None), is_mine)
        .values(claimed_until=None, error=error, due_at=due_at, sent_at=sent_at)
    )


def _fail(session: Session, mail: Mail, response: str) -> None:
    """Store a permanent failure, and alert the owners if it was an invitation."""
    _settle(session, mail, error=response)
    org = session.get(Organization, mail.org_id) if mail.template == "invitation" else None
    if org is not None and digests.is_alert_enabled(org, Alert.INVITATIONS):
        title = f"The invitation to {mail.recipient} can't be delivered"
        detail = f"Server response: {response}"
        digests.add_for_alert_address(
            session, org, Alert.INVITATIONS, title, detail, page="members"
        )


def _next_attempt(mail: Mail) -> datetime | None:
    if mail.attempts >= MAX_ATTEMPTS:
        return None
    return clock.now() + RETRY_DELAYS[min(mail.attempts, len(RETRY_DELAYS)) - 1]
