"""Members of an organization, present and former: roles, removal, leaving, reinstatement."""

from datetime import timedelta
from itertools import pairwise
from typing import Any, Final

import pandas as pd
from sqlalchemy import Label, Select, func, select
from sqlalchemy.orm import Session, aliased

from core.access.permissions import Action, Actor, access, may
from core.audit import history
from core.base import clock
from core.base.errors import LastOwner, LeftByChoice, NotFound, NotPermitted, RoleTooHigh
from core.database.db import capped_count, count_up_to, frame
from core.database.search import contains, has_words
from core.members import invitation_rows, leaving, member_mails, membership_rows
from core.models import FormerMembership, Membership, Organization, Role, User

PER_PAGE: Final = 50
COUNTED: Final = 1_000
"""What is found by a search is counted so far."""
FORMER_MEMBERSHIP_TTL: Final = timedelta(days=90)
"""How long a former member can be reinstated."""
_MAX_FORMER_LISTED: Final = 200


def change_role(
    session: Session, actor: Actor, org_id: int, user_id: int, role: Role, *, reason: str = ""
) -> Membership:
    """Give a member another role; a lowered one's higher pending invitations are revoked.

    Raises `LastOwner` and `RoleTooHigh`.
    """
    org = access(session, actor, org_id, Action.CHANGE_ROLES)
    membership = membership_rows.get(session, org, user_id)
    old = membership.role
    if old is role:
        return membership
    if not membership_rows.may_give(session, actor, org, role):
        raise RoleTooHigh(role)
    if membership_rows.is_last_owner(session, org, membership):
        raise LastOwner

    membership.role = role
    ended = leaving.withdraw(session, org, user_id, role)
    member_mails.notify(session, actor, org, user_id, "role_changed", old=old, new=role)
    member_mails.notify_owners(session, actor, org, user_id, what=f"is {role} now and was {old}")
    history.record(session, actor, org, "member.role_changed", membership, *ended, reason=reason)
    return membership


def remove(
    session: Session, actor: Actor, org_id: int, user_id: int, *, reason: str = ""
) -> Membership:
    """Take a member out, with all pending invitations the member made.

    Raises `LastOwner`, and `NotPermitted` for an admin who would remove an owner.
    """
    org = access(session, actor, org_id, Action.REMOVE_MEMBERS)
    membership = membership_rows.get(session, org, user_id)
    if not membership_rows.may_give(session, actor, org, membership.role):
        raise NotPermitted("remove an owner")
    if membership_rows.is_last_owner(session, org, membership):
        raise LastOwner

    member_mails.notify(session, actor, org, user_id, "member_removed")
    member_mails.notify_owners(session, actor, org, user_id, what="was removed")
    return _end(session, actor, org, membership, "member.removed", reason)


def leave(session: Session, actor: Actor, org_id: int, *, reason: str = "") -> Membership:
    """Let the actor leave an organization; raises `LastOwner`."""
    org = access(session, actor, org_id, Action.VIEW)
    membership = membership_rows.get(session, org, actor.user_id or 0)
    if membership_rows.is_last_owner(session, org, membership):
        raise LastOwner

    member_mails.send(session, org, membership.user_id, "member_left")
    member_mails.notify_owners(session, actor, org, membership.user_id, what="left")
    return _end(session, actor, org, membership, "member.left", reason)


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
        or former.removed_at <= clock.now() - FORMER_MEMBERSHIP_TTL
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
    member_mails.notify(
        session,
        actor,
        org,
        user_id,
        "member_reinstated",
        role=role,
        link=member_mails.page_link(org),
    )
    member_mails.notify_owners(session, actor, org, user_id, what=f"is {role} again")
    history.record(session, actor, org, "member.reinstated", membership, reason=reason)
    return membership


def table(
    session: Session,
    actor: Actor,
    org_id: int,
    *,
    search: str = "",
    role: Role | None = None,
    page: int = 1,
    per_page: int = PER_PAGE,
) -> pd.DataFrame:
    """Return one page of people by name: user_id, name, email, joined_at.

    Who may view roles also gets role, two_factor and last_seen_at. The page is cut out of an index
    that has all it needs, and only its own rows are read: the same for ten people and for 50,000.
    """
    access(session, actor, org_id, Action.VIEW)
    columns: list[Any] = [User.id.label("user_id"), User.name, User.email, Membership.joined_at]
    if may(session, actor, org_id, Action.VIEW_INVITATIONS):
        two_factor = User.two_factor_at.is_not(None).label("two_factor")
        columns += [Membership.role, two_factor, User.last_seen_at]
    order = (Membership.found_by, Membership.role, Membership.id)
    ids = _matching(session, actor, org_id, select(Membership.id), search, role)
    cut = ids.order_by(*order).limit(per_page).offset((max(1, page) - 1) * per_page).subquery()
    people = (
        select(*columns)
        .select_from(Membership)
        .join(cut, cut.c.id == Membership.id)
        .join(User, User.id == Membership.user_id)
        .order_by(*order)
    )
    return frame(session, people)


