"""The User Settings page."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import Engine
from streamlit.testing.v1 import AppTest

from core.access.permissions import Actor
from core.accounts import accounts, sessions
from core.database import db
from core.models import User
from pages.ui import browser
from tests.pages.conftest import Show, sign_in, unescaped, words
from tests.support.cast import PASSWORD, Cast, email
from tests.support.tables import find_table

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

NEW = "four tame otters paint fences"


def person(actor: Actor) -> User:
    with db.read() as session:
        return session.get_one(User, actor.user_id)


def count_sessions(actor: Actor) -> int:
    with db.read() as session:
        return len(sessions.list_live(session, actor.user_id or 0))


def end_session(screen: AppTest) -> None:
    """Press the first button to end another session."""
    table = find_table(screen, "Sessions")
    others = [row for row in table.ids if table.actions(row) == ["End session"]]
    assert len(others) == len(table.ids) - 1
    table.ask("end", others[0])


def test_a_stranger_is_asked_to_log_in(show: Show, cast: Cast) -> None:
    assert [title.value for title in show("account").title] == ["Log in"]


class TestName:
    def test_another_is_saved(self, show: Show, cast: Cast) -> None:
        screen = show("account", cast.mia)
        screen.text_input(key="rename.name").set_value("Mia Novak")
        screen.button(key="rename-submit").click().run()
        assert person(cast.mia).name == "Mia Novak"
        assert not screen.exception

    def test_an_error_appears_next_to_its_field(self, show: Show, cast: Cast) -> None:
        screen = show("account", cast.mia)
        screen.text_input(key="rename.name").set_value("www.example.com")
        screen.button(key="rename-submit").click().run()
        assert "Leave out the web address" in words(screen)
        assert screen.text_input(key="rename.name").value == "www.example.com"

    def test_a_locked_database_keeps_what_was_typed(
        self, show: Show, cast: Cast, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(db, "SQLITE_WAITS_MS", 50)
        engine.dispose()
        screen = show("account", cast.mia)
        screen.text_input(key="rename.name").set_value("Mia Novak")
        with closing(sqlite3.connect(str(engine.url.database))) as other:
            other.execute("BEGIN IMMEDIATE")
            screen.button(key="rename-submit").click().run()
        assert "We couldn't save that. Nothing was changed." in unescaped(screen)
        assert screen.text_input(key="rename.name").value == "Mia Novak"
        screen.button(key="rename-submit").click().run()
        assert person(cast.mia).name == "Mia Novak"

    def test_a_name_is_shown_letter_by_letter(self, show: Show, cast: Cast) -> None:
        db.run(accounts.rename, cast.mia, ":red[Mia] <b>x</b>")
        screen = show("account", cast.mia)
        assert screen.text_input(key="rename.name").value == ":red[Mia] <b>x</b>"


class TestPassword:
    @pytest.fixture
    def entered(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The tickets that the browser was handed."""
        tickets: list[str] = []
        monkeypatch.setattr(
            browser, "exchange_ticket", lambda ticket, *_a, **_k: tickets.append(ticket)
        )
        return tickets

    def change(self, screen: AppTest, old: str, new: str) -> AppTest:
        screen.text_input(key="password.password").set_value(old)
        screen.text_input(key="password.new").set_value(new)
        return screen.button(key="password-submit").click().run()

    def test_it_is_changed_and_the_person_stays(
        self, show: Show, cast: Cast, entered: list[str]
    ) -> None:
        screen = self.change(show("account", cast.mia), PASSWORD, NEW)
        assert not screen.exception
        assert accounts.authenticate(email(cast.mia), NEW, origin="::1").user_id == cast.mia.user_id
        assert len(entered) == 1
        assert "Changed just now" in words(show("account", cast.mia))

    def test_not_without_the_old_one(self, show: Show, cast: Cast, entered: list[str]) -> None:
        screen = self.change(show("account", cast.mia), "wrong", NEW)
        assert "That password isn" in words(screen)
        assert person(cast.mia).password_epoch == 0

    def test_not_by_a_weak_one(self, show: Show, cast: Cast, entered: list[str]) -> None:
        screen = self.change(show("account", cast.mia), PASSWORD, "acme acme acme acme")
        assert "too easy to guess" in words(screen)
        assert person(cast.mia).password_epoch == 0


