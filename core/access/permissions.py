"""Permissions: the table of who may do what, the checks, and the locks that go with them.

The table `ALLOWED` decides for use cases, the `Roles` tab, the navigation and the test matrix.
Roles are never passed around: each transaction looks them up again.

Locks are taken in one order, so that no transactions deadlock: staff roles, organizations, users.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, Update, and_, bindparam, case, exists, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from core.base import clock
from core.base.errors import NotFound, NotPermitted
from core.database import change_tracking
from core.database.db import is_writing
from core.models import Impersonation, Lock, Membership, Organization, Role, Staff, User
from core.models.organizations import State, state_of


@dataclass(frozen=True)
class Actor:
    """The person on whose behalf a use case runs; also `ANONYMOUS`, or `ORGDESK` itself."""

    user_id: int | None
    name: str


ANONYMOUS: Final = Actor(0, "an anonymous visitor")
ORGDESK: Final = Actor(None, "Orgdesk")


class Action(StrEnum):
    """An action; its value completes the sentence "You don't have permission to …"."""

    VIEW = "view overview, connected solutions and people"
    VIEW_INVITATIONS = "view roles and invitations"
    INVITE = "manage invitations"
    REMOVE_MEMBERS = "remove members and admins"
    REQUEST_ONBOARDING = "request onboarding"
    EDIT_PROFILE = "manage the organization profile"
    CHANGE_ROLES = "manage organization roles and transfer ownership"
    VIEW_HISTORY = "review history"
    DELETE = "delete the organization"

    VIEW_ALL = "view every organization"
    SAVE_VIEWS = "save views"
    WRITE_NOTES = "read and write staff notes"
    MOVE_STAGES = "flag for onboarding and move stages"
    EDIT_CONTACT = "edit the contact details of other organizations"
    IMPORT = "import organizations and members"
    MERGE = "merge duplicate organizations"
    UNDO_MERGE = "undo a merge of organizations"
    OVERRIDE_GATE = "override failed checks"
    RESTORE = "restore a deleted organization"
    REMOVE_VIEWS = "remove shared views of other people"
    ACT_AS_OWNER = "act as an owner"
    ASSIGN_OWNER = "assign an owner where all owners are disabled"
    LIMIT_MEMBERS = "set the member limit of an organization"
    READ_MAIL = "read the emails of Orgdesk"
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
    Action.IMPORT: {Staff.OPS, Staff.ADMINISTRATOR},
    Action.MERGE: {Staff.OPS, Staff.ADMINISTRATOR},
    Action.UNDO_MERGE: {Staff.OPS, Staff.ADMINISTRATOR},
    Action.OVERRIDE_GATE: {Staff.ADMINISTRATOR},
    Action.RESTORE: {Staff.ADMINISTRATOR},
    Action.REMOVE_VIEWS: {Staff.ADMINISTRATOR},
    Action.ACT_AS_OWNER: {Staff.ADMINISTRATOR},
    Action.ASSIGN_OWNER: {Staff.ADMINISTRATOR},
    Action.LIMIT_MEMBERS: {Staff.ADMINISTRATOR},
    Action.READ_MAIL: {Staff.ADMINISTRATOR},
    Action.MANAGE_PEOPLE: {Staff.ADMINISTRATOR},
}

Rights = frozenset[Action]

_STAFF: Final = case((User.two_factor_at.is_not(None), User.staff)).label("staff")
"""The staff role; it takes effect once two-factor is on."""
_STAFF_ROLE: Final = select(_STAFF).where(
    User.id == bindparam("user_id"), User.disabled_at.is_(None)
)
"""The staff role of a user whose account is not disabled."""

_SOURCE: Final = aliased(Organization)
_CACHE: Final = "access"
_IMPERSONATION_REASONS: Final = "impersonation reasons"


class ActiveImpersonation(NamedTuple):
    """When an administrator's impersonation of an owner ends, and its reason."""

    until: datetime
    reason: str


@cache
def rights_of(role: Role | None, staff: Staff | None = None) -> Rights:
    """Return the actions that are allowed for a role and a staff role."""
    return frozenset(action for action, who in ALLOWED.items() if role in who or staff in who)


