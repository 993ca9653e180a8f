"""Rate limits, counted in the database."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access import throttling
from core.base.errors import TooManyAttempts
from core.models import Throttle
from tests.conftest import Clock

LIMITS = ((2, timedelta(minutes=5)), (3, timedelta(days=1)))


def hit(session: Session, subject: str = "mia", action: str = "knock") -> int:
    return throttling.hit(session, action, subject, LIMITS)


class TestHit:
    def test_the_limit_itself_is_allowed(self, session: Session, clock: Clock) -> None:
        assert [hit(session) for _ in range(3)] == [0, 0, 5]

    def test_it_returns_the_minutes_to_wait(self, session: Session, clock: Clock) -> None:
        clock.turn(timedelta(minutes=3, seconds=10))
        assert [hit(session) for _ in range(3)] == [0, 0, 2]
        clock.turn(timedelta(seconds=109))
        assert hit(session) > 0

    def test_the_next_window_starts_at_zero(self, session: Session, clock: Clock) -> None:
        hit(session), hit(session)
        clock.turn(timedelta(minutes=5))
        assert hit(session) == 0

    def test_the_longer_window_still_counts(self, session: Session, clock: Clock) -> None:
        for _ in range(3):
            assert hit(session) == 0
            clock.turn(timedelta(minutes=5))
        assert hit(session) == 12 * 60 - 15

    def test_subjects_and_actions_are_counted_separately(
        self, session: Session, clock: Clock
    ) -> None:
        hit(session), hit(session)
        assert hit(session, "adam") == 0
        assert hit(session, action="ring") == 0

    def test_subjects_are_stored_as_hashes(self, session: Session, clock: Clock) -> None:
        hit(session, "mia@example.com")
        assert not any("mia" in key for key in session.scalars(select(Throttle.key)))

    @pytest.mark.parametrize("subject", ["", "x" * 100_000, "\ud800", "'; --"])
    def test_whatever_is_typed_is_counted(
        self, session: Session, clock: Clock, subject: str
    ) -> None:
        assert [hit(session, subject) for _ in range(3)] == [0, 0, 5]


class TestReset:
    def test_reset_forgets_all_attempts(self, session: Session, clock: Clock) -> None:
        hit(session), hit(session)
        throttling.reset(session, "knock", "mia", LIMITS)
        assert session.scalar(select(func.count()).select_from(Throttle)) == 0

    def test_one_attempt_can_be_undone(self, session: Session, clock: Clock) -> None:
        hit(session), hit(session)
        throttling.undo_hit(session, "knock", "mia", LIMITS)
        assert [hit(session), hit(session)] == [0, 5]

    def test_the_count_never_becomes_negative(self, session: Session, clock: Clock) -> None:
        hit(session)
        for _ in range(3):
            throttling.undo_hit(session, "knock", "mia", LIMITS)
        assert [hit(session) for _ in range(3)] == [0, 0, 5]


def test_a_wait_raises_a_refusal() -> None:
    throttling.ensure_allowed(0)
    with pytest.raises(TooManyAttempts, match="Wait 5 minutes"):
        throttling.ensure_allowed(5)
