"""The page that an invitation's link opens, for everyone who can open it."""

from collections.abc import Callable

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from core.access.permissions import Actor
from core.base import crypto
from core.database import db
from core.members import acceptance, invitation_rows, invitations, members
from core.models import Invitation, InvitationStatus, Membership, Role, User
from pages.ui import browser
from tests.conftest import Clock
from tests.pages.conftest import Show, words
from tests.support.cast import Cast, email

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

Follow = Callable[..., AppTest]


@pytest.fixture
def follow(show: Show, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Follow:
    """Return a function that invites an address and opens its link, logged in or not."""

    def follow(to: str, person: Actor | None = None, *, copied: bool = False) -> AppTest:
        made = db.run(invitations.invite, cast.olga, cast.acme.id, to)[0]
        token = (
            invitation_rows.copied_token(made)
            if copied
            else crypto.token(invitation_rows.MAILED, made.nonce)
        )
        monkeypatch.setattr(browser, "read_fragment", lambda known: token)
        return show("invitation", person)

    return follow


def status() -> InvitationStatus:
    with db.read() as session:
        return session.scalars(select(Invitation.status)).one()


def test_the_invited_person_accepts(follow: Follow, cast: Cast) -> None:
    screen = follow(email(cast.otto), cast.otto)
    assert "Join Acme" in words(screen)
    assert status() is InvitationStatus.PENDING
    screen.button(key="invitation-accept").click().run()
    assert status() is InvitationStatus.ACCEPTED
    with db.read() as session:
        mine = select(Membership.org_id).where(Membership.user_id == cast.otto.user_id)
        assert cast.acme.id in session.scalars(mine).all()


def test_the_invited_person_declines(follow: Follow, cast: Cast) -> None:
    screen = follow(email(cast.otto), cast.otto)
    screen.button(key="invitation-decline").click().run()
    screen.button(key="decline-cancel").click().run()
    assert status() is InvitationStatus.PENDING
    screen.button(key="invitation-decline").click().run()
    screen.button(key="decline-save").click().run()
    assert status() is InvitationStatus.DECLINED
    assert "You declined the invitation" in words(screen)


def test_someone_else_can_switch_accounts(follow: Follow, cast: Cast) -> None:
    screen = follow(email(cast.otto), cast.sam)
    assert "Switch to that account" in words(screen)
    assert [str(button.key) for button in screen.main.button] == ["invitation-log-out"]


def test_a_stranger_with_an_account_logs_in(follow: Follow, cast: Cast) -> None:
    screen = follow(email(cast.otto))
    screen.button(key="invitation-log-in").click().run()
    assert "Log in" in words(screen)
    assert not screen.exception


def test_a_stranger_signs_up_and_accepts_in_one_step(follow: Follow) -> None:
    screen = follow("nora@example.com")
    screen.text_input(key="join.name").set_value("Nora")
    screen.text_input(key="join.password").set_value("seven lanterns over a frozen harbour")
    screen.button(key="join-submit").click().run()
    assert not screen.exception
    assert status() is InvitationStatus.ACCEPTED
    with db.read() as session:
        nora = session.scalars(select(User).where(User.email == "nora@example.com")).one()
    assert nora.proven_at is not None


def test_the_form_is_kept_after_an_error(follow: Follow) -> None:
    screen = follow("nora@example.com")
    screen.text_input(key="join.password").set_value("short")
    screen.button(key="join-submit").click().run()
    assert words(screen).count(":material/error:") == 2
    assert screen.text_input(key="join.password").value == "short"
    assert status() is InvitationStatus.PENDING


def test_a_stranger_declines(follow: Follow) -> None:
    screen = follow("nora@example.com")
    screen.button(key="invitation-decline").click().run()
    assert "**Olga** is notified by email" in words(screen)
    screen.button(key="decline-save").click().run()
    assert status() is InvitationStatus.DECLINED


def test_a_copied_link_does_not_create_an_account(follow: Follow) -> None:
    screen = follow("nora@example.com", copied=True)
    assert "This link was not sent to you by email" in words(screen)
    assert not screen.text_input


@pytest.mark.parametrize("token", ["x", "1.x"])
def test_an_invalid_link_says_whom_to_ask(
    show: Show, cast: Cast, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setattr(browser, "read_fragment", lambda known: token)
    screen = show("invitation")
    assert "This invitation link is not valid" in words(screen)
    assert "Ask the person who invited you for a new one" in words(screen)


@pytest.mark.parametrize("page", ["invitation", "reset", "prove", "confirm_alert"])
@pytest.mark.parametrize("who", [None, "otto"])
def test_without_the_link_a_page_asks_to_open_it_again(
    show: Show, cast: Cast, monkeypatch: pytest.MonkeyPatch, page: str, who: str | None
) -> None:
    monkeypatch.setattr(browser, "read_fragment", lambda known: "")
    screen = show(page, getattr(cast, who) if who else None)
    assert "Open the link in your email again" in words(screen)
    assert "already used" not in words(screen)


class TestWaiting:
    @pytest.mark.parametrize("who", ["otto", "oda"])
    def test_it_stands_on_organizations_and_is_accepted_there(
        self, show: Show, cast: Cast, who: str
    ) -> None:
        person = getattr(cast, who)
        db.run(invitations.invite, cast.olga, cast.acme.id, email(person), role=Role.ADMIN)
        key = f"waiting-{cast.acme.public_id}"
        screen = show("organizations", person)
        assert "**Olga** invited you to join **Acme**" in words(screen)
        screen.button(key=f"{key}-accept").click().run()
        assert status() is InvitationStatus.ACCEPTED
        assert "You joined Acme" in words(screen)

    def test_it_stands_on_welcome_and_is_declined_there(self, show: Show, cast: Cast) -> None:
        db.run(members.remove, cast.olga, cast.acme.id, cast.mia.user_id)
        db.run(invitations.invite, cast.otto, cast.otto_ltd.id, email(cast.mia))
        screen = show("welcome", cast.mia)
        assert "**Otto** invited you to join **Otto Ltd**" in words(screen)
        screen.button(key=f"waiting-{cast.otto_ltd.public_id}-decline").click().run()
        assert status() is InvitationStatus.PENDING
        screen.button(key="decline-save").click().run()
        assert status() is InvitationStatus.DECLINED
        assert "invited you" not in words(screen)

    def test_nobody_elses_and_no_closed_one_is_listed(self, cast: Cast, clock: Clock) -> None:
        made = db.run(invitations.invite, cast.olga, cast.acme.id, email(cast.otto))[0]
        db.run(invitations.invite, cast.olga, cast.acme.id, "new@example.com")
        with db.read() as session:
            (waiting,) = acceptance.list_waiting(session, cast.otto)
            assert (waiting.organization.name, waiting.inviter) == ("Acme", "Olga")
            assert acceptance.list_waiting(session, cast.mia) == []
        db.run(invitations.revoke, cast.olga, cast.acme.id, made.id)
        with db.read() as session:
            assert acceptance.list_waiting(session, cast.otto) == []
        db.run(invitations.invite, cast.olga, cast.acme.id, email(cast.otto))
        clock.turn(invitation_rows.INVITATION_TTL)
        with db.read() as session:
            assert acceptance.list_waiting(session, cast.otto) == []
