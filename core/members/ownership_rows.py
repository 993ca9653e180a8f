"""Rows of ownership offers: make, find, close and revoke. Rights are checked by use cases."""

from datetime import timedelta
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core.base import clock
from core.models import Handover, InvitationStatus, Organization, Role

OFFER_TTL: Final = timedelta(days=7)


def make(session: Session, org: Organization, from_id: int, to_id: int, role: Role) -> Handover:
    """Make an owner's offer, valid for `OFFER_TTL`, and return it."""
    now = clock.now()
    handover = Handover(
        org_id=org.id,
        from_id=from_id,
        to_id=to_id,
        role_after=role,
        status=InvitationStatus.PENDING,
        created_at=now,
        expires_at=now + OFFER_TTL,
        answered_at=None,
    )
    session.add(handover)
    return handover


def find(session: Session, org: Organization, handover_id: int) -> Handover | None:
    """Return an offer of an organization in any status, or None."""
    return session.scalar(
        select(Handover)
        .where(Handover.id == handover_id, Handover.org_id == org.id)
        .execution_options(populate_existing=True)
    )


def close(handover: Handover, status: InvitationStatus) -> None:
    """Close an offer with a status."""
    handover.status = status
    handover.answered_at = clock.now()


def is_open(handover: Handover) -> bool:
    """Return whether an offer is pending and has not expired."""
    return handover.status is InvitationStatus.PENDING and handover.expires_at > clock.now()


def is_any_open(session: Session, org: Organization) -> bool:
    """Return whether an offer of ownership waits in an organization."""
    pending = select(Handover.id).where(
        Handover.org_id == org.id,
        Handover.status == InvitationStatus.PENDING,
        Handover.expires_at > clock.now(),
    )
    return session.scalar(pending.limit(1)) is not None


def revoke_for(
    session: Session, org: Organization, user_id: int, role: Role | None
) -> list[Handover]:
    """Revoke the offers that a person's new role rules out, and return them.

    An owner cannot receive offers, others cannot make them, and a person who is no longer a member
    (None) can do neither.
    """
    is_from, is_to = Handover.from_id == user_id, Handover.to_id == user_id
    whose = or_(is_from, is_to) if role is None else is_to if role is Role.OWNER else is_from
    pending = session.scalars(
        select(Handover)
        .where(
            Handover.org_id == org.id,
            Handover.status == InvitationStatus.PENDING,
            whose,
        )
        .order_by(Handover.id)
        .execution_options(populate_existing=True)
    ).all()
    for handover in pending:
        close(handover, InvitationStatus.REVOKED)
    return list(pending)
