"""How often something may be tried: counted in the database, so that no process forgets."""

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
"""How often one account, and one address of origin, may try a password."""
LOCKOUTS: Final = ((1, timedelta(hours=1)),)
"""How often owners hear that one account could not be signed in to."""
STRANGERS: Final = ((30, timedelta(hours=1)), (200, timedelta(days=1)))
"""How often one address of origin may sign up or forget a password, of whatever account."""
PERSON_TO_PERSON: Final = ((5, timedelta(hours=1)),)
"""How many mails about roles one person can have sent to another; what they are about is done."""
REQUESTS: Final = ((10, timedelta(hours=1)),)
"""How often one person may request onboarding: each request mails sales reps."""
UPLOADS: Final = ((100, timedelta(hours=1)),)
"""How many files one person may send."""
MAILS: Final = ((3, timedelta(hours=1)), (10, timedelta(days=1)))
"""How many mails one address is sent because somebody typed it."""


def hit(session: Session, what: str, whose: str, limits: Limits) -> int:
    """Count one attempt in every window of `limits`; return how many minutes to wait, 0 for none.

    `limits` are pairs of how many and in how long, such as 5 in 5 minutes and 50 in a day. The
    caller lets the transaction commit before it refuses: a refused attempt counts too.
    """
    blocked = [
        ends_at
        for most, length in limits
        for hits, ends_at in [_count(session, what, whose, length)]
        if hits > most
    ]
    return _minutes_until(max(blocked)) if blocked else 0


def ensure_none(wait: int) -> None:
    """Raise `TooManyAttempts` when `hit` told to wait."""
    if wait:
        error = TooManyAttempts(wait)
        logs.refused(error)
        raise error


def forget(session: Session, what: str, whose: str, limits: Limits) -> None:
    """Start the windows anew, after a success."""
    keys_of = [_key(what, whose, length)[0] for _, length in limits]
    session.execute(delete(Throttle).where(Throttle.key.in_(keys_of)))


def give_back(session: Session, what: str, whose: str, limits: Limits) -> None:
    """Take one attempt back from every window, after a success that says nothing of the others."""
    keys_of = [_key(what, whose, length)[0] for _, length in limits]
    session.execute(
        update(Throttle)
        .where(Throttle.key.in_(keys_of), Throttle.hits > 0)
        .values(hits=Throttle.hits - 1)
    )


def _count(session: Session, what: str, whose: str, length: timedelta) -> tuple[int, datetime]:
    key, ends_at = _key(what, whose, length)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = (
        dialect.insert(Throttle)
        .values(key=key, hits=1, ends_at=ends_at)
        .on_conflict_do_update(index_elements=["key"], set_={"hits": Throttle.hits + 1})
        .returning(Throttle.hits)
    )
    return session.scalars(statement).one(), ends_at


def _key(what: str, whose: str, length: timedelta) -> tuple[str, datetime]:
    seconds = int(length.total_seconds())
    window = int(clock.now().timestamp()) // seconds
    ends_at = datetime.fromtimestamp((window + 1) * seconds, UTC)
    return f"{what}:{seconds}:{window}:{crypto.fingerprint(whose)[:32]}", ends_at


def _minutes_until(moment: datetime) -> int:
    return max(1, -(-int((moment - clock.now()).total_seconds()) // 60))
