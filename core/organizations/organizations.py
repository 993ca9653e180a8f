"""Use cases of organizations: create, delete, restore, limit the members, list one's own."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

import pandas as pd
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import Action, Actor, access, lock_self, staff_rights
from core.accounts import user_rows
from core.audit import history
from core.base import clock, tokenizer, validation
from core.base.errors import (
    InvalidInput,
    MembershipLimit,
    NoOwnerLeft,
    NotFound,
    NotPermitted,
    StillInProduction,
)
from core.base.settings import settings
from core.database import search
from core.database.db import frame
from core.members import invitation_rows, leaving, membership_rows
from core.models import Base, Membership, Organization, Role, Stage, User
from core.organizations import organization_rows, queries

DELETED_TTL: Final = timedelta(days=30)
"""How long a deleted organization can be restored before it is purged."""
MAX_MEMBER_LIMIT: Final = 1_000_000
_DOUBLE_CLICK_WINDOW: Final = timedelta(minutes=1)


def create(session: Session, actor: Actor, name: str) -> Organization:
    """Create an organization with the actor as its owner.

    A second call with the same name within a minute, as by a double click, returns the same
    organization. Raises `InvalidInput(name)`, `MembershipLimit`.
    """
    check = validation.Check()
    domain = user_rows.find_domain(session, actor.user_id)
    name = check("name", validation.organization_name, name, domain=domain)
    check.done()
    if not actor.user_id:
        raise NotPermitted("create an organization", ask="someone with an account")

    lock_self(session, actor)
    made = _find_just_made(session, actor, name)
    if made is not None:
        return made
    org = organization_rows.make(session, actor, name)
    owner = membership_rows.make(session, org, actor.user_id, Role.OWNER)
    history.record(session, actor, org, "organization.created", org, owner)
    return org


def _find_just_made(session: Session, actor: Actor, name: str) -> Organization | None:
    return session.scalar(
        select(Organization)
        .join(Membership, Membership.org_id == Organization.id)
        .where(
            Membership.user_id == actor.user_id,
            Organization.created_by == actor.user_id,
            Organization.created_at > clock.now() - _DOUBLE_CLICK_WINDOW,
            Organization.name == name,
            Organization.deleted_at.is_(None),
        )
    )


class SimilarNames(NamedTuple):
    """Organizations whose name could be confused with a new one."""

    names: Sequence[str] = ()
    """The names that the actor may know, at most three, the most similar first."""
    has_others: bool = False
    """Whether there are also some whose names the actor may not know."""
    wait: int = 0
    """Minutes until names are compared again, where the actor has tried too many."""
    own: Mapping[str, str] = MappingProxyType({})
    """The Organization IDs of those names that are of the actor's own organizations."""


def list_similar_names(session: Session, actor: Actor, name: str) -> SimilarNames:
    """Return the organizations that could be confused with this name.

    Customers are confidential: a name is only returned if the organization is in Connected
    Solutions or the actor's own, or to staff; others are limited by `throttling.NAMES`.
    """
    if not name.strip():
        return SimilarNames()
    sees_all = Action.VIEW_ALL in staff_rights(session, actor)
    if not sees_all:
        wait = throttling.hit(session, "similar names", str(actor.user_id), throttling.NAMES)
        if wait:
            return SimilarNames(wait=wait)
    found = search.list_similar_names(session, name)
    own = _list_own(session, actor, found)
    known = found if sees_all else {*own, *_list_public(session, found)}
    return SimilarNames([each for each in found if each in known], len(known) < len(found), own=own)


def _list_public(session: Session, names: Sequence[str]) -> Sequence[str]:
    """Return those of these names that Connected solutions lists."""
    return session.scalars(
        select(Organization.name).where(
            Organization.name.in_(names),
            Organization.deleted_at.is_(None),
            Organization.is_listed,
        )
    ).all()


def _list_own(session: Session, actor: Actor, names: Sequence[str]) -> dict[str, str]:
    """Return the Organization IDs of the actor's organizations with these names, by name."""
    own = (
        select(Organization.name, Organization.public_id)
        .join(Membership, Membership.org_id == Organization.id)
        .where(
            Membership.user_id == actor.user_id,
            Organization.name.in_(names),
            Organization.deleted_at.is_(None),
        )
        .order_by(Organization.id)
    )
    return dict(session.execute(own).all())


