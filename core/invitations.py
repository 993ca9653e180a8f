"""Invitations: offer people a role in an organization by mail, and see to what was offered.

What the invited person does with it is in `answers`.
"""

import re
from datetime import timedelta
from typing import Final

import pandas as pd
from sqlalchemy import case, select
from sqlalchemy.orm import Session

from core import clock, fields, history, mail, memberships, offers, throttles
from core.errors import (
    AlreadyInvited,
    AlreadyMember,
    DomainError,
    InvalidInput,
    InvitationLimit,
    NotFound,
    NotPermitted,
    RoleTooHigh,
    TooManyAttempts,
)
from core.frames import frame
from core.matching import contains
from core.models import Invitation, InvitationStatus, Mail, Membership, Organization, Role, User
from core.permissions import Action, Actor, access
from core.settings import settings

AT_ONCE: Final = 10
PENDING_MOST: Final = 200
PER_INVITER: Final = ((AT_ONCE, timedelta(minutes=1)), (50, timedelta(days=1)))
PER_ORGANIZATION: Final = ((100, timedelta(days=1)),)
"""How many mails may go out. They are counted in the transaction that queues them:
what is refused sends none and counts none."""


def invite(
    session: Session, actor: Actor, org_id: int, emails: str, *, role: Role = Role.MEMBER
) -> list[Invitation]:
    """Invite everybody whose address stands in `emails`, or nobody; commas or lines separate them.

    Each address is judged, and all refusals come at once. A single `AlreadyMember` or
    `AlreadyInvited` comes as such, else `InvalidInput`; also raises `RoleTooHigh`,
    `InvitationLimit`, `TooManyAttempts`.
    """
    org = access(session, actor, org_id, Action.INVITE)
    addresses = _judge(session, org, _split(emails))
    if not memberships.may_give(session, actor, org, role):
        raise RoleTooHigh(role)
    _ensure_room(session, actor, org, more=len(addresses), mails=len(addresses))

    inviter_id = actor.user_id or 0
    invited = [
        offers.make(session, org, email, key, role, inviter_id) for key, email in addresses.items()
    ]
    for invitation in invited:
        _send(session, actor, org, invitation)
    history.record(session, actor, org, "invitation.sent", *invited)
    return invited


def resend(session: Session, actor: Actor, org_id: int, invitation_id: int) -> Invitation:
    """Send the invitation again with a new link and another 72 hours; the old link is dead."""
    org = access(session, actor, org_id, Action.INVITE)
    invitation = _get_pending(session, actor, org, invitation_id)
    is_late = invitation.expires_at <= clock.now()
    _ensure_room(session, actor, org, more=int(is_late), mails=1)

    offers.stop_mail(session, invitation)
    offers.renew(invitation)
    _send(session, actor, org, invitation)
    history.record(session, actor, org, "invitation.resent", invitation)
    return invitation


def link(session: Session, actor: Actor, org_id: int, invitation_id: int) -> str:
    """Return an address for the invited person, to be handed over without a mail.

    It admits who already has an account; unlike the mailed one it does not prove the address.
    """
    org = access(session, actor, org_id, Action.INVITE)
    invitation = _get_pending(session, actor, org, invitation_id)
    return f"{settings().public_url}/invitation#{offers.copied_token(invitation)}"


def change_role(
    session: Session, actor: Actor, org_id: int, invitation_id: int, role: Role
) -> Invitation:
    """Offer another role to who has not answered yet; the links stay as they are."""
    org = access(session, actor, org_id, Action.INVITE)
    invitation = _get_pending(session, actor, org, invitation_id)
    if invitation.role is role:
        return invitation
    if not memberships.may_give(session, actor, org, role):
        raise RoleTooHigh(role)

    invitation.role = role
    invitation.invited_by = actor.user_id or invitation.invited_by
    history.record(session, actor, org, "invitation.role_changed", invitation)
    return invitation


def revoke(session: Session, actor: Actor, org_id: int, invitation_id: int) -> Invitation:
    """Take an invitation back; its links are dead."""
    org = access(session, actor, org_id, Action.INVITE)
    invitation = _get_pending(session, actor, org, invitation_id)

    offers.answer(session, invitation, InvitationStatus.REVOKED)
    history.record(session, actor, org, "invitation.revoked", invitation)
    return invitation


