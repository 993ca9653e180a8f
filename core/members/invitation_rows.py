"""Rows of invitations: make, find, renew, close and revoke them. Rights are checked by use cases.

A pending invitation has two links. The emailed one also proves the address of the person who
opens it. The copied one is seen by the inviter and proves nothing: otherwise inviters could create
accounts with other people's addresses.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, ScalarSelect, false, func, select, update
from sqlalchemy.orm import Session

from core.access.permissions import Actor, find_role
from core.base import clock, crypto, parameters
from core.models import Invitation, InvitationStatus, Mail, Organization, Role, User

MAILED: Final = "invitation"
COPIED: Final = "invitation copied"
INVITATION_TTL: Final = timedelta(hours=72)


def make(
    session: Session, org: Organization, email: str, email_key: str, role: Role, inviter_id: int
) -> Invitation:
    """Invite an address with a role, for `INVITATION_TTL`, and return the invitation."""
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
    """Give an invitation new links and another `INVITATION_TTL`; its old links stop working."""
    invitation.nonce = crypto.new_nonce()
    invitation.token_hash = crypto.fingerprint(crypto.token(MAILED, invitation.nonce))
    invitation.sent_at = clock.now()
    invitation.expires_at = invitation.sent_at + INVITATION_TTL


def link(invitation: Invitation) -> dict[str, str]:
    """Return the emailed link in the form that the outbox stores."""
    return {"page": "invitation", "kind": MAILED, "nonce": invitation.nonce}


def find_inviter(session: Session, invitation: Invitation) -> User | None:
    """Return the inviter, or None if they could no longer grant the invitation's role."""
    inviter = session.get_one(User, invitation.invited_by)
    role = find_role(session, Actor(inviter.id, inviter.name), invitation.org_id)
    may_still = role is not None and role.rank >= invitation.role.rank
    return inviter if may_still and inviter.disabled_at is None else None


def copied_token(invitation: Invitation) -> str:
    """Return the token of the link that the inviter copies and passes on."""
    return f"{invitation.id}.{crypto.token(COPIED, invitation.nonce)}"


def find_org_id(session: Session, token: str) -> int | None:
    """Return the organization to lock before `find_by_token`, which verifies the token."""
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
    """Return the condition for a token's invitation: by hash if it was emailed, else by id."""
    number, dot, _ = token.partition(".")
    if not dot:
        return Invitation.token_hash == crypto.fingerprint(token)
    invitation_id = parameters.find_row_id(number)
    return false() if invitation_id is None else Invitation.id == invitation_id


def is_open() -> ColumnElement[bool]:
    """Return the condition for invitations that are pending and have not expired."""
    return (Invitation.status == InvitationStatus.PENDING) & (Invitation.expires_at > clock.now())


def count_open(session: Session, org_id: int) -> int:
    """Return how many open invitations an organization has."""
    return session.scalar(select(count_open_subquery(org_id))) or 0


def count_open_subquery(org_id: int) -> ScalarSelect[int]:
    """Return the count of open invitations as a subquery."""
    return select(func.count()).where(Invitation.org_id == org_id, is_open()).scalar_subquery()


def close(session: Session, invitation: Invitation, status: InvitationStatus) -> None:
    """Close an invitation with a status, and cancel its mail if it is still queued."""
    invitation.status = status
    invitation.answered_at = clock.now()
    cancel_mail(session, invitation)


def revoke_above(
    session: Session, org: Organization, inviter_id: int, role: Role | None
) -> list[Invitation]:
    """Revoke an inviter's pending invitations to roles above `role`, and return them.

    A `role` of None revokes all of them: the inviter is no longer a member.
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


def revoke_unheld(session: Session, org: Organization) -> list[Invitation]:
    """Revoke pending invitations that their inviters could no longer send, and return them."""
    pending = session.scalars(
        select(Invitation)
        .where(Invitation.org_id == org.id, Invitation.status == InvitationStatus.PENDING)
        .order_by(Invitation.id)
        .execution_options(populate_existing=True)
    ).all()
    unheld = [each for each in pending if find_inviter(session, each) is None]
    for invitation in unheld:
        close(session, invitation, InvitationStatus.REVOKED)
    return unheld


def cancel_mail(session: Session, invitation: Invitation) -> bool:
    """Remove an invitation's mail from the queue, and return whether it was still queued.

    A mail that was sent, or is being sent, is not affected.
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
