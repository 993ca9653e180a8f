"""Sessions: start, find, touch and end them, and record when organizations were last active.

A session ends after 60 minutes without activity (the idle timeout) and after 12 hours in any case,
unless `core.base.settings` say otherwise.

It starts with a single-use ticket that is valid for a minute. The browser redeems it for the token
in its cookie. The database stores only hashes of both.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, func, select, update
from sqlalchemy.orm import Session as SqlSession

from core.access.permissions import Actor, lock_user_or_none
from core.base import clock, crypto, logs
from core.base.errors import CodeNeeded, NotFound
from core.base.settings import settings
from core.models import Membership, Organization, Session, User

TICKET_TTL: Final = timedelta(seconds=60)
STAFF_ROLE_GIVEN: Final = "staff role given"
_END_SENTENCES: Final = {
    "signed out": "You logged out in another tab.",
    "replaced by a new one": "You logged in again in another tab.",
    "ended by its person": "You ended it from another browser.",
    "ended by an administrator": "An administrator ended it.",
    "password changed": "Your password was changed.",
    "password reset": "Your password was reset.",
    "two-factor set up": "You set up two-factor in another browser.",
    "two-factor reset": "An administrator reset your two-factor.",
    "account disabled": "Your account was disabled. Ask an administrator of Orgdesk.",
    "account deleted": "Your account was deleted.",
    STAFF_ROLE_GIVEN: "You were given a staff role, which takes effect when you log in.",
}
"""What people are told, by the reason that is recorded with the end of a session."""
TOUCH_INTERVAL: Final = timedelta(minutes=1)
"""How often at most a session's `last_seen_at` is written."""
ACTIVITY_INTERVAL: Final = timedelta(hours=1)
"""How often at most an organization's `last_active_at` is written."""


@dataclass(frozen=True)
class SignedIn:
    """The session of a cookie and its actor."""

    session_id: int
    actor: Actor
    email: str
    last_seen_at: datetime
    lacks_two_factor: bool = False
    """Whether the actor is staff without two-factor, who must set it up first."""
    has_letter_keys: bool = True
    """Whether single letters are keys for this person."""


class VerifiedPassword(NamedTuple):
    """The user whose password was verified, and the epoch of that password."""

    user_id: int
    epoch: int


def new_token() -> str:
    """Return 256 random bits as URL-safe text, for a ticket or a cookie."""
    return secrets.token_urlsafe(32)


def start(
    session: SqlSession,
    user_id: int,
    ticket: str,
    *,
    device: str,
    ip_address: str,
    second_factor: bool = False,
    epoch: int | None = None,
) -> Session:
    """Start a session for an authenticated person; the ticket redeems it.

    The session is created already ended if the account was disabled in the meantime, or if the
    password is no longer the one of `epoch`. Raises `NotFound`, and `CodeNeeded` if the person has
    two-factor and `second_factor` is False.
    """
    user = lock_user_or_none(session, user_id)
    if user is None:
        raise NotFound("account")
    if user.two_factor_at is not None and not second_factor:
        raise CodeNeeded
    now = clock.now()
    end_reason = _immediate_end_reason(user, epoch)
    row = Session(
        user_id=user_id,
        ticket_hash=crypto.fingerprint(ticket),
        password_epoch=user.password_epoch,
        device=device[:80],
        ip_address=ip_address[:64],
        created_at=now,
        last_seen_at=now,
        expires_at=now + timedelta(hours=settings().session_hours),
        ended_at=now if end_reason else None,
        ended_because=end_reason,
    )
    session.add(row)
    if end_reason is None:
        user.last_seen_at = now
    record_activity(session, user_id)
    return row


def _immediate_end_reason(user: User, epoch: int | None) -> str | None:
    if epoch is not None and epoch != user.password_epoch:
        return "password changed"
    return "account disabled" if user.disabled_at is not None else None


def redeem(session: SqlSession, ticket: str, token: str, *, replaced: str = "") -> int | None:
    """Exchange a ticket for a cookie's token and return the user id; None for a used or old ticket.

    The session of the `replaced` token, which the same browser had before, ends.
    """
    now = clock.now()
    redeemed = session.execute(
        update(Session)
        .where(
            Session.ticket_hash == crypto.fingerprint(ticket),
            Session.created_at > now - TICKET_TTL,
            Session.created_at <= now,
            Session.ended_at.is_(None),
        )
        .values(ticket_hash=None, token_hash=crypto.fingerprint(token))
        .returning(Session.user_id, Session.ip_address)
    ).one_or_none()
    if redeemed is not None:
        logs.security("session.started", person=redeemed.user_id, origin=redeemed.ip_address)
        _end(session, Session.token_hash == crypto.fingerprint(replaced), "replaced by a new one")
    return redeemed.user_id if redeemed is not None else None


def find(session: SqlSession, token: str) -> SignedIn | None:
    """Return the live session with this token, or None."""
    row = session.execute(
        _LIVE_BY_TOKEN, _now() | {"token_hash": crypto.fingerprint(token)}
    ).one_or_none()
    if row is None:
        return None
    session_id, last_seen_at, user_id, name, email, has_letter_keys, lacks = row
    return SignedIn(
        session_id,
        Actor(user_id, name),
        email,
        last_seen_at,
        lacks_two_factor=lacks,
        has_letter_keys=has_letter_keys,
    )


