"""Entries of history: make one, look at the last one, verify all, and tamper with them."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access
from core.audit import history, verification
from core.audit.verification import Broken, Verified
from core.database import db, schema
from core.models import Entry


def rename(session: Session, actor: Actor, org_id: int, name: str) -> Entry | None:
    """Rename an organization, as a use case does."""
    org = access(session, actor, org_id, Action.EDIT_PROFILE)
    org.name = name
    return history.record(session, actor, org, "profile.changed", org, reason="as asked")


def last_entry(session: Session) -> Entry | None:
    """Return the latest entry of all history."""
    return session.scalars(select(Entry).order_by(Entry.id.desc()).limit(1)).first()


def verified() -> tuple[list[Broken], Verified]:
    """Return what is broken in history, and the totals."""
    with db.inspect() as session:
        *broken, last = verification.verify(session)
    assert isinstance(last, Verified)
    return [each for each in broken if isinstance(each, Broken)], last


@contextmanager
def tampering() -> Iterator[Connection]:
    """Connect to the database with its triggers removed."""
    with db.writing_engine().begin() as connection:
        schema.remove_triggers(connection)
        yield connection
        schema.install_triggers(connection)