def access(session: Session, actor: Actor, org_id: int, action: Action) -> Organization:
    """Return the organization, if the actor may do this in it.

    In a write transaction its row is locked first. Deleted organizations exist for `RESTORE` only,
    and those that were merged into another one for `UNDO_MERGE` only. Raises `NotFound` for
    outsiders, and `NotPermitted` for insiders without the permission.
    """
    if is_writing(session):
        _lock_organization(session, org_id, action)
    org, rights, *_ = _get_access(session, actor, org_id)
    if org is None or Action.VIEW not in rights:
        raise NotFound("organization")
    if state_of(org) not in _STATES.get(action, (State.LIVE,)):
        raise NotFound("organization")
    if action not in rights:
        is_theirs = Role.OWNER in ALLOWED[action]
        raise NotPermitted(action.value, ask="an owner" if is_theirs else "an administrator")
    return org


def find_organization(
    session: Session, actor: Actor, public_id: str
) -> tuple[Organization, Rights] | None:
    """Return the organization with a public id and the actor's rights in it; None for outsiders.

    The id of an organization that was merged leads to the one that it was merged into.
    """
    found = _load_access(session, actor, Organization.public_id, public_id)
    if found.org is not None and found.org.merged_into is not None:
        found = _load_access(session, actor, Organization.id, found.org.merged_into)
    if found.org is None or found.org.deleted_at is not None or Action.VIEW not in found.rights:
        return None
    _cache(session)[actor, found.org.id] = found
    return found.org, found.rights


def may(session: Session, actor: Actor, org_id: int, action: Action) -> bool:
    """Return whether the actor may do this in the organization."""
    return action in _get_access(session, actor, org_id).rights


def access_staff(session: Session, actor: Actor, action: Action) -> None:
    """Raise `NotPermitted` unless the actor's staff role allows the action.

    In a write transaction, `MANAGE_PEOPLE` locks staff roles first.
    """
    if is_writing(session) and action is Action.MANAGE_PEOPLE:
        lock_staff_roles(session)
    if actor is not ORGDESK and action not in staff_rights(session, actor):
        raise NotPermitted(action.value, ask="an administrator")


def staff_rights(session: Session, actor: Actor) -> Rights:
    """Return the actor's rights by staff role alone, which hold in every organization.

    There are none before two-factor is on: a password alone must not open other people's data.
    """
    return rights_of(None, find_staff_role(session, actor))


def find_staff_role(session: Session, actor: Actor) -> Staff | None:
    """Return the actor's staff role, or None if there is none or two-factor is not on."""
    cached = _cache(session)
    if actor not in cached:
        cached[actor] = session.scalar(_STAFF_ROLE, {"user_id": actor.user_id})
    staff: Staff | None = cached[actor]
    return staff


def find_role(session: Session, actor: Actor, org_id: int) -> Role | None:
    """Return the actor's role in the organization, or None if the actor is not a member.

    Administrators who act as an owner have the role owner.
    """
    return _get_access(session, actor, org_id).role


def list_roles(session: Session, actor: Actor, org_id: int) -> list[Role | Staff]:
    """Return the actor's role in the organization and the staff role; either may be missing."""
    found = _get_access(session, actor, org_id)
    return [role for role in (found.role, found.staff) if role is not None]


def find_impersonation(session: Session, actor: Actor, org_id: int) -> ActiveImpersonation | None:
    """Return the actor's active impersonation in the organization, if there is one."""
    return _get_access(session, actor, org_id).impersonation


def find_impersonation_reason(session: Session, actor: Actor, org_id: int) -> str:
    """Return the reason of the actor's active impersonation, or an empty string.

    `access` must have been called for the organization before in this transaction.
    """
    reason: str = session.info.get(_IMPERSONATION_REASONS, {}).get((actor, org_id), "")
    return reason


def has_merged(session: Session, actor: Actor, org_id: int) -> bool:
    """Return whether other organizations may have been merged into this one."""
    return _get_access(session, actor, org_id).has_merged


def lock_staff_roles(session: Session) -> None:
    """Lock the assignment of staff roles; must be the first lock of a transaction."""
    session.execute(update(Lock).where(Lock.name == "staff").values(n=Lock.n + 1))


