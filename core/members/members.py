"""Members of an organization, present and former: roles, removal, reinstatement."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import pandas as pd
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from core.access.permissions import Action, Actor, access, may
from core.audit import history
from core.base import clock, parameters, validation
from core.base.errors import (
    InvalidInput,
    LastOwner,
    LeftByChoice,
    NotFound,
    NotPermitted,
    RoleTooHigh,
)
from core.database.db import count_up_to, frame
from core.database.search import has_words
from core.members import leaving, member_mails, membership_rows
from core.models import FormerMembership, Membership, Organization, Role, User
from core.models.members import ROLE_ORDER

PER_PAGE: Final = 50
MAX_COUNTED: Final = 1_000
"""Search results are counted up to this number."""
FORMER_MEMBERSHIP_TTL: Final = timedelta(days=90)
"""How long a former member can be reinstated."""
MAX_SORTED: Final = 5_000
"""Up to this many members are sorted by when they were last seen, which no index has."""
_MAX_FORMER_LISTED: Final = 200


@dataclass(frozen=True)
class Filters:
    """Which members are listed; `search` finds names and addresses that contain all its words.

    All but the search need `VIEW_INVITATIONS`.
    """

    search: str = ""
    role: Role | None = None
    without_two_factor: bool = False


EVERYONE: Final = Filters()


class Sort(StrEnum):
    """An order of members; a minus reverses it."""

    NAME = "name"
    NAME_REVERSED = "-name"
    JOINED = "joined"
    JOINED_REVERSED = "-joined"
    ROLE = "role"
    ROLE_REVERSED = "-role"
    SEEN = "seen"
    SEEN_REVERSED = "-seen"


_BY_ROLE: Final = (Sort.ROLE, Sort.ROLE_REVERSED)
_BY_LAST_SEEN: Final = (Sort.SEEN, Sort.SEEN_REVERSED)
_ORDERS: Final[dict[Sort, tuple[Any, ...]]] = {
    Sort.NAME: (Membership.found_by, Membership.role, Membership.id),
    Sort.NAME_REVERSED: (
        Membership.found_by.desc(),
        Membership.role.desc(),
        Membership.id.desc(),
    ),
    Sort.JOINED: (Membership.joined_at.desc(), Membership.id.desc()),
    Sort.JOINED_REVERSED: (Membership.joined_at, Membership.id),
    Sort.ROLE: (ROLE_ORDER, Membership.found_by, Membership.id),
    Sort.ROLE_REVERSED: (ROLE_ORDER.desc(), Membership.found_by.desc(), Membership.id.desc()),
    Sort.SEEN: (User.last_seen_at.is_(None), User.last_seen_at.desc(), Membership.id),
    Sort.SEEN_REVERSED: (User.last_seen_at.is_not(None), User.last_seen_at, Membership.id.desc()),
}
"""Each is the order of an index, except by last seen.

