"""Joining after a merge: people who were in the source only can ask the owners of the target."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from core.access import throttling
from core.access.merged import find_joined
from core.access.permissions import Actor
from core.base.errors import NotFound
from core.members import member_mails
from core.models import Organization, User

_ONCE_A_DAY: Final = ((1, timedelta(days=1)),)
"""Requests of one person to join one organization."""
_BY_ONE: Final = ((10, timedelta(days=1)),)
"""Requests of one person, whatever they want to join: an owner may own many of these."""
_FOR_ONE: Final = ((20, timedelta(days=1)),)
"""Requests to join one organization, by anyone."""


class Merged(NamedTuple):
    """A merged organization, the one that it was merged into, and when."""

    source: Organization
    target: Organization
    at: datetime


def find_merged(session: Session, actor: Actor, public_id: str) -> Merged | None:
    """Return a merged organization that the actor was a member of, and where it went."""
    source = find_joined(session, actor, public_id)
    if source is None or source.deleted_at is None:
        return None
    target = session.get(Organization, source.merged_into)
    if target is None or target.deleted_at is not None:
        return None
    return Merged(source, target, source.deleted_at)


def ask_to_join(session: Session, actor: Actor, public_id: str) -> Organization:
    """Ask the owners of the organization that stayed for an invitation, and return it.

    They get the name and the address of the actor, whose organization was merged into theirs. Once
    a day is enough: asking again changes nothing. Raises `NotFound` for everyone else, and
    `TooManyAttempts` where too many have asked.
    """
    merged = find_merged(session, actor, public_id)
    person = session.get(User, actor.user_id or 0)
    if merged is None or person is None:
        raise NotFound("organization")
    source, target, _ = merged
    if throttling.hit(session, "ask to join", f"{person.id} {target.id}", _ONCE_A_DAY):
        return target
    throttling.ensure_allowed(throttling.hit(session, "asks", str(person.id), _BY_ONE))
    throttling.ensure_allowed(throttling.hit(session, "asked", str(target.id), _FOR_ONE))
    address = {"org": target.public_id, "invite": person.email}
    member_mails.send_to_owners(
        session,
        target,
        "ask_to_join",
        by=person.name,
        email=person.email,
        source=source.name,
        link={"page": f"members?{urlencode(address)}"},
    )
    return target
