"""Password reset: the link, its 20 minutes, and the sessions it ends."""

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import ANONYMOUS
from core.accounts import (
    accounts,
    email_links,
    password_reset,
    registration,
    sessions,
)
from core.accounts.user_rows import NewAccount
from core.base import crypto
from core.base.errors import InvalidInput, LinkNotValid, NotFound, NotPermitted, TooManyAttempts
from core.database import db
from core.mail import messages
from core.members import account_access, leaving
from core.models import Entry, Mail, User
from tests.conftest import Clock
from tests.support import logins
from tests.support.cast import PASSWORD, Cast, email

NEW = "four tame otters paint fences"


def ask(session: Session, address: str) -> None:
    password_reset.request_link(session, ANONYMOUS, address, origin="192.0.2.1")


def mails(session: Session) -> list[Mail]:
    return list(session.scalars(select(Mail).order_by(Mail.id)))


def token_in(mail: Mail) -> str:
    link = mail.context["link"]
    return crypto.token(link["kind"], link["nonce"])


class TestStart:
    def test_a_link_goes_to_the_address_of_the_account(self, session: Session, cast: Cast) -> None:
        ask(session, "MIA@example.com")
        (mail,) = mails(session)
        assert (mail.template, mail.recipient) == ("reset_password", email(cast.mia))
        assert f"/reset#{token_in(mail)}" in messages.render(mail).text

    def test_the_result_does_not_reveal_known_addresses(self, session: Session, cast: Cast) -> None:
        assert ask(session, "nobody@example.com") is None
        assert mails(session) == []

    def test_an_invalid_address_is_refused(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput) as refused:
            ask(session, "mia")
        assert list(refused.value.fields) == ["email"]

    def test_the_disabled_get_none(self, session: Session, cast: Cast) -> None:
        account_access.disable(session, cast.ada, cast.mia.user_id)
        ask(session, email(cast.mia))
        assert mails(session) == []

    def test_a_mailbox_is_not_flooded(self, session: Session, cast: Cast, clock: Clock) -> None:
        for _ in range(5):
            ask(session, email(cast.mia))
        assert len(mails(session)) == throttling.MAILS[0][0]

    def test_nor_are_many_from_one_place(self, session: Session, cast: Cast, clock: Clock) -> None:
        for number in range(throttling.STRANGERS[0][0]):
            ask(session, f"p{number}@example.com")
        with pytest.raises(TooManyAttempts):
            ask(session, "last@example.com")


class TestReset:
    @pytest.fixture
    def token(self, session: Session, cast: Cast) -> str:
        ask(session, email(cast.mia))
        return token_in(mails(session)[-1])

    def test_it_ends_every_session_and_mails_the_owner(
        self, session: Session, cast: Cast, token: str
    ) -> None:
        cookie = logins.log_in(session, cast.mia).token
        changed = password_reset.reset(session, ANONYMOUS, token, "$new")
        assert (changed.password_hash, changed.password_epoch) == ("$new", 1)
        assert sessions.find(session, cookie) is None
        assert mails(session)[-1].template == "password_changed"
        entry = session.scalars(select(Entry)).one()
        assert (entry.event, entry.actor_id) == ("account.password_reset", cast.mia.user_id)
        assert "$new" not in str(entry.changes)

    def test_it_works_once(self, session: Session, token: str) -> None:
        password_reset.reset(session, ANONYMOUS, token, "$new")
        with pytest.raises(LinkNotValid, match="request a new link"):
            password_reset.reset(session, ANONYMOUS, token, "$again")

    def test_only_the_newest_link_works(self, session: Session, cast: Cast, token: str) -> None:
        ask(session, email(cast.mia))
        with pytest.raises(LinkNotValid):
            password_reset.reset(session, ANONYMOUS, token, "$new")

    def test_a_changed_password_ends_it(self, session: Session, cast: Cast, token: str) -> None:
        accounts.change_password(session, cast.mia, "$own")
        with pytest.raises(LinkNotValid):
            password_reset.reset(session, ANONYMOUS, token, "$new")

    def test_it_ends_after_twenty_minutes(self, session: Session, cast: Cast, clock: Clock) -> None:
        ask(session, email(cast.mia))
        clock.turn(email_links.RESET_TTL)
        with pytest.raises(LinkNotValid):
            password_reset.list_guessable_words(session, token_in(mails(session)[-1]))

    def test_a_reset_does_not_restore_disabled_or_deleted_accounts(
        self, session: Session, cast: Cast, token: str
    ) -> None:
        leaving.delete_account(session, cast.mia)
        with pytest.raises(LinkNotValid):
            password_reset.list_guessable_words(session, token)
        ask(session, email(cast.adam))
        hers = token_in(mails(session)[-1])
        account_access.disable(session, cast.ada, cast.adam.user_id)
        with pytest.raises(LinkNotValid):
            password_reset.reset(session, ANONYMOUS, hers, "$new")

    def test_the_words_are_those_of_the_person(
        self, session: Session, cast: Cast, token: str
    ) -> None:
        assert password_reset.list_guessable_words(session, token) == [
            "Mia",
            email(cast.mia),
            "Acme",
        ]

    def test_it_proves_the_address(self, session: Session, cast: Cast) -> None:
        registration.sign_up(session, ANONYMOUS, NewAccount("Eve", "nora@example.com", "$eves"))
        proof = token_in(mails(session)[-1])
        ask(session, "nora@example.com")
        nora = password_reset.reset(session, ANONYMOUS, token_in(mails(session)[-1]), "$noras")
        assert nora.proven_at is not None
        with pytest.raises(LinkNotValid):
            registration.confirm_address(session, ANONYMOUS, proof, "$eves")


def test_a_reset_lifts_a_lockout(engine: Engine, cast: Cast) -> None:
    for number in range(6):
        try:
            accounts.authenticate(email(cast.mia), "wrong", origin=f"192.0.2.{number}")
        except TooManyAttempts:
            break
    db.run(password_reset.request_link, ANONYMOUS, email(cast.mia), origin="::1")
    with db.read() as session:
        token = token_in(mails(session)[-1])
    hashed = accounts.prepare_password(NEW, words=[])
    db.run(password_reset.reset, ANONYMOUS, token, hashed)
    assert accounts.authenticate(email(cast.mia), NEW, origin="::1").user_id == cast.mia.user_id
    assert accounts.authenticate(email(cast.mia), PASSWORD, origin="::1") is None


class TestSend:
    def test_an_administrator_starts_it_for_somebody(self, session: Session, cast: Cast) -> None:
        password_reset.send_link(session, cast.ada, cast.mia.user_id)
        assert mails(session)[-1].recipient == email(cast.mia)

    def test_nobody_else_does(self, session: Session, cast: Cast) -> None:
        for person in (cast.olga, cast.oda, cast.sam, cast.mia, ANONYMOUS):
            with pytest.raises(NotPermitted):
                password_reset.send_link(session, person, cast.mia.user_id)

    def test_disabled_and_missing_accounts_get_no_link(self, session: Session, cast: Cast) -> None:
        account_access.disable(session, cast.ada, cast.mia.user_id)
        with pytest.raises(InvalidInput, match="Enable it"):
            password_reset.send_link(session, cast.ada, cast.mia.user_id)
        with pytest.raises(NotFound):
            password_reset.send_link(session, cast.ada, 999_999)
        assert session.get(User, cast.mia.user_id).password_epoch == 0
