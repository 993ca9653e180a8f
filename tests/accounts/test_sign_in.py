"""Signing in: rehashing, attempts, and passwords that change meanwhile."""

import pytest
from sqlalchemy import Engine, select

from core.access.permissions import Actor
from core.accounts import accounts, administration, password_reset, passwords, sessions
from core.audit import activity
from core.database import db
from core.models import Entry, User
from tests.support.cast import PASSWORD, Cast, email

NEW = "eleven violins beneath a copper roof"


def authenticate(person: Actor, password: str = PASSWORD) -> int | None:
    proven = accounts.authenticate(email(person), password, origin="::1")
    return proven and proven.user_id


def hash_of(person: Actor) -> str:
    with db.read() as session:
        return session.scalars(select(User.password_hash).where(User.id == person.user_id)).one()


def events() -> list[str]:
    with db.read() as session:
        return list(session.scalars(select(Entry.event).order_by(Entry.id)))


class TestHash:
    def test_an_outdated_hash_is_replaced_on_login(self, engine: Engine, cast: Cast) -> None:
        assert passwords.needs_rehash(hash_of(cast.mia))
        assert authenticate(cast.mia) == cast.mia.user_id
        assert not passwords.needs_rehash(hash_of(cast.mia))
        assert authenticate(cast.mia) == cast.mia.user_id
        assert events() == []

    def test_a_wrong_password_makes_none(self, engine: Engine, cast: Cast) -> None:
        before = hash_of(cast.mia)
        assert authenticate(cast.mia, NEW) is None
        assert hash_of(cast.mia) == before


class TestConcurrentChange:
    def test_the_old_password_no_longer_works(
        self, engine: Engine, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        changed = passwords.hash(NEW)
        verify = passwords.verify

        def change_while_it_is_compared(known: str | None, password: str) -> bool:
            db.run(accounts.change_password, cast.mia, changed)
            return verify(known, password)

        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(passwords, "verify", change_while_it_is_compared)
            assert authenticate(cast.mia) is None
        assert authenticate(cast.mia, NEW) == cast.mia.user_id


class TestWhatAdministratorsDo:
    def test_it_is_written_down_though_no_row_changed(self, engine: Engine, cast: Cast) -> None:
        ticket = sessions.new_token()
        db.run(sessions.start, cast.mia.user_id, ticket, device="Chrome", ip_address="::1")
        db.run(administration.end_sessions, cast.ada, cast.mia.user_id)
        db.run(password_reset.send_link, cast.ada, cast.mia.user_id)
        assert events() == ["account.sessions_ended", "account.reset_sent"]
        with db.read() as session:
            rows = activity.table(session, cast.ada)[["who", "what"]].to_numpy().tolist()
        assert rows == [
            ["Ada", "sent a password reset link to Mia"],
            ["Ada", "ended the sessions of Mia"],
        ]

    def test_ending_no_sessions_records_nothing(self, engine: Engine, cast: Cast) -> None:
        assert db.run(administration.end_sessions, cast.ada, cast.mia.user_id) == 0
        assert events() == []

    def test_a_person_is_not_named_twice(self, engine: Engine, cast: Cast) -> None:
        db.run(accounts.change_password, cast.mia, "hash")
        with db.read() as session:
            rows = activity.table(session, cast.ada)[["who", "what"]].to_numpy().tolist()
        assert rows == [["Mia", "changed their password"]]
