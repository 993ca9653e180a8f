"""People: every account, for administrators: staff roles, who is disabled, whose sessions end."""

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from core.access.permissions import Action, Actor, access_staff, lock_user, rights_of
from core.accounts import email_links, sessions, totp, user_rows
from core.audit import history
from core.base import clock, validation
from core.base.errors import InvalidInput, NotFound
from core.database import search
from core.database.db import frame
from core.mail import outbox
from core.models import Membership, Staff, User

PER_PAGE: Final = 50


@dataclass(frozen=True)
class Page:
    """Some accounts, the newest first, and whether there are others on either side.

    Columns of `rows`: user_id, name, email, staff, two_factor_at, proven_at, disabled_at,
    last_seen_at, created_at, and organizations, of how many the person is a member.
    """

    rows: pd.DataFrame
    has_newer: bool
    has_older: bool


def table(
    session: Session,
    actor: Actor,
    *,
    text: str = "",
    staff_only: bool = False,
    older_than: int | None = None,
    newer_than: int | None = None,
) -> Page:
    """Return a page of accounts: the newest, or those next to the account with this id.

    A page begins at an account, never at a number, so that each costs the same.
    """
    access_staff(session, actor, Action.MANAGE_PEOPLE)
    hits = search.find_people(session, text) if text.strip() else None
    ids = hits.id if hits is not None else User.id.expression
    wanted = _columns().where(User.deleted_at.is_(None)).limit(PER_PAGE + 1)
    if hits is not None:
        wanted = wanted.select_from(hits.source).where(hits.is_found)
    if staff_only:
        few = aliased(User)
        wanted = wanted.where(ids.in_(select(few.id).where(few.staff.in_(list(Staff)))))
    if newer_than is not None:
        found = frame(session, wanted.where(ids > newer_than).order_by(ids))
        rows = found.head(PER_PAGE).iloc[::-1].reset_index(drop=True)
        return Page(rows, has_newer=len(found) > PER_PAGE, has_older=True)
    if older_than is not None:
        wanted = wanted.where(ids < older_than)
    found = frame(session, wanted.order_by(ids.desc()))
    return Page(found.head(PER_PAGE), older_than is not None, len(found) > PER_PAGE)


def _columns() -> Select[*tuple[Any, ...]]:
    organizations = (
        select(func.count()).where(Membership.user_id == User.id).correlate(User).scalar_subquery()
    )
    return select(
        User.id.label("user_id"),
        *(User.name, User.email, User.staff),
        *(User.two_factor_at, User.proven_at, User.disabled_at),
        *(User.last_seen_at, User.created_at),
        organizations.label("organizations"),
    )


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
    user_rows.ensure_other_administrator(session, user)
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
    user_rows.ensure_other_administrator(session, user)
    user.disabled_at = clock.now()
    sessions.end_all(session, user.id, "account disabled")
    email_links.end(session, email_links.RESET, user_id=user.id)
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
    check = validation.Check()
    why = check("reason", validation.reason, reason)
    check.done()
    if user.id == actor.user_id:
        raise InvalidInput({"two_factor": "Replace your own device under User Settings."})
    if user.two_factor_at is None:
        return user
    user.password_epoch += 1
    totp.forget(session, user)
    sessions.end_all(session, user.id, "two-factor reset")
    detail = f"Reset by {actor.name}. Reason: {why}"
    outbox.enqueue(
        session, "two_factor_changed", user.email, name=user.name, what="reset", detail=detail
    )
    history.record(session, actor, user.id, "account.two_factor_reset", user, reason=why)
    return user


def _take(session: Session, actor: Actor, user_id: int) -> User:
    access_staff(session, actor, Action.MANAGE_PEOPLE)
    return lock_user(session, user_id)
