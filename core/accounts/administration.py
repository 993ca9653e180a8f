"""Accounts as administrators see and change them: the table, enabling, sessions, links, two-factor.

Staff roles and disabling are in `members.account_access`, as they also end invitations.
"""

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from core.access.permissions import Action, Actor, access, access_staff, lock_user
from core.accounts import email_links, sessions, totp
from core.audit import history
from core.base import crypto, validation
from core.base.errors import InvalidInput, NotFound, NotPermitted
from core.database import search
from core.database.db import frame
from core.mail import messages, outbox
from core.mail.administration import get_link
from core.models import Membership, Staff, User

PER_PAGE: Final = 50

_WHO_RUNS_THE_SERVER: Final = "whoever runs the server (python -m core.manage reset-password EMAIL)"


@dataclass(frozen=True)
class Page:
    """A page of accounts, newest first, and whether there are newer or older ones.

    Columns of `rows`: user_id, name, email, staff, two_factor_at, proven_at, disabled_at,
    last_seen_at, created_at, organizations (the number of memberships).
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
    """Return a page of accounts by keyset pagination: the newest, or next to an account's id.

    `text` searches names and addresses.
    """
    access_staff(session, actor, Action.MANAGE_PEOPLE)
    found = search.match_users(session, text) if text.strip() else None
    ids = found.id if found is not None else User.id.expression
    statement = _columns().where(User.deleted_at.is_(None)).limit(PER_PAGE + 1)
    if found is not None:
        statement = statement.select_from(found.source).where(found.is_found)
    if staff_only:
        staff_user = aliased(User)
        statement = statement.where(
            ids.in_(select(staff_user.id).where(staff_user.staff.in_(list(Staff))))
        )
    if newer_than is not None:
        newer = frame(session, statement.where(ids > newer_than).order_by(ids))
        rows = newer.head(PER_PAGE).iloc[::-1].reset_index(drop=True)
        return Page(rows, has_newer=len(newer) > PER_PAGE, has_older=True)
    if older_than is not None:
        statement = statement.where(ids < older_than)
    older = frame(session, statement.order_by(ids.desc()))
    return Page(older.head(PER_PAGE), older_than is not None, len(older) > PER_PAGE)


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


def enable(session: Session, actor: Actor, user_id: int) -> User:
    """Enable a disabled account."""
    user = _lock(session, actor, user_id)
    user.disabled_at = None
    history.record(session, actor, user.id, "account.enabled", user)
    return user


def end_sessions(session: Session, actor: Actor, user_id: int) -> int:
    """End all sessions of a person and return how many were ended."""
    user = _lock(session, actor, user_id)
    ended = sessions.end_all(session, user.id, "ended by an administrator")
    if ended:
        history.record(session, actor, user.id, "account.sessions_ended", user, always=True)
    return ended


def reset_two_factor(session: Session, actor: Actor, user_id: int, *, reason: str) -> User:
    """Remove the two-factor of a person who lost the device, and end all sessions.

    Raises `InvalidInput` without a reason, and for the actor's own account.
    """
    user = _lock(session, actor, user_id)
    check = validation.Check()
    why = check("reason", validation.reason, reason)
    check.done()
    if user.id == actor.user_id:
        raise InvalidInput({"two_factor": "Replace your own device in User Settings."})
    if user.two_factor_at is None:
        return user
    user.password_epoch += 1
    totp.remove(session, user)
    sessions.end_all(session, user.id, "two-factor reset")
    detail = f"Reset by {actor.name}. Reason: {why}"
    outbox.enqueue(
        session, "two_factor_changed", user.email, name=user.name, what="reset", detail=detail
    )
    history.record(session, actor, user.id, "account.two_factor_reset", user, reason=why)
    return user


def open_link(session: Session, actor: Actor, mail_id: int, *, reason: str) -> str:
    """Return the address of a mail's link, to be forwarded where there is no mail server.

    The opening is recorded, with its reason, in the history of the organization or the person that
    the mail is about. The page has verified the administrator's password. Raises
    `InvalidInput(reason)`, `NotFound`, `LinkNotValid`, and `NotPermitted` for a link to a staff
    account.
    """
    mail, link = get_link(session, actor, mail_id)
    check = validation.Check()
    why = check("reason", validation.reason, reason)
    check.done()
    if mail.org_id is not None:
        org = access(session, actor, mail.org_id, Action.VIEW)
        history.record(session, actor, org, "mail.link_opened", org, reason=why, always=True)
    else:
        user = _lock_linked(session, link)
        history.record(
            session, actor, user.id, "account.link_opened", user, reason=why, always=True
        )
    return messages.link_address(link)


def _lock_linked(session: Session, link: dict[str, str]) -> User:
    """Lock and return the person whose account a link is for; staff are refused."""
    token = crypto.token(link["kind"], link["nonce"])
    user = lock_user(session, email_links.get(session, link["kind"], token).user_id or 0)
    if user.staff is not None:
        raise NotPermitted("open links of staff accounts", ask=_WHO_RUNS_THE_SERVER)
    return user


def _lock(session: Session, actor: Actor, user_id: int) -> User:
    access_staff(session, actor, Action.MANAGE_PEOPLE)
    return lock_user(session, user_id)