The latest come first, and owners, unless reversed.
"""


def change_role(
    session: Session, actor: Actor, org_id: int, user_id: int, role: Role, *, reason: str = ""
) -> Membership:
    """Change the role of a member, and revoke invitations that a lower role rules out.

    The reason, if any, is in the mails and in history. Raises `LastOwner` and `RoleTooHigh`.
    """
    org = access(session, actor, org_id, Action.CHANGE_ROLES)
    membership = membership_rows.get(session, org, user_id)
    old = membership.role
    if old is role:
        return membership
    if not membership_rows.may_grant(session, actor, org, role):
        raise RoleTooHigh(role)
    if membership_rows.is_last_owner(session, org, membership):
        raise LastOwner
    reason = _clean_reason(reason)

    membership.role = role
    ended = leaving.withdraw(session, org, user_id, role)
    changed = {"old": old, "new": role, "reason": reason}
    member_mails.notify(session, actor, org, user_id, "role_changed", **changed)
    what = f"is now {role} (before: {old})"
    member_mails.notify_owners(session, actor, org, user_id, what=what, reason=reason)
    history.record(session, actor, org, "member.role_changed", membership, *ended, reason=reason)
    return membership


def remove(
    session: Session, actor: Actor, org_id: int, user_id: int, *, reason: str = ""
) -> Membership:
    """Remove a member and revoke the invitations that the member has sent.

    Raises `LastOwner`, and `NotPermitted` where the member's role is above the actor's own.
    """
    org = access(session, actor, org_id, Action.REMOVE_MEMBERS)
    membership = membership_rows.get(session, org, user_id)
    if not membership_rows.may_grant(session, actor, org, membership.role):
        raise NotPermitted("remove an owner")
    if membership_rows.is_last_owner(session, org, membership):
        raise LastOwner
    reason = _clean_reason(reason)

    member_mails.notify(session, actor, org, user_id, "member_removed", reason=reason)
    member_mails.notify_owners(session, actor, org, user_id, what="was removed", reason=reason)
    return leaving.end_membership(session, actor, org, membership, "member.removed", reason)


def reinstate(
    session: Session,
    actor: Actor,
    org_id: int,
    user_id: int,
    *,
    role: Role | None = None,
    reason: str = "",
) -> Membership:
    """Make a removed person a member again, as before the removal; harmless for a member.

    With a `role` it must be the one that the person had. Raises `NotFound` after
    `FORMER_MEMBERSHIP_TTL`, `LeftByChoice` for a person who was not removed but left,
    `InvalidInput(role)`, `RoleTooHigh`, `MembershipLimit` and `MemberLimit`.
    """
    org = access(session, actor, org_id, Action.INVITE)
    existing = membership_rows.find(session, org, user_id)
    if existing is not None:
        return existing
    former = _get_former(session, org, user_id)
    if role is not None and role is not former.role:
        raise InvalidInput({"role": f"They were last removed as {former.role}."})
    role = former.role
    if not membership_rows.may_grant(session, actor, org, role):
        raise RoleTooHigh(role)

    membership = membership_rows.make(session, org, user_id, role, joined_at=former.joined_at)
    link = member_mails.page_link(org)
    member_mails.notify(session, actor, org, user_id, "member_reinstated", role=role, link=link)
    member_mails.notify_owners(session, actor, org, user_id, what=f"was reinstated as {role}")
    history.record(session, actor, org, "member.reinstated", membership, reason=reason)
    return membership


def _get_former(session: Session, org: Organization, user_id: int) -> FormerMembership:
    """Return the membership of a person who was removed, and can be reinstated."""
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
    return former


def table(
    session: Session,
    actor: Actor,
    org_id: int,
    filters: Filters = EVERYONE,
    *,
    sort: Sort = Sort.NAME,
    page: int = 1,
    per_page: int = PER_PAGE,
) -> pd.DataFrame:
    """Return one page of members.

    Columns: user_id, name, email, joined_at; also role, two_factor and last_seen_at for actors with
    `VIEW_INVITATIONS`. An index covers the search, so the cost does not grow with the organization.
    Raises `NotPermitted` for an order that `list_sorts` does not have.
    """
    if sort not in list_sorts(session, actor, org_id):
        raise NotPermitted("sort by this column")
    columns: list[Any] = [User.id.label("user_id"), User.name, User.email, Membership.joined_at]
    if may(session, actor, org_id, Action.VIEW_INVITATIONS):
        two_factor = User.two_factor_at.is_not(None).label("two_factor")
        columns += [Membership.role, two_factor, User.last_seen_at]
    order = _ORDERS[sort]
    matching = _matching(session, actor, org_id, filters)
    if sort in _BY_LAST_SEEN and not filters.without_two_factor:  # which joins users anyway
        matching = matching.join(User, User.id == Membership.user_id)
    cut = (
        matching.order_by(*order)
        .limit(per_page)
        .offset((parameters.page_number(page) - 1) * per_page)
        .subquery()
    )
    people = (
        select(*columns)
        .select_from(Membership)
        .join(cut, cut.c.id == Membership.id)
        .join(User, User.id == Membership.user_id)
        .order_by(*order)
    )
    return frame(session, people)


def list_sorts(session: Session, actor: Actor, org_id: int) -> list[Sort]:
    """Return the orders that `table` has for an actor, the usual one first.

    By role and by last seen need `VIEW_INVITATIONS`; the latter takes at most `MAX_SORTED` members.
    """
    org = access(session, actor, org_id, Action.VIEW)
    sees_all = may(session, actor, org_id, Action.VIEW_INVITATIONS)
    without = set() if sees_all else {*_BY_ROLE, *_BY_LAST_SEEN}
    if org.member_count > MAX_SORTED:
        without |= {*_BY_LAST_SEEN}
    return [sort for sort in Sort if sort not in without]


def count(session: Session, actor: Actor, org_id: int, filters: Filters = EVERYONE) -> int:
    """Return how many members `table` has in all.

    With a search or without two-factor they are counted up to `MAX_COUNTED` + 1.
    """
    org = access(session, actor, org_id, Action.VIEW)
    is_slow = bool(filters.search.strip()) or filters.without_two_factor
    if filters.role is None and not is_slow:
        return org.member_count
    people = _matching(session, actor, org_id, filters)
    if is_slow:
        return count_up_to(session, people, MAX_COUNTED)
    return session.scalar(select(func.count()).select_from(people.subquery())) or 0


def list_ids(session: Session, actor: Actor, org_id: int, filters: Filters = EVERYONE) -> list[int]:
    """Return the ids of the people that `table` has in all, at most `MAX_COUNTED`."""
    access(session, actor, org_id, Action.VIEW)
    people = _matching(session, actor, org_id, filters)
    chosen = people.with_only_columns(Membership.user_id).order_by(Membership.id)
    return list(session.scalars(chosen.limit(MAX_COUNTED)))


def former_table(session: Session, actor: Actor, org_id: int, *, search: str = "") -> pd.DataFrame:
    """Return former members of the last 90 days, latest first, at most 200.

    Columns: user_id, name, email, role, joined_at, removed_at, removed_by (a name) and has_left
    (whether the person left rather than being removed).
    """
    access(session, actor, org_id, Action.VIEW_INVITATIONS)
    remover = aliased(User)
    return frame(
        session,
        select(
            FormerMembership.user_id,
            User.name,
            User.email,
            FormerMembership.role,
            FormerMembership.joined_at,
            FormerMembership.removed_at,
            remover.name.label("removed_by"),
            (FormerMembership.removed_by == FormerMembership.user_id).label("has_left"),
        )
        .join(User, User.id == FormerMembership.user_id)
        .outerjoin(remover, remover.id == FormerMembership.removed_by)
        .where(
            FormerMembership.org_id == org_id,
            FormerMembership.removed_at > clock.now() - FORMER_MEMBERSHIP_TTL,
            User.deleted_at.is_(None),
            *has_words(User.search_text, search),
        )
        .order_by(FormerMembership.removed_at.desc(), FormerMembership.user_id)
        .limit(_MAX_FORMER_LISTED),
    )


def list_grantable_roles(session: Session, actor: Actor, org_id: int) -> list[Role]:
    """Return the roles that the actor can grant, lowest first."""
    org = access(session, actor, org_id, Action.VIEW)
    if not may(session, actor, org_id, Action.INVITE):
        return []
    return [role for role in Role if membership_rows.may_grant(session, actor, org, role)]


def _clean_reason(reason: str) -> str:
    """Return a reason that need not be given; raises `InvalidInput`."""
    check = validation.Check()
    cleaned = check("reason", validation.optional(validation.reason), reason)
    check.done()
    return cleaned or ""


def _matching(session: Session, actor: Actor, org_id: int, filters: Filters) -> Select[int]:
    """Return a query for the ids of the memberships that match the filters."""
    words = has_words(Membership.found_by, filters.search)
    people = select(Membership.id).where(Membership.org_id == org_id, *words)
    if filters.role is not None or filters.without_two_factor:
        access(session, actor, org_id, Action.VIEW_INVITATIONS)
    if filters.role is not None:
        people = people.where(Membership.role == filters.role)
    if filters.without_two_factor:
        without = User.two_factor_at.is_(None)
        people = people.join(User, User.id == Membership.user_id).where(without)
    return people