def table(
    session: Session, actor: Actor, org_id: int, *, search: str = "", most: int = 500
) -> pd.DataFrame:
    """Return who was invited and has not come: newest first, expired and declined ones included.

    Columns: id, email, role, invited_by (a name), sent_at, expires_at, state (`pending`,
    `expired`, `declined`), delivery (`queued`, `sent`, `failed`), delivery_error, the mail
    server's own words.
    """
    access(session, actor, org_id, Action.VIEW_INVITATIONS)
    is_unsent = Mail.sent_at.is_(None) & Mail.id.is_not(None)
    invited = (
        select(
            Invitation.id,
            Invitation.email,
            Invitation.role,
            User.name.label("invited_by"),
            Invitation.sent_at,
            Invitation.expires_at,
            Invitation.status.label("state"),
            case(
                (is_unsent & Mail.error.is_not(None), "failed"), (is_unsent, "queued"), else_="sent"
            ).label("delivery"),
            case((is_unsent, Mail.error)).label("delivery_error"),
        )
        .join(User, User.id == Invitation.invited_by)
        .outerjoin(Mail, Mail.id == Invitation.mail_id)
        .where(
            Invitation.org_id == org_id,
            Invitation.status.in_([InvitationStatus.PENDING, InvitationStatus.DECLINED]),
            contains(Invitation.email, search),
        )
        .order_by(Invitation.sent_at.desc(), Invitation.id.desc())
        .limit(most)
    )
    listed = frame(session, invited)
    is_late = (listed["state"] == InvitationStatus.PENDING) & (listed["expires_at"] <= clock.now())
    listed["state"] = listed["state"].where(~is_late, "expired")
    return listed


def _split(emails: str) -> list[str]:
    """Return what stands between commas, semicolons and line ends."""
    parts = re.split(r"[,;\n\r]", emails, maxsplit=100)
    typed = [part.strip() for part in parts if part.strip()]
    if len(typed) > AT_ONCE:
        raise InvalidInput({"emails": f"Invite at most {AT_ONCE} at once, the next in a minute."})
    return typed or [""]


def _judge(session: Session, org: Organization, typed: list[str]) -> dict[str, str]:
    """Return addresses by what all their spellings have in common, or refuse all that are unfit."""
    addresses: dict[str, str] = {}
    unfit: list[str] = []
    for text in typed:
        try:
            address = fields.email(text)
            addresses.setdefault(fields.email_key(address), address)
        except fields.Unfit as why:
            unfit.append(f"{text[:60]}: {why}" if len(typed) > 1 else str(why))
    taken = _find_taken(session, org, addresses)
    if len(taken) == 1 and not unfit:
        raise taken[0]
    if taken or unfit:
        raise InvalidInput({"emails": " ".join([*unfit, *map(str, taken)])})
    return addresses


def _find_taken(
    session: Session, org: Organization, addresses: dict[str, str]
) -> list[DomainError]:
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
    return [
        *(AlreadyMember(addresses[key]) for key in inside),
        *(AlreadyInvited(addresses[key]) for key in invited),
    ]


def _ensure_room(
    session: Session, actor: Actor, org: Organization, *, more: int, mails: int
) -> None:
    """Keep to how many may be pending, and count the mails that are about to go out."""
    if offers.count_open(session, org.id) + more > PENDING_MOST:
        raise InvitationLimit(PENDING_MOST)
    caps = ((f"person:{actor.user_id}", PER_INVITER), (f"org:{org.id}", PER_ORGANIZATION))
    minutes = [throttles.hit(session, "invite", *cap) for cap in caps for _ in range(mails)]
    if any(minutes):
        raise TooManyAttempts(max(minutes))


def _get_pending(
    session: Session, actor: Actor, org: Organization, invitation_id: int
) -> Invitation:
    """Return a pending invitation, expired or not, that offers no more than the actor could."""
    invitation = session.scalar(
        select(Invitation)
        .where(
            Invitation.id == invitation_id,
            Invitation.org_id == org.id,
            Invitation.status == InvitationStatus.PENDING,
        )
        .execution_options(populate_existing=True)
    )
    if invitation is None:
        raise NotFound("pending invitation")
    if not memberships.may_give(session, actor, org, invitation.role):
        raise NotPermitted(f"change an invitation as {invitation.role}")
    return invitation


def _send(session: Session, actor: Actor, org: Organization, invitation: Invitation) -> None:
    queued = mail.enqueue(
        session,
        "invitation",
        invitation.email,
        org_id=org.id,
        organization=org.name,
        by=actor.name,
        role=invitation.role,
        hours=int(offers.LASTS.total_seconds()) // 3600,
        link={"page": "invitation", "kind": offers.MAILED, "nonce": invitation.nonce},
    )
    invitation.mail_id = queued.id
