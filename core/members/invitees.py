"""Whom somebody wants to invite: each address is judged by one rule, and how many there may be."""

import re
from datetime import timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import Actor
from core.base import validation
from core.base.errors import (
    AddressesRefused,
    AlreadyInvited,
    AlreadyMember,
    DomainError,
    InvalidInput,
    InvitationLimit,
    TooManyAttempts,
)
from core.members import invitation_rows
from core.models import Invitation, InvitationStatus, Membership, Organization, User

AT_ONCE: Final = 10
"""As many as may be mailed in a minute."""
PENDING_MOST: Final = 200
PER_INVITER: Final = ((AT_ONCE, timedelta(minutes=1)), (50, timedelta(days=1)))
PER_ORGANIZATION: Final = ((100, timedelta(days=1)),)
"""How many mails may go out. They are counted in the transaction that queues them:
what is refused sends none and counts none."""
FIELD: Final = "emails"
_MOST_READ = 100
_SHOWN = 60
"""Characters of what is no address that the answer repeats."""


def judge(session: Session, org: Organization, emails: str) -> dict[str, str]:
    """Return the addresses by what all their spellings have in common, or refuse all at once.

    Commas, semicolons and line ends separate them. Raises `AddressesRefused` with an answer for
    each one; for a single one that is taken `AlreadyMember` or `AlreadyInvited`.
    """
    typed = _split(emails)
    addresses: dict[str, str] = {}
    answers: dict[str, str] = {}
    for text in typed:
        try:
            address = validation.email(text)
            addresses.setdefault(validation.email_key(address), address)
            answers[addresses[validation.email_key(address)]] = ""
        except validation.Unfit as why:
            answers[text[:_SHOWN]] = str(why)
    taken = _find_taken(session, org, addresses)
    if taken and len(answers) == 1:
        raise next(iter(taken.values()))
    answers |= {address: str(refusal) for address, refusal in taken.items()}
    if any(answers.values()):
        raise AddressesRefused(FIELD, list(answers.items()))
    return addresses


def ensure_room(session: Session, org: Organization, *, more: int) -> None:
    """Raise `InvitationLimit` where `more` invitations would be more than may be pending."""
    if invitation_rows.count_open(session, org.id) + more > PENDING_MOST:
        raise InvitationLimit(PENDING_MOST)


def count_mails(session: Session, actor: Actor, org: Organization, mails: int) -> None:
    """Count the mails that are about to go out; raises `TooManyAttempts`."""
    caps = ((f"person:{actor.user_id}", PER_INVITER), (f"org:{org.id}", PER_ORGANIZATION))
    minutes = [throttling.hit(session, "invite", *cap) for cap in caps for _ in range(mails)]
    if any(minutes):
        raise TooManyAttempts(max(minutes))


def _split(emails: str) -> list[str]:
    """Return what stands between commas, semicolons and line ends."""
    parts = re.split(r"[,;\n\r]", emails, maxsplit=_MOST_READ)
    typed = [part.strip() for part in parts if part.strip()]
    if len(typed) > AT_ONCE:
        raise InvalidInput({FIELD: f"Invite at most {AT_ONCE} at once, the next in a minute."})
    return typed or [""]


def _find_taken(
    session: Session, org: Organization, addresses: dict[str, str]
) -> dict[str, DomainError]:
    """Return a refusal for each address that belongs to a member or is invited already."""
    inside = session.scalars(
        select(User.email_key)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.org_id == org.id, User.email_key.in_(addresses))
    )
    invited = session.scalars(
        select(Invitation.email_key).where(
            Invitation.org_id == org.id,
            Invitation.email_key.in_(addresses),
            Invitation.status == InvitationStatus.PENDING,
        )
    )
    waiting: dict[str, DomainError] = {
        addresses[key]: AlreadyInvited(addresses[key]) for key in invited
    }
    return waiting | {addresses[key]: AlreadyMember(addresses[key]) for key in inside}