def count(
    session: Session, actor: Actor, org_id: int, *, search: str = "", role: Role | None = None
) -> int:
    """Return how many people `table` has on all its pages; found ones to `COUNTED` and no further.

    More than `COUNTED` of them are returned as one more.
    """
    org = access(session, actor, org_id, Action.VIEW)
    if not search.strip() and role is None:
        return org.member_count
    people = _matching(session, actor, org_id, select(Membership.id), search, role)
    if search.strip():
        return count_up_to(session, people, COUNTED)
    return session.scalar(select(func.count()).select_from(people.subquery())) or 0


def summary(session: Session, actor: Actor, org_id: int) -> "pd.Series[Any]":
    """Return the numbers above the table: owner, admin, member, last_joined.

    Who may view invitations also gets pending and without_two_factor, which is counted as `count`
    does.
    """
    access(session, actor, org_id, Action.VIEW)
    here = Membership.org_id == org_id
    newest = select(func.max(Membership.joined_at)).where(here).scalar_subquery()
    columns: list[Any] = [Membership.role, func.count(), newest.label("last_joined")]
    sees_all = may(session, actor, org_id, Action.VIEW_INVITATIONS)
    if sees_all:
        columns += [
            invitation_rows.counted_open(org_id).label("pending"),
            _without_two_factor(org_id),
        ]
    grouped = session.execute(select(*columns).where(here).group_by(Membership.role)).all()
    numbers: dict[str, Any] = {each.value: 0 for each in Role}
    numbers |= {column.name: 0 for column in columns[2:]}
    for role, people, *same in grouped:
        numbers[role] = people
        numbers |= {column.name: value for column, value in zip(columns[2:], same, strict=True)}
    return pd.Series(numbers, dtype=object)


def joined_by_month(session: Session, actor: Actor, org_id: int) -> "pd.Series[int]":
    """Return how many of today's people joined in each of the last twelve months, by its first day.

    The last of them is the month that goes on.
    """
    access(session, actor, org_id, Action.VIEW)
    now = pd.Timestamp(clock.now()).normalize()
    months = pd.date_range(now.replace(day=1), periods=13, freq="MS") - pd.DateOffset(months=11)
    counted = [
        select(func.count())
        .where(
            Membership.org_id == org_id,
            Membership.joined_at >= begin.to_pydatetime(),
            Membership.joined_at < end.to_pydatetime(),
        )
        .scalar_subquery()
        for begin, end in pairwise(months)
    ]
    joined = session.execute(select(*counted)).one()
    return pd.Series(list(joined), index=months[:-1], dtype=int)


def former_table(session: Session, actor: Actor, org_id: int, *, search: str = "") -> pd.DataFrame:
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
            FormerMembership.removed_at > clock.now() - FORMER_MEMBERSHIP_TTL,
            User.deleted_at.is_(None),
            contains(User.name, search) | contains(User.email, search),
        )
        .order_by(FormerMembership.removed_at.desc(), FormerMembership.user_id)
        .limit(_MAX_FORMER_LISTED),
    )


def list_grantable_roles(session: Session, actor: Actor, org_id: int) -> list[Role]:
    """Return the roles up to the actor's own, the least first; none for who may give none."""
    org = access(session, actor, org_id, Action.VIEW)
    if not may(session, actor, org_id, Action.INVITE):
        return []
    return [role for role in Role if membership_rows.may_give(session, actor, org, role)]


def _matching(
    session: Session,
    actor: Actor,
    org_id: int,
    columns: Select[*tuple[Any, ...]],
    search: str,
    role: Role | None,
) -> Select[*tuple[Any, ...]]:
    """Return the columns of those members in whose name or email all the words occur."""
    people = columns.where(Membership.org_id == org_id, *has_words(Membership.found_by, search))
    if role is not None:
        access(session, actor, org_id, Action.VIEW_INVITATIONS)
        people = people.where(Membership.role == role)
    return people


def _without_two_factor(org_id: int) -> Label[int]:
    """Return how many people have no second factor, counted no further than `COUNTED` and one."""
    people = (
        select(Membership.id)
        .join(User, User.id == Membership.user_id)
        .where(Membership.org_id == org_id, User.two_factor_at.is_(None))
    )
    return capped_count(people, COUNTED).label("without_two_factor")


def _end(
    session: Session,
    actor: Actor,
    org: Organization,
    membership: Membership,
    event: str,
    reason: str,
) -> Membership:
    ended = leaving.withdraw(session, org, membership.user_id, None)
    membership_rows.end(session, org, membership, by=actor.user_id)
    history.record(session, actor, org, event, membership, *ended, reason=reason)
    return membership
