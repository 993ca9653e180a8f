"""People: every account, for administrators: staff roles, who is disabled, whose sessions end."""

from typing import Final

import pandas as pd
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from core import clock, fields, history, links, mail, persons, second_factors, sessions
from core.errors import InvalidInput, NotFound
from core.frames import frame
from core.matching import contains
from core.models import Membership, Staff, User
from core.permissions import Action, Actor, access_staff, rights_of, take_person

PER_PAGE: Final = 50


def table(
    session: Session, actor: Actor, *, search: str = "", staff_only: bool = False, page: int = 1
) -> pd.DataFrame:
    """Return one page of accounts, the newest first.

    Columns: user_id, name, email, staff, proven_at, disabled_at, last_seen_at, created_at, and
    organizations, of how many the person is a member.
    """
    access_staff(session, actor, Action.MANAGE_PEOPLE)
    organizations = (
        select(func.count()).where(Membership.user_id == User.id).correlate(User).scalar_subquery()
    )
    wanted = (
        select(
            User.id.label("user_id"),
            User.name,
            User.email,
            User.staff,
            User.proven_at,
            User.disabled_at,
            User.last_seen_at,
            User.created_at,
            organizations.label("organizations"),
        )
        .where(User.deleted_at.is_(None))
        .order_by(User.id.desc())
        .limit(PER_PAGE + 1)
        .offset((page - 1) * PER_PAGE)
    )
    if staff_only:
        wanted = wanted.where(User.staff.is_not(None))
    if search.strip():
        wanted = wanted.where(or_(contains(User.name, search), contains(User.email, search)))
    return frame(session, wanted)


def get(session: Session, actor: Actor, user_id: int) -> User:
    """Return an account; raises `NotFound`."""
    access_staff(session, actor, Action.MANAGE_PEOPLE)
    user = session.get(User, user_id)
    if user is None or user.deleted_at is not None:
        raise NotFound("account")
    return user


def set_staff(session: Session, actor: Actor, user_id: int, staff: Staff | None) -> User:
    """Give somebody a staff role, or take it; who may do more than before logs in anew.

    Raises `LastAdministrator`, and `InvalidInput(staff)` for an address that nobody has proven.
    """
    user = _take(session, actor, user_id)
    if user.staff is staff:
        return user
    if user.proven_at is None:
        raise InvalidInput(
            {"staff": "This address is not confirmed yet. Give the role once it is."}
        )
    persons.ensure_other_administrator(session, user)
    if rights_of(None, staff) - rights_of(None, user.staff):
        sessions.end_all(session, user.id, "staff role given")
    user.staff = staff
    history.record(session, actor, user.id, "account.staff_changed", user)
    return user


def disable(session: Session, actor: Actor, user_id: int) -> User:
    """Shut an account: its sessions end at once and nobody signs in; `enable` opens it again."""
    user = _take(session, actor, user_id)
    if user.disabled_at is not None:
        return user
    persons.ensure_other_administrator(session, user)
    user.disabled_at = clock.now()
    sessions.end_all(session, user.id, "account disabled")
    links.end(session, links.RESET, user_id=user.id)
    history.record(session, actor, user.id, "account.disabled", user)
    return user


def enable(session: Session, actor: Actor, user_id: int) -> User:
    """Open a disabled account again."""
    user = _take(session, actor, user_id)
    user.disabled_at = None
    history.record(session, actor, user.id, "account.enabled", user)
    return user


def end_sessions(session: Session, actor: Actor, user_id: int) -> int:
    """Sign somebody out everywhere; return how many sessions there were."""
    user = _take(session, actor, user_id)
    ended = sessions.end_all(session, user.id, "ended by an administrator")
    if ended:
        history.record(session, actor, user.id, "account.sessions_ended", user, always=True)
    return ended


def reset_two_factor(session: Session, actor: Actor, user_id: int, *, reason: str) -> User:
    """Take away somebody's two-factor, who has lost the device; it is set up anew after sign-in.

    Every session ends. Raises `InvalidInput` without a reason, and for one's own.
    """
    user = _take(session, actor, user_id)
    check = fields.Check()
    why = check("reason", fields.reason, reason)
    check.done()
    if user.id == actor.user_id:
        raise InvalidInput({"two_factor": "Replace your own device under User Settings."})
    if user.two_factor_at is None:
        return user
    user.password_epoch += 1
    second_factors.forget(session, user)
    sessions.end_all(session, user.id, "two-factor reset")
    what = f"reset by {actor.name}. The reason: {why}"
    mail.enqueue(session, "two_factor_changed", user.email, name=user.name, what=what)
    history.record(session, actor, user.id, "account.two_factor_reset", user, reason=why)
    return user


def _take(session: Session, actor: Actor, user_id: int) -> User:
    access_staff(session, actor, Action.MANAGE_PEOPLE)
    user = take_person(session, user_id)
    if user is None or user.deleted_at is not None:
        raise NotFound("account")
    return user
