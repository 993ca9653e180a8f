"""The outbox: a mail is queued in the transaction of its cause, and sent later by the worker."""

import secrets
from typing import Any

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import Session

from core.base import clock
from core.models import Mail


def enqueue(
    session: Session,
    template: str,
    recipient: str,
    *,
    org_id: int | None = None,
    **context: Any,
) -> Mail:
    """Queue a mail and return its row.

    `template` names a pair of files in `core/mails/`; `context` is what they show, fit for JSON.
    A link goes in as `link={"page": …, "kind": …, "nonce": …}`: its token is made when it is sent.
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
    return mail


def is_unclaimed() -> ColumnElement[bool]:
    """Return the condition of mails that nobody is sending just now."""
    return or_(Mail.claimed_until.is_(None), Mail.claimed_until <= clock.now())
