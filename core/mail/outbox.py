"""The outbox: queue a mail in the transaction of its cause; the worker sends it later."""

import secrets
import threading
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from core.base import clock
from core.database import change_tracking, db
from core.models import Mail

queued: Final = threading.Event()
"""Set when this process has queued mail, so that its worker sends it without delay."""


def enqueue(
    session: Session,
    template: str,
    recipient: str,
    *,
    org_id: int | None = None,
    **context: Any,
) -> Mail:
    """Queue a mail and return its row.

    `template` names a file in `core/mail/templates/`; `context` is what it shows, as JSON values.
    A link is given as `link={"page": …, "kind": …, "nonce": …}`; its token is derived on sending.
    """
    now = clock.now()
    mail = Mail(
        message_id=f"<{secrets.token_hex(16)}@orgdesk>",
        template=template,
        context=context,
        recipient=recipient,
        org_id=org_id,
        created_at=now,
        due_at=now,
        attempts=0,
    )
    session.add(mail)
    session.flush()  # for its id
    change_tracking.unattributed(session).append(mail)
    db.after_commit(session, queued)
    return mail


def cancel_waiting(session: Session, mails: ColumnElement[bool]) -> list[Mail]:
    """Cancel those of these mails that no process has begun to send, and return them."""
    is_waiting = Mail.sent_at.is_(None) & Mail.due_at.is_not(None) & is_unclaimed()
    cancelled = session.scalars(
        update(Mail)
        .where(mails, is_waiting)
        .values(due_at=None)
        .returning(Mail)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return list(cancelled)


def spare(session: Session, entry_id: int, cancelled: Sequence[Mail]) -> None:
    """Cancel the mails of an undo to those who never got the mail of what was undone.

    `cancelled` are the latter. Mails with a link to follow are sent in any case.
    """
    told = select(Mail.recipient).where(
        Mail.entry_id.in_({mail.entry_id for mail in cancelled}),
        Mail.id.not_in([mail.id for mail in cancelled]),
    )
    untold = {mail.recipient for mail in cancelled} - {*session.scalars(told)} if cancelled else ()
    queued = select(Mail).where(Mail.entry_id == entry_id, Mail.recipient.in_(untold))
    for mail in session.scalars(queued) if untold else ():
        if "nonce" not in mail.context.get("link", {}):
            mail.due_at = None


def is_unclaimed() -> ColumnElement[bool]:
    """Return the condition that no process is sending a mail at the moment."""
    return or_(Mail.claimed_until.is_(None), Mail.claimed_until <= clock.now())
