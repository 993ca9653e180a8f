"""What must be done before anything else: migrate the database, and make sure of the secret key."""

from sqlalchemy.orm import Session

from core.audit import adoption
from core.database.upgrade import exclusive_transaction, upgrade


def prepare() -> None:
    """Migrate the database and check the secret key; safe to call from several processes.

    Raises `NewerSchema`, `WrongKey` and `MissingKey`, and changes nothing then.
    """
    upgrade()
    with exclusive_transaction() as connection, Session(connection) as session:
        adoption.prepare(session)
