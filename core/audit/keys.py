"""The secret keys that a database knows: which one is in use, and whether it is ours."""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from core.base import clock, crypto
from core.models import Entry, SecretKey, User


class WrongKey(RuntimeError):
    """The secret key is not the one that the database was used with."""

    def __init__(self, expected: str = "") -> None:
        which = f" with the id {expected}" if expected else ""
        super().__init__(
            f"This isn't the secret key of this database. Start Orgdesk with the one{which}: set "
            "SECRET_KEY, or put the key file back. Nothing was changed."
        )


def find_newest(session: Session) -> SecretKey | None:
    """Return the key in use, None in a database that knows none yet."""
    return session.scalar(select(SecretKey).order_by(SecretKey.created_at.desc()).limit(1))


def ensure_ours(newest: SecretKey) -> None:
    """Raise `WrongKey` unless the key in use here is the database's newest."""
    if crypto.proof(crypto.key_id()) != newest.proof:
        raise WrongKey(newest.id)


def remember(session: Session) -> SecretKey:
    """Make the key in use known to the database."""
    key_id = crypto.key_id()
    key = SecretKey(
        id=key_id,
        proof=crypto.proof(key_id),
        public_key=crypto.public_key(key_id),
        created_at=clock.now(),
    )
    session.add(key)
    session.flush()
    return key


def is_empty(session: Session) -> bool:
    """Return whether a database holds nothing that depends on a secret key."""
    return not any(session.scalar(select(exists(table.id))) for table in (User, Entry))
