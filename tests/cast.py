"""The people and organizations of every test."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from core import keys, public_ids, search
from core.models import Membership, Organization, Role, SecondFactor, Staff, User
from core.permissions import Actor

PASSWORD = "seven lanterns over a frozen harbour"
"""Everybody's."""
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
"""What the authenticator apps of the staff share with Orgdesk."""
_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
_LONG_AGO = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@dataclass
class Cast:
    """Acme has Olga, Adam and Mia; Otto is an outsider; the rest is staff, with two-factor."""

    olga: Actor = field(init=False)
    adam: Actor = field(init=False)
    mia: Actor = field(init=False)
    otto: Actor = field(init=False)
    oda: Actor = field(init=False)
    sam: Actor = field(init=False)
    sue: Actor = field(init=False)
    ada: Actor = field(init=False)
    acme: Organization = field(init=False)
    otto_ltd: Organization = field(init=False)


def make(session: Session) -> Cast:
    """Put the cast on an empty stage."""
    cast = Cast()
    cast.olga = _person(session, "Olga")
    cast.adam = _person(session, "Adam")
    cast.mia = _person(session, "Mia")
    cast.otto = _person(session, "Otto")
    cast.oda = _person(session, "Oda", Staff.OPS)
    cast.sam = _person(session, "Sam", Staff.SALES)
    cast.sue = _person(session, "Sue", Staff.SALES)
    cast.ada = _person(session, "Ada", Staff.ADMINISTRATOR)
    cast.acme = _organization(session, "Acme", 300_000_001)
    cast.otto_ltd = _organization(session, "Otto Ltd", 400_000_002)
    _belongs(session, cast.acme, cast.olga, Role.OWNER)
    _belongs(session, cast.acme, cast.adam, Role.ADMIN)
    _belongs(session, cast.acme, cast.mia, Role.MEMBER)
    _belongs(session, cast.otto_ltd, cast.otto, Role.OWNER)
    return cast


def email(person: Actor) -> str:
    """Return the address of somebody in the cast."""
    return f"{person.name.lower()}@example.com"


def _person(session: Session, name: str, staff: Staff | None = None) -> Actor:
    address = f"{name.lower()}@example.com"
    user = User(
        email=address,
        email_key=address,
        name=name,
        password_hash=_HASH,
        staff=staff,
        two_factor_at=_LONG_AGO if staff else None,
        proven_at=_LONG_AGO,
        created_at=_LONG_AGO,
    )
    session.add(user)
    session.flush()
    if staff:
        secret = keys.encrypt("two-factor", SECRET, whose=str(user.id))
        session.add(SecondFactor(user_id=user.id, secret=secret, last_step=0))
    return Actor(user.id, name)


def _organization(session: Session, name: str, number: int) -> Organization:
    public_id = public_ids.spell(number)
    org = Organization(
        public_id=public_id,
        name=name,
        name_key=search.name_key(name),
        search_text=search.search_text(name, public_id),
        stage_entered_at=_LONG_AGO,
        created_at=_LONG_AGO,
        last_active_at=_LONG_AGO,
    )
    session.add(org)
    session.flush()
    return org


def _belongs(session: Session, org: Organization, person: Actor, role: Role) -> None:
    session.add(Membership(org_id=org.id, user_id=person.user_id, role=role, joined_at=_LONG_AGO))
    org.member_count += 1
    session.flush()