def lock_user(session: Session, user_id: int) -> User:
    """Lock a user's row and return it; must come after all other locks of a transaction.

    Raises `NotFound` for an account that does not exist or was deleted.
    """
    user = lock_user_or_none(session, user_id)
    if user is None or user.deleted_at is not None:
        raise NotFound("account")
    return user


def lock_user_or_none(session: Session, user_id: int) -> User | None:
    """Lock a user's row and return it, deleted or not; None if it does not exist."""
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


_STATES: Final = {Action.RESTORE: (State.DELETED, State.LIVE), Action.UNDO_MERGE: (State.MERGED,)}
"""The states in which it exists for an action, the one to lock first; for all others it is live."""


def _lock_organization(session: Session, org_id: int, action: Action) -> None:
    """Lock an organization's row, once in a transaction."""
    locked = change_tracking.locked_ids(session)
    if org_id not in locked:
        lock = _lock(_STATES.get(action, (State.LIVE,))[0])
        found: Any = session.execute(lock, {"org_id": org_id})
        if found.rowcount:
            locked.add(org_id)


@cache
def _lock(state: State) -> Update:
    return (
        update(Organization)
        .where(Organization.id == bindparam("org_id"), *state.value)
        .values(version=Organization.version + 1)
        .execution_options(unrecorded=True, synchronize_session=False)
    )


class _Access(NamedTuple):
    """An organization with the rights and the roles of an actor in it."""

    org: Organization | None
    rights: Rights
    role: Role | None
    staff: Staff | None = None
    impersonation: ActiveImpersonation | None = None
    has_merged: bool = True


def _get_access(session: Session, actor: Actor, org_id: int) -> _Access:
    """Return the actor's access to an organization; read-only sessions query it once."""
    cached = _cache(session)
    if (actor, org_id) not in cached:
        cached[actor, org_id] = _load_access(session, actor, Organization.id, org_id)
    found: _Access = cached[actor, org_id]
    return found


def _cache(session: Session) -> dict[object, Any]:
    """Return the cache of a read-only session; write transactions always look rights up again."""
    cached: dict[object, Any]
    cached = {} if is_writing(session) else session.info.setdefault(_CACHE, {})
    return cached


def _load_access(
    session: Session, actor: Actor, column: InstrumentedAttribute[Any], value: object
) -> _Access:
    parameters = {"value": value, "user_id": actor.user_id, "now": clock.now()}
    row = session.execute(_query(column, as_orgdesk=actor is ORGDESK), parameters).one_or_none()
    if row is None:
        return _Access(None, frozenset(), None)
    if actor is ORGDESK:
        return _Access(row[0], frozenset(Action), Role.OWNER)
    org, role, staff, until, reason, has_merged = row
    if until is None or staff is not Staff.ADMINISTRATOR:
        return _Access(org, rights_of(role, staff), role, staff, has_merged=has_merged)
    session.info.setdefault(_IMPERSONATION_REASONS, {})[actor, org.id] = reason
    impersonation = ActiveImpersonation(until, reason)
    rights = rights_of(Role.OWNER, staff)
    return _Access(org, rights, Role.OWNER, staff, impersonation, has_merged)


@cache
def _query(column: InstrumentedAttribute[Any], *, as_orgdesk: bool) -> Select[*tuple[Any, ...]]:
    """Return the query of `_load_access`; cached, as building it takes longer than running it.

    Columns: organization, role, staff role, end and reason of an active impersonation.
    """
    org = select(Organization).where(column == bindparam("value"))
    org = org.execution_options(populate_existing=True)
    if as_orgdesk:
        return org
    is_own = and_(Membership.org_id == Organization.id, Membership.user_id == User.id)
    is_active = and_(
        *(Impersonation.org_id == Organization.id, Impersonation.user_id == User.id),
        *(Impersonation.ended_at.is_(None), Impersonation.ends_at > bindparam("now")),
    )
    return (
        org.add_columns(Membership.role, _STAFF, Impersonation.ends_at, Impersonation.reason)
        .add_columns(exists().where(_SOURCE.merged_into == Organization.id))
        .select_from(Organization)
        .join(User, and_(User.id == bindparam("user_id"), User.disabled_at.is_(None)))
        .outerjoin(Membership, is_own)
        .outerjoin(Impersonation, is_active)
    )
