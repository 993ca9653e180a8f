"""Who may do what: one table, and the two ways to ask it.

The table feeds the check, the `Roles` tab, the navigation and the test matrix.
Roles are never carried along: they are looked up in the transaction that they decide about.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, and_, bindparam, case, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.base import clock
from core.base.errors import NotFound, NotPermitted
from core.database.db import is_writing
from core.models import Impersonation, Lock, Membership, Organization, Role, Staff, User


@dataclass(frozen=True)
class Actor:
    """Who acts: a person, or nobody, or Orgdesk itself."""

    user_id: int | None
    name: str


NOBODY: Final = Actor(0, "somebody who is not signed in")
ORGDESK: Final = Actor(None, "Orgdesk")


class Action(StrEnum):
    """What may be done; each value finishes the sentence 'You may not …'."""

    VIEW = "view overview, connected solutions and people"
    VIEW_INVITATIONS = "view roles and invitations"
    INVITE = "manage invitations"
    REMOVE_MEMBERS = "remove members and admins"
    REQUEST_ONBOARDING = "request onboarding"
    EDIT_PROFILE = "manage the organization profile"
    CHANGE_ROLES = "manage organization roles and hand ownership over"
    VIEW_HISTORY = "review history"
    DELETE = "delete the organization"

    VIEW_ALL = "view every organization"
    SAVE_VIEWS = "save views"
    WRITE_NOTES = "read and write staff notes"
    MOVE_STAGES = "flag for onboarding and move stages"
    EDIT_CONTACT = "edit the contact data of other organizations"
    OVERRIDE_GATE = "let an organization through a gate whose checks fail"
    RESTORE = "restore a deleted organization"
    REMOVE_VIEWS = "remove views that others share"
    ACT_AS_OWNER = "act as an owner"
    NAME_OWNER = "name an owner where all are disabled"
    LIMIT_MEMBERS = "limit the members of an organization"
    READ_MAIL = "read the mails of Orgdesk"
    MANAGE_PEOPLE = "manage accounts and staff roles"


EVERYONE: Final = {*Role, *Staff}
ALLOWED: Final[dict[Action, set[Role | Staff]]] = {
    Action.VIEW: {*EVERYONE},
    Action.VIEW_INVITATIONS: {Role.ADMIN, Role.OWNER, *Staff},
    Action.INVITE: {Role.ADMIN, Role.OWNER},
    Action.REMOVE_MEMBERS: {Role.ADMIN, Role.OWNER},
    Action.REQUEST_ONBOARDING: {Role.ADMIN, Role.OWNER},
    Action.EDIT_PROFILE: {Role.OWNER},
    Action.CHANGE_ROLES: {Role.OWNER},
    Action.VIEW_HISTORY: {Role.OWNER, *Staff},
    Action.DELETE: {Role.OWNER},
    Action.VIEW_ALL: {*Staff},
    Action.SAVE_VIEWS: {*Staff},
    Action.WRITE_NOTES: {*Staff},
    Action.MOVE_STAGES: {Staff.SALES, Staff.ADMINISTRATOR},
    Action.EDIT_CONTACT: {Staff.OPS, Staff.ADMINISTRATOR},
    Action.OVERRIDE_GATE: {Staff.ADMINISTRATOR},
    Action.RESTORE: {Staff.ADMINISTRATOR},
    Action.REMOVE_VIEWS: {Staff.ADMINISTRATOR},
    Action.ACT_AS_OWNER: {Staff.ADMINISTRATOR},
    Action.NAME_OWNER: {Staff.ADMINISTRATOR},
    Action.LIMIT_MEMBERS: {Staff.ADMINISTRATOR},
    Action.READ_MAIL: {Staff.ADMINISTRATOR},
    Action.MANAGE_PEOPLE: {Staff.ADMINISTRATOR},
}

Rights = frozenset[Action]

_STAFF: Final = case((User.two_factor_at.is_not(None), User.staff)).label("staff")
"""A staff role counts once its holder has two-factor."""
_STAFF_ROLE: Final = select(_STAFF).where(
    User.id == bindparam("user_id"), User.disabled_at.is_(None)
)
"""What somebody with this account may everywhere, unless it is disabled."""

_SEEN: Final = "seen"
_STANDS_IN: Final = "stands in"


class ActiveImpersonation(NamedTuple):
    """Until when, and why, an administrator does what an owner may."""

    until: datetime
    reason: str


@cache
def rights_of(role: Role | None, staff: Staff | None = None) -> Rights:
    """Return what this role and this staff role may do."""
    return frozenset(action for action, who in ALLOWED.items() if role in who or staff in who)


def access(session: Session, actor: Actor, org_id: int, action: Action) -> Organization:
    """Return the organization through the actor's eyes; in a write transaction, take its row first.

    Raises `NotFound` for outsiders, `NotPermitted` for insiders without the right.
    """
    if is_writing(session):
        _lock_organization(session, org_id, deleted=action is Action.RESTORE)
    org, rights, *_ = _look(session, actor, org_id)
    if org is None or Action.VIEW not in rights:
        raise NotFound("organization")
    if org.deleted_at is not None and action is not Action.RESTORE:
        raise NotFound("organization")
    if action not in rights:
        raise NotPermitted(action.value)
    return org


def find_organization(
    session: Session, actor: Actor, public_id: str
) -> tuple[Organization, Rights] | None:
    """Return the organization at an address and what the actor may do there; None for outsiders."""
    seen = _look_now(session, actor, Organization.public_id, public_id)
    if seen.org is None or seen.org.deleted_at is not None or Action.VIEW not in seen.rights:
        return None
    _known(session)[actor, seen.org.id] = seen
    return seen.org, seen.rights


def may(session: Session, actor: Actor, org_id: int, action: Action) -> bool:
    """Return whether the actor may do this in the organization."""
    return action in _look(session, actor, org_id).rights


def access_staff(session: Session, actor: Actor, action: Action) -> None:
    """Raise `NotPermitted` unless the actor's staff role allows it.

    In a write transaction the staff lock is taken first: staff roles are decided one at a time.
    """
    if is_writing(session) and action is Action.MANAGE_PEOPLE:
        lock_staff_roles(session)
    if actor is not ORGDESK and action not in staff_rights(session, actor):
        raise NotPermitted(action.value, ask="an administrator")


def staff_rights(session: Session, actor: Actor) -> Rights:
    """Return what the actor may do everywhere, from the staff role alone.

    Nothing before two-factor is set up: a password alone opens nothing of other people's.
    """
    known = _known(session)
    if actor not in known:
        staff = session.scalar(_STAFF_ROLE, {"user_id": actor.user_id})
        known[actor] = rights_of(None, staff)
    rights: Rights = known[actor]
    return rights


def find_role(session: Session, actor: Actor, org_id: int) -> Role | None:
    """Return the actor's role in the organization; None for who is no member.

    For an administrator who acts as an owner it is an owner's.
    """
    return _look(session, actor, org_id).role


def find_impersonation(session: Session, actor: Actor, org_id: int) -> ActiveImpersonation | None:
    """Return until when and why the actor, an administrator, does here what an owner may."""
    return _look(session, actor, org_id).standing_in


def find_impersonation_reason(session: Session, actor: Actor, org_id: int) -> str:
    """Return why the actor does what this transaction does as an owner; empty for everybody else.

    The organization has been looked at before in this transaction, by `access`.
    """
    reason: str = session.info.get(_STANDS_IN, {}).get((actor, org_id), "")
    return reason


def lock_staff_roles(session: Session) -> None:
    """Lock what decides about staff roles; to be locked before anything else."""
    session.execute(update(Lock).where(Lock.name == "staff").values(n=Lock.n + 1))


def lock_user(session: Session, user_id: int) -> User:
    """Lock a user's row and return it as it is now; to be locked after everything else.

    Raises `NotFound` when there is no such account, or when it was deleted.
    """
    user = lock_user_or_none(session, user_id)
    if user is None or user.deleted_at is not None:
        raise NotFound("account")
    return user


def lock_user_or_none(session: Session, user_id: int) -> User | None:
    """Lock a user's row and return it, also that of a deleted account; None if there is none."""
    session.execute(
        update(User)
        .where(User.id == user_id)
        .values(version=User.version + 1)
        .execution_options(unrecorded=True, synchronize_session=False)
    )
    return session.get(User, user_id, populate_existing=True)


