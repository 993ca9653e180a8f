"""The People page, which only administrators can use."""

import pytest
from streamlit.testing.v1 import AppTest

from core.access.permissions import Actor
from core.database import db
from core.members import account_access, membership_rows
from core.models import Role, Staff, User
from tests.pages.conftest import Show, words
from tests.support.cast import PASSWORD, Cast, email
from tests.support.tables import find_table, tables

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def person(actor: Actor) -> User:
    with db.read() as session:
        return session.get_one(User, actor.user_id)


def owns(cast: Cast, actor: Actor) -> bool:
    with db.read() as session:
        return membership_rows.find(session, cast.acme, actor.user_id or 0).role is Role.OWNER


@pytest.fixture
def about_mia(show: Show, cast: Cast) -> AppTest:
    """The dialog about Mia, as Ada has opened it."""
    screen = show("people", cast.ada)
    screen.session_state["dialog"] = ("person", cast.mia.user_id)
    return screen.run()


def test_all_accounts_are_listed(show: Show, cast: Cast) -> None:
    table = find_table(show("people", cast.ada), "Accounts")
    assert email(cast.mia) in table.column("email")
    assert len(table.ids) == 8


def test_the_address_narrows_the_table(show: Show, cast: Cast) -> None:
    table = find_table(show("people", cast.ada, staff="true"), "Accounts")
    assert set(table.column("name")) == {"Ada", "Sue", "Sam", "Oda"}
    nothing = find_table(show("people", cast.ada, q="nobody at all"), "Accounts")
    assert (nothing.ids, nothing.sent["empty"][0]) == ([], "No matches")


def test_a_row_opens_its_account(show: Show, cast: Cast) -> None:
    table = find_table(show("people", cast.ada), "Accounts")
    assert f"**{cast.mia.name}**" in words(table.ask("open", cast.mia.user_id))


def test_rows_that_are_not_on_the_page_open_nothing(show: Show, cast: Cast) -> None:
    table = find_table(show("people", cast.ada, staff="true"), "Accounts")
    for asked in ([cast.mia.user_id], [str(cast.sam.user_id)], [None], [], [cast.sam.user_id] * 2):
        assert "Joined" not in words(table.ask("open", *asked))


@pytest.mark.parametrize("who", ["olga", "mia", "oda", "sam"])
def test_nobody_else_sees_it(show: Show, cast: Cast, who: str) -> None:
    screen = show("people", getattr(cast, who))
    assert not tables(screen)
    assert [title.value for title in screen.title] == ["This page is for staff"]


def test_a_staff_role_is_given(about_mia: AppTest, cast: Cast) -> None:
    assert about_mia.button(key="person-save").disabled
    about_mia.selectbox(key="person.staff").select(Staff.SALES).run()
    about_mia.button(key="person-save").click().run()
    assert "That password isn" in words(about_mia)
    assert person(cast.mia).staff is None
    about_mia.text_input(key="person.password").set_value(PASSWORD)
    about_mia.button(key="person-save").click().run()
    assert not about_mia.exception
    assert person(cast.mia).staff is Staff.SALES


def test_a_lost_device_is_reset_with_a_reason(show: Show, cast: Cast) -> None:
    screen = show("people", cast.ada)
    screen.session_state["dialog"] = ("person", cast.sam.user_id)
    screen.run().button(key="person-two-factor").click().run()
    screen.button(key="reset-two-factor-submit").click().run()
    assert person(cast.sam).two_factor_at is not None
    screen.text_input(key="reset-two-factor.reason").set_value("The phone is lost")
    screen.button(key="reset-two-factor-submit").click().run()
    assert not screen.exception
    assert person(cast.sam).two_factor_at is None


def test_the_last_administrator_sees_why_it_is_refused(show: Show, cast: Cast) -> None:
    screen = show("people", cast.ada)
    screen.session_state["dialog"] = ("person", cast.ada.user_id)
    screen.run()
    screen.button(key="person-disable").click().run()
    assert "Orgdesk needs an administrator" in words(screen)
    assert person(cast.ada).disabled_at is None


def test_an_account_is_shut_and_opened(about_mia: AppTest, cast: Cast) -> None:
    about_mia.button(key="person-disable").click().run()
    assert person(cast.mia).disabled_at is not None
    about_mia.session_state["dialog"] = ("person", cast.mia.user_id)
    about_mia.run().button(key="person-enable").click().run()
    assert person(cast.mia).disabled_at is None
    assert not about_mia.exception


def test_losing_the_role_meanwhile_is_refused(about_mia: AppTest, cast: Cast) -> None:
    db.run(account_access.set_staff, cast.ada, cast.oda.user_id, Staff.ADMINISTRATOR)
    db.run(account_access.set_staff, cast.oda, cast.ada.user_id, None)
    about_mia.button(key="person-disable").click().run()
    assert person(cast.mia).disabled_at is None
    assert "This page is for staff" in [title.value for title in about_mia.title]


class TestOwnerless:
    def test_an_owner_is_named_where_all_are_disabled(self, show: Show, cast: Cast) -> None:
        assert "without an active owner" not in words(show("people", cast.ada))
        db.run(account_access.disable, cast.ada, cast.olga.user_id or 0)
        screen = show("people", cast.ada)
        assert "1 organization without an active owner" in words(screen)
        table = find_table(screen, "Organizations without an active owner")
        table.ask("assign", cast.acme.id)
        screen.button(key="name-owner-submit").click().run()
        assert "That password isn" in words(screen)
        screen.text_input(key="name-owner.password").set_value(PASSWORD)
        screen.button(key="name-owner-submit").click().run()
        assert words(screen).count(":material/error:") == 2
        screen.selectbox(key="name-owner.email").set_value(email(cast.mia))
        screen.text_input(key="name-owner.reason").set_value("All owners left.")
        screen.text_input(key="name-owner.password").set_value("wrong")
        screen.button(key="name-owner-submit").click().run()
        assert "That password isn" in words(screen)
        assert owns(cast, cast.olga)
        assert not owns(cast, cast.mia)
        screen.text_input(key="name-owner.password").set_value(PASSWORD)
        screen.button(key="name-owner-submit").click().run()
        assert not screen.exception
        assert owns(cast, cast.mia)
        assert "without an active owner" not in words(screen)
