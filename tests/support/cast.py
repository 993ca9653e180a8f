"""The people and organizations of every test."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from core.access.permissions import ORGDESK, Actor
from core.audit import history
from core.base import crypto, tokenizer
from core.models import Membership, Organization, Role, SecondFactor, Staff, User
from core.organizations import public_ids

PASSWORD = "seven lanterns over a frozen harbour"
"""The password of all of them."""
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
"""The TOTP secret of the staff."""
_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
_CREATED_AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@dataclass
class Cast:
    """Olga, Adam and Mia are members of Acme; Otto is an outsider; the others are staff."""

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
    """Add the cast to an empty database."""
    cast = Cast()
    people = {
        name: _person(name, staff)
        for name, staff in {
            "Olga": None,
            "Adam": None,
            "Mia": None,
            "Otto": None,
            "Oda": Staff.OPS,
            "Sam": Staff.SALES,
            "Sue": Staff.SALES,
            "Ada": Staff.ADMINISTRATOR,
        }.items()
    }
    cast.acme, cast.otto_ltd = organizations = (
        _organization("Acme", 300_000_001, members=3),
        _organization("Otto Ltd", 400_000_002, members=1),
    )
    session.add_all((*people.values(), *organizations))
    session.flush()
    for name, user in people.items():
        setattr(cast, name.lower(), Actor(user.id, name))
    session.add_all(_second_factor(user) for user in people.values() if user.staff)
    session.add_all(
        (
            _membership(cast.acme, cast.olga, Role.OWNER),
            _membership(cast.acme, cast.adam, Role.ADMIN),
            _membership(cast.acme, cast.mia, Role.MEMBER),
            _membership(cast.otto_ltd, cast.otto, Role.OWNER),
        )
    )
    for chain in (cast.acme, cast.otto_ltd, *(user.id for user in people.values())):
        history.open_chain(session, chain)
    return cast


def email(person: Actor) -> str:
    """Return the email address of a person of the cast."""
    return f"{person.name.lower()}@example.com"


def _person(name: str, staff: Staff | None) -> User:
    address = f"{name.lower()}@example.com"
    return User(
        email=address,
        email_key=address,
        name=name,
        password_hash=_HASH,
        staff=staff,
        two_factor_at=_CREATED_AT if staff else None,
        proven_at=_CREATED_AT,
        created_at=_CREATED_AT,
    )


def _second_factor(user: User) -> SecondFactor:
    secret = crypto.encrypt("two-factor", SECRET, owner=str(user.id))
    return SecondFactor(user_id=user.id, secret=secret, last_step=0)


def _organization(name: str, number: int, *, members: int) -> Organization:
    public_id = public_ids.encode(number)
    return Organization(
        public_id=public_id,
        name=name,
        name_key=tokenizer.name_key(name),
        search_text=tokenizer.search_text(name, public_id),
        member_count=members,
        stage_entered_at=_CREATED_AT,
        created_at=_CREATED_AT,
        last_active_at=_CREATED_AT,
    )


def _membership(org: Organization, person: Actor, role: Role) -> Membership:
    return Membership(org_id=org.id, user_id=person.user_id, role=role, joined_at=_CREATED_AT)


def add_owners(session: Session, org: Organization, *, count: int) -> None:
    """Give an organization more owners, who joined after everyone else: Owner1, Owner2, …"""
    users = [_person(f"Owner{number}", None) for number in range(1, count + 1)]
    session.add_all(users)
    session.flush()
    owners = [_membership(org, Actor(user.id, user.name), Role.OWNER) for user in users]
    for days, owner in enumerate(owners, start=1):
        owner.joined_at = _CREATED_AT + timedelta(days=days)
    session.add_all(owners)
    session.flush()
    history.record(session, ORGDESK, org, "member.put", *users, *owners)
