"""Authentication: only the cookie of the own connection identifies a person."""

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.access.permissions import Actor
from core.accounts import registration, sessions
from core.base.errors import InvalidInput
from core.base.settings import PROJECT, settings
from core.database import db
from core.models import Organization, Role, Staff
from core.staff import impersonation
from pages.ui import authentication
from tests.pages.conftest import Show
from tests.support.cast import PASSWORD, Cast, email
from tests.support.engines import clear_caches

FRAME = PROJECT / "pages" / "frame.py"

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


class Connection:
    """The key and the token of a connection's handshake."""

    def __init__(self) -> None:
        self.key = "first"
        self.token: str | None = None

    def sign_in(self, person: Actor) -> None:
        assert person.user_id
        ticket, self.token = sessions.new_token(), sessions.new_token()
        db.run(
            sessions.start,
            person.user_id,
            ticket,
            device="Chrome",
            ip_address="::1",
            second_factor=True,
        )
        assert db.run(sessions.redeem, ticket, self.token)


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Connection:
    """The cookie and the key of the connection, as the two functions that read them return them."""
    connection = Connection()
    monkeypatch.setattr(authentication, "connection_cookie", lambda: connection.token)
    monkeypatch.setattr(authentication, "connection_key", lambda: connection.key)
    return connection


def open_frame() -> AppTest:
    return AppTest.from_file(FRAME, default_timeout=20).run()


def asks_to_sign_in(at: AppTest) -> bool:
    assert not at.exception
    return [title.value for title in at.title] == ["Log in"] and not at.sidebar.children


def who() -> None:
    """A page that shows the actor and keeps a secret in the session state."""
    import streamlit as st

    from pages.ui import authentication

    actor = authentication.actor()
    st.session_state.setdefault("secret", actor and actor.name)
    st.text(f"{actor and actor.name}, {st.session_state.secret}")


class TestCookie:
    def test_a_stranger_is_asked_to_sign_in(self, cast: Cast, connection: Connection) -> None:
        assert asks_to_sign_in(open_frame())

    def test_the_cookie_of_the_connection_lets_in(self, cast: Cast, connection: Connection) -> None:
        connection.sign_in(cast.mia)
        assert not asks_to_sign_in(open_frame())

    def test_nothing_in_the_session_state_lets_in(self, cast: Cast, connection: Connection) -> None:
        at = AppTest.from_file(FRAME, default_timeout=20)
        connection.sign_in(cast.ada)
        for key in ("authentication_status", "username", "name", "email", "token", "cookie"):
            at.session_state[key] = connection.token
        at.session_state["authentication_status"] = True
        at.session_state["username"] = at.session_state["email"] = email(cast.ada)
        connection.token = None
        assert asks_to_sign_in(at.run())

    def test_an_ended_session_is_out_with_the_next_click(
        self, cast: Cast, connection: Connection
    ) -> None:
        connection.sign_in(cast.mia)
        at = open_frame()
        assert cast.mia.user_id
        db.run(sessions.end_all, cast.mia.user_id, "ended by its person")
        assert asks_to_sign_in(at.run())
        said = "\n".join(each.value for each in at.markdown)
        assert "**Your session ended**" in said
        assert "You ended it from another browser." in said


class TestBinding:
    def test_another_person_gets_an_empty_session_state(
        self, cast: Cast, connection: Connection
    ) -> None:
        connection.sign_in(cast.ada)
        at = AppTest.from_function(who).run()
        assert at.text[0].value == "Ada, Ada"
        connection.key = "second"
        connection.sign_in(cast.otto)
        assert at.run().text[0].value == "Otto, Otto"

    def test_logging_out_empties_the_session_state(
        self, cast: Cast, connection: Connection
    ) -> None:
        connection.sign_in(cast.ada)
        at = AppTest.from_function(who).run()
        connection.key, connection.token = "second", None
        assert at.run().text[0].value == "None, None"

    def test_reconnecting_keeps_the_session_state(self, cast: Cast, connection: Connection) -> None:
        connection.sign_in(cast.ada)
        at = AppTest.from_function(who).run()
        at.session_state["secret"] = "still here"
        connection.key = "after the tunnel"
        assert at.run().text[0].value == "Ada, still here"


class TestSignIn:
    def fill_in(self, at: AppTest, address: str, password: str) -> AppTest:
        at.text_input[0].set_value(address)
        at.text_input[1].set_value(password)
        return at.button[0].click().run()

    def test_a_correct_login_starts_a_session(self, cast: Cast, connection: Connection) -> None:
        at = self.fill_in(open_frame(), f" {email(cast.mia).upper()} ", PASSWORD)
        assert not at.exception
        with db.read() as session:
            row = session.query(sessions.Session).one()
        assert row.user_id == cast.mia.user_id
        assert row.ticket_hash is not None
        assert row.token_hash is None

    @pytest.mark.parametrize(
        ("address", "password"),
        [
            ("mia@example.com", "wrong"),
            ("mia@example.com", f"{PASSWORD} "),
            ("mia@example.com", ""),
            ("nobody@example.com", PASSWORD),
            ("", ""),
        ],
    )
    def test_every_other_login_gets_the_same_error(
        self, cast: Cast, connection: Connection, address: str, password: str
    ) -> None:
        at = self.fill_in(open_frame(), address, password)
        assert any("Email or password is wrong" in text.value for text in at.markdown)
        with db.read() as session:
            assert session.query(sessions.Session).count() == 0

    def test_too_many_attempts_are_throttled(self, cast: Cast, connection: Connection) -> None:
        at = open_frame()
        for _ in range(6):
            at = self.fill_in(at, email(cast.mia), "wrong")
        assert any("Too many attempts" in text.value for text in at.markdown)


