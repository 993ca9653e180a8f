"""Reminders: an invitation that is still open after a day is emailed once more, and only once."""

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

REMIND_AFTER: Final = timedelta(hours=24)
_BATCH = 1_000
"""Reminders queued in one run; the next run is a minute later."""


def run_due(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Queue the reminders that are due and return how many; safe to run in several processes."""
    with db.read() as session:
        due = session.scalars(
            select(Invitation.id)
            .join(Mail, Mail.id == Invitation.mail_id)
            .where(_is_due())
            .order_by(Invitation.sent_at)
            .limit(_BATCH)
        ).all()
    reminded = 0
    for invitation_id in due:
        if is_stopping():
            break
        reminded += db.run(_remind, invitation_id)
    return reminded


def _is_due() -> ColumnElement[bool]:
    """Return the condition for open invitations emailed a day ago and without a reminder."""
    now = clock.now()
    return (
        (Invitation.status == InvitationStatus.PENDING)
        & Invitation.reminded_at.is_(None)
        & (Invitation.sent_at <= now - REMIND_AFTER)
        & (Invitation.sent_at > now - invitation_rows.INVITATION_TTL)
        & (Invitation.expires_at > now)
        & Mail.sent_at.is_not(None)
    )


def _remind(session: Session, invitation_id: int) -> bool:
    """Queue a reminder if it is still due and the inviter can still grant the role."""
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
