"""Members: who belongs to an organization, with which role, and what each role may."""

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session

from core import history, mail, memberships, offers
from core.errors import LastOwner, NotPermitted, RoleTooHigh
from core.frames import frame
from core.matching import contains
from core.models import Membership, Organization, Role, User
from core.permissions import ALLOWED, Action, Actor, access, may, rights_of

PER_PAGE: Final = 50


def change_role(
    session: Session, actor: Actor, org_id: int, user_id: int, role: Role, *, reason: str = ""
) -> Membership:
    """Give a member another role; a lowered one's higher pending invitations are revoked.

    Raises `LastOwner` and `RoleTooHigh`.
    """
    org = access(session, actor, org_id, Action.CHANGE_ROLES)
    membership = memberships.get(session, org, user_id)
    old = membership.role
    if old is role:
        return membership
    if not memberships.may_give(session, actor, org, role):
        raise RoleTooHigh(role)
    _ensure_owner_stays(session, org, membership)

    membership.role = role
    revoked = offers.withdraw_above(session, org, user_id, role)
    _tell(session, actor, org, membership, "role_changed", old=old, new=role)
    history.record(session, actor, org, "member.role_changed", membership, *revoked, reason=reason)
    return membership


def remove(
    session: Session, actor: Actor, org_id: int, user_id: int, *, reason: str = ""
) -> Membership:
    """Take a member out, with all pending invitations the member made.

    Raises `LastOwner`, and `NotPermitted` for an admin who would remove an owner.
    """
    org = access(session, actor, org_id, Action.REMOVE_MEMBERS)
    membership = memberships.get(session, org, user_id)
    if not memberships.may_give(session, actor, org, membership.role):
        raise NotPermitted("remove an owner")
    _ensure_owner_stays(session, org, membership)

    _tell(session, actor, org, membership, "member_removed")
    return _end(session, actor, org, membership, "member.removed", reason)


def leave(session: Session, actor: Actor, org_id: int, *, reason: str = "") -> Membership:
    """Let the actor leave an organization; raises `LastOwner`."""
    org = access(session, actor, org_id, Action.VIEW)
    membership = memberships.get(session, org, actor.user_id or 0)
    _ensure_owner_stays(session, org, membership)
    return _end(session, actor, org, membership, "member.left", reason)


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
    """Return one page of people: user_id, name, email, joined_at.

    Who may view roles also gets role, two_factor, last_seen_at, and those of higher rank first.
    """
    access(session, actor, org_id, Action.VIEW)
    columns: list[Any] = [User.id.label("user_id"), User.name, User.email, Membership.joined_at]
    order: list[Any] = [func.lower(User.name), User.id]
    if may(session, actor, org_id, Action.VIEW_INVITATIONS):
        two_factor = User.two_factor_at.is_not(None).label("two_factor")
        columns += [Membership.role, two_factor, User.last_seen_at]
        order.insert(0, case({each: -each.rank for each in Role}, value=Membership.role))
    people = _matching(session, actor, org_id, select(*columns), search, role).order_by(*order)
    return frame(session, people.limit(per_page).offset((max(1, page) - 1) * per_page))


def count(
    session: Session, actor: Actor, org_id: int, *, search: str = "", role: Role | None = None
) -> int:
    """Return how many people `table` has on all its pages."""
    access(session, actor, org_id, Action.VIEW)
    people = _matching(session, actor, org_id, select(func.count()), search, role)
    return session.scalar(people) or 0


def summary(session: Session, actor: Actor, org_id: int) -> "pd.Series[Any]":
    """Return the numbers above the table: owner, admin, member, last_joined.

    Who may view invitations also gets pending and without_two_factor.
    """
    access(session, actor, org_id, Action.VIEW)
    counted = select(
        Membership.role,
        func.count().label("people"),
        func.count(User.two_factor_at).label("with_two_factor"),
        func.max(Membership.joined_at).label("last_joined"),
        offers.counted_open(org_id).label("pending"),
    )
    grouped = _matching(session, actor, org_id, counted, "", None).group_by(Membership.role)
    by_role = frame(session, grouped).set_index("role").reindex(list(Role))
    people = by_role["people"].fillna(0).astype(int)
    numbers = pd.Series({each.value: people[each] for each in Role}, dtype=object)
    numbers["last_joined"] = by_role["last_joined"].max()
    if may(session, actor, org_id, Action.VIEW_INVITATIONS):
        numbers["pending"] = int(by_role["pending"].max())
        numbers["without_two_factor"] = int(people.sum() - by_role["with_two_factor"].sum())
    return numbers


def list_roles_to_give(session: Session, actor: Actor, org_id: int) -> list[Role]:
    """Return the roles up to the actor's own, the least first; none for who may give none."""
    org = access(session, actor, org_id, Action.VIEW)
    if not may(session, actor, org_id, Action.INVITE):
        return []
    return [role for role in Role if memberships.may_give(session, actor, org, role)]


@dataclass(frozen=True)
class Difference:
    """What another role would change in what a person may do."""

    gained: list[Action]
    lost: list[Action]
    kept: list[Action]


def permission_diff(old: Role, new: Role) -> Difference:
    """Return which actions are gained, lost and kept on the way from one role to another."""
    before, after = rights_of(old), rights_of(new)
    return Difference(
        gained=[action for action in Action if action in after - before],
        lost=[action for action in Action if action in before - after],
        kept=[action for action in Action if action in before & after],
    )


def permission(action: Action) -> str:
    """Return an action as tables and lists call it, with a capital."""
    return action.value[0].upper() + action.value[1:]


def roles_table() -> pd.DataFrame:
    """Return what each role may (permission, member, admin, owner), from what decides it."""
    return pd.DataFrame(
        {"permission": permission(action)} | {role.value: role in who for role in Role}
        for action, who in ALLOWED.items()
        if who & set(Role)
    )


def _matching(
    session: Session,
    actor: Actor,
    org_id: int,
    columns: Select[*tuple[Any, ...]],
    search: str,
    role: Role | None,
) -> Select[*tuple[Any, ...]]:
    """Return the columns of those people whose name or email has the text in it."""
    people = (
        columns.select_from(Membership)
        .join(User, User.id == Membership.user_id)
        .where(Membership.org_id == org_id)
    )
    if role is not None:
        access(session, actor, org_id, Action.VIEW_INVITATIONS)
        people = people.where(Membership.role == role)
    if search.strip():
        people = people.where(contains(User.name, search) | contains(User.email, search))
    return people


def _ensure_owner_stays(session: Session, org: Organization, membership: Membership) -> None:
    if membership.role is Role.OWNER and memberships.count_owners(session, org) == 1:
        raise LastOwner


def _end(
    session: Session,
    actor: Actor,
    org: Organization,
    membership: Membership,
    event: str,
    reason: str,
) -> Membership:
    revoked = offers.withdraw_above(session, org, membership.user_id, None)
    memberships.end(session, org, membership)
    history.record(session, actor, org, event, membership, *revoked, reason=reason)
    return membership


def _tell(
    session: Session,
    actor: Actor,
    org: Organization,
    membership: Membership,
    template: str,
    **context: str,
) -> None:
    """Mail the member what somebody else did about the membership."""
    if membership.user_id == actor.user_id:
        return
    email = session.scalars(select(User.email).where(User.id == membership.user_id)).one()
    mail.enqueue(
        session,
        template,
        email,
        org_id=org.id,
        organization=org.name,
        by=actor.name,
        **context,
    )
