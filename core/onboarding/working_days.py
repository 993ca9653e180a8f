"""Working days: Monday to Friday except the holidays in the settings, by UTC dates."""

from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from core.base import clock
from core.base.settings import settings


def today() -> date:
    """Return the current date in UTC."""
    return day_of(clock.now())


def day_of(moment: datetime) -> date:
    """Return the date of a moment in UTC."""
    return moment.astimezone(UTC).date()


def count(begin: date, end: date) -> int:
    """Count the working days from `begin` up to, not including, `end`; 0 if `end` is earlier."""
    if end <= begin:
        return 0
    return int(np.busday_count(begin, end, holidays=settings().holidays))


def between(begin: datetime, end: datetime) -> int:
    """Count the working days between two moments, not including the day of `end`."""
    return count(day_of(begin), day_of(end))


def since(moment: datetime) -> int:
    """Count the working days since a moment."""
    return between(moment, clock.now())


def cutoff(days: int, end: date) -> datetime:
    """Return the first moment from which at most `days` working days remain until `end`.

    For every moment, `count(day_of(moment), end) > days` exactly when `moment < cutoff(days, end)`.
    """
    too_early = np.busday_offset(end, -days - 1, roll="forward", holidays=settings().holidays)
    return datetime.combine(too_early.astype(date) + timedelta(days=1), time(), UTC)
