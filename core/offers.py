"""Rows of invitations: find and withdraw them; the rules are the use cases' own."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import clock
from core.models import Invitation, InvitationStatus, Mail, Organization, Role


def withdraw(session: Session, invitation: Invitation) -> None:
    """Revoke a pending invitation; its mail, if it still waits, is not sent any more."""
    invitation.status = InvitationStatus.REVOKED
    invitation.answered_at = clock.now()
    stop_mail(session, invitation)


def withdraw_above(
    session: Session, org: Organization, inviter_id: int, role: Role | None
) -> list[Invitation]:
    """Revoke what an inviter may no longer offer and return it: pending roles above `role`.

    None stands for who belongs to the organization no more and may offer nothing.
    """
    highest = -1 if role is None else role.rank
    pending = session.scalars(
        select(Invitation)
        .where(
            Invitation.org_id == org.id,
            Invitation.invited_by == inviter_id,
            Invitation.status == InvitationStatus.PENDING,
            Invitation.role.in_([each for each in Role if each.rank > highest]),
        )
        .order_by(Invitation.id)
        .execution_options(populate_existing=True)
    ).all()
    for invitation in pending:
        withdraw(session, invitation)
    return list(pending)


def stop_mail(session: Session, invitation: Invitation) -> None:
    """Take the invitation's mail out of the queue, unless it is sent or being sent right now."""
    session.execute(
        update(Mail)
        .where(
            Mail.id == invitation.mail_id,
            Mail.sent_at.is_(None),
            (Mail.claimed_until.is_(None)) | (Mail.claimed_until < clock.now()),
        )
        .values(due_at=None)
        .execution_options(synchronize_session=False)
    )
