"""The public pages: sign up, confirm an address, reset a password, set up Orgdesk."""

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from core.access.permissions import ANONYMOUS
from core.accounts import accounts, email_links, password_reset, registration
from core.base import clock, crypto
from core.base.settings import settings
from core.database import db
from core.models import Link, Mail, Staff, User
from pages.ui import browser
from tests.pages.conftest import Show, unescaped, words
from tests.support.cast import Cast, email

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

HERS = "four tame otters paint fences"


@pytest.fixture(autouse=True)
def entered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tickets that the browser was handed."""
    tickets: list[str] = []
    monkeypatch.setattr(
        browser, "exchange_ticket", lambda ticket, *_a, **_k: tickets.append(ticket)
    )
    return tickets


def fill(screen: AppTest, form: str, **typed: str) -> AppTest:
    for field, text in typed.items():
        screen.text_input(key=f"{form}.{field}").set_value(text)
    screen.button(key=f"{form}-submit").click().run()
    assert not screen.exception
    return screen


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits that bring forms to the same time, which are not waited for here."""
    waits: list[float] = []
    monkeypatch.setattr(clock, "sleep", waits.append)
    return waits


def people() -> dict[str, User]:
    with db.read() as session:
        return {user.email: user for user in session.scalars(select(User))}


def templates() -> list[str]:
    with db.read() as session:
        return list(session.scalars(select(Mail.template).order_by(Mail.id)))


def follow(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Open the next page with the token of the newest link in the address."""
    with db.read() as session:
        nonce = session.scalars(select(Link.nonce).order_by(Link.id.desc())).first()
    token = crypto.token(kind, nonce or "")
    monkeypatch.setattr(browser, "read_fragment", lambda known: token)


class TestSignUp:
    def test_the_answer_is_the_same_for_known_addresses(
        self, show: Show, cast: Cast, waits: list[float]
    ) -> None:
        shown = []
        for address in ("nora@example.com", email(cast.mia)):
            screen = fill(show("sign_up"), "sign-up", name="Nora", email=address, password=HERS)
            shown.append((words(screen), [title.value for title in screen.title]))
        assert shown[0] == shown[1]
        assert len(waits) == 2
        assert "We emailed you a link" in shown[0][0]
        assert templates() == ["prove_address", "already_have_account"]

    @pytest.mark.parametrize(("page", "form"), [("sign_up", "sign-up"), ("forgotten", "forgotten")])
    def test_no_browser_keeps_an_address_from_its_refusal(
        self, show: Show, cast: Cast, page: str, form: str
    ) -> None:
        shown = show(page).text_input(key=f"{form}.email").proto
        assert shown.type == shown.DEFAULT

    def test_every_error_stands_beside_its_field(self, show: Show, cast: Cast) -> None:
        screen = fill(show("sign_up"), "sign-up", name="Nora", email="nora", password="short")
        assert "Enter an email address" in words(screen)
        assert "Use at least 15" in words(screen)
        assert screen.text_input(key="sign-up.name").value == "Nora"
        assert templates() == []

    def test_one_may_sign_up_again(self, show: Show, cast: Cast) -> None:
        typed = {"name": "Nora", "email": "nora@exmaple.com", "password": HERS}
        screen = fill(show("sign_up"), "sign-up", **typed)
        screen.button(key="sign-up-again").click().run()
        assert [title.value for title in screen.title] == ["Create an account"]

    def test_it_can_be_closed(
        self, show: Show, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SIGN_UP", "closed")
        settings.cache_clear()
        screen = show("sign_up")
        assert len(screen.text_input) == 0
        assert "invitation" in words(screen)


class TestProve:
    @pytest.fixture
    def screen(
        self, show: Show, cast: Cast, engine: object, monkeypatch: pytest.MonkeyPatch
    ) -> AppTest:
        account = accounts.prepare_account("Nora", "nora@example.com", HERS)
        db.run(registration.sign_up, ANONYMOUS, account)
        follow(monkeypatch, email_links.CONFIRM)
        return show("prove")

    def test_the_password_confirms_and_lets_in(self, screen: AppTest, entered: list[str]) -> None:
        assert "nora@example.com" in words(screen)
        assert people()["nora@example.com"].proven_at is None
        fill(screen, "prove", password=HERS)
        assert people()["nora@example.com"].proven_at is not None
        assert len(entered) == 1

    def test_another_password_does_not(self, screen: AppTest, entered: list[str]) -> None:
        shown = words(fill(screen, "prove", password="nine loud kettles chase"))
        assert "the password you signed up with" in shown
        assert people()["nora@example.com"].proven_at is None
        assert entered == []

    def test_a_link_that_does_not_work_says_what_to_do(
        self, show: Show, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(browser, "read_fragment", lambda known: "x" * 43)
        screen = show("prove")
        assert "If you already confirmed your address, log in" in unescaped(screen)
        labels = [each.proto.label for each in screen.get("page_link")]
        assert labels == ["Sign up again", "Log in"]


class TestForgotten:
    def test_the_answer_is_the_same_for_unknown_addresses(
        self, show: Show, cast: Cast, waits: list[float]
    ) -> None:
        shown = [
            words(fill(show("forgotten"), "forgotten", email=address))
            for address in (email(cast.mia), "nobody@example.com")
        ]
        assert shown[0] == shown[1]
        assert len(waits) == 2
        assert templates() == ["reset_password"]

    def test_the_link_leads_to_a_new_password(
        self, show: Show, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        db.run(password_reset.request_link, ANONYMOUS, email(cast.mia), origin="::1")
        follow(monkeypatch, email_links.RESET)
        screen = show("reset")
        assert "too easy to guess" in words(fill(screen, "reset", new="acme acme acme acme"))
        assert "logged out everywhere" in words(fill(screen, "reset", new=HERS))
        assert (
            accounts.authenticate(email(cast.mia), HERS, origin="::1").user_id == cast.mia.user_id
        )
        assert "This link was already used" in words(show("reset"))


class TestSetUp:
    def test_the_code_from_the_log_makes_the_administrator(
        self, show: Show, engine: object, entered: list[str]
    ) -> None:
        typed = {"name": "Ada", "email": "ada@example.com", "password": HERS}
        screen = fill(show("setup"), "setup", code="AAAA-BBBB-CCCC", **typed)
        assert "That code isn" in words(screen)
        assert people() == {}
        fill(screen, "setup", code=registration.setup_code())
        assert people()["ada@example.com"].staff is Staff.ADMINISTRATOR
        assert len(entered) == 1

    def test_afterwards_there_is_nothing_to_set_up(self, show: Show, cast: Cast) -> None:
        screen = show("setup")
        assert "already set up" in words(screen)
        assert len(screen.text_input) == 0
