"""Working days: Monday to Friday without the holidays in the settings, by the days of UTC."""

from datetime import UTC, date, datetime, time, timedelta

from core.base import clock
from core.base.settings import settings

_DAY = timedelta(days=1)
_WEEK = 7
_WORKED = 5


def today() -> date:
    """Return the day that it is in UTC."""
    return day_of(clock.now())


def day_of(moment: datetime) -> date:
    """Return the day of a moment in UTC."""
    return moment.astimezone(UTC).date()


def count(begin: date, end: date) -> int:
    """Return how many working days begin on `begin` or later and before `end`.

    As `numpy.busday_count`; none when the end is not after the begin.
    """
    if end <= begin:
        return 0
    weeks, rest = divmod((end - begin).days, _WEEK)
    ordinary = sum((begin + place * _DAY).weekday() < _WORKED for place in range(rest))
    free = {day for day in settings().holidays if begin <= day < end and day.weekday() < _WORKED}
    return weeks * _WORKED + ordinary - len(free)


def between(begin: datetime, end: datetime) -> int:
    """Return how many working days lie between two moments: that of the end does not count."""
    return count(day_of(begin), day_of(end))


def since(moment: datetime) -> int:
    """Return how many working days have passed since a moment."""
    return between(moment, clock.now())


def cutoff(days: int, end: date) -> datetime:
    """Return the moment before which something must have begun to last longer than `days`.

    For every moment: `count(day_of(moment), end) > days` exactly when `moment < cutoff(days, end)`.
    """
    first = end - timedelta(days=days // _WORKED * _WEEK)
    while count(first - _DAY, end) <= days:
        first -= _DAY
    while count(first, end) > days:
        first += _DAY
    return datetime.combine(first, time(), UTC)
