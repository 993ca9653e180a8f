"""Rows of invitations: make, find, renew, close and revoke them. Rights are checked by use cases.

A pending invitation has two links. The emailed one also proves the address of the person who
opens it. The copied one is seen by the inviter and proves nothing: otherwise inviters could create
accounts with other people's addresses.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, ScalarSelect, false, func, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, find_role, staff_rights
from core.base import clock, crypto, parameters
from core.mail import outbox
from core.models import Invitation, InvitationStatus, Mail, Organization, Role, User

MAILED: Final = "invitation"
COPIED: Final = "invitation copied"
INVITATION_TTL: Final = timedelta(hours=72)


def make(
    session: Session,
    org: Organization,
    email: str,
    email_key: str,
    role: Role,
    inviter_id: int,
    *,
    run_id: int | None = None,
    at: datetime | None = None,
) -> Invitation:
    """Invite an address with a role, for `INVITATION_TTL` from `at` on, and return the invitation.

    `run_id` is the import that made it, if any: see `find_inviter`.
    """
    invitation = Invitation(
        org_id=org.id,
        email=email,
        email_key=email_key,
        role=role,
        status=InvitationStatus.PENDING,
        invited_by=inviter_id,
        run_id=run_id,
        created_at=clock.now(),
        reminded_at=None,
        answered_at=None,
        mail_id=None,
    )
    renew(invitation, at=at)
    session.add(invitation)
    return invitation


def renew(invitation: Invitation, *, at: datetime | None = None) -> None:
    """Give an invitation new links and another `INVITATION_TTL`; its old links stop working.

    `at` is when it is mailed, if that is not now.
    """
    invitation.nonce = crypto.new_nonce()
    invitation.token_hash = crypto.fingerprint(crypto.token(MAILED, invitation.nonce))
    invitation.sent_at = at or clock.now()
    invitation.expires_at = invitation.sent_at + INVITATION_TTL


def link(invitation: Invitation) -> dict[str, str]:
    """Return the emailed link in the form that the outbox stores."""
    return {"page": "invitation", "kind": MAILED, "nonce": invitation.nonce}


def find_inviter(session: Session, invitation: Invitation) -> User | None:
    """Return the inviter, or None if they could no longer grant the invitation's role.

    An import invites members, and the first owner of an organization that nobody has claimed.
    """
    inviter = session.get_one(User, invitation.invited_by)
    actor = Actor(inviter.id, inviter.name)
    if invitation.run_id is not None:
        may_still = Action.IMPORT in staff_rights(session, actor) and (
            invitation.role is Role.MEMBER or is_for_first_owner(session, invitation)
        )
    else:
        role = find_role(session, actor, invitation.org_id)
        may_still = role is not None and role.rank >= invitation.role.rank
    return inviter if may_still and inviter.disabled_at is None else None


def is_for_first_owner(session: Session, invitation: Invitation) -> bool:
    """Return whether an import made the invitation for the owner of an unclaimed organization."""
    org = session.get_one(Organization, invitation.org_id)
    is_owner = invitation.role is Role.OWNER and invitation.run_id is not None
    return is_owner and org.unclaimed_since is not None


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

    A `role` of None revokes all of them: the inviter is no longer a member. Those of imports stay:
    no membership backs them.
    """
    highest = -1 if role is None else role.rank
    pending = _list_pending(
        session,
        org,
        Invitation.invited_by == inviter_id,
        Invitation.run_id.is_(None),
        Invitation.role.in_([each for each in Role if each.rank > highest]),
    )
    for invitation in pending:
        close(session, invitation, InvitationStatus.REVOKED)
    return list(pending)


def revoke_unheld(session: Session, org: Organization) -> list[Invitation]:
    """Revoke pending invitations that their inviters could no longer send, and return them."""
    unheld = [it for it in _list_pending(session, org) if find_inviter(session, it) is None]
    for invitation in unheld:
        close(session, invitation, InvitationStatus.REVOKED)
    return unheld


def revoke_all(session: Session, org: Organization) -> Sequence[Invitation]:
    """Revoke all pending invitations and return them."""
    pending = _list_pending(session, org)
    for invitation in pending:
        close(session, invitation, InvitationStatus.REVOKED)
    return pending


def list_imported_owners(session: Session, org: Organization) -> Sequence[Invitation]:
    """Return the pending invitations of owners that imports made, oldest first."""
    is_imported = (Invitation.run_id.is_not(None), Invitation.role == Role.OWNER)
    return _list_pending(session, org, *is_imported)


def _list_pending(
    session: Session, org: Organization, *where: ColumnElement[bool]
) -> Sequence[Invitation]:
    return session.scalars(
        select(Invitation)
        .where(Invitation.org_id == org.id, Invitation.status == InvitationStatus.PENDING, *where)
        .order_by(Invitation.id)
        .execution_options(populate_existing=True)
    ).all()


def cancel_mail(session: Session, invitation: Invitation) -> bool:
    """Remove an invitation's mail from the queue, and return whether it was still queued.

    A mail that was sent, or is being sent, is not affected.
    """
    return bool(outbox.cancel_waiting(session, Mail.id == invitation.mail_id))
