"""Accept or decline an invitation: what the invited person sees and does.

The link itself grants access, so the organization is opened as `ORGDESK`; whether the offered role
is still allowed depends on what the inviter may grant now.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import (
    ANONYMOUS,
    ORGDESK,
    Action,
    Actor,
    access,
    lock_user_or_none,
)
from core.accounts import user_rows
from core.audit import history
from core.base import clock, validation
from core.base.errors import InvalidInput, LinkNotValid, NotFound, WrongInvitee
from core.members import invitation_rows, member_mails, membership_rows
from core.models import (
    Base,
    Invitation,
    InvitationStatus,
    Logo,
    Membership,
    Organization,
    Role,
    User,
)

_MAX_WAITING: Final = 20


@dataclass(frozen=True)
class OpenInvitation:
    """An invitation that can still be answered, as its page displays it."""

    organization: Organization
    logo: bytes | None
    """The organization's thumbnail, a PNG: logos are not served to strangers."""
    inviter: str
    email: str
    role: Role
    is_for_actor: bool
    has_account: bool
    proves_address: bool
    """Whether the link was emailed, so that an account can be created with it."""


def get_invitation(session: Session, actor: Actor, token: str) -> OpenInvitation:
    """Return the invitation of a link without changing anything; raises `LinkNotValid`."""
    invitation, org, is_mailed = _get_by_token(session, token)
    inviter = _ensure_open(session, invitation)
    person = user_rows.find_confirmed(session, invitation.email_key)
    logo = session.get(Logo, org.logo) if org.logo else None
    return OpenInvitation(
        organization=org,
        logo=logo.thumbnail if logo else None,
        inviter=inviter.name,
        email=invitation.email,
        role=invitation.role,
        is_for_actor=person is not None and person.id == actor.user_id,
        has_account=person is not None,
        proves_address=is_mailed,
    )


@dataclass(frozen=True)
class WaitingInvitation:
    """An invitation that waits for the answer of a person who is logged in."""

    organization: Organization
    inviter: str
    role: Role
    token: str
    """Accepts or declines it, like the token of a copied link."""


def list_waiting(session: Session, actor: Actor) -> list[WaitingInvitation]:
    """Return the open invitations to the actor's address, newest first, at most 20."""
    waiting = (
        select(Invitation, Organization)
        .join(User, User.email_key == Invitation.email_key)
        .join(Organization, Organization.id == Invitation.org_id)
        .where(
            User.id == actor.user_id,
            invitation_rows.is_open(),
            Organization.deleted_at.is_(None),
        )
        .order_by(Invitation.id.desc())
        .limit(_MAX_WAITING)
    )
    found = [
        (invitation, org, invitation_rows.find_inviter(session, invitation))
        for invitation, org in session.execute(waiting).all()
    ]
    return [
        WaitingInvitation(
            org, inviter.name, invitation.role, invitation_rows.copied_token(invitation)
        )
        for invitation, org, inviter in found
        if inviter is not None
    ]


def accept(session: Session, actor: Actor, token: str) -> Membership:
    """Make the invited person a member with the offered role; accepting twice is harmless.

    Raises `LinkNotValid`, `WrongInvitee`, `MembershipLimit` and `MemberLimit`.
    """
    invitation, org, _ = _get_by_token(session, token)
    user_id = actor.user_id or 0
    existing = membership_rows.find(session, org, user_id)
    if existing is not None and invitation.status is InvitationStatus.ACCEPTED:
        return existing
    inviter = _ensure_open(session, invitation)
    _ensure_invited(session, actor, invitation)

    invitation_rows.close(session, invitation, InvitationStatus.ACCEPTED)
    membership = existing or membership_rows.make(session, org, user_id, invitation.role)
    also = _claim(session, org, membership, invitation)
    _notify_joined(session, org, membership, inviter, actor.name)
    history.record(session, actor, org, "invitation.accepted", membership, invitation, *also)
    return membership


