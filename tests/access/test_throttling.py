"""Rate limits, counted in the database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access import throttling
from core.base.errors import TooManyAttempts
from core.database import db
from core.models import Throttle
from tests.conftest import Clock
from tests.support.cast import Cast

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


def test_a_wait_raises_a_refusal() -> None:
    throttling.ensure_allowed(0)
    with pytest.raises(TooManyAttempts, match="Wait 5 minutes"):
        throttling.ensure_allowed(5)


BACKOFF = throttling.Backoff(3, (timedelta(minutes=1), timedelta(minutes=5)), timedelta(hours=2))


def tried(session: Session, *whose: str) -> float:
    """Return how many minutes an attempt has to wait."""
    attempts = [throttling.Attempt("knock", each, BACKOFF) for each in whose or ("mia",)]
    return throttling.attempt(session, *attempts).length.total_seconds() / 60


class TestAttempt:
    def test_each_failure_makes_the_next_attempt_wait_longer(
        self, session: Session, clock: Clock
    ) -> None:
        assert [tried(session) for _ in range(4)] == [0, 0, 0, 1]
        clock.turn(timedelta(minutes=1))
        assert [tried(session), tried(session)] == [0, 5]
        clock.turn(timedelta(minutes=5))
        assert [tried(session), tried(session)] == [0, 5]

    def test_a_refused_attempt_counts_nothing(self, session: Session, clock: Clock) -> None:
        for _ in range(50):
            tried(session)
        clock.turn(timedelta(minutes=1))
        assert tried(session) == 0

    def test_if_one_counter_waits_none_counts(self, session: Session, clock: Clock) -> None:
        assert [tried(session) for _ in range(3)] == [0, 0, 0]
        assert [tried(session, "mia", "adam") for _ in range(9)] == [1] * 9
        assert [tried(session, "adam") for _ in range(4)] == [0, 0, 0, 1]

    def test_a_success_forgets_ones_own_failures_and_no_others(
        self, session: Session, clock: Clock
    ) -> None:
        own, shared = (throttling.Attempt("knock", each, BACKOFF) for each in ("mia", "office"))
        for _ in range(3):
            tried(session, "mia", "office")
        throttling.succeed(session, own, shared=[shared])
        assert tried(session) == 0
        assert [tried(session, "office") for _ in range(2)] == [0, 1]

    def test_failures_are_forgotten_after_a_while(self, session: Session, clock: Clock) -> None:
        for _ in range(3):
            tried(session)
        clock.turn(timedelta(hours=2, seconds=1))
        assert [tried(session) for _ in range(4)] == [0, 0, 0, 1]

    @pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
    def test_fewer_than_a_thousand_guesses_a_day_are_compared(
        self, session: Session, clock: Clock
    ) -> None:
        """From as many addresses as a stranger likes, and never a longer wait than promised."""
        compared, minutes = 0, 120
        for minute in range(minutes):
            for origin in range(2):
                pair = throttling.Attempt("login", f"olga {minute} {origin}", throttling.SECRETS)
                account = throttling.Attempt("login to", "olga", throttling.TO_ONE_ACCOUNT)
                wait = throttling.attempt(session, pair, account).length
                assert wait <= timedelta(minutes=2)
                compared += not wait
            clock.turn(timedelta(minutes=1))
        assert compared <= 20 + minutes / 2
        assert 20 + 24 * 60 / 2 < 1_000

    def test_attempts_at_the_same_time_count_each(self, cast: Cast) -> None:
        account = throttling.Attempt("login", "olga", throttling.SECRETS)
        with ThreadPoolExecutor(8) as pool:
            waits = list(pool.map(lambda _: db.run(throttling.attempt, account), range(24)))
        assert [bool(wait.length) for wait in sorted(waits)] == [False] * 5 + [True] * 19

    def test_successes_at_the_same_time_harm_no_attempt(self, cast: Cast) -> None:
        mine = throttling.Attempt("login", "olga", throttling.SECRETS)

        def attempt_and_succeed(_: int) -> None:
            db.run(throttling.attempt, mine)
            db.run(throttling.succeed, mine)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(attempt_and_succeed, range(40)))