class TestKeyboard:
    def test_single_letters_are_turned_off_and_on(self, show: Show, cast: Cast) -> None:
        screen = show("account", cast.mia)
        assert find_table(screen, "Sessions").sent["hasLetterKeys"]
        screen.toggle(key="letter-keys-on").set_value(False).run()
        assert not person(cast.mia).has_letter_keys
        assert not find_table(screen, "Sessions").sent["hasLetterKeys"]
        assert person(cast.olga).has_letter_keys
        screen.toggle(key="letter-keys-off").set_value(True).run()
        assert person(cast.mia).has_letter_keys


class TestSessions:
    def test_another_one_ends(self, show: Show, cast: Cast) -> None:
        sign_in(cast.mia)
        screen = show("account", cast.mia)
        end_session(screen)
        screen.text_input(key="end-session.password").set_value(PASSWORD)
        screen.button(key="end-session-submit").click().run()
        assert len(find_table(screen, "Sessions").ids) == 1
        assert count_sessions(cast.mia) == 1
        assert not screen.exception

    def test_all_others_end(self, show: Show, cast: Cast) -> None:
        sign_in(cast.mia), sign_in(cast.mia)
        screen = show("account", cast.mia)
        screen.button(key="end-others").click().run()
        screen.text_input(key="end-other-sessions.password").set_value(PASSWORD)
        screen.button(key="end-other-sessions-submit").click().run()
        assert count_sessions(cast.mia) == 1
        assert "end-others" not in [each.key for each in screen.button]
        assert [title.value for title in screen.title] == ["User Settings"]

    def test_none_ends_without_the_password(self, show: Show, cast: Cast) -> None:
        sign_in(cast.mia), sign_in(cast.mia)
        screen = show("account", cast.mia)
        end_session(screen)
        screen.button(key="end-session-submit").click().run()
        assert "That password isn" in words(screen)
        screen.button(key="end-others").click().run()
        screen.text_input(key="end-other-sessions.password").set_value("wrong")
        screen.button(key="end-other-sessions-submit").click().run()
        assert "That password isn" in words(screen)
        assert count_sessions(cast.mia) == 3


class TestDelete:
    def test_the_last_owner_sees_why_it_is_refused(self, show: Show, cast: Cast) -> None:
        screen = show("account", cast.olga)
        screen.text_input(key="delete-account.password").set_value(PASSWORD)
        screen.button(key="delete-account-submit").click().run()
        assert "the last one of Acme" in unescaped(screen)
        assert person(cast.olga).deleted_at is None

    def test_a_member_goes(self, show: Show, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(browser, "exchange_ticket", lambda *_a, **_k: None)
        screen = show("account", cast.mia)
        screen.text_input(key="delete-account.password").set_value(PASSWORD)
        screen.button(key="delete-account-submit").click().run()
        assert person(cast.mia).deleted_at is not None
        assert not screen.exception

    def test_not_without_the_password(self, show: Show, cast: Cast) -> None:
        screen = show("account", cast.mia)
        screen.button(key="delete-account-submit").click().run()
        assert "That password isn" in words(screen)
        assert person(cast.mia).deleted_at is None


def test_a_rep_switches_digests_off_and_others_have_no_such_switch(show: Show, cast: Cast):
    screen = show("account", cast.sam)
    screen.toggle(key="digests-on").set_value(False).run()
    assert not screen.toggle(key="digests-off").value
    assert "digests" not in str([toggle.key for toggle in show("account", cast.olga).toggle])
