"""The two-factor pages: the prompt, the setup, and the required setup of staff."""

from datetime import timedelta

import pyotp
import pytest
from streamlit.testing.v1 import AppTest

from core.access.permissions import Actor
from core.accounts import sessions, totp, two_factor
from core.base import clock
from core.base.settings import PROJECT
from core.database import db
from core.members import account_access
from core.models import Staff, User
from pages.ui import authentication, browser
from tests.pages.conftest import Show, sign_in, words
from tests.support.cast import PASSWORD, SECRET, Cast, email
from tests.support.tables import code_blocks, tables

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

CODES = [f"AAAA-BBBB-{number:04}" for number in range(10)]


def person(actor: Actor) -> User:
    with db.read() as session:
        return session.get_one(User, actor.user_id)


def count_sessions() -> int:
    with db.read() as session:
        return session.query(sessions.Session).count()


def set_up(actor: Actor) -> str:
    """Turn a person's two-factor on and return the secret."""
    secret = totp.new_secret()
    long_ago = pyotp.TOTP(secret).at(clock.now() - timedelta(seconds=30))
    db.run(two_factor.begin_setup, actor, secret)
    db.run(two_factor.confirm_setup, actor, long_ago, CODES, session_id=0)
    return secret


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tickets that the browser was handed."""
    tickets: list[str] = []
    monkeypatch.setattr(
        browser, "exchange_ticket", lambda ticket, *_a, **_k: tickets.append(ticket)
    )
    return tickets


def begin(screen: AppTest, password: str) -> None:
    """Submit the dialog that begins the first setup."""
    screen.text_input(key="set-up-two-factor.password").set_value(password)
    screen.button(key="set-up-two-factor-submit").click().run()


class TestSecondStep:
    @pytest.fixture
    def asked(self, cast: Cast, entered: list[str], monkeypatch: pytest.MonkeyPatch) -> AppTest:
        """The page after Sam's password has been verified."""
        monkeypatch.setattr(authentication, "connection_cookie", lambda: None)
        monkeypatch.setattr(authentication, "connection_key", lambda: "a handshake")
        frame = str(PROJECT / "pages" / "frame.py")
        screen = AppTest.from_file(frame, default_timeout=20)
        screen.switch_page("people.py").run()
        screen.text_input[0].set_value(email(cast.sam))
        screen.text_input[1].set_value(PASSWORD)
        return screen.button[0].click().run()

    def test_a_password_alone_starts_no_session(self, asked: AppTest, entered: list[str]) -> None:
        assert "Log in" in words(asked)
        assert [field.label for field in asked.text_input] == ["Code"]
        assert asked.sidebar.children == {}
        assert not tables(asked)
        assert (entered, count_sessions()) == ([], 0)

    def test_a_wrong_code_shows_an_error(self, asked: AppTest, entered: list[str]) -> None:
        asked.text_input[0].set_value("000000")
        asked.button(key="second-step-submit").click().run()
        assert "That code isn" in words(asked)
        assert asked.text_input[0].value == "000000"
        assert (entered, count_sessions()) == ([], 0)

    def test_the_code_lets_in(self, asked: AppTest, entered: list[str]) -> None:
        asked.text_input[0].set_value(pyotp.TOTP(SECRET).now())
        asked.button(key="second-step-submit").click().run()
        assert not asked.exception
        assert (len(entered), count_sessions()) == (1, 1)

    def test_a_challenge_belongs_to_its_connection(
        self, asked: AppTest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(authentication, "connection_key", lambda: "another handshake")
        labels = [field.label for field in asked.run().text_input]
        assert labels == ["Email", "Password"]

    def test_one_starts_over(self, asked: AppTest) -> None:
        asked.button(key="second-step-over").click().run()
        assert [field.label for field in asked.text_input] == ["Email", "Password"]


class TestStaffWithoutIt:
    @pytest.fixture
    def sees(self, show: Show, cast: Cast, entered: list[str]) -> AppTest:
        """The page People, as Mia sees it who has just become an administrator."""
        db.run(account_access.set_staff, cast.ada, cast.mia.user_id, Staff.ADMINISTRATOR)
        return show("people", cast.mia)

    def test_sees_nothing_but_the_set_up(self, show: Show, cast: Cast, sees: AppTest) -> None:
        for screen in (sees, show("organizations", cast.mia), show("overview", cast.mia)):
            assert [title.value for title in screen.title] == ["Set up two-factor"]
            assert not tables(screen)
            assert screen.sidebar.children == {}
        settings = show("account", cast.mia)
        assert [title.value for title in settings.title] == ["User Settings"]
        assert "two-factor-begin" in [button.key for button in settings.button]

    def test_sets_it_up_and_then_sees_the_page(
        self, cast: Cast, sees: AppTest, entered: list[str]
    ) -> None:
        sees.button(key="two-factor-begin").click().run()
        sees.button(key="set-up-two-factor-submit").click().run()
        assert "That password isn" in words(sees)
        assert not code_blocks(sees)
        begin(sees, PASSWORD)
        secret = code_blocks(sees)[0].replace(" ", "")
        sees.text_input(key="two-factor.code").set_value("000000")
        sees.button(key="two-factor-submit").click().run()
        assert "That code isn" in words(sees)
        sees.text_input(key="two-factor.code").set_value(pyotp.TOTP(secret).now())
        sees.button(key="two-factor-submit").click().run()
        assert person(cast.mia).two_factor_at is not None
        assert len(code_blocks(sees)[0].splitlines()) == 10
        assert not tables(sees)
        sees.button(key="two-factor-kept").click().run()
        assert len(entered) == 1
        token = sign_in(cast.mia)
        with db.read() as session:
            assert not sessions.find(session, token).lacks_two_factor


class TestUserSettings:
    @pytest.fixture
    def screen(self, show: Show, cast: Cast, entered: list[str]) -> AppTest:
        set_up(cast.mia)
        return show("account", cast.mia)

    def confirm(self, screen: AppTest, opener: str, form: str, password: str) -> AppTest:
        screen.button(key=opener).click().run()
        screen.text_input(key=f"{form}.password").set_value(password)
        return screen.button(key=f"{form}-submit").click().run()

    def test_it_shows_the_current_settings(self, screen: AppTest) -> None:
        assert "10 recovery codes left" in words(screen)

    def test_it_is_turned_off_by_the_password(self, screen: AppTest, cast: Cast) -> None:
        self.confirm(screen, "two-factor-off", "turn-off", "wrong")
        assert "That password isn" in words(screen)
        assert person(cast.mia).two_factor_at is not None
        screen.text_input(key="turn-off.password").set_value(PASSWORD)
        screen.button(key="turn-off-submit").click().run()
        assert person(cast.mia).two_factor_at is None
        assert "two-factor-begin" in [button.key for button in screen.button]

    def test_it_is_set_up_first_with_the_password(self, show: Show, cast: Cast) -> None:
        screen = show("account", cast.olga)
        screen.button(key="two-factor-begin").click().run()
        begin(screen, "wrong")
        assert "That password isn" in words(screen)
        assert "Scan this" not in words(screen)
        begin(screen, PASSWORD)
        assert "Scan this" in words(screen)

    def test_new_recovery_codes_are_shown_once(
        self, screen: AppTest, cast: Cast, show: Show
    ) -> None:
        self.confirm(screen, "two-factor-new-codes", "make-codes", PASSWORD)
        shown = code_blocks(screen)[0].splitlines()
        assert len(shown) == 10
        assert shown != CODES
        assert shown[0] not in words(show("account", cast.mia))

    def test_another_device_is_set_up_or_not(self, screen: AppTest, cast: Cast) -> None:
        self.confirm(screen, "two-factor-replace", "replace-device", PASSWORD)
        assert "Scan this" in words(screen)
        screen.button(key="two-factor-cancel").click().run()
        assert "10 recovery codes left" in words(screen)

    def test_staff_replaces_and_does_not_turn_off(self, show: Show, cast: Cast) -> None:
        keys = [button.key for button in show("account", cast.sam).button]
        assert "two-factor-replace" in keys
        assert "two-factor-off" not in keys


def test_a_changed_password_asks_for_no_code_again(
    show: Show, cast: Cast, entered: list[str]
) -> None:
    screen = show("account", cast.sam)
    screen.text_input(key="password.password").set_value(PASSWORD)
    screen.text_input(key="password.new").set_value("four tame otters paint fences")
    screen.button(key="password-submit").click().run()
    assert not screen.exception
    assert len(entered) == 1
