"""Rows of memberships: make, end, find and count them. Rights are checked by use cases."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, func, or_, select, true, update
from sqlalchemy.orm import Session, load_only

from core.access.permissions import Actor, find_role, lock_user
from core.base import clock
from core.base.errors import MemberLimit, MembershipLimit, NotFound
from core.database.db import count_up_to
from core.models import FormerMembership, Membership, Organization, Role, User

MAX_MEMBERSHIPS = 400
"""Organizations that a person can belong to; deleted ones do not count."""


def make(
    session: Session,
    org: Organization,
    user_id: int,
    role: Role,
    *,
    joined_at: datetime | None = None,
) -> Membership:
    """Make a person a member, since now or since `joined_at`, and return the membership.

    Raises `MembershipLimit`, `MemberLimit`, and `NotFound` for a deleted account.
    """
    lock_user(session, user_id)
    if count_for(session, user_id) >= MAX_MEMBERSHIPS:
        raise MembershipLimit(MAX_MEMBERSHIPS)
    session.execute(
        delete(FormerMembership).where(
            FormerMembership.org_id == org.id, FormerMembership.user_id == user_id
        )
    )
    since = joined_at or clock.now()
    membership = Membership(org_id=org.id, user_id=user_id, role=role, joined_at=since)
    session.add(membership)
    _change_member_count(session, org, +1)
    return membership


def end(
    session: Session, org: Organization, membership: Membership, *, by: int | None = None
) -> None:
    """End a membership, and keep it as a former one, so that the person can be reinstated.

    `by` is the id of the user who ended it, None for Orgdesk itself.
    """
    session.merge(
        FormerMembership(
            org_id=org.id,
            user_id=membership.user_id,
            role=membership.role,
            joined_at=membership.joined_at,
            removed_at=clock.now(),
            removed_by=by,
        )
    )
    session.delete(membership)
    _change_member_count(session, org, -1)


def get(session: Session, org: Organization, user_id: int) -> Membership:
    """Return the current membership of a person; raises `NotFound`."""
    membership = find(session, org, user_id)
    if membership is None:
        raise NotFound("member")
    return membership


def find(session: Session, org: Organization, user_id: int) -> Membership | None:
    """Return the current membership of a person, or None."""
    return session.scalar(
        select(Membership)
        .where(Membership.org_id == org.id, Membership.user_id == user_id)
        .execution_options(populate_existing=True)
    )


def count_for(session: Session, user_id: int) -> int:
    """Return how many organizations a person belongs to, up to `MAX_MEMBERSHIPS` + 1."""
    memberships = (
        select(Membership.id)
        .join(Organization, Organization.id == Membership.org_id)
        .where(Membership.user_id == user_id, Organization.deleted_at.is_(None))
    )
    return count_up_to(session, memberships, MAX_MEMBERSHIPS)


def count_owners(session: Session, org: Organization) -> int:
    """Return how many owners an organization has."""
    return (
        session.scalar(
            select(func.count()).where(Membership.org_id == org.id, Membership.role == Role.OWNER)
        )
        or 0
    )


def is_last_owner(session: Session, org: Organization, membership: Membership) -> bool:
    """Return whether a membership is the only owner's."""
    return membership.role is Role.OWNER and count_owners(session, org) == 1


def list_owners(session: Session, org: Organization) -> Sequence[User]:
    """Return all owners of an organization, also disabled ones, longest-serving first."""
    return session.scalars(
        select(User)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.org_id == org.id, Membership.role == Role.OWNER)
        .order_by(Membership.joined_at, Membership.id)
    ).all()


def list_deleted_accounts(session: Session, org: Organization) -> Sequence[Membership]:
    """Return the memberships of deleted accounts in an organization."""
    return session.scalars(
        select(Membership)
        .join(User, User.id == Membership.user_id)
        .where(Membership.org_id == org.id, User.deleted_at.is_not(None))
        .order_by(Membership.id)
    ).all()


class Owners(NamedTuple):
    """The owners of an organization: how many there are, and how many with two-factor."""

    number: int
    with_two_factor: int


def count_owners_by_organization(session: Session, org_ids: Collection[int]) -> dict[int, Owners]:
    """Return the number of owners of each organization, in one query."""
    counted = session.execute(
        select(Membership.org_id, func.count(), func.count(User.two_factor_at))
        .join(User, User.id == Membership.user_id)
        .where(Membership.org_id.in_(org_ids), Membership.role == Role.OWNER)
        .group_by(Membership.org_id)
    )
    return {org_id: Owners(number, proven) for org_id, number, proven in counted}


def may_grant(session: Session, actor: Actor, org: Organization, role: Role) -> bool:
    """Return whether a role is not above the actor's own, so that they can grant or remove it."""
    own = find_role(session, actor, org.id)
    return own is not None and role.rank <= own.rank


def list_organizations(
    session: Session, actor: Actor, *, limit: int = MAX_MEMBERSHIPS
) -> Sequence[Organization]:
    """Return the actor's organizations by name, with name, Organization ID and logo loaded."""
    return session.scalars(
        select(Organization)
        .join(Membership, Membership.org_id == Organization.id)
        .where(Membership.user_id == actor.user_id, Organization.deleted_at.is_(None))
        .options(load_only(Organization.public_id, Organization.name, Organization.logo))
        .order_by(Organization.name_key, Organization.id)
        .limit(limit)
    ).all()


def _change_member_count(session: Session, org: Organization, step: int) -> None:
    """Change the member count by `step`; raises `MemberLimit`."""
    has_room = or_(
        Organization.member_limit.is_(None), Organization.member_count < Organization.member_limit
    )
    counted = session.scalar(
        update(Organization)
        .where(Organization.id == org.id, has_room if step > 0 else true())
        .values(member_count=Organization.member_count + step)
        .returning(Organization.member_count)
        .execution_options(unrecorded=True, synchronize_session=False)
    )
    if counted is None:
        raise MemberLimit(org.member_limit or 0)
