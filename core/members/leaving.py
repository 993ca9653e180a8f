"""What ends with a membership or an account: its offers and invitations, and the account."""

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access, lock_self, lock_staff_roles
from core.accounts import email_links, sessions, totp, uploads, user_rows
from core.audit import history
from core.base import clock
from core.base.errors import JustJoined, LastOwner, NotFound
from core.database import search
from core.members import invitation_rows, member_mails, membership_rows, ownership_rows
from core.models import (
    FormerMembership,
    Handover,
    Invitation,
    InvitationStatus,
    Membership,
    Organization,
    Role,
    User,
)


def withdraw(
    session: Session, org: Organization, user_id: int, role: Role | None
) -> Sequence[Invitation | Handover]:
    """Withdraw what a person of this role may not offer, and return it.

    That is higher invitations and, for who is no owner (any more), offers of ownership made by that
    person; to who is an owner or goes, those made to that person. None: whoever belongs no more.
    """
    revoked = invitation_rows.withdraw_above(session, org, user_id, role)
    member_mails.notify_revoked(session, org, revoked)
    ended = ownership_rows.withdraw_of(session, org, user_id, role)
    tell_withdrawn(session, org, [each for each in ended if each.from_id == user_id])
    return [*revoked, *ended]


def tell_withdrawn(session: Session, org: Organization, ended: Sequence[Handover]) -> None:
    """Mail those to whom ownership is offered no longer, unless the offer was too old anyway."""
    for handover in ended:
        if handover.expires_at > clock.now():
            giver = session.get_one(User, handover.from_id)
            member_mails.send(session, org, handover.to_id, "ownership_withdrawn", by=giver.name)


def delete_account(session: Session, actor: Actor) -> User:
    """Delete a person's own account; history keeps the id and forgets the rest.

    Raises `LastOwner` with every organization that would be left without an owner,
    `LastAdministrator`, and `JustJoined`. The page has asked for the password before.
    """
    lock_staff_roles(session)
    mine = _take_memberships(session, actor)
    unowned = [
        org.name for org, place in mine if membership_rows.is_last_owner(session, org, place)
    ]
    if unowned:
        raise LastOwner(unowned)
    for org, membership in mine:
        ended = withdraw(session, org, membership.user_id, None)
        member_mails.notify_owners(session, actor, org, membership.user_id, what="left")
        membership_rows.end(session, org, membership, by=actor.user_id)
        history.record(session, actor, org, "member.left", membership, *ended)
    user = lock_self(session, actor)
    if membership_rows.count_of(session, user.id):
        raise JustJoined
    user_rows.ensure_other_administrator(session, user)
    sessions.end_all(session, user.id, "account deleted")
    _forget_traces(session, user)
    user.email, user.email_key = "", f"deleted:{user.id}"
    user.name, user.password_hash, user.staff = "A deleted account", None, None
    search.index_person(user)
    user.password_epoch += 1
    user.deleted_at = user.disabled_at = clock.now()
    history.record(session, actor, user.id, "account.deleted", user)
    return user


def _take_memberships(session: Session, actor: Actor) -> list[tuple[Organization, Membership]]:
    """Take every organization that the actor belongs to, and return it with the membership."""
    belongs_to = (
        select(Membership.org_id)
        .join(Organization, Organization.id == Membership.org_id)
        .where(Membership.user_id == actor.user_id, Organization.deleted_at.is_(None))
        .order_by(Membership.org_id)
    )
    mine = []
    for org_id in session.scalars(belongs_to).all():
        with suppress(NotFound):  # deleted, or the person removed from it, in this very moment
            org = access(session, actor, org_id, Action.VIEW)
            mine.append((org, membership_rows.get(session, org, actor.user_id or 0)))
    return mine


def _forget_traces(session: Session, user: User) -> None:
    """Take a person's address and former roles out of what others keep."""
    for kind in (email_links.RESET, email_links.PROVE):
        email_links.end(session, kind, user_id=user.id)
    totp.forget(session, user)
    uploads.delete_all(session, user.id)
    session.execute(delete(FormerMembership).where(FormerMembership.user_id == user.id))
    session.execute(
        update(Invitation)
        .where(
            Invitation.email_key == user.email_key, Invitation.status != InvitationStatus.PENDING
        )
        .values(email="", email_key=f"deleted:{user.id}")
        .execution_options(unrecorded=True, synchronize_session=False)
    )
