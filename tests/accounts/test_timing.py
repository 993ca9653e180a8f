"""Forms that are open to strangers do the same work whether or not an address has an account.

`python -m tests.bench.strangers` measures the time; here the statements are compared.
"""

import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest
from sqlalchemy import Engine

from core.access.permissions import ANONYMOUS
from core.accounts import accounts, email_links, password_reset, passwords, registration
from core.accounts.user_rows import NewAccount
from core.base import crypto
from core.base.errors import DomainError
from core.database import db
from core.members import acceptance, account_access, invitation_rows, invitations
from tests.support.cast import Cast, email
from tests.support.statements import recorded

UNKNOWN = "nobody@example.com"
_ENDS = re.compile("(RELEASE|ROLLBACK TO)(?= SAVEPOINT)")
"""How a savepoint ends: it is kept or rolled back."""


def work(engine: Engine, act: Callable[[str], object], address: str) -> Counter[str]:
    """Return the statements of an act by their first words; a refusal is an answer, too."""
    with recorded(engine) as sent, suppress(DomainError):
        act(address)
    return Counter(" ".join(_ENDS.sub("END OF", statement).split()[:3]) for statement in sent)


def log_in(address: str) -> object:
    return accounts.authenticate(address, "not the password of it", origin=f"from {address}")


def forget(address: str) -> object:
    return db.run(password_reset.request_link, ANONYMOUS, address, origin=f"from {address}")


def sign_up(address: str) -> object:
    return db.run(registration.sign_up, ANONYMOUS, NewAccount("Nora", address, "$hash"))


@pytest.fixture
def without_hashing(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Which hashes were verified; none is computed."""
    verified: list[str | None] = []
    monkeypatch.setattr(passwords, "verify", lambda known, _: verified.append(known))
    return verified


class TestAddresses:
    def test_a_login_that_fails(
        self, engine: Engine, cast: Cast, without_hashing: list[str | None]
    ) -> None:
        db.run(account_access.disable, cast.ada, cast.adam.user_id)
        known, disabled, unknown = (
            work(engine, log_in, each) for each in (email(cast.mia), email(cast.adam), UNKNOWN)
        )
        assert known == disabled == unknown
        assert len(without_hashing) == 3

    def test_a_link_for_a_new_password(self, engine: Engine, cast: Cast) -> None:
        db.run(account_access.disable, cast.ada, cast.adam.user_id)
        known, disabled, unknown = (
            work(engine, forget, each) for each in (email(cast.mia), email(cast.adam), UNKNOWN)
        )
        assert known == disabled == unknown

    def test_a_sign_up(self, engine: Engine, cast: Cast) -> None:
        known, unknown = (work(engine, sign_up, each) for each in (email(cast.mia), UNKNOWN))
        assert known == unknown


class TestLinks:
    """Links that are not valid take the same work, whether or not they were valid once."""

    def test_an_invitation(self, engine: Engine, cast: Cast) -> None:
        (made,) = db.run(invitations.invite, cast.olga, cast.acme.id, UNKNOWN)
        copied = invitation_rows.copied_token(made)
        never = f"{made.id + 1}.{copied.partition('.')[2]}"
        db.run(invitations.revoke, cast.olga, cast.acme.id, made.id)
        revoked, unknown, forged = (
            work(engine, open_invitation, each) for each in (copied, never, f"{made.id}.forged")
        )
        assert revoked == unknown == forged

    def test_a_link_for_a_new_password(self, engine: Engine, cast: Cast) -> None:
        kind, ttl, owner = email_links.RESET, email_links.RESET_TTL, cast.mia.user_id
        link = db.run(email_links.create, kind, email(cast.mia), ttl, user_id=owner)
        token = crypto.token(**link)
        db.run(password_reset.reset, ANONYMOUS, token, "$hash")
        for act in (find_words, reset):
            assert work(engine, act, token) == work(engine, act, "unknown")


def open_invitation(token: str) -> object:
    with db.read() as session:
        return acceptance.get_invitation(session, ANONYMOUS, token)


def find_words(token: str) -> object:
    with db.read() as session:
        return password_reset.list_guessable_words(session, token)


def reset(token: str) -> object:
    return db.run(password_reset.reset, ANONYMOUS, token, "$hash")
