"""The first administrator, and those whom the command line makes."""

import hmac
from base64 import b32encode

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Actor, take_staff
from core.accounts import user_rows
from core.accounts.user_rows import NewAccount
from core.audit import history
from core.base import crypto
from core.base.errors import InvalidInput
from core.models import Staff, User


def is_open(session: Session) -> bool:
    """Return whether nobody has an account yet."""
    return session.scalar(select(User.id).limit(1)) is None


def expected_code() -> str:
    """Return the code that makes the first administrator: twelve letters and digits, in fours."""
    letters = b32encode(crypto.derive("setup")).decode()[:12]
    return "-".join(letters[place : place + 4] for place in range(0, 12, 4))


def set_up(session: Session, _nobody: Actor, code: str, new: NewAccount) -> User:
    """Make the first administrator; raises `InvalidInput(code)`."""
    take_staff(session)
    if not is_open(session):
        raise InvalidInput({"code": "Orgdesk is set up already. Log in instead."})
    typed = "".join(code.upper().replace("-", "").split())
    expected = expected_code().replace("-", "")
    if not hmac.compare_digest(typed.encode("utf-8", "replace"), expected.encode()):
        raise InvalidInput({"code": "This is not the code. It stands in the log of the server."})
    return _make_administrator(session, None, new)


def create_administrator(session: Session, actor: Actor, new: NewAccount) -> User:
    """Make another administrator for whoever has the command line; raises `InvalidInput(email)`."""
    take_staff(session)
    return _make_administrator(session, actor, new)


def _make_administrator(session: Session, actor: Actor | None, new: NewAccount) -> User:
    user = user_rows.make(session, new, is_proven=True)
    user.staff = Staff.ADMINISTRATOR
    by = actor or Actor(user.id, user.name)
    history.record(session, by, user.id, "account.created", user)
    return user