def lock_self(session: Session, actor: Actor) -> User:
    """Lock the actor's own row and return it; raises `NotFound` for a deleted account."""
    return lock_user(session, actor.user_id or 0)


def _lock_organization(session: Session, org_id: int, *, deleted: bool) -> None:
    state = Organization.deleted_at.is_not(None) if deleted else Organization.deleted_at.is_(None)
    session.execute(
        update(Organization)
        .where(Organization.id == org_id, state)
        .values(version=Organization.version + 1)
        .execution_options(unrecorded=True, synchronize_session=False)
    )


class _Seen(NamedTuple):
    """What one look at an organization shows to one person."""

    org: Organization | None
    rights: Rights
    role: Role | None
    standing_in: ActiveImpersonation | None = None


def _look(session: Session, actor: Actor, org_id: int) -> _Seen:
    """Look at the organization as it is now, in one query; a session that only reads looks once."""
    known = _known(session)
    if (actor, org_id) not in known:
        known[actor, org_id] = _look_now(session, actor, Organization.id, org_id)
    seen: _Seen = known[actor, org_id]
    return seen


def _known(session: Session) -> dict[object, Any]:
    """Return what this session has looked up already: nothing if it may have changed it since."""
    known: dict[object, Any]
    known = {} if is_writing(session) else session.info.setdefault(_SEEN, {})
    return known


