"""Throttles: how often something may be tried, counted where no process forgets."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access import throttling
from core.base.errors import TooManyAttempts
from core.models import Throttle
from tests.conftest import Clock

LIMITS = ((2, timedelta(minutes=5)), (3, timedelta(days=1)))


def hit(session: Session, whose: str = "mia", what: str = "knock") -> int:
    return throttling.hit(session, what, whose, LIMITS)


class TestHit:
    def test_as_many_as_the_limit_pass(self, session: Session, clock: Clock) -> None:
        assert [hit(session) for _ in range(3)] == [0, 0, 5]

    def test_the_wait_is_told_in_minutes_that_are_left(
        self, session: Session, clock: Clock
    ) -> None:
        clock.turn(timedelta(minutes=3, seconds=10))
        assert [hit(session) for _ in range(3)] == [0, 0, 2]
        clock.turn(timedelta(seconds=109))
        assert hit(session) > 0

    def test_another_window_begins_anew(self, session: Session, clock: Clock) -> None:
        hit(session), hit(session)
        clock.turn(timedelta(minutes=5))
        assert hit(session) == 0

    def test_the_longer_window_still_counts(self, session: Session, clock: Clock) -> None:
        for _ in range(3):
            assert hit(session) == 0
            clock.turn(timedelta(minutes=5))
        assert hit(session) == 12 * 60 - 15

    def test_everybody_and_everything_is_counted_apart(
        self, session: Session, clock: Clock
    ) -> None:
        hit(session), hit(session)
        assert hit(session, "adam") == 0
        assert hit(session, what="ring") == 0

    def test_nobody_is_named_in_the_database(self, session: Session, clock: Clock) -> None:
        hit(session, "mia@example.com")
        assert not any("mia" in key for key in session.scalars(select(Throttle.key)))

    @pytest.mark.parametrize("whose", ["", "x" * 100_000, "\ud800", "'; --"])
    def test_whatever_is_typed_is_counted(self, session: Session, clock: Clock, whose: str) -> None:
        assert [hit(session, whose) for _ in range(3)] == [0, 0, 5]


class TestAfterwards:
    def test_forgotten_hits_are_gone(self, session: Session, clock: Clock) -> None:
        hit(session), hit(session)
        throttling.forget(session, "knock", "mia", LIMITS)
        assert session.scalar(select(func.count()).select_from(Throttle)) == 0

    def test_one_is_given_back(self, session: Session, clock: Clock) -> None:
        hit(session), hit(session)
        throttling.give_back(session, "knock", "mia", LIMITS)
        assert [hit(session), hit(session)] == [0, 5]

    def test_nothing_is_given_back_below_none(self, session: Session, clock: Clock) -> None:
        hit(session)
        for _ in range(3):
            throttling.give_back(session, "knock", "mia", LIMITS)
        assert [hit(session) for _ in range(3)] == [0, 0, 5]


def test_a_wait_is_a_refusal() -> None:
    throttling.ensure_none(0)
    with pytest.raises(TooManyAttempts, match="Wait 5 minutes"):
        throttling.ensure_none(5)