def delete(session: Session, actor: Actor, org_id: int, *, name: str) -> Organization:
    """Delete an organization; `name` is its name, which the owner types to confirm.

    An administrator can restore it within `DELETED_TTL`. Raises `InvalidInput(name)`,
    `StillInProduction`.
    """
    org = access(session, actor, org_id, Action.DELETE)
    if " ".join(name.split()) != org.name:
        raise InvalidInput({"name": f"Type the name exactly as shown: {org.name}"})
    if org.stage is Stage.PRODUCTION:
        raise StillInProduction(settings().sales_contact)

    org.deleted_at = clock.now()
    history.record(session, actor, org, "organization.deleted", org)
    return org


def restore(session: Session, actor: Actor, org_id: int) -> Organization:
    """Restore a deleted organization within `DELETED_TTL`, with all members who have an account.

    Raises `NotFound` afterwards, `NoOwnerLeft` if no owner has an account, and `MembershipLimit`
    with the names of members who have since reached their limit of organizations.
    """
    org = access(session, actor, org_id, Action.RESTORE)
    if org.deleted_at is None:
        return org
    if clock.now() - org.deleted_at > DELETED_TTL:
        raise NotFound("organization")
    returned = bring_back(session, org)
    history.record(session, actor, org, "organization.restored", org, *returned)
    return org


def bring_back(session: Session, org: Organization) -> list[Base]:
    """Bring a deleted organization back, with all members who have an account.

    Returns the memberships, invitations and offers that end, for the caller to record with it.
    Raises `NoOwnerLeft` and `MembershipLimit`, as `restore` does.
    """
    at_limit = _list_members_at_limit(session, org)
    without_account = membership_rows.list_deleted_accounts(session, org)
    gone = sum(each.role is Role.OWNER for each in without_account)
    if org.unclaimed_since is None and membership_rows.count_owners(session, org) == gone:
        raise NoOwnerLeft(org.name)
    if at_limit:
        raise MembershipLimit(membership_rows.MAX_MEMBERSHIPS, at_limit)

    ended: list[Base] = []
    for membership in without_account:
        ended += leaving.withdraw(session, org, membership.user_id, None)
        membership_rows.end(session, org, membership)
    ended += invitation_rows.revoke_unheld(session, org)  # rights may have ended meanwhile
    org.deleted_at = org.merged_into = None
    return [*without_account, *ended]


def limit_members(session: Session, actor: Actor, org_id: int, limit: int | None) -> Organization:
    """Limit the number of members; None removes the limit.

    Current members stay even above the limit; no one can join until there is room. Raises
    `InvalidInput(limit)`.
    """
    org = access(session, actor, org_id, Action.LIMIT_MEMBERS)
    if limit is not None and not 1 <= limit <= MAX_MEMBER_LIMIT:
        hint = f"Enter a number from 1 to {MAX_MEMBER_LIMIT:,}, or leave it empty for no limit."
        raise InvalidInput({"limit": hint})
    org.member_limit = limit
    history.record(session, actor, org, "organization.members_limited", org)
    return org


def list_mine(session: Session, actor: Actor) -> pd.DataFrame:
    """Return the organizations of which the actor is a member, sorted by name.

    Columns: id, public_id, name, logo, role, stage, member_count, owners, pending, created_at.
    """
    return frame(
        session,
        select(
            Organization.id,
            Organization.public_id,
            Organization.name,
            Organization.logo,
            Membership.role,
            Organization.stage,
            Organization.member_count,
            Organization.owner_count.label("owners"),
            queries.pending_column(),
            Organization.created_at,
        )
        .join(Membership, Membership.org_id == Organization.id)
        .where(Membership.user_id == actor.user_id, Organization.deleted_at.is_(None))
        .order_by(Organization.name_key, Organization.id),
    )


def search_mine(mine: pd.DataFrame, words: str) -> pd.DataFrame:
    """Return the rows of `list_mine` whose name or Organization ID has these words."""
    texts = mine[["name", "public_id"]].itertuples(index=False)
    return mine[[tokenizer.matches(words, *each) for each in texts]].reset_index(drop=True)


def _list_members_at_limit(session: Session, org: Organization) -> list[str]:
    """Lock the members of a deleted organization; return the names of those at their limit."""
    inside = select(Membership.user_id).where(Membership.org_id == org.id)
    session.execute(
        update(User)
        .where(User.id.in_(inside))
        .values(version=User.version + 1)
        .execution_options(unrecorded=True, synchronize_session=False)
    )
    full = (
        select(User.name)
        .join(Membership, Membership.user_id == User.id)
        .join(Organization, Organization.id == Membership.org_id)
        .where(User.id.in_(inside), Organization.deleted_at.is_(None))
        .group_by(User.id, User.name, User.search_text)
        .having(func.count() >= membership_rows.MAX_MEMBERSHIPS)
        .order_by(User.search_text)
    )
    return list(session.scalars(full))