def _look_now(
    session: Session, actor: Actor, column: InstrumentedAttribute[Any], which: object
) -> _Seen:
    asked = {"which": which, "user_id": actor.user_id, "now": clock.now()}
    row = session.execute(_query(column, as_orgdesk=actor is ORGDESK), asked).one_or_none()
    if row is None:
        return _Seen(None, frozenset(), None)
    if actor is ORGDESK:
        return _Seen(row[0], frozenset(Action), Role.OWNER)
    org, role, staff, until, reason = row
    if until is None or staff is not Staff.ADMINISTRATOR:
        return _Seen(org, rights_of(role, staff), role)
    session.info.setdefault(_STANDS_IN, {})[actor, org.id] = reason
    return _Seen(org, rights_of(Role.OWNER, staff), Role.OWNER, ActiveImpersonation(until, reason))


@cache
def _query(column: InstrumentedAttribute[Any], *, as_orgdesk: bool) -> Select[*tuple[Any, ...]]:
    """Return the query for an organization by a column, and for the roles of who looks at it.

    Beside it: role, staff role, until when and why that person does what an owner may.
    """
    org = select(Organization).where(column == bindparam("which"))
    org = org.execution_options(populate_existing=True)
    if as_orgdesk:
        return org
    is_theirs = and_(Membership.org_id == Organization.id, Membership.user_id == User.id)
    stands_in = and_(
        *(Impersonation.org_id == Organization.id, Impersonation.user_id == User.id),
        *(Impersonation.ended_at.is_(None), Impersonation.ends_at > bindparam("now")),
    )
    return (
        org.add_columns(Membership.role, _STAFF, Impersonation.ends_at, Impersonation.reason)
        .select_from(Organization)
        .join(User, and_(User.id == bindparam("user_id"), User.disabled_at.is_(None)))
        .outerjoin(Membership, is_theirs)
        .outerjoin(Impersonation, stands_in)
    )
