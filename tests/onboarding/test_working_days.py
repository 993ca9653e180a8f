"""Working days: compared with a plain count day by day."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base import settings
from core.onboarding import working_days

DAYS = st.dates(date(1990, 1, 1), date(2100, 12, 31))
HOLIDAYS = (date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1), date(2027, 5, 6))
"""A Friday, a Saturday, a Friday and a Thursday."""


@pytest.fixture(scope="module")
def holidays() -> None:
    """Configure `HOLIDAYS`."""
    kept = settings.settings()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            working_days, "settings", lambda: kept.model_copy(update={"holidays": HOLIDAYS})
        )
        yield


def count_day_by_day(begin: date, end: date, holidays: tuple[date, ...] = ()) -> int:
    days = [begin + timedelta(days=number) for number in range((end - begin).days)]
    return sum(day.weekday() < 5 and day not in holidays for day in days)


@given(DAYS, st.integers(0, 4_000))
def test_weekdays_are_counted(begin: date, length: int) -> None:
    end = begin + timedelta(days=length)
    assert working_days.count(begin, end) == count_day_by_day(begin, end)


@pytest.mark.usefixtures("holidays")
@given(st.dates(date(2026, 11, 1), date(2027, 7, 1)), st.integers(0, 400))
def test_holidays_are_not_counted(begin: date, length: int) -> None:
    end = begin + timedelta(days=length)
    assert working_days.count(begin, end) == count_day_by_day(begin, end, HOLIDAYS)


@pytest.mark.usefixtures("holidays")
@given(
    st.dates(date(2026, 11, 1), date(2027, 7, 1)),
    st.integers(0, 80),
    st.integers(-200, 20),
    st.times(),
)
def test_the_cutoff_separates_longer_stays(
    today: date, limit: int, away: int, at: datetime
) -> None:
    moment = datetime.combine(today + timedelta(days=away), at, UTC)
    lasts_longer = working_days.count(moment.date(), today) > limit
    assert lasts_longer == (moment < working_days.cutoff(limit, today))


def test_an_end_before_the_begin_counts_zero() -> None:
    assert working_days.count(date(2026, 11, 24), date(2026, 11, 20)) == 0


def test_days_are_utc_days() -> None:
    friday_in_hawaii = datetime(2026, 11, 20, 20, tzinfo=timezone(timedelta(hours=-10)))
    assert working_days.day_of(friday_in_hawaii) == date(2026, 11, 21)
    monday = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert working_days.between(friday_in_hawaii, monday) == 0
