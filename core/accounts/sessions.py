"""Rows of who is signed in where: start, redeem, find, touch and end them.

A session begins as a single-use ticket that lives for a minute; the browser hands it in for the
token that its cookie then carries. Of both the database keeps only the hash.
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
TOUCH_INTERVAL: Final = timedelta(minutes=1)
"""How often at most a session's `last_seen_at` is written."""
ACTIVITY_INTERVAL: Final = timedelta(hours=1)
"""How often at most an organization's `last_active_at` is written."""


@dataclass(frozen=True)
class SignedIn:
    """What a cookie proves: the session, and who acts in it."""

    session_id: int
    actor: Actor
    email: str
    last_seen_at: datetime
    lacks_two_factor: bool = False
    """Staff that has not set it up yet, and so may do nothing else."""


class Proven(NamedTuple):
    """Who has proven to know a password, and which of the person's passwords: its epoch."""

    user_id: int
    epoch: int


def new_token() -> str:
    """Return 256 random bits as text, for a ticket or a cookie."""
    return secrets.token_urlsafe(32)


def start(
    session: SqlSession,
    user_id: int,
    ticket: str,
    *,
    device: str,
    place: str,
    second_factor: bool = False,
    epoch: int | None = None,
) -> Session:
    """Begin a session of a person who has just proven to be that person; the ticket opens it.

    For who was shut out in this very moment, or whose password is no longer that of the `epoch`
    that was proven, it has ended before it began. Raises `CodeNeeded` for who has two-factor,
    unless the `second_factor` was proven, too.
    """
    user = lock_user_or_none(session, user_id)
    if user is None:
        raise NotFound("account")
    if user.two_factor_at is not None and not second_factor:
        raise CodeNeeded
    now = clock.now()
    shut_out = _why_shut_out(user, epoch)
    row = Session(
        user_id=user_id,
        ticket_hash=crypto.fingerprint(ticket),
        password_epoch=user.password_epoch,
        device=device[:80],
        ip_address=place[:64],
        created_at=now,
        last_seen_at=now,
        expires_at=now + timedelta(hours=settings().session_hours),
        ended_at=now if shut_out else None,
        ended_because=shut_out,
    )
    session.add(row)
    if shut_out is None:
        user.last_seen_at = now
    record_activity(session, user_id)
    return row


def _why_shut_out(user: User, epoch: int | None) -> str | None:
    if epoch is not None and epoch != user.password_epoch:
        return "password changed"
    return "account disabled" if user.disabled_at is not None else None


def redeem(session: SqlSession, ticket: str, token: str) -> bool:
    """Let the token stand for the session from now on; False when the ticket is used or too old."""
    redeemed = session.execute(
        update(Session)
        .where(
            Session.ticket_hash == crypto.fingerprint(ticket),
            Session.created_at > clock.now() - TICKET_TTL,
            Session.ended_at.is_(None),
        )
        .values(ticket_hash=None, token_hash=crypto.fingerprint(token))
        .returning(Session.user_id, Session.ip_address)
    ).one_or_none()
    if redeemed is not None:
        logs.security("session.started", person=redeemed.user_id, origin=redeemed.ip_address)
    return redeemed is not None


def find(session: SqlSession, token: str) -> SignedIn | None:
    """Return who is signed in by this token; None when the session or the account has ended."""
    row = session.execute(_FIND, _now() | {"token_hash": crypto.fingerprint(token)}).one_or_none()
    if row is None:
        return None
    session_id, last_seen_at, user_id, name, email, lacks = row
    return SignedIn(session_id, Actor(user_id, name), email, last_seen_at, lacks_two_factor=lacks)


def is_due_for_touch(signed_in: SignedIn) -> bool:
    """Return whether it is long enough ago that the session was written to be seen."""
    return signed_in.last_seen_at <= clock.now() - TOUCH_INTERVAL


def touch(session: SqlSession, signed_in: SignedIn) -> None:
    """Write down that the session, and so the person, was seen just now."""
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
    """End every session of a person but one; return how many there were."""
    return _end(session, and_(Session.user_id == user_id, Session.id != kept_id), reason)


def keep_only(session: SqlSession, user_id: int, kept_id: int, reason: str) -> None:
    """End every session of a person but one, which goes on with the person's new epoch."""
    end_others(session, user_id, kept_id, reason)
    epoch = select(User.password_epoch).where(User.id == user_id).scalar_subquery()
    session.execute(
        update(Session)
        .where(Session.id == kept_id, Session.user_id == user_id)
        .values(password_epoch=epoch)
        .execution_options(synchronize_session=False)
    )


def end_all(session: SqlSession, user_id: int, reason: str) -> int:
    """End every session of a person; return how many there were."""
    return _end(session, Session.user_id == user_id, reason)


def list_of(session: SqlSession, user_id: int) -> Sequence[Session]:
    """Return a person's live sessions, the one seen last first."""
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
    """Return how many sessions have not ended."""
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
    Session.last_seen_at > bindparam("idle_since"),
    Session.expires_at > bindparam("now"),
    Session.password_epoch == User.password_epoch,
    User.disabled_at.is_(None),
    User.deleted_at.is_(None),
)
"""Says that neither the session nor its person's account has ended; `_now` fills it in."""

_FIND: Final = (
    select(
        *(Session.id, Session.last_seen_at, User.id, User.name, User.email),
        and_(User.staff.is_not(None), User.two_factor_at.is_(None)).label("lacks_two_factor"),
    )
    .join(User, User.id == Session.user_id)
    .where(Session.token_hash == bindparam("token_hash"), _IS_LIVE)
)
"""Sent by every click, so built once: building it takes three times as long as asking."""


def _now() -> dict[str, object]:
    now = clock.now()
    return {"now": now, "idle_since": now - timedelta(minutes=settings().session_idle_minutes)}