def accept_with_new_account(
    session: Session, _nobody: Actor, token: str, new: user_rows.NewAccount
) -> Membership:
    """Create the invited person's account and accept; the emailed link proves the address.

    Raises `LinkNotValid`, also for a copied link, `WrongInvitee`, `MemberLimit` and
    `InvalidInput`.
    """
    invitation, org, is_mailed = _get_by_token(session, token)
    inviter = _ensure_open(session, invitation)
    if not is_mailed:
        raise LinkNotValid("Sign up first, then open it again.")
    if validation.email_key(new.email) != invitation.email_key:
        raise WrongInvitee(invitation.email)
    if user_rows.find_confirmed(session, invitation.email_key) is not None:
        raise InvalidInput({"email": "This address already has an account. Log in to accept."})

    invitation_rows.close(session, invitation, InvitationStatus.ACCEPTED)
    user = user_rows.create(session, new, is_confirmed=True)
    membership = membership_rows.make(session, org, user.id, invitation.role)
    also = _claim(session, org, membership, invitation)
    _notify_joined(session, org, membership, inviter, user.name)
    actor = Actor(user.id, user.name)
    history.record(session, actor, org, "invitation.accepted", membership, invitation, user, *also)
    return membership


def decline(session: Session, actor: Actor, token: str) -> Invitation:
    """Decline an invitation, as the invited person or as a holder of the link without a login.

    Raises `LinkNotValid` and `WrongInvitee`.
    """
    invitation, org, _ = _get_by_token(session, token)
    inviter = _ensure_open(session, invitation)
    if actor is not ANONYMOUS:
        _ensure_invited(session, actor, invitation)

    invitation_rows.close(session, invitation, InvitationStatus.DECLINED)
    member_mails.send(session, org, inviter.id, "invitation_declined", email=invitation.email)
    history.record(session, actor, org, "invitation.declined", invitation)
    return invitation


def _get_by_token(session: Session, token: str) -> tuple[Invitation, Organization, bool]:
    """Return a link's invitation, its organization, and whether the link was emailed.

    In a write transaction the organization's row is locked before the token is looked up.
    """
    org = _find_organization(session, invitation_rows.find_org_id(session, token))
    found = invitation_rows.find_by_token(session, token)  # whatever the link: it takes as long
    if org is None or found is None:
        raise _link_not_valid()
    invitation, is_mailed = found
    return invitation, org, is_mailed


def _find_organization(session: Session, org_id: int | None) -> Organization | None:
    try:
        return access(session, ORGDESK, org_id or 0, Action.VIEW)
    except NotFound:
        return None


def _ensure_open(session: Session, invitation: Invitation) -> User:
    """Return the inviter, provided that the invitation is open and still within their rights."""
    is_over = invitation.expires_at <= clock.now()
    if invitation.status is not InvitationStatus.PENDING or is_over:
        raise _link_not_valid()
    if (inviter := invitation_rows.find_inviter(session, invitation)) is None:
        raise _link_not_valid()
    return inviter


def _ensure_invited(session: Session, actor: Actor, invitation: Invitation) -> None:
    user = lock_user_or_none(session, actor.user_id or 0)  # the account may be deleted meanwhile
    if user is None or user.email_key != invitation.email_key:
        raise WrongInvitee(invitation.email)


def _claim(
    session: Session, org: Organization, membership: Membership, invitation: Invitation
) -> list[Base]:
    """Let the first owner of an imported organization claim it; return what else has changed.

    Other invitations of imports to become its owner are revoked.
    """
    if not invitation_rows.is_for_first_owner(session, invitation):
        return []
    membership.role = Role.OWNER  # also for someone who had joined as a member before
    session.flush()  # first, so that there is an owner when it is claimed
    org.unclaimed_since = None
    others = [it for it in invitation_rows.list_imported_owners(session, org) if it != invitation]
    for other in others:
        invitation_rows.close(session, other, InvitationStatus.REVOKED)
    return [org, *others]


def _link_not_valid() -> LinkNotValid:
    """Return the same refusal for links that are unknown, used, revoked, replaced or expired."""
    return LinkNotValid("Ask the person who invited you for a new one.")


def _notify_joined(
    session: Session, org: Organization, membership: Membership, inviter: User, name: str
) -> None:
    """Mail the inviter and the new member."""
    role = membership.role
    member_mails.send(session, org, inviter.id, "invitation_accepted", name=name, role=role)
    member_mails.send(
        session,
        org,
        membership.user_id,
        "member_joined",
        inviter=inviter.name,
        role=role,
        link=member_mails.page_link(org, "overview"),
    )
