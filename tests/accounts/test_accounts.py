"""Accounts: authentication, and what people change about their own account."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import ANONYMOUS, ORGDESK, Actor
from core.accounts import accounts, registration, sessions
from core.accounts.user_rows import NewAccount
from core.base import crypto
from core.base.errors import InvalidInput, LastAdministrator, LastOwner, NotFound, TooManyAttempts
from core.database import db
from core.members import (
    acceptance,
    account_access,
    invitation_rows,
    invitations,
    leaving,
    membership_rows,
)
from core.models import (
    Entry,
    FormerMembership,
    Invitation,
    Mail,
    Membership,
    Organization,
    Role,
    Staff,
    User,
)
from tests.conftest import Clock
from tests.support import logins
from tests.support.cast import PASSWORD, Cast, email
from tests.support.history import last_entry

NEW = "four tame otters paint fences"


def log_in(person: Actor, password: str = PASSWORD, origin: str = "192.0.2.1") -> int | None:
    proven = accounts.authenticate(email(person), password, origin=origin)
    return proven and proven.user_id


def row(session: Session, person: Actor) -> User:
    return session.get_one(User, person.user_id, populate_existing=True)


class TestAuthenticate:
    def test_address_and_password_prove_who_it_is(self, cast: Cast) -> None:
        assert log_in(cast.mia) == cast.mia.user_id
        assert accounts.authenticate(" MIA@Example.com ", PASSWORD, origin="::1")

    @pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper(), PASSWORD + " ", "\ud800"])
    def test_another_password_does_not(self, cast: Cast, password: str) -> None:
        assert log_in(cast.mia, password) is None

    @pytest.mark.parametrize("address", ["", "nobody@example.com", "\x00", "a@" * 50_000, "\ud800"])
    def test_an_unknown_address_gets_no_link(self, cast: Cast, address: str) -> None:
        assert accounts.authenticate(address, PASSWORD, origin="::1") is None

    def test_the_disabled_and_the_deleted_are_unknown(self, cast: Cast) -> None:
        db.run(account_access.disable, cast.ada, cast.mia.user_id)
        db.run(leaving.delete_account, cast.adam)
        assert log_in(cast.mia) is None
        assert log_in(cast.adam) is None
        assert accounts.authenticate("", PASSWORD, origin="::1") is None

    def test_five_failures_from_one_address_make_the_next_attempt_wait(
        self, cast: Cast, clock: Clock
    ) -> None:
        for _ in range(5):
            assert log_in(cast.mia, "wrong") is None
        for _ in range(20):  # which do not count
            with pytest.raises(TooManyAttempts, match="Wait a minute"):
                log_in(cast.mia)
        clock.turn(timedelta(minutes=1))
        assert log_in(cast.mia) == cast.mia.user_id
        assert log_in(cast.mia, "wrong") is None

    def test_failures_elsewhere_do_not_block_this_address(self, cast: Cast, clock: Clock) -> None:
        for number in range(10):
            assert log_in(cast.mia, "wrong", origin=f"192.0.2.{number}") is None
        assert log_in(cast.mia, origin="192.0.2.99") == cast.mia.user_id

    def test_an_unknown_account_is_blocked_in_the_same_way(self, cast: Cast, clock: Clock) -> None:
        met = {}
        for address in ("nobody@example.com", email(cast.mia)):
            waits = met[address] = []
            for _ in range(8):
                try:
                    accounts.authenticate(address, "wrong", origin="192.0.2.1")
                except TooManyAttempts as error:
                    waits.append(error.minutes)
        assert met["nobody@example.com"] == met[email(cast.mia)] == [1, 1, 1]

    def test_many_failures_at_one_account_slow_every_unknown_browser(
        self, cast: Cast, clock: Clock
    ) -> None:
        for number in range(20):
            assert log_in(cast.mia, "wrong", origin=f"192.0.2.{number}") is None
        with pytest.raises(TooManyAttempts, match="Wait 2 minutes"):
            log_in(cast.mia, origin="192.0.2.99")
        clock.turn(timedelta(minutes=2))
        assert log_in(cast.mia, origin="192.0.2.99") == cast.mia.user_id

    def test_a_login_does_not_reset_attempts_at_other_accounts(
        self, cast: Cast, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        few = throttling.FROM_ONE_ORIGIN._replace(free=5)
        monkeypatch.setattr(throttling, "FROM_ONE_ORIGIN", few)
        for number in range(5):
            assert log_in(cast.otto) == cast.otto.user_id
            accounts.authenticate(f"p{number}@example.com", "wrong", origin="192.0.2.1")
        with pytest.raises(TooManyAttempts):
            log_in(cast.mia)


class TestSetupCode:
    def test_guesses_are_few(self, engine: Engine, clock: Clock) -> None:
        for _ in range(5):
            with pytest.raises(InvalidInput):
                registration.verify_setup_code("AAAA-AAAA-AAAA", origin="192.0.2.1")
        with pytest.raises(TooManyAttempts):
            registration.verify_setup_code(registration.setup_code(), origin="192.0.2.1")
        clock.turn(timedelta(minutes=1))
        registration.verify_setup_code(registration.setup_code(), origin="192.0.2.1")


class TestPrepare:
    def test_all_errors_are_raised_together(self) -> None:
        with pytest.raises(InvalidInput) as refused:
            accounts.prepare_account("", "mia", "short")
        assert set(refused.value.fields) == {"name", "email", "password"}

    def test_a_persons_name_is_refused_as_password(self) -> None:
        with pytest.raises(InvalidInput, match="too easy"):
            accounts.prepare_account("Wilhelmina Grey", "w@example.com", "wilhelmina grey 1")

    def test_nor_is_the_name_of_the_organization(self, session: Session, cast: Cast) -> None:
        words = accounts.list_guessable_words(session, cast.mia)
        assert list(words) == ["Mia", email(cast.mia), "Acme"]
        with pytest.raises(InvalidInput) as refused:
            accounts.prepare_password("acmeacmeacmeacme", words=words)
        assert list(refused.value.fields) == ["new"]


class TestSetUp:
    def test_the_code_makes_the_first_administrator(self, session: Session) -> None:
        assert registration.is_setup_open(session)
        code = registration.setup_code().lower().replace("-", " ")
        ada = registration.set_up(
            session, ANONYMOUS, code, NewAccount("Ada", "ada@example.com", "$x")
        )
        assert ada.staff is Staff.ADMINISTRATOR
        assert ada.proven_at is not None
        assert not registration.is_setup_open(session)

    @pytest.mark.parametrize("code", ["", "AAAA-AAAA-AAAA", "ÄÖÜ", "\ud800", "x" * 10_000])
    def test_a_wrong_code_creates_no_administrator(self, session: Session, code: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            registration.set_up(
                session, ANONYMOUS, code, NewAccount("Eve", "eve@example.com", "$x")
            )
        assert list(refused.value.fields) == ["code"]
        assert registration.is_setup_open(session)

    def test_it_works_once(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput, match="already"):
            registration.set_up(
                session,
                ANONYMOUS,
                registration.setup_code(),
                NewAccount("Eve", "eve@example.com", "$x"),
            )

    def test_the_command_line_takes_no_account_over(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput):
            registration.create_administrator(
                session, ORGDESK, NewAccount("Eve", email(cast.mia), "$x")
            )
        assert row(session, cast.mia).staff is None


class TestOwnAccount:
    def test_a_person_takes_another_name(self, session: Session, cast: Cast) -> None:
        assert accounts.rename(session, cast.mia, "  Mia   Novak ").name == "Mia Novak"
        entry = last_entry(session)
        assert (entry.event, entry.chain) == ("account.renamed", f"person:{cast.mia.user_id}")
        assert "Novak" not in str(entry.changes)

    @pytest.mark.parametrize("name", ["", " ", "x" * 81, "a\u202eb", "www.example.com"])
    def test_a_wrong_code_is_refused(self, session: Session, cast: Cast, name: str) -> None:
        with pytest.raises(InvalidInput):
            accounts.rename(session, cast.mia, name)
        assert row(session, cast.mia).name == "Mia"

    def test_the_same_name_is_no_change(self, session: Session, cast: Cast) -> None:
        accounts.rename(session, cast.mia, "Mia")
        assert last_entry(session) is None

    def test_another_password_ends_every_session(self, session: Session, cast: Cast) -> None:
        cookies = [logins.log_in(session, cast.mia).token for _ in range(2)]
        others = logins.log_in(session, cast.olga).token
        accounts.change_password(session, cast.mia, "$new")
        assert [sessions.find(session, cookie) for cookie in cookies] == [None, None]
        assert sessions.find(session, others) is not None
        assert session.scalars(select(Mail.template)).all() == ["password_changed"]
        assert "$new" not in str(last_entry(session).changes)

    def test_the_last_password_change_is_found(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        assert accounts.find_password_changed_at(session, cast.mia) is None
        accounts.change_password(session, cast.mia, "$new")
        assert accounts.find_password_changed_at(session, cast.mia) == clock.now()

    def test_a_session_of_an_older_password_is_not_live(self, session: Session, cast: Cast) -> None:
        """I9, even for a session that nobody ended."""
        cookie = logins.log_in(session, cast.mia).token
        row(session, cast.mia).password_epoch += 1
        session.flush()
        assert sessions.find(session, cookie) is None

    def test_one_ends_own_sessions_only(self, session: Session, cast: Cast) -> None:
        hers, his = logins.log_in(session, cast.mia).token, logins.log_in(session, cast.otto).token
        his_id = sessions.find(session, his).session_id
        accounts.end_session(session, cast.mia, his_id)
        assert sessions.find(session, his) is not None
        accounts.end_session(session, cast.otto, his_id)
        accounts.end_session(session, cast.otto, his_id)
        assert sessions.find(session, his) is None
        assert sessions.find(session, hers) is not None

    def test_all_others_end_and_this_one_stays(self, session: Session, cast: Cast) -> None:
        old, here = logins.log_in(session, cast.mia).token, logins.log_in(session, cast.mia).token
        kept = sessions.find(session, here).session_id
        assert accounts.end_other_sessions(session, cast.mia, kept) == 1
        assert sessions.find(session, old) is None
        assert sessions.find(session, here) is not None


class TestDelete:
    def test_only_ids_are_left(self, session: Session, cast: Cast) -> None:
        cookie = logins.log_in(session, cast.mia).token
        invited = invitations.invite(session, cast.otto, cast.otto_ltd.id, email(cast.mia))[0]
        token = crypto.token(invitation_rows.MAILED, invited.nonce)
        acceptance.accept(session, cast.mia, token)
        gone = leaving.delete_account(session, cast.mia)
        assert (gone.email, gone.name, gone.password_hash) == ("", "A deleted account", None)
        assert sessions.find(session, cookie) is None
        for table in (Membership, FormerMembership):
            whose = select(table).where(table.user_id == cast.mia.user_id)
            assert session.scalars(whose).all() == []
        assert session.scalars(select(Invitation.email)).all() == [""]
        history = str([entry.changes for entry in session.scalars(select(Entry))])
        assert email(cast.mia) not in history
        events = session.scalars(select(Entry.event).order_by(Entry.id)).all()
        assert events[-3:] == ["member.left", "member.left", "account.deleted"]

    def test_the_address_is_free_again(self, session: Session, cast: Cast) -> None:
        leaving.delete_account(session, cast.mia)
        session.expire_all()
        again = registration.create_administrator(
            session, ORGDESK, NewAccount("Mia", email(cast.mia), "$x")
        )
        assert again.id != cast.mia.user_id

    def test_the_last_owner_stays(self, session: Session, cast: Cast) -> None:
        with pytest.raises(LastOwner, match="of Acme"):
            leaving.delete_account(session, cast.olga)

    def test_an_owner_of_many_sees_some_of_them(self) -> None:
        message = str(LastOwner(["A", "B", "C", "D", "E"]))
        assert "A, B, C and 2 more" in message

    def test_the_last_administrator_stays(self, session: Session, cast: Cast) -> None:
        with pytest.raises(LastAdministrator):
            leaving.delete_account(session, cast.ada)

    def test_one_of_two_may_go(self, session: Session, cast: Cast) -> None:
        account_access.set_staff(session, cast.ada, cast.oda.user_id, Staff.ADMINISTRATOR)
        assert leaving.delete_account(session, cast.ada).staff is None

    def test_a_deleted_organization_does_not_block_deletion(
        self, session: Session, cast: Cast
    ) -> None:
        cast.otto_ltd = session.get_one(Organization, cast.otto_ltd.id)
        cast.otto_ltd.deleted_at = row(session, cast.otto).created_at
        accounts.history.record(session, ORGDESK, cast.otto_ltd, "test.deleted", cast.otto_ltd)
        assert leaving.delete_account(session, cast.otto).deleted_at is not None

    def test_deleting_an_account_withdraws_its_offers(self, session: Session, cast: Cast) -> None:
        invitations.invite(session, cast.adam, cast.acme.id, "new@example.com")
        leaving.delete_account(session, cast.adam)
        assert session.scalars(select(Invitation.status)).all() == ["revoked"]

    def test_a_deleted_account_cannot_join(self, session: Session, cast: Cast) -> None:
        leaving.delete_account(session, cast.mia)
        with pytest.raises(NotFound):
            membership_rows.make(session, cast.otto_ltd, cast.mia.user_id, Role.MEMBER)

    def test_twice_is_refused(self, session: Session, cast: Cast) -> None:
        leaving.delete_account(session, cast.mia)
        with pytest.raises(NotFound):
            leaving.delete_account(session, cast.mia)

    def test_nobody_has_no_account(self, session: Session, cast: Cast) -> None:
        for use_case in (leaving.delete_account, lambda s, a: accounts.rename(s, a, "X")):
            with pytest.raises(NotFound):
                use_case(session, ANONYMOUS)


def test_nothing_is_kept_of_a_refused_deletion(engine: Engine, cast: Cast) -> None:
    with pytest.raises(LastOwner):
        db.run(leaving.delete_account, cast.olga)
    with db.read() as session:
        assert row(session, cast.olga).deleted_at is None
        assert session.scalars(select(Entry)).all() == []
