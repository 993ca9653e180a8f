"""What somebody has offered and may offer no longer: it is withdrawn, and who has a mail hears."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from core import clock, handovers, notices, offers
from core.models import Handover, Invitation, Organization, Role, User


def withdraw(
    session: Session, org: Organization, user_id: int, role: Role | None
) -> Sequence[Invitation | Handover]:
    """Withdraw what a person of this role may not offer, and return it.

    That is higher invitations and, for who is no owner (any more), offers of ownership made by that
    person; to who is an owner or goes, those made to that person. None: whoever belongs no more.
    """
    revoked = offers.withdraw_above(session, org, user_id, role)
    notices.tell_revoked(session, org, revoked)
    ended = handovers.withdraw_of(session, org, user_id, role)
    tell_withdrawn(session, org, [each for each in ended if each.from_id == user_id])
    return [*revoked, *ended]


def tell_withdrawn(session: Session, org: Organization, ended: Sequence[Handover]) -> None:
    """Mail those to whom ownership is offered no longer, unless the offer was too old anyway."""
    for handover in ended:
        if handover.expires_at > clock.now():
            giver = session.get_one(User, handover.from_id)
            notices.send(session, org, handover.to_id, "ownership_withdrawn", by=giver.name)
