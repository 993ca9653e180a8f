"""Reminders: who has not answered an invitation after a day is mailed once more, and only once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from core.access.permissions import ORGDESK, Action, access
from core.base import clock
from core.base.errors import NotFound
from core.database import db
from core.mail import outbox
from core.members import invitation_rows
from core.models import Invitation, InvitationStatus, Mail

AFTER: Final = timedelta(hours=24)
_MOST = 1_000
"""Invitations that one look reminds of; the next look is a minute later."""


def send_due(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Queue every reminder that is due and return how many; several processes may do it at once."""
    with db.read() as session:
        due = session.scalars(
            select(Invitation.id)
            .join(Mail, Mail.id == Invitation.mail_id)
            .where(_is_due())
            .order_by(Invitation.sent_at)
            .limit(_MOST)
        ).all()
    reminded = 0
    for invitation_id in due:
        if is_stopping():
            break
        reminded += db.run(_remind, invitation_id)
    return reminded


def _is_due() -> ColumnElement[bool]:
    """Return the condition: open, a day old, its mail sent, and not reminded of."""
    now = clock.now()
    return (
        (Invitation.status == InvitationStatus.PENDING)
        & Invitation.reminded_at.is_(None)
        & (Invitation.sent_at <= now - AFTER)
        & (Invitation.sent_at > now - invitation_rows.LASTS)
        & (Invitation.expires_at > now)
        & Mail.sent_at.is_not(None)
    )


def _remind(session: Session, invitation_id: int) -> bool:
    """Queue one reminder, unless it is not due any more or the inviter may not offer as much."""
    org_id = session.scalar(select(Invitation.org_id).where(Invitation.id == invitation_id))
    try:
        org = access(session, ORGDESK, org_id or 0, Action.VIEW)
    except NotFound:
        return False
    invitation = session.scalar(
        select(Invitation)
        .join(Mail, Mail.id == Invitation.mail_id)
        .where(Invitation.id == invitation_id, _is_due())
        .execution_options(populate_existing=True)
    )
    inviter = invitation_rows.find_inviter(session, invitation) if invitation else None
    if invitation is None or inviter is None:
        return False
    left = invitation.expires_at - clock.now()
    queued = outbox.enqueue(
        session,
        "invitation_reminder",
        invitation.email,
        org_id=org.id,
        organization=org.name,
        by=inviter.name,
        role=invitation.role,
        hours=max(1, int(left.total_seconds()) // 3600),
        link=invitation_rows.link(invitation),
    )
    invitation.reminded_at = clock.now()
    invitation.mail_id = queued.id
    return True
