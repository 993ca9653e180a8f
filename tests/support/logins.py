"""People who are logged in, without the form."""

from typing import NamedTuple

from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.accounts import sessions


class Login(NamedTuple):
    """A live session, and the token of its cookie."""

    session_id: int
    token: str


def log_in(session: Session, person: Actor, *, token: str = "") -> Login:
    """Start a session of a person, with both factors; it is refused to a disabled account."""
    assert person.user_id is not None
    ticket, token = sessions.new_token(), token or sessions.new_token()
    row = sessions.start(
        session,
        person.user_id,
        ticket,
        device="Chrome on Linux",
        ip_address="127.0.0.1",
        second_factor=True,
    )
    sessions.redeem(session, ticket, token)
    return Login(row.id, token)