def find_end(session: SqlSession, token: str) -> str:
    """Return why the session of a token ended, as a sentence; empty if it is live or unknown."""
    ended = session.execute(
        select(Session, User.password_epoch)
        .join(User, User.id == Session.user_id)
        .where(Session.token_hash == crypto.fingerprint(token))
    ).one_or_none()
    if ended is None or find(session, token) is not None:
        return ""
    row, epoch = ended
    if row.ended_because is not None:
        return _END_SENTENCES.get(row.ended_because, "It was ended for your security.")
    if row.password_epoch != epoch:
        return _END_SENTENCES["password changed"]
    if row.expires_at <= clock.now():
        hours = settings().session_hours
        return f"For your security, a session lasts at most {hours} hours."
    return f"You were inactive for {settings().session_idle_minutes} minutes."


def needs_touch(signed_in: SignedIn) -> bool:
    """Return whether the session was last touched at least `TOUCH_INTERVAL` ago."""
    return signed_in.last_seen_at <= clock.now() - TOUCH_INTERVAL


def touch(session: SqlSession, signed_in: SignedIn) -> None:
    """Set `last_seen_at` of the session and its user, and record activity."""
    now = clock.now()
    touched = session.scalars(
        update(Session)
        .where(Session.id == signed_in.session_id, Session.last_seen_at <= now - TOUCH_INTERVAL)
        .values(last_seen_at=now)
        .returning(Session.id)
    )
    if touched.one_or_none() is not None:
        session.execute(
            update(User)
            .where(User.id == signed_in.actor.user_id)
            .values(last_seen_at=now)
            .execution_options(unrecorded=True, synchronize_session=False)
        )
        record_activity(session, signed_in.actor.user_id)


def record_activity(session: SqlSession, user_id: int | None) -> None:
    """Set `last_active_at` of a person's organizations, each at most once an hour.

    Rows that another transaction has locked are skipped: a page never waits for this.
    """
    now = clock.now()
    due = (
        select(Organization.id)
        .join(Membership, Membership.org_id == Organization.id)
        .where(
            Membership.user_id == user_id,
            Organization.deleted_at.is_(None),
            Organization.last_active_at <= now - ACTIVITY_INTERVAL,
        )
        .with_for_update(of=Organization, skip_locked=True)
    )
    session.execute(
        update(Organization)
        .where(Organization.id.in_(due))
        .values(last_active_at=now)
        .execution_options(unrecorded=True, synchronize_session=False)
    )


def end(session: SqlSession, session_id: int, reason: str) -> None:
    """End one session."""
    _end(session, Session.id == session_id, reason)


def end_others(session: SqlSession, user_id: int, kept_id: int, reason: str) -> int:
    """End all but one session of a person and return how many were ended."""
    return _end(session, and_(Session.user_id == user_id, Session.id != kept_id), reason)


def keep_only(session: SqlSession, user_id: int, kept_id: int, reason: str) -> None:
    """End all but one session of a person and move that one to the new password epoch."""
    end_others(session, user_id, kept_id, reason)
    epoch = select(User.password_epoch).where(User.id == user_id).scalar_subquery()
    session.execute(
        update(Session)
        .where(Session.id == kept_id, Session.user_id == user_id)
        .values(password_epoch=epoch)
        .execution_options(synchronize_session=False)
    )


def end_all(session: SqlSession, user_id: int, reason: str) -> int:
    """End all sessions of a person and return how many were ended."""
    return _end(session, Session.user_id == user_id, reason)


def list_live(session: SqlSession, user_id: int) -> Sequence[Session]:
    """Return a person's live sessions, most recently seen first."""
    return session.scalars(
        select(Session)
        .join(User, User.id == Session.user_id)
        .where(
            Session.user_id == user_id,
            Session.token_hash.is_not(None),
            _IS_LIVE,
        )
        .order_by(Session.last_seen_at.desc(), Session.id.desc()),
        _now(),
    ).all()


def count_live(session: SqlSession) -> int:
    """Return the number of live sessions."""
    live = select(func.count()).join(User, User.id == Session.user_id).where(_IS_LIVE)
    return session.scalar(live.select_from(Session), _now()) or 0


def _end(session: SqlSession, which: ColumnElement[bool], reason: str) -> int:
    ended = session.scalars(
        update(Session)
        .where(which, Session.ended_at.is_(None))
        .values(ended_at=clock.now(), ended_because=reason[:80])
        .returning(Session.user_id)
    ).all()
    if ended:
        logs.security("session.ended", person=ended[0], sessions=len(ended), why=reason)
    return len(ended)


_IS_LIVE: Final = and_(
    Session.ended_at.is_(None),
    Session.created_at <= bindparam("now"),  # the clock may have been ahead for a while
    Session.last_seen_at > bindparam("idle_since"),
    Session.expires_at > bindparam("now"),
    Session.password_epoch == User.password_epoch,
    User.disabled_at.is_(None),
    User.deleted_at.is_(None),
)
"""The condition of a live session of an active account; its parameters are `_now()`."""

_LIVE_BY_TOKEN: Final = (
    select(
        *(Session.id, Session.last_seen_at, User.id, User.name, User.email, User.has_letter_keys),
        and_(User.staff.is_not(None), User.two_factor_at.is_(None)).label("lacks_two_factor"),
    )
    .join(User, User.id == Session.user_id)
    .where(Session.token_hash == bindparam("token_hash"), _IS_LIVE)
)
"""Built once because every click runs it: building it takes three times as long as running it."""


def _now() -> dict[str, object]:
    now = clock.now()
    return {"now": now, "idle_since": now - timedelta(minutes=settings().session_idle_minutes)}
