"""Known browsers: a signed cookie, which keeps strangers from slowing the real person."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Engine

from core.accounts import accounts, known_browsers
from core.base.errors import TooManyAttempts
from tests.conftest import Clock
from tests.support.cast import PASSWORD, Cast, email
from tests.support.depth import rounds

HERE = "192.0.2.1"
WRONG = "wrong lanterns over a thawing harbour"


def log_in(cast: Cast, password: str = PASSWORD, origin: str = HERE, browser: str = "") -> bool:
    """Return whether Olga is let in; raises `TooManyAttempts`."""
    proven = accounts.authenticate(email(cast.olga), password, origin=origin, browser=browser)
    return proven is not None


def fail(times: int, address: Callable[[int], str], *, browser: str = "") -> list[int]:
    """Guess so many times and return the minutes of each wait, 0 for a guess that was compared."""
    waits = []
    for n in range(times):
        wait = 0
        try:
            accounts.authenticate(address(n), WRONG, origin=HERE, browser=browser)
        except TooManyAttempts as error:
            wait = error.minutes
        waits.append(wait)
    return waits


class TestCookie:
    def test_it_knows_the_accounts_that_logged_in(self, engine: Engine) -> None:
        cookie = known_browsers.add(known_browsers.add("", 7), 8)
        assert known_browsers.find(cookie, 7)
        assert known_browsers.find(cookie, 8)
        assert known_browsers.find(cookie, 9) is None

    def test_nobody_makes_one_up(self, engine: Engine) -> None:
        cookie = known_browsers.add("", 7)
        whose, nonce, mac = cookie.split("-")
        for forged in (
            f"8-{nonce}-{mac}",
            f"{whose}-{nonce[::-1]}-{mac}",
            f"{whose}-{nonce}-{'0' * 64}",
            "x" * 10_000,
            "",
        ):
            assert known_browsers.find(forged, 7) is None
            assert known_browsers.find(forged, 8) is None

    def test_it_keeps_the_newest_few(self, engine: Engine) -> None:
        cookie = ""
        for user_id in range(1, 8):
            cookie = known_browsers.add(f"{cookie}.rubbish", user_id)
        known = [user_id for user_id in range(1, 8) if known_browsers.find(cookie, user_id)]
        assert known == [4, 5, 6, 7]


class TestStrangers:
    def test_guesses_from_anywhere_keep_nobody_out_of_their_own_browser(
        self, cast: Cast, clock: Clock
    ) -> None:
        assert cast.olga.user_id
        cookie = known_browsers.add("", cast.olga.user_id)
        waits, guesses = [], rounds(60, 1_000)
        for n in range(guesses):
            try:
                log_in(cast, WRONG, origin=f"198.51.{n // 250}.{n % 250}")
            except TooManyAttempts as error:
                waits.append(error.minutes)
        assert len(waits) > guesses - 30
        assert max(waits) <= 2
        assert log_in(cast, browser=cookie)

    def test_a_forged_cookie_helps_nobody(self, cast: Cast, clock: Clock) -> None:
        other = known_browsers.add("", cast.mia.user_id or 0)
        assert fail(6, lambda _: email(cast.olga), browser=other) == [0, 0, 0, 0, 0, 1]

    def test_an_office_is_slowed_and_not_locked_out(self, cast: Cast, clock: Clock) -> None:
        waits = fail(40, "person{}@example.com".format)
        assert waits == [0] * 30 + [1] * 10
        clock.turn(timedelta(minutes=1))
        assert log_in(cast)

    def test_a_live_session_has_a_count_of_its_own(self, cast: Cast, clock: Clock) -> None:
        assert fail(9, lambda _: email(cast.olga))[-1] == 1
        assert accounts.authenticate(email(cast.olga), PASSWORD, origin=HERE, session_id=7)