class TestVerifyPassword:
    @pytest.fixture
    def as_mia(self, cast: Cast, connection: Connection) -> Iterator[Actor]:
        connection.sign_in(cast.mia)
        return cast.mia

    def test_the_own_password_is_verified(self, as_mia: Actor) -> None:
        assert authentication.verify_password(as_mia, PASSWORD)

    def test_another_is_refused_beside_its_field(self, as_mia: Actor) -> None:
        with pytest.raises(InvalidInput) as refused:
            authentication.verify_password(as_mia, "wrong")
        assert "password" in refused.value.fields

    def test_a_password_of_another_person_is_refused(self, as_mia: Actor, cast: Cast) -> None:
        with pytest.raises(InvalidInput):
            authentication.verify_password(cast.olga, PASSWORD)


class TestIdentify:
    """The library's login on every rerun, and the roles that owners' buttons are drawn by."""

    FORGED = {
        "authentication_status": True,
        "name": "Ada",
        "username": "ada@example.com",
        "email": "ada@example.com",
        "roles": [Role.OWNER, Staff.ADMINISTRATOR],
    }
    """All keys of the library, as an administrator who acts as an owner has them."""

    def keys(self, at: AppTest) -> dict[str, object]:
        assert not at.exception
        return {key: at.session_state[key] for key in self.FORGED}

    def forge(self, at: AppTest) -> AppTest:
        for key, value in self.FORGED.items():
            at.session_state[key] = value
        return at.run()

    def test_the_keys_name_the_person_of_the_cookie(self, show: Show, cast: Cast) -> None:
        assert self.keys(show("profile", cast.mia, org=cast.acme.public_id)) == {
            "authentication_status": True,
            "name": "Mia",
            "username": email(cast.mia),
            "email": email(cast.mia),
            "roles": [Role.MEMBER],
        }
        assert set(self.keys(show("profile")).values()) == {None}

    def test_the_roles_are_those_of_the_open_organization_and_of_staff(
        self, show: Show, cast: Cast
    ) -> None:
        def roles(page: str, person: Actor, org: Organization) -> object:
            return self.keys(show(page, person, org=org.public_id))["roles"]

        assert roles("profile", cast.olga, cast.acme) == [Role.OWNER]
        assert roles("profile", cast.otto, cast.otto_ltd) == [Role.OWNER]
        assert roles("profile", cast.ada, cast.acme) == [Staff.ADMINISTRATOR]
        db.run(impersonation.start, cast.ada, cast.acme.id, reason="They asked for help")
        assert roles("profile", cast.ada, cast.acme) == [Role.OWNER, Staff.ADMINISTRATOR]
        assert roles("profile", cast.ada, cast.otto_ltd) == [Staff.ADMINISTRATOR]
        assert self.keys(show("people", cast.sam))["roles"] == [Staff.SALES]

    @pytest.mark.parametrize("page", ["overview", "profile", "members", "onboarding", "people"])
    def test_forged_keys_gain_nothing(self, show: Show, cast: Cast, page: str) -> None:
        def drawn(at: AppTest) -> tuple[list[str], list[str | None]]:
            return [each.value for each in at.title], [each.key for each in at.button]

        screen = show(page, cast.mia, org=cast.acme.public_id)
        honest, before = self.keys(screen), drawn(screen)
        self.forge(screen)
        assert self.keys(screen) == honest
        assert drawn(screen) == before
        stranger = self.forge(show(page, org=cast.acme.public_id))
        assert asks_to_sign_in(stranger)
        assert set(self.keys(stranger).values()) == {None}

    def test_a_button_needs_the_right_and_the_role(
        self, cast: Cast, connection: Connection
    ) -> None:
        def page() -> None:
            import streamlit as st

            from core.access.permissions import Action, rights_of
            from core.models import Role
            from pages.ui import authentication, rerun_cache

            def may(role: Role) -> bool:
                return authentication.is_allowed(rights_of(role), Action.EDIT_PROFILE)

            with rerun_cache.rerun_scope():
                st.text(f"before {may(Role.OWNER)}")
                authentication.identify([Role.MEMBER])
                st.text(f"a member {may(Role.OWNER)}")
                authentication.identify([Role.OWNER])
                st.text(f"an owner {may(Role.OWNER)} {may(Role.MEMBER)}")

        connection.sign_in(cast.olga)
        at = AppTest.from_function(page).run()
        assert not at.exception
        texts = [text.value for text in at.text]
        assert texts == ["before False", "a member False", "an owner True False"]
        connection.token = None
        assert "True" not in "".join(text.value for text in at.run().text)


class TestFirstStart:
    def test_an_empty_database_is_set_up_first(
        self, engine: object, connection: Connection
    ) -> None:
        with db.read() as session:
            assert registration.is_setup_open(session)
        screen = open_frame()
        assert "Set up Orgdesk" in [title.value for title in screen.title]
        screen.button(key="setup-submit").click().run()
        assert any("Enter the setup code" in each.value for each in screen.markdown)


class TestDatabaseAway:
    def test_the_page_says_so_and_works_again_on_the_next_click(
        self, cast: Cast, connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connection.sign_in(cast.mia)
        with monkeypatch.context() as environment:
            environment.setenv("DATABASE_URL", "postgresql+psycopg://127.0.0.1:1/none")
            settings.cache_clear()
            at = open_frame()
            assert not at.exception
            assert "Nothing was changed" in at.markdown[-1].value
        clear_caches()
        at.button(key="try-again-page").click().run()
        assert not at.exception
        assert not any("Nothing was changed" in text.value for text in at.markdown)
