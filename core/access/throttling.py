"""Throttling: how often something may be tried, counted in the database for all processes.

`hit` counts everything in windows of time, for what costs us or others something. `attempt` counts
failures, for secrets that someone could guess: each failure makes the next attempt wait longer,
and an attempt that is refused counts nothing. Nobody is locked out by others: what a stranger can
use up only slows browsers that have never logged in to the account.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.base import clock, crypto, logs
from core.base.errors import TooManyAttempts
from core.models import Throttle

Limits = tuple[tuple[int, timedelta], ...]


class Backoff(NamedTuple):
    """How failures slow further attempts."""

    free: int
    """This many failures cost no wait."""
    waits: tuple[timedelta, ...]
    """The wait after each further failure; the last one repeats."""
    memory: timedelta
    """Failures are forgotten this long after the last attempt."""


class Attempt(NamedTuple):
    """One of the counters of an attempt: `whose` failures at `what`, and how they slow it."""

    what: str
    whose: str
    backoff: Backoff


_MINUTES: Final = tuple(timedelta(minutes=n) for n in (1, 2, 4, 8, 15))
SECRETS: Final = Backoff(5, _MINUTES, timedelta(days=1))
"""Passwords and codes by one person, browser, or account from one IP address: at most 100 a day."""
FROM_ONE_ORIGIN: Final = Backoff(
    30, tuple(timedelta(seconds=n) for n in (5, 10, 20, 30, 60)), timedelta(hours=1)
)
"""Passwords from one IP address for any accounts: an office is slowed, never locked out."""
TO_ONE_ACCOUNT: Final = Backoff(20, (timedelta(minutes=2),), timedelta(days=1))
"""Passwords for one account from all unknown browsers: at most 740 a day."""
LOCKOUTS: Final = ((1, timedelta(hours=1)),)
"""Alerts about blocked logins, for each account."""
STRANGERS: Final = ((30, timedelta(hours=1)), (200, timedelta(days=1)))
"""Sign-ups and password resets, for each IP address."""
PERSON_TO_PERSON: Final = ((5, timedelta(hours=1)),)
"""Emails about roles and ownership from one person to another; the changes themselves are made."""
INVITATIONS: Final = ((2, timedelta(days=1)),)
"""Invitations emailed to one address, also again, for each organization."""
IMPORTED: Final = ((10, timedelta(days=1)),)
"""Invitations that imports email to one address, for all organizations together."""
REQUESTS: Final = ((10, timedelta(hours=1)),)
"""Requests for onboarding, for each person, as each request emails sales reps."""
NAMES: Final = ((20, timedelta(hours=1)), (60, timedelta(days=1)))
"""Names compared with those of existing organizations, for each person: guesses at customers."""
UPLOADS: Final = ((100, timedelta(hours=1)),)
"""Uploaded files, for each person."""
DRAFTS: Final = ((300, timedelta(minutes=1)),)
"""Fields kept as drafts, for each person: a browser sends one after a pause of 0.3 seconds."""
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


class Wait(NamedTuple):
    """How long an attempt has to wait, zero if it was counted, and by which counter."""

    length: timedelta
    what: str = ""

    @property
    def minutes(self) -> int:
        """The length in minutes, rounded up."""
        return -(-int(self.length.total_seconds()) // 60) or int(self.length > timedelta())


def attempt(session: Session, *attempts: Attempt) -> Wait:
    """Count an attempt as failed in all of its counters, unless one of them has to wait.

    It is counted before the secret is compared, so that attempts at the same time count as well;
    `succeed` takes it back. If one counter has to wait, none of them counts.
    """
    now = clock.now()
    in_order = sorted(attempts)
    rows = [_lock_failures(session, *each[:2]) for each in in_order]
    waits = [
        Wait(row.blocked_until - now, each.what)
        for row, each in zip(rows, in_order, strict=True)
        if row.blocked_until is not None and row.blocked_until > now
    ]
    if waits:
        return max(waits)
    for row, each in zip(rows, in_order, strict=True):
        row.hits = 1 if row.ends_at <= now else row.hits + 1
        row.ends_at = now + each.backoff.memory
        row.blocked_until = _blocked_until(row.hits, each.backoff)
    session.flush()
    return Wait(timedelta())


def succeed(session: Session, *attempts: Attempt, shared: Sequence[Attempt] = ()) -> None:
    """Forget the failures of `attempts`, and take this attempt back from `shared` counters.

    A shared counter also counts the failures of others, which a success says nothing about.
    """
    keys = [_failures_key(*each[:2]) for each in attempts]
    session.execute(delete(Throttle).where(Throttle.key.in_(keys)))
    shared_keys = [_failures_key(*each[:2]) for each in shared]
    session.execute(
        update(Throttle)
        .where(Throttle.key.in_(shared_keys), Throttle.hits > 0)
        .values(hits=Throttle.hits - 1, blocked_until=None)
    )


def _lock_failures(session: Session, what: str, whose: str) -> Throttle:
    """Return the locked counter, created if needed; one statement, as others may delete it."""
    new = _insert(session).values(key=_failures_key(what, whose), hits=0, ends_at=clock.now())
    locked = new.on_conflict_do_update(index_elements=["key"], set_={"hits": Throttle.hits})
    found: Throttle = session.scalars(
        locked.returning(Throttle), execution_options={"populate_existing": True}
    ).one()
    return found


def _failures_key(what: str, whose: str) -> str:
    return f"{what}:failed:{crypto.fingerprint(whose)[:32]}"


def _blocked_until(failures: int, backoff: Backoff) -> datetime | None:
    beyond = failures - backoff.free
    if beyond < 0:
        return None
    return clock.now() + backoff.waits[min(beyond, len(backoff.waits) - 1)]


def ensure_allowed(wait: int) -> None:
    """Raise `TooManyAttempts` if there are minutes to wait, as `hit` or `attempt` say."""
    if wait:
        error = TooManyAttempts(wait)
        logs.refused(error)
        raise error


def _count(session: Session, action: str, subject: str, length: timedelta) -> tuple[int, datetime]:
    key, ends_at = _key(action, subject, length)
    statement = (
        _insert(session)
        .values(key=key, hits=1, ends_at=ends_at)
        .on_conflict_do_update(index_elements=["key"], set_={"hits": Throttle.hits + 1})
        .returning(Throttle.hits)
    )
    return session.scalars(statement).one(), ends_at


def _insert(session: Session) -> Any:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(Throttle)


def _key(action: str, subject: str, length: timedelta) -> tuple[str, datetime]:
    seconds = int(length.total_seconds())
    window = int(clock.now().timestamp()) // seconds
    ends_at = datetime.fromtimestamp((window + 1) * seconds, UTC)
    return f"{action}:{seconds}:{window}:{crypto.fingerprint(subject)[:32]}", ends_at


def _minutes_until(moment: datetime) -> int:
    return max(1, -(-int((moment - clock.now()).total_seconds()) // 60))
