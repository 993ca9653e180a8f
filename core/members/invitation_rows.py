"""Rows of invitations: make, find, claim and withdraw them; the rules are the use cases' own.

Two links lead to a pending invitation. The mailed one reached its reader by mail, so it proves the
address too. The copied one passes through the inviter's hands: it must prove nothing, or an inviter
could open accounts in the name of others.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, ScalarSelect, false, func, select, update
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, find_role, may
from core.base import clock, crypto
from core.models import Invitation, InvitationStatus, Mail, Organization, Role, User

MAILED: Final = "invitation"
COPIED: Final = "invitation copied"
LASTS: Final = timedelta(hours=72)


def make(
    session: Session, org: Organization, email: str, email_key: str, role: Role, inviter_id: int
) -> Invitation:
    """Offer a role to an address for 72 hours, and return the invitation."""
    invitation = Invitation(
        org_id=org.id,
        email=email,
        email_key=email_key,
        role=role,
        status=InvitationStatus.PENDING,
        invited_by=inviter_id,
        created_at=clock.now(),
        reminded_at=None,
        answered_at=None,
        mail_id=None,
    )
    renew(invitation)
    session.add(invitation)
    return invitation


def renew(invitation: Invitation) -> None:
    """Give an invitation new links and another 72 hours; the links it had are dead."""
    invitation.nonce = crypto.new_nonce()
    invitation.token_hash = crypto.fingerprint(crypto.token(MAILED, invitation.nonce))
    invitation.sent_at = clock.now()
    invitation.expires_at = invitation.sent_at + LASTS


def link(invitation: Invitation) -> dict[str, str]:
    """Return what the outbox keeps of the mailed link."""
    return {"page": "invitation", "kind": MAILED, "nonce": invitation.nonce}


def find_inviter(session: Session, invitation: Invitation) -> User | None:
    """Return who invites, if that person may still offer as much.

    An administrator who acted as an owner then may, since it could be done again.
    """
    inviter = session.get_one(User, invitation.invited_by)
    who = Actor(inviter.id, inviter.name)
    role = find_role(session, who, invitation.org_id)
    may_still = role is not None and role.rank >= invitation.role.rank
    may_still = may_still or may(session, who, invitation.org_id, Action.ACT_AS_OWNER)
    return inviter if may_still and inviter.disabled_at is None else None


def copied_token(invitation: Invitation) -> str:
    """Return the token of the link that an inviter hands over without a mail."""
    return f"{invitation.id}.{crypto.token(COPIED, invitation.nonce)}"


def find_org_id(session: Session, token: str) -> int | None:
    """Return the organization whose row is to be locked before a token is looked up.

    The token itself is not verified here: that is for `find_by_token`, under the lock.
    """
    return session.scalar(select(Invitation.org_id).where(_is_named_by(token)))


def find_by_token(session: Session, token: str) -> tuple[Invitation, bool] | None:
    """Return the invitation of a link, in any status, and whether the link was emailed."""
    found = session.scalar(
        select(Invitation).where(_is_named_by(token)).execution_options(populate_existing=True)
    )
    if found is None:
        return None
    is_mailed = found.token_hash == crypto.fingerprint(token)
    proof = token.partition(".")[2]
    if not is_mailed and crypto.fingerprint(proof) != crypto.fingerprint(
        crypto.token(COPIED, found.nonce)
    ):
        return None
    return found, is_mailed


def _is_named_by(token: str) -> ColumnElement[bool]:
    """Return the condition for the invitation that a link names: by its hash, or by its id."""
    number, dot, _ = token.partition(".")
    if not dot:
        return Invitation.token_hash == crypto.fingerprint(token)
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        return false()
    return Invitation.id == int(number)


def is_open() -> ColumnElement[bool]:
    """Return the condition for invitations that can still be answered."""
    return (Invitation.status == InvitationStatus.PENDING) & (Invitation.expires_at > clock.now())


def count_open(session: Session, org_id: int) -> int:
    """Return how many invitations of an organization can still be answered."""
    return session.scalar(select(counted_open(org_id))) or 0


def counted_open(org_id: int) -> ScalarSelect[int]:
    """Return the same count, to stand in another query."""
    return select(func.count()).where(Invitation.org_id == org_id, is_open()).scalar_subquery()


def close(session: Session, invitation: Invitation, status: InvitationStatus) -> None:
    """Close an invitation; its mail, if it still waits, is not sent any more."""
    invitation.status = status
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
        close(session, invitation, InvitationStatus.REVOKED)
    return list(pending)


def stop_mail(session: Session, invitation: Invitation) -> bool:
    """Take the invitation's mail out of the queue, and return whether it was still there.

    What is sent, or being sent right now, is left alone.
    """
    stopped = session.scalar(
        update(Mail)
        .where(
            Mail.id == invitation.mail_id,
            Mail.sent_at.is_(None),
            Mail.due_at.is_not(None),
            (Mail.claimed_until.is_(None)) | (Mail.claimed_until < clock.now()),
        )
        .values(due_at=None)
        .returning(Mail.id)
        .execution_options(synchronize_session=False)
    )
    return stopped is not None
