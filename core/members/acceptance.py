"""Answers: what the person at the other end of an invitation sees and does.

The link admits, not a role: organizations are opened here in the name of Orgdesk itself, and what
was offered is judged again by what the inviter may offer now.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import NOBODY, ORGDESK, Action, Actor, access
from core.accounts import user_rows
from core.audit import history
from core.base import clock, validation
from core.base.errors import InvalidInput, LinkNotValid, NotFound, WrongInvitee
from core.members import invitation_rows, member_mails, membership_rows
from core.models import Invitation, InvitationStatus, Logo, Membership, Organization, User


@dataclass(frozen=True)
class Offer:
    """What the welcome page shows of an invitation that can still be answered."""

    invitation: Invitation
    organization: Organization
    logo: bytes | None
    """The organization's thumbnail, a PNG: strangers are not served logos."""
    inviter: str
    is_for_actor: bool
    has_account: bool
    proves_address: bool
    """Whether the link came by mail, so that an account may be made with it."""


def find(session: Session, actor: Actor, token: str) -> Offer:
    """Return what a link offers; raises `LinkNotValid`. Looking changes nothing."""
    invitation, org, was_mailed = _look(session, token)
    inviter = _ensure_open(session, invitation)
    person = user_rows.find(session, invitation.email_key)
    logo = session.get(Logo, org.logo) if org.logo else None
    return Offer(
        invitation=invitation,
        organization=org,
        logo=logo.thumbnail if logo else None,
        inviter=inviter.name,
        is_for_actor=person is not None and person.id == actor.user_id,
        has_account=person is not None,
        proves_address=was_mailed,
    )


def accept(session: Session, actor: Actor, token: str) -> Membership:
    """Let the invited person in with the offered role; pressing twice admits once.

    Raises `LinkNotValid`, `WrongInvitee`, `MembershipLimit`.
    """
    invitation, org, _ = _look(session, token)
    user_id = actor.user_id or 0
    there = membership_rows.find(session, org, user_id)
    if there is not None and invitation.status is InvitationStatus.ACCEPTED:
        return there
    inviter = _ensure_open(session, invitation)
    _ensure_invited(session, actor, invitation)

    invitation_rows.answer(session, invitation, InvitationStatus.ACCEPTED)
    membership = there or membership_rows.make(session, org, user_id, invitation.role)
    _tell(session, org, membership, inviter, actor.name)
    history.record(session, actor, org, "invitation.accepted", membership, invitation)
    return membership


def accept_with_new_account(
    session: Session, _nobody: Actor, token: str, new: user_rows.NewAccount
) -> Membership:
    """Make the invited person's account and let the person in; the mailed link proves the address.

    Raises `LinkNotValid`, also for a link that was copied, `WrongInvitee` and `InvalidInput`.
    """
    invitation, org, was_mailed = _look(session, token)
    inviter = _ensure_open(session, invitation)
    if not was_mailed:
        raise LinkNotValid("Sign up on your own first, then open it again.")
    if validation.email_key(new.email) != invitation.email_key:
        raise WrongInvitee(invitation.email)
    if user_rows.find(session, invitation.email_key) is not None:
        raise InvalidInput({"email": "This address has an account. Log in, then accept."})

    invitation_rows.answer(session, invitation, InvitationStatus.ACCEPTED)
    user = user_rows.make(session, new, is_proven=True)
    membership = membership_rows.make(session, org, user.id, invitation.role)
    _tell(session, org, membership, inviter, user.name)
    actor = Actor(user.id, user.name)
    history.record(session, actor, org, "invitation.accepted", membership, invitation, user)
    return membership


def decline(session: Session, actor: Actor, token: str) -> Invitation:
    """Turn an invitation down: the invited person, or who holds the link and is not signed in."""
    invitation, org, _ = _look(session, token)
    inviter = _ensure_open(session, invitation)
    if actor is not NOBODY:
        _ensure_invited(session, actor, invitation)

    invitation_rows.answer(session, invitation, InvitationStatus.DECLINED)
    member_mails.send(session, org, inviter.id, "invitation_declined", email=invitation.email)
    history.record(session, actor, org, "invitation.declined", invitation)
    return invitation


def _look(session: Session, token: str) -> tuple[Invitation, Organization, bool]:
    """Return a link's invitation, its organization, and whether the link was emailed.

    The organization's row is locked first: in a write transaction nothing here changes afterwards.
    """
    org_id = invitation_rows.find_org_id(session, token)
    try:
        org = access(session, ORGDESK, org_id or 0, Action.VIEW)
    except NotFound as error:
        raise _refusal() from error
    found = invitation_rows.find_by_token(session, token)
    if found is None:
        raise _refusal()
    invitation, is_mailed = found
    return invitation, org, is_mailed


def _ensure_open(session: Session, invitation: Invitation) -> User:
    """Return the inviter, if the invitation is open and the inviter may still offer as much."""
    inviter = invitation_rows.find_inviter(session, invitation)
    is_over = invitation.expires_at <= clock.now()
    if invitation.status is not InvitationStatus.PENDING or is_over or inviter is None:
        raise _refusal()
    return inviter


def _ensure_invited(session: Session, actor: Actor, invitation: Invitation) -> None:
    key = session.scalar(select(User.email_key).where(User.id == actor.user_id))
    if key != invitation.email_key:
        raise WrongInvitee(invitation.email)


def _refusal() -> LinkNotValid:
    """Return the one answer to links that are unknown, used, revoked, replaced or too old."""
    return LinkNotValid("Ask whoever invited you to send a new one.")


def _tell(
    session: Session, org: Organization, membership: Membership, inviter: User, name: str
) -> None:
    """Mail the inviter and the newcomer."""
    role, page = membership.role, member_mails.page_link(org, "overview")
    member_mails.send(session, org, inviter.id, "invitation_accepted", name=name, role=role)
    member_mails.send(
        session,
        org,
        membership.user_id,
        "member_joined",
        inviter=inviter.name,
        role=role,
        link=page,
    )
