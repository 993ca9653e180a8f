"""Ownership: an owner offers it, a member accepts, and there is an owner at every moment.

Where every owner is disabled, an administrator assigns a new one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd
from sqlalchemy import Exists, exists, select
from sqlalchemy.orm import Session, aliased

from core.access.permissions import Action, Actor, access, access_staff, may
from core.accounts import user_rows
from core.audit import history
from core.base import clock, validation
from core.base.errors import (
    HasOwner,
    InvalidInput,
    LastOwner,
    NotFound,
    NotPermitted,
    OfferClosed,
)
from core.database.db import frame
from core.members import leaving, member_mails, membership_rows, ownership_rows
from core.models import (
    Handover,
    Invitation,
    InvitationStatus,
    Membership,
    Organization,
    Role,
    User,
)

_MAX_OWNERLESS_LISTED: Final = 200


def offer(
    session: Session, actor: Actor, org_id: int, user_id: int, *, role: Role = Role.ADMIN
) -> Handover:
    """Offer the actor's ownership to a member; the actor gets `role` once it is accepted.

    Replaces the actor's earlier offer. The page asks for the password first. Raises `InvalidInput`.
    """
    org = access(session, actor, org_id, Action.CHANGE_ROLES)
    owner = membership_rows.get(session, org, actor.user_id or 0)
    if owner.role is not Role.OWNER:
        raise NotPermitted("offer ownership that is not yours")
    to = membership_rows.get(session, org, user_id)
    _ensure_can_offer(session, owner, to, role)
    before = ownership_rows.revoke_for(session, org, owner.user_id, role)
    leaving.notify_withdrawn(session, org, [each for each in before if each.to_id != user_id])

    session.flush()  # an owner has at most one pending offer
    made = ownership_rows.make(session, org, owner.user_id, user_id, role)
    member_mails.notify(
        session,
        actor,
        org,
        user_id,
        "ownership_offered",
        role=role,
        days=ownership_rows.OFFER_TTL.days,
        link=member_mails.page_link(org),
    )
    history.record(session, actor, org, "ownership.offered", made, *before, person_id=user_id)
    return made


def withdraw(session: Session, actor: Actor, org_id: int, handover_id: int) -> Handover:
    """Withdraw a pending offer, expired or not; any owner can."""
    org = access(session, actor, org_id, Action.CHANGE_ROLES)
    handover = _get(session, org, handover_id)
    if handover.status is not InvitationStatus.PENDING:
        return handover
    if ownership_rows.is_open(handover):
        member_mails.notify(session, actor, org, handover.to_id, "ownership_withdrawn")
    ownership_rows.close(handover, InvitationStatus.REVOKED)
    history.record(session, actor, org, "ownership.withdrawn", handover, person_id=handover.to_id)
    return handover


def decline(session: Session, actor: Actor, org_id: int, handover_id: int) -> Handover:
    """Decline an offer of ownership; raises `OfferClosed`."""
    org = access(session, actor, org_id, Action.VIEW)
    handover = _get_own(session, actor, org, handover_id)
    if handover.status is InvitationStatus.DECLINED:
        return handover
    _ensure_open(session, org, handover)
    ownership_rows.close(handover, InvitationStatus.DECLINED)
    link = member_mails.page_link(org)
    member_mails.notify(session, actor, org, handover.from_id, "ownership_declined", link=link)
    history.record(session, actor, org, "ownership.declined", handover, person_id=handover.to_id)
    return handover


def accept(session: Session, actor: Actor, org_id: int, handover_id: int) -> Membership:
    """Accept an offer: the actor becomes an owner, and the old owner gets the role they chose.

    Accepting twice is harmless. Raises `OfferClosed`, also if the old owner is no longer one.
    """
    org = access(session, actor, org_id, Action.VIEW)
    handover = _get_own(session, actor, org, handover_id)
    new = membership_rows.get(session, org, handover.to_id)
    if handover.status is InvitationStatus.ACCEPTED:
        return new
    old = _ensure_open(session, org, handover)

    new.role = Role.OWNER
    session.flush()  # first, so that there is an owner at every moment
    old.role = handover.role_after
    ownership_rows.close(handover, InvitationStatus.ACCEPTED)
    ended = [
        *leaving.withdraw(session, org, old.user_id, old.role),
        *leaving.withdraw(session, org, new.user_id, new.role),
    ]
    _notify_transferred(session, actor, org, old)
    history.record(session, actor, org, "ownership.transferred", new, old, handover, *ended)
    return new


def give_back(
    session: Session,
    actor: Actor,
    org_id: int,
    roles: Mapping[int, Role],
    *,
    reason: str = "",
) -> Membership:
    """Give the people of an accepted transfer these roles, by their ids, in one recorded step.

    The offer stays accepted. Returns the membership of the new owner. Raises `LastOwner`.
    """
    org = access(session, actor, org_id, Action.CHANGE_ROLES)
    ranked = sorted(roles.items(), key=lambda item: -item[1].rank)
    changed = [(membership_rows.get(session, org, user_id), role) for user_id, role in ranked]
    if Role.OWNER not in roles.values():
        raise LastOwner

    ended: list[Invitation | Handover] = []
    for membership, role in changed:
        old, membership.role = membership.role, role
        session.flush()  # the highest role first, so that there is an owner at every moment
        ended += leaving.withdraw(session, org, membership.user_id, role)
        member_mails.notify(
            session, actor, org, membership.user_id, "role_changed", old=old, new=role
        )
    owner = changed[0][0]
    what = "is an owner again, as a transfer of ownership was undone"
    member_mails.notify_owners(session, actor, org, owner.user_id, what=what)
    rows = [membership for membership, _ in changed]
    history.record(session, actor, org, "ownership.transferred", *rows, *ended, reason=reason)
    return owner


@dataclass(frozen=True)
class PendingOffer:
    """A pending offer of ownership, as Access Control displays it."""

    handover: Handover
    from_name: str
    to_name: str
    is_open: bool
    is_for_actor: bool


def list_offers(session: Session, actor: Actor, org_id: int) -> list[PendingOffer]:
    """Return pending offers: all of them for owners, else those made to the actor."""
    org = access(session, actor, org_id, Action.VIEW)
    owner, recipient = aliased(User), aliased(User)
    pending = (
        select(Handover, owner.name, recipient.name)
        .join(owner, owner.id == Handover.from_id)
        .join(recipient, recipient.id == Handover.to_id)
        .where(Handover.org_id == org.id, Handover.status == InvitationStatus.PENDING)
        .order_by(Handover.id)
    )
    if not may(session, actor, org_id, Action.CHANGE_ROLES):
        pending = pending.where(Handover.to_id == actor.user_id, Handover.expires_at > clock.now())
    return [
        PendingOffer(
            handover,
            from_name,
            to_name,
            ownership_rows.is_open(handover),
            handover.to_id == actor.user_id,
        )
        for handover, from_name, to_name in session.execute(pending)
    ]


def ownerless_table(session: Session, actor: Actor) -> pd.DataFrame:
    """Return the organizations whose owners are all disabled, at most 200.

    Columns: id, public_id, name, logo, stage, member_count, created_at.
    """
    access_staff(session, actor, Action.MANAGE_PEOPLE)
    disabled = select(User.id).where(User.disabled_at.is_not(None))
    disabled_owner = select(Membership.org_id).where(
        Membership.user_id.in_(disabled), Membership.role == Role.OWNER
    )
    return frame(
        session,
        select(
            Organization.id,
            Organization.public_id,
            Organization.name,
            Organization.logo,
            Organization.stage,
            Organization.member_count,
            Organization.created_at,
        )
        .where(
            Organization.id.in_(disabled_owner),
            Organization.deleted_at.is_(None),
            ~_has_active_owner(),
        )
        .order_by(Organization.id)
        .limit(_MAX_OWNERLESS_LISTED),
    )


def list_owner_candidates(
    session: Session, actor: Actor, org_id: int, *, limit: int = 50
) -> list[str]:
    """Return the addresses of active members, highest role first."""
    org = access(session, actor, org_id, Action.ASSIGN_OWNER)
    found = session.execute(
        select(User.email, Membership.role, Membership.id)
        .join(User, User.id == Membership.user_id)
        .where(Membership.org_id == org.id, User.disabled_at.is_(None))
        .order_by(Membership.rank.desc(), Membership.id)
        .limit(limit)
    )
    return [email for email, _, _ in found]


def assign_owner(
    session: Session, actor: Actor, org_id: int, email: str, *, reason: str
) -> Membership:
    """Make any active account an owner of an organization whose owners are all disabled.

    Raises `HasOwner`, `MembershipLimit`, and `InvalidInput` for `email` and `reason`.
    """
    org = access(session, actor, org_id, Action.ASSIGN_OWNER)
    check = validation.Check()
    address = check("email", validation.email, email)
    reason = check("reason", validation.reason, reason)
    check.done()
    this = Organization.id == org.id
    if session.scalar(select(Organization.id).where(this, _has_active_owner())):
        raise HasOwner(org.name)
    new_owner = user_rows.find_confirmed(session, validation.email_key(address))
    if new_owner is None or new_owner.disabled_at is not None:
        raise InvalidInput({"email": "No active account has this address. Choose another one."})

    membership = membership_rows.find(session, org, new_owner.id)
    if membership is None:
        membership = membership_rows.make(session, org, new_owner.id, Role.OWNER)
    membership.role = Role.OWNER
    member_mails.notify(
        session,
        actor,
        org,
        new_owner.id,
        "owner_named",
        reason=reason,
        link=member_mails.page_link(org),
    )
    history.record(session, actor, org, "ownership.named", membership, reason=reason)
    return membership


def _ensure_can_offer(session: Session, owner: Membership, to: Membership, role: Role) -> None:
    """Raise `InvalidInput` with everything that rules out this handover."""
    wrong = {}
    person = session.get_one(User, to.user_id)
    if to.role is Role.OWNER:
        wrong["user_id"] = "This person is already an owner. Choose someone else."
    elif person.disabled_at is not None:
        wrong["user_id"] = f"The account of {person.name} is disabled. Choose someone else."
    if role is owner.role:
        wrong["role"] = "Choose a role below owner. To have two owners, use Edit roles instead."
    if wrong:
        raise InvalidInput(wrong)


def _notify_transferred(session: Session, actor: Actor, org: Organization, old: Membership) -> None:
    """Mail the old owner, the new owner, and the other owners."""
    old_owner = session.get_one(User, old.user_id).name
    for user_id in (old.user_id, actor.user_id or 0):
        member_mails.send(
            session,
            org,
            user_id,
            "ownership_transferred",
            new_owner=actor.name,
            old_owner=old_owner,
            old_role=old.role,
            link=member_mails.page_link(org),
        )
    what = f"is now an owner, in place of {old_owner}"
    member_mails.notify_owners(session, actor, org, actor.user_id or 0, what=what)


def _get(session: Session, org: Organization, handover_id: int) -> Handover:
    handover = ownership_rows.find(session, org, handover_id)
    if handover is None:
        raise NotFound("offer of ownership")
    return handover


def _get_own(session: Session, actor: Actor, org: Organization, handover_id: int) -> Handover:
    """Return an offer made to the actor; for anyone else it does not exist."""
    handover = _get(session, org, handover_id)
    if handover.to_id != actor.user_id:
        raise NotFound("offer of ownership")
    return handover


def _ensure_open(session: Session, org: Organization, handover: Handover) -> Membership:
    """Return the membership of the old owner; raises `OfferClosed` if they can no longer offer."""
    owner = membership_rows.find(session, org, handover.from_id)
    can_act = session.get_one(User, handover.from_id, populate_existing=True).disabled_at is None
    if (
        not ownership_rows.is_open(handover)
        or owner is None
        or owner.role is not Role.OWNER
        or not can_act
    ):
        raise OfferClosed
    return owner


def _has_active_owner() -> Exists:
    return (
        exists()
        .where(
            Membership.org_id == Organization.id,
            Membership.role == Role.OWNER,
            User.id == Membership.user_id,
            User.disabled_at.is_(None),
        )
        .correlate(Organization)
    )
