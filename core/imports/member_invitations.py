"""Members whom imports invite: never added, never with a role above member.

An invitation of an import is backed by the right to import of who started it, and the owners of the
organization are told of it.
"""

from typing import Final

from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access
from core.accounts import user_rows
from core.audit import history
from core.base.errors import InvalidInput, MemberLimit
from core.imports import mail_caps
from core.members import invitation_rows, invitees, member_mails
from core.models import Invitation, InvitationStatus, Organization, Role

_TOLD: Final = "was invited as a member by an import"


def invite(session: Session, actor: Actor, org_id: int, email: str, *, run_id: int) -> Invitation:
    """Invite a member on behalf of staff, and tell the owners.

    Raises `AddressesRefused`, `AlreadyMember`, `AlreadyInvited`, `MemberLimit`, `InvitationLimit`,
    and `TooManyAttempts` for an address that imports have invited too often today.
    """
    org = access(session, actor, org_id, Action.IMPORT)
    [(key, address)] = invitees.parse(session, org, email).items()
    if user_rows.is_staff_address(session, address):
        raise InvalidInput({"email": mail_caps.OWN_STAFF})
    if org.member_limit is not None and org.member_count >= org.member_limit:
        raise MemberLimit(org.member_limit)
    invitees.ensure_below_limit(session, org, more=1)
    mail_caps.count(session, address)
    invitees.count_recipients(session, org, {key: address})

    invitation = invitation_rows.make(
        session, org, address, key, Role.MEMBER, actor.user_id or 0, run_id=run_id
    )
    member_mails.send_invitation(session, actor, org, invitation)
    _tell_owners(session, actor, org, address)
    history.record(session, actor, org, "invitation.sent", invitation)
    return invitation


def revoke(session: Session, actor: Actor, org_id: int, invitation_id: int) -> Invitation | None:
    """Revoke an invitation that an import made; None if it is not pending any longer."""
    org = access(session, actor, org_id, Action.IMPORT)
    invitation = session.get(Invitation, invitation_id, populate_existing=True)
    is_imported = invitation is not None and invitation.run_id is not None
    if invitation is None or not is_imported or invitation.org_id != org.id:
        return None
    if invitation.status is not InvitationStatus.PENDING:
        return None
    invitation_rows.close(session, invitation, InvitationStatus.REVOKED)
    member_mails.notify_revoked(session, org, [invitation])
    history.record(session, actor, org, "invitation.revoked", invitation)
    return invitation


def _tell_owners(session: Session, actor: Actor, org: Organization, address: str) -> None:
    """Mail the owners who was invited, within the cap of mails from one person to another."""
    owners = member_mails.list_notified_owners(session, org)
    member_mails.send_to_owners(
        session,
        org,
        "member_news",
        to=[each for each in owners if member_mails.is_within_cap(session, actor, each.id)],
        name=address,
        by=actor.name,
        link=member_mails.page_link(org),
        what=_TOLD,
    )
