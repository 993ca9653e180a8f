"""Leaving: leave an organization or delete one's account, and what ends with a membership.

The last owner can do neither: `membership_rows.is_last_owner`.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress

from sqlalchemy import Text, cast, delete, func, null, or_, select, update
from sqlalchemy.orm import Session

from core.access.permissions import ORGDESK, Action, Actor, access, lock_self, lock_staff_roles
from core.accounts import drafts, email_links, sessions, totp, uploads, user_rows
from core.audit import history
from core.base import clock
from core.base.errors import JustJoined, LastOwner, NotFound
from core.database import search
from core.members import invitation_rows, member_mails, membership_rows, ownership_rows
from core.models import (
    FormerMembership,
    Handover,
    Impersonation,
    Invitation,
    InvitationStatus,
    Membership,
    Organization,
    Role,
    RunItem,
    User,
)


def leave(session: Session, actor: Actor, org_id: int, *, reason: str = "") -> Membership:
    """Leave an organization; raises `LastOwner`."""
    org = access(session, actor, org_id, Action.VIEW)
    membership = membership_rows.get(session, org, actor.user_id or 0)
    if membership_rows.is_last_owner(session, org, membership):
        raise LastOwner

    member_mails.send(session, org, membership.user_id, "member_left")
    member_mails.notify_owners(session, actor, org, membership.user_id, what="left")
    return end_membership(session, actor, org, membership, "member.left", reason)


def is_last_owner(session: Session, actor: Actor, org_id: int) -> bool:
    """Return whether the actor is the only owner of an organization, who cannot leave it."""
    org = access(session, actor, org_id, Action.VIEW)
    membership = membership_rows.get(session, org, actor.user_id or 0)
    return membership_rows.is_last_owner(session, org, membership)


def delete_account(session: Session, actor: Actor) -> User:
    """Delete the actor's account; history keeps the id, and name and address are erased.

    The page asks for the password first. Raises `LastOwner` with every organization that would be
    left without an owner, `LastAdministrator`, and `JustJoined`.
    """
    lock_staff_roles(session)
    mine = _lock_memberships(session, actor)
    unowned = [
        org.name
        for org, membership in mine
        if membership_rows.is_last_owner(session, org, membership)
    ]
    if unowned:
        raise LastOwner(unowned)
    for org, membership in mine:
        member_mails.notify_owners(session, actor, org, membership.user_id, what="left")
        end_membership(session, actor, org, membership, "member.left", "")
    acting_in = lock_acting_in(session, actor.user_id or 0)
    user = lock_self(session, actor)
    if membership_rows.count_for(session, user.id):
        raise JustJoined
    user_rows.ensure_other_administrator(session, user)
    sessions.end_all(session, user.id, "account deleted")
    _erase_traces(session, user)
    user.email, user.email_key = "", f"deleted:{user.id}"
    user.name, user.password_hash, user.staff = "A deleted account", None, None
    search.index_user(user)
    user.password_epoch += 1
    user.deleted_at = user.disabled_at = clock.now()
    history.record(session, actor, user.id, "account.deleted", user)
    end_offers(session, actor, acting_in, user.id)
    return user


def _lock_memberships(session: Session, actor: Actor) -> list[tuple[Organization, Membership]]:
    """Lock the organizations of the actor and return each with the membership."""
    org_ids = (
        select(Membership.org_id)
        .join(Organization, Organization.id == Membership.org_id)
        .where(Membership.user_id == actor.user_id, Organization.deleted_at.is_(None))
        .order_by(Membership.org_id)
    )
    mine = []
    for org_id in session.scalars(org_ids).all():
        with suppress(NotFound):  # deleted meanwhile, or the person was removed
            org = access(session, actor, org_id, Action.VIEW)
            mine.append((org, membership_rows.get(session, org, actor.user_id or 0)))
    return mine


def _erase_traces(session: Session, user: User) -> None:
    """Erase a person's links, second factor, files, drafts, former roles, closed invitations.

    The rows of imports that have the address are emptied as well.
    """
    for kind in (email_links.RESET, email_links.CONFIRM):
        email_links.revoke(session, kind, user_id=user.id)
    totp.remove(session, user)
    uploads.delete_all(session, user.id)
    drafts.delete_all(session, user.id)
    session.execute(delete(FormerMembership).where(FormerMembership.user_id == user.id))
    address = json.dumps(user.email.lower())[1:-1]
    is_theirs = or_(
        *(
            func.lower(cast(column, Text)).contains(address, autoescape=True)
            for column in (RunItem.input, RunItem.base)
        )
    )
    session.execute(
        update(RunItem)
        .where(RunItem.input.is_not(None), is_theirs)
        .values(input=null(), base=null())
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Invitation)
        .where(
            Invitation.email_key == user.email_key, Invitation.status != InvitationStatus.PENDING
        )
        .values(email="", email_key=f"deleted:{user.id}")
        .execution_options(unrecorded=True, synchronize_session=False)
    )


def end_membership(
    session: Session,
    actor: Actor,
    org: Organization,
    membership: Membership,
    event: str,
    reason: str,
) -> Membership:
    """End a membership with everything offered in its name, record it and return it."""
    ended = withdraw(session, org, membership.user_id, None)
    membership_rows.end(session, org, membership, by=actor.user_id)
    history.record(session, actor, org, event, membership, *ended, reason=reason)
    return membership


def withdraw(
    session: Session, org: Organization, user_id: int, role: Role | None
) -> Sequence[Invitation | Handover]:
    """Revoke invitations and ownership offers that a person's new role rules out; return them.

    These are the person's invitations to higher roles; their ownership offers, unless they are an
    owner; and the offers made to them, once they are an owner. A `role` of None means that the
    person is no longer a member: everything ends.
    """
    revoked = invitation_rows.revoke_above(session, org, user_id, role)
    member_mails.notify_revoked(session, org, revoked)
    ended = ownership_rows.revoke_for(session, org, user_id, role)
    notify_withdrawn(session, org, [each for each in ended if each.from_id == user_id])
    return [*revoked, *ended]


def notify_withdrawn(session: Session, org: Organization, ended: Sequence[Handover]) -> None:
    """Mail the people whose ownership offer was withdrawn before it expired."""
    for handover in ended:
        if handover.expires_at > clock.now():
            owner = session.get_one(User, handover.from_id)
            by = Actor(owner.id, owner.name)
            member_mails.notify(session, by, org, handover.to_id, "ownership_withdrawn")


def _withdraw_unheld(session: Session, actor: Actor, org: Organization, user_id: int) -> None:
    """Withdraw what a person may no longer offer in an organization, each with its own entry.

    Call it after the right has ended: an impersonation, or an account that was disabled.
    """
    is_disabled = session.get_one(User, user_id, populate_existing=True).disabled_at is not None
    membership = None if is_disabled else membership_rows.find(session, org, user_id)
    role = membership.role if membership is not None else None
    what = "account is disabled" if is_disabled else "right to act as an owner has ended"
    reason = f"The {what}."
    for each in withdraw(session, org, user_id, role):
        if isinstance(each, Handover):
            event, person_id = "ownership.withdrawn", each.to_id
            history.record(session, actor, org, event, each, reason=reason, person_id=person_id)
        else:
            history.record(session, actor, org, "invitation.revoked", each, reason=reason)


def end_impersonation(session: Session, org: Organization, user_id: int) -> bool:
    """End a person's impersonation in an organization, and return whether there was one."""
    ended = session.scalars(
        update(Impersonation)
        .where(
            Impersonation.org_id == org.id,
            Impersonation.user_id == user_id,
            Impersonation.ended_at.is_(None),
        )
        .values(ended_at=clock.now())
        .returning(Impersonation.id)
    )
    return bool(ended.all())


def end_offers(
    session: Session, actor: Actor, organizations: Sequence[Organization], user_id: int
) -> None:
    """End a person's impersonations in these organizations, and withdraw what is left of them."""
    session.flush()
    for org in organizations:
        if end_impersonation(session, org, user_id):
            history.record(session, actor, org, "acting.ended", org, person_id=user_id, always=True)
        _withdraw_unheld(session, actor, org, user_id)


def lock_acting_in(session: Session, user_id: int) -> list[Organization]:
    """Lock the organizations in which a person's impersonation has not ended."""
    acting = Impersonation.ended_at.is_(None) & (Impersonation.user_id == user_id)
    return lock_organizations(session, session.scalars(select(Impersonation.org_id).where(acting)))


def lock_organizations(session: Session, org_ids: Iterable[int]) -> list[Organization]:
    """Lock organizations in the order of their ids; deleted ones are left out."""
    locked = []
    for org_id in sorted(org_ids):
        with suppress(NotFound):
            locked.append(access(session, ORGDESK, org_id, Action.VIEW))
    return locked
