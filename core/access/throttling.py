"""Rate limits with fixed windows, counted in the database and so shared by all processes."""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.base import clock, crypto, logs
from core.base.errors import TooManyAttempts
from core.models import Throttle

Limits = tuple[tuple[int, timedelta], ...]

SIGN_INS: Final = ((5, timedelta(minutes=5)), (50, timedelta(days=1)))
"""Attempts to log in, for each account and for each IP address."""
LOCKOUTS: Final = ((1, timedelta(hours=1)),)
"""Alerts about blocked logins, for each account."""
STRANGERS: Final = ((30, timedelta(hours=1)), (200, timedelta(days=1)))
"""Sign-ups and password resets, for each IP address."""
PERSON_TO_PERSON: Final = ((5, timedelta(hours=1)),)
"""Emails about roles that one person can cause to another; the changes themselves are made."""
REQUESTS: Final = ((10, timedelta(hours=1)),)
"""Requests for onboarding, for each person, as each request emails sales reps."""
UPLOADS: Final = ((100, timedelta(hours=1)),)
"""Uploaded files, for each person."""
MAILS: Final = ((3, timedelta(hours=1)), (10, timedelta(days=1)))
"""Emails sent to an address because someone entered it."""


def hit(session: Session, action: str, subject: str, limits: Limits) -> int:
    """Count one attempt, and return how many minutes to wait, or 0 if it is allowed.

    `limits` are pairs of a number and a window, such as 5 in 5 minutes and 50 in a day. Refuse only
    after the transaction has committed, so that refused attempts count as well.
    """
    blocked = [
        ends_at
        for maximum, length in limits
        for hits, ends_at in [_count(session, action, subject, length)]
        if hits > maximum
    ]
    return _minutes_until(max(blocked)) if blocked else 0


def ensure_allowed(wait: int) -> None:
    """Raise `TooManyAttempts` if `hit` returned a time to wait."""
    if wait:
        error = TooManyAttempts(wait)
        logs.refused(error)
        raise error


def reset(session: Session, action: str, subject: str, limits: Limits) -> None:
    """Forget all attempts of the current windows, after a success."""
    keys = [_key(action, subject, length)[0] for _, length in limits]
    session.execute(delete(Throttle).where(Throttle.key.in_(keys)))


def undo_hit(session: Session, action: str, subject: str, limits: Limits) -> None:
    """Uncount one attempt, after a success that does not clear earlier ones."""
    keys = [_key(action, subject, length)[0] for _, length in limits]
    session.execute(
        update(Throttle)
        .where(Throttle.key.in_(keys), Throttle.hits > 0)
        .values(hits=Throttle.hits - 1)
    )


def _count(session: Session, action: str, subject: str, length: timedelta) -> tuple[int, datetime]:
    key, ends_at = _key(action, subject, length)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = (
        dialect.insert(Throttle)
        .values(key=key, hits=1, ends_at=ends_at)
        .on_conflict_do_update(index_elements=["key"], set_={"hits": Throttle.hits + 1})
        .returning(Throttle.hits)
    )
    return session.scalars(statement).one(), ends_at


def _key(action: str, subject: str, length: timedelta) -> tuple[str, datetime]:
    seconds = int(length.total_seconds())
    window = int(clock.now().timestamp()) // seconds
    ends_at = datetime.fromtimestamp((window + 1) * seconds, UTC)
    return f"{action}:{seconds}:{window}:{crypto.fingerprint(subject)[:32]}", ends_at


def _minutes_until(moment: datetime) -> int:
    return max(1, -(-int((moment - clock.now()).total_seconds()) // 60))
