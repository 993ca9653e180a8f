"""Former members: who was removed, and can be given the old role back for 90 days."""

from datetime import timedelta
from typing import Final

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from core.access.permissions import Action, Actor, access
from core.audit import history
from core.base import clock
from core.base.errors import LeftByChoice, NotFound, RoleTooHigh
from core.database.frames import frame
from core.database.matching import contains
from core.members import member_mails, membership_rows
from core.models import FormerMembership, Membership, User

REINSTATED_WITHIN: Final = timedelta(days=90)
_MOST_LISTED = 200


def table(session: Session, actor: Actor, org_id: int, *, search: str = "") -> pd.DataFrame:
    """Return who belonged here within 90 days, the last first, at most 200.

    Columns: user_id, name, email, role, joined_at, removed_at, removed_by (a name), has_left
    (the person went, nobody else ended it).
    """
    access(session, actor, org_id, Action.VIEW_INVITATIONS)
    who = aliased(User)
    return frame(
        session,
        select(
            FormerMembership.user_id,
            User.name,
            User.email,
            FormerMembership.role,
            FormerMembership.joined_at,
            FormerMembership.removed_at,
            who.name.label("removed_by"),
            (FormerMembership.removed_by == FormerMembership.user_id).label("has_left"),
        )
        .join(User, User.id == FormerMembership.user_id)
        .outerjoin(who, who.id == FormerMembership.removed_by)
        .where(
            FormerMembership.org_id == org_id,
            FormerMembership.removed_at > clock.now() - REINSTATED_WITHIN,
            User.deleted_at.is_(None),
            contains(User.name, search) | contains(User.email, search),
        )
        .order_by(FormerMembership.removed_at.desc(), FormerMembership.user_id)
        .limit(_MOST_LISTED),
    )


def reinstate(
    session: Session, actor: Actor, org_id: int, user_id: int, *, reason: str = ""
) -> Membership:
    """Let a removed person in again with the old role; who belongs here already stays as it is.

    Raises `NotFound` after 90 days, `RoleTooHigh`, `LeftByChoice`, `MembershipLimit`,
    `MemberLimit`.
    """
    org = access(session, actor, org_id, Action.INVITE)
    there = membership_rows.find(session, org, user_id)
    if there is not None:
        return there
    former = session.get(FormerMembership, (org.id, user_id), populate_existing=True)
    person = session.get(User, user_id, populate_existing=True)
    if (
        former is None
        or former.removed_at <= clock.now() - REINSTATED_WITHIN
        or person is None
        or person.disabled_at is not None
    ):
        raise NotFound("former member")
    if former.removed_by == user_id:
        raise LeftByChoice(person.name)
    role = former.role
    if not membership_rows.may_give(session, actor, org, role):
        raise RoleTooHigh(role)

    membership = membership_rows.make(session, org, user_id, role)
    member_mails.tell(
        session, actor, org, user_id, "member_reinstated", role=role, link=member_mails.page(org)
    )
    member_mails.tell_owners(session, actor, org, user_id, what=f"is {role} again")
    history.record(session, actor, org, "member.reinstated", membership, reason=reason)
    return membership
