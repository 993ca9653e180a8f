"""Rows of who belongs where: make, end, find and count them; the rules are the use cases' own."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import delete, func, or_, select, true, update
from sqlalchemy.orm import Session, load_only

from core.access.permissions import Actor, find_role, lock_user
from core.base import clock
from core.base.errors import MemberLimit, MembershipLimit, NotFound
from core.database.db import count_up_to
from core.models import FormerMembership, Membership, Organization, Role, User

MEMBERSHIPS_PER_PERSON = 400
"""How many organizations one person belongs to at most; deleted ones do not count."""


def make(session: Session, org: Organization, user_id: int, role: Role) -> Membership:
    """Let a person in, and return the membership.

    Raises `MembershipLimit`, `MemberLimit` of the organization, and `NotFound`.
    """
    lock_user(session, user_id)
    if count_of(session, user_id) >= MEMBERSHIPS_PER_PERSON:
        raise MembershipLimit(MEMBERSHIPS_PER_PERSON)
    session.execute(
        delete(FormerMembership).where(
            FormerMembership.org_id == org.id, FormerMembership.user_id == user_id
        )
    )
    membership = Membership(org_id=org.id, user_id=user_id, role=role, joined_at=clock.now())
    session.add(membership)
    _count(session, org, +1)
    return membership


def end(
    session: Session, org: Organization, membership: Membership, *, by: int | None = None
) -> None:
    """Take a person out, keeping what the person was, so that it can be given back.

    `by` is who ended it; whoever left alone is not brought back by others.
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
    _count(session, org, -1)


def get(session: Session, org: Organization, user_id: int) -> Membership:
    """Return a person's membership as it is now; raises `NotFound`."""
    membership = find(session, org, user_id)
    if membership is None:
        raise NotFound("member")
    return membership


def find(session: Session, org: Organization, user_id: int) -> Membership | None:
    """Return a person's membership as it is now, if there is one."""
    return session.scalar(
        select(Membership)
        .where(Membership.org_id == org.id, Membership.user_id == user_id)
        .execution_options(populate_existing=True)
    )


def count_of(session: Session, user_id: int) -> int:
    """Return how many organizations a person belongs to, counted no further than the limit."""
    memberships = (
        select(Membership.id)
        .join(Organization, Organization.id == Membership.org_id)
        .where(Membership.user_id == user_id, Organization.deleted_at.is_(None))
    )
    return count_up_to(session, memberships, MEMBERSHIPS_PER_PERSON)


def count_owners(session: Session, org: Organization) -> int:
    """Return how many owners an organization has."""
    return (
        session.scalar(
            select(func.count()).where(Membership.org_id == org.id, Membership.role == Role.OWNER)
        )
        or 0
    )


def is_last_owner(session: Session, org: Organization, membership: Membership) -> bool:
    """Return whether without this membership an organization would have no owner."""
    return membership.role is Role.OWNER and count_owners(session, org) == 1


def list_owners(session: Session, org: Organization) -> Sequence[User]:
    """Return the people who own an organization, longest first."""
    return session.scalars(
        select(User)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.org_id == org.id, Membership.role == Role.OWNER)
        .order_by(Membership.joined_at, Membership.id)
    ).all()


def list_of_nobody(session: Session, org: Organization) -> Sequence[Membership]:
    """Return the memberships of people who have deleted their account since."""
    return session.scalars(
        select(Membership)
        .join(User, User.id == Membership.user_id)
        .where(Membership.org_id == org.id, User.deleted_at.is_not(None))
        .order_by(Membership.id)
    ).all()


class Owners(NamedTuple):
    """How many owners an organization has, and how many of them have two-factor."""

    number: int
    with_two_factor: int


def count_owners_of(session: Session, org_ids: Collection[int]) -> dict[int, Owners]:
    """Return the owners of many organizations, counted in one query."""
    counted = session.execute(
        select(Membership.org_id, func.count(), func.count(User.two_factor_at))
        .join(User, User.id == Membership.user_id)
        .where(Membership.org_id.in_(org_ids), Membership.role == Role.OWNER)
        .group_by(Membership.org_id)
    )
    return {org_id: Owners(number, proven) for org_id, number, proven in counted}


def may_give(session: Session, actor: Actor, org: Organization, role: Role) -> bool:
    """Return whether a role is not above the actor's own: nobody gives or takes more than that."""
    own = find_role(session, actor, org.id)
    return own is not None and role.rank <= own.rank


def list_organizations(
    session: Session, actor: Actor, *, most: int = MEMBERSHIPS_PER_PERSON
) -> Sequence[Organization]:
    """Return the organizations that the actor belongs to, by name, with what shows them alone."""
    return session.scalars(
        select(Organization)
        .join(Membership, Membership.org_id == Organization.id)
        .where(Membership.user_id == actor.user_id, Organization.deleted_at.is_(None))
        .options(load_only(Organization.public_id, Organization.name, Organization.logo))
        .order_by(Organization.name_key, Organization.id)
        .limit(most)
    ).all()


def _count(session: Session, org: Organization, step: int) -> None:
    """Move the count of members on; one that would pass the organization's limit is refused."""
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
