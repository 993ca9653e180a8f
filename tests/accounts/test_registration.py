"""Registration: unconfirmed accounts, confirmation links, and nothing revealed about others."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, func, select
from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import ANONYMOUS, ORGDESK
from core.accounts import accounts, email_links, passwords, registration
from core.accounts.user_rows import NewAccount
from core.base import crypto
from core.base.errors import InvalidInput, LinkNotValid, SignUpClosed, TooManyAttempts
from core.base.settings import settings
from core.database import db
from core.mail import messages
from core.models import Entry, Mail, User
from tests.conftest import Clock
from tests.support.cast import PASSWORD, Cast, email

HERS = "four tame otters paint fences"
HIS = "nine loud kettles chase a comet"


def new(address: str = "nora@example.com", name: str = "Nora", hashed: str = "$none") -> NewAccount:
    return NewAccount(name, address, hashed)


def newest(session: Session) -> Mail:
    return session.scalars(select(Mail).order_by(Mail.id.desc())).first()


def token_in(mail: Mail) -> str:
    link = mail.context["link"]
    return crypto.token(link["kind"], link["nonce"])


def count(session: Session, table: type) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def person(session: Session, address: str = "nora@example.com") -> User:
    return session.scalars(select(User).where(User.email == address)).one()


class TestSignUp:
    def test_a_new_account_is_unconfirmed(self, session: Session, cast: Cast) -> None:
        registration.sign_up(session, ANONYMOUS, new())
        assert person(session).proven_at is None
        assert session.scalars(select(Entry.event)).all() == ["account.created"]
        mail = newest(session)
        assert (mail.template, mail.recipient) == ("prove_address", "nora@example.com")
        assert f"/prove#{token_in(mail)}" in messages.render(mail).text

    def test_no_name_that_a_stranger_chose_is_mailed(self, session: Session, cast: Cast) -> None:
        registration.sign_up(session, ANONYMOUS, new(name="You have won, call 555 0100"))
        letter = messages.render(newest(session))
        assert "won" not in letter.text + letter.html

    def test_an_existing_account_is_only_mailed(self, session: Session, cast: Cast) -> None:
        people = count(session, User)
        registration.sign_up(session, ANONYMOUS, new("MIA@example.com", "Somebody"))
        assert newest(session).template == "already_have_account"
        assert newest(session).recipient == email(cast.mia)
        assert count(session, User) == people
        assert person(session, email(cast.mia)).name == "Mia"

    def test_signing_up_again_replaces_what_waits(self, session: Session, cast: Cast) -> None:
        registration.sign_up(session, ANONYMOUS, new(hashed="$his"))
        his = token_in(newest(session))
        registration.sign_up(session, ANONYMOUS, new(hashed="$hers"))
        with pytest.raises(LinkNotValid):
            registration.confirm_address(session, ANONYMOUS, his, "$his")
        assert registration.confirm_address(
            session, ANONYMOUS, token_in(newest(session)), "$hers"
        ).proven_at

    def test_a_mailbox_is_not_flooded(self, session: Session, cast: Cast, clock: Clock) -> None:
        for address in ("nora@example.com", email(cast.mia)):
            before = count(session, Mail)
            for _ in range(5):
                registration.sign_up(session, ANONYMOUS, new(address))
            assert count(session, Mail) - before == throttling.MAILS[0][0]


class TestAllowed:
    def test_nobody_when_it_is_closed(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SIGN_UP", "closed")
        settings.cache_clear()
        with pytest.raises(SignUpClosed):
            registration.sign_up(session, ANONYMOUS, new())
        assert not registration.is_sign_up_open()

    @pytest.mark.parametrize(
        ("address", "fits"),
        [
            ("nora@example.com", True),
            ("nora@EXAMPLE.com", True),
            ("nora@bücher.example", True),
            ("nora@xn--bcher-kva.example", True),
            ("nora@evil.example", False),
            ("nora@sub.example.com", False),
            ("nora@notexample.com", False),
        ],
    )
    def test_only_these_domains(
        self,
        session: Session,
        cast: Cast,
        monkeypatch: pytest.MonkeyPatch,
        address: str,
        fits: bool,
    ) -> None:
        monkeypatch.setenv("SIGN_UP_DOMAINS", '["example.com", "bücher.example"]')
        settings.cache_clear()
        if fits:
            registration.sign_up(session, ANONYMOUS, new(address))
            return
        with pytest.raises(InvalidInput) as refused:
            registration.sign_up(session, ANONYMOUS, new(address))
        assert "example.com or bücher.example" in refused.value.fields["email"]


class TestProve:
    @pytest.fixture
    def token(self, engine: Engine, cast: Cast) -> str:
        account = accounts.prepare_account("Nora", "nora@example.com", HERS)
        db.run(registration.sign_up, ANONYMOUS, account)
        with db.read() as session:
            return token_in(newest(session))

    def test_mail_and_password_together_open_the_account(self, token: str) -> None:
        assert accounts.authenticate("nora@example.com", HERS, origin="::1") is None
        chosen = registration.verify_password(token, HERS)
        nora = db.run(registration.confirm_address, ANONYMOUS, token, chosen)
        assert accounts.authenticate("nora@example.com", HERS, origin="::1").user_id == nora.id

    def test_the_mail_alone_does_not_confirm_an_account(self, token: str) -> None:
        with pytest.raises(InvalidInput, match="Forgot password"):
            registration.verify_password(token, HIS)
        with pytest.raises(LinkNotValid):
            db.run(registration.confirm_address, ANONYMOUS, token, passwords.hash(HIS))
        assert accounts.authenticate("nora@example.com", HERS, origin="::1") is None

    def test_password_attempts_are_limited(self, token: str, clock: Clock) -> None:
        for _ in range(5):
            with pytest.raises(InvalidInput):
                registration.verify_password(token, HIS)
        with pytest.raises(TooManyAttempts):
            registration.verify_password(token, HERS)

    def test_the_link_works_once(self, token: str) -> None:
        chosen = registration.verify_password(token, HERS)
        db.run(registration.confirm_address, ANONYMOUS, token, chosen)
        with pytest.raises(LinkNotValid, match="sign up again"):
            db.run(registration.confirm_address, ANONYMOUS, token, chosen)

    def test_it_ends_after_a_day(self, engine: Engine, cast: Cast, clock: Clock) -> None:
        db.run(registration.sign_up, ANONYMOUS, new())
        with db.read() as session:
            token = token_in(newest(session))
        clock.turn(email_links.CONFIRM_TTL)
        with db.read() as session, pytest.raises(LinkNotValid):
            registration.get_unconfirmed(session, token)
        clock.turn(timedelta(hours=1))
        db.run(registration.sign_up, ANONYMOUS, new())


class TestNothingIsRevealed:
    @pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
    def test_an_account_made_at_the_same_time_is_only_mailed(
        self, engine: Engine, cast: Cast
    ) -> None:
        """On PostgreSQL: on SQLite, only one transaction writes at a time."""
        made: list[User] = []

        def make(_c: object, _d: object, statement: str, *_others: object) -> None:
            if "users.email_key =" in statement and not made:
                made.append(User())  # its own statements come here, too
                account = new(hashed="$hers")
                with ThreadPoolExecutor(1) as beside:
                    beside.submit(db.run, registration.create_administrator, ORGDESK, account)

        event.listen(engine, "after_cursor_execute", make)
        db.run(registration.sign_up, ANONYMOUS, new(hashed="$his"))
        event.remove(engine, "after_cursor_execute", make)
        with db.read() as session:
            assert newest(session).template == "already_have_account"
            assert person(session).password_hash == "$hers"

    def test_signing_in_after_signing_up_answers_alike(self, engine: Engine, cast: Cast) -> None:
        for address in ("nora@example.com", email(cast.mia)):
            db.run(registration.sign_up, ANONYMOUS, accounts.prepare_account("Eve", address, HIS))
            assert accounts.authenticate(address, HIS, origin="::1") is None
        assert (
            accounts.authenticate(email(cast.mia), PASSWORD, origin="::1").user_id
            == cast.mia.user_id
        )

    def test_sign_ups_are_limited_per_ip_address(
        self, engine: Engine, cast: Cast, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(passwords, "hash", lambda _: "$none")
        for number in range(throttling.STRANGERS[0][0]):
            accounts.prepare_account("Eve", f"p{number}@example.com", HIS, origin="192.0.2.1")
        with pytest.raises(TooManyAttempts):
            accounts.prepare_account("Eve", "last@example.com", HIS, origin="192.0.2.1")
        accounts.prepare_account("Nora", "nora@example.com", HERS, origin="192.0.2.2")
