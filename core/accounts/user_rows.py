"""Rows of people: find them by address, make them; the rules are the use cases' own."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access.permissions import lock_user_or_none
from core.base import clock, validation
from core.base.errors import InvalidInput, LastAdministrator
from core.database import search
from core.models import Membership, Organization, Staff, User


@dataclass(frozen=True)
class NewAccount:
    """What a new account is made of, cleaned and hashed before the transaction."""

    name: str
    email: str
    password_hash: str


def find(session: Session, email_key: str) -> User | None:
    """Return whose account has this address and has proven it."""
    return session.scalar(
        select(User).where(User.email_key == email_key, User.proven_at.is_not(None))
    )


def take(session: Session, email_key: str) -> User | None:
    """Take the row of the account with this address, proven or waiting, as it is now."""
    user_id = session.scalar(select(User.id).where(User.email_key == email_key))
    user = lock_user_or_none(session, user_id) if user_id is not None else None
    return user if user is not None and user.email_key == email_key else None


def words_about(session: Session, user: User) -> Sequence[str]:
    """Return what whoever knows a person would try as the password, for `passwords.check`."""
    organizations = (
        select(Organization.name)
        .join(Membership, Membership.org_id == Organization.id)
        .where(Membership.user_id == user.id)
    )
    return [user.name, user.email, *session.scalars(organizations)]


def make(session: Session, new: NewAccount, *, is_proven: bool) -> User:
    """Make an account, and return it; raises `InvalidInput(email)` where there is one.

    One that waits at the same address, not proven by anybody, becomes this one: who proves an
    address decides about its name and password.
    """
    key = validation.email_key(new.email)
    user = take(session, key)
    if user is not None and user.proven_at is not None:
        raise InvalidInput({"email": "This address has an account already. Log in with it."})
    if user is None:
        user = User(
            email_key=key,
            password_epoch=0,
            staff=None,
            two_factor_at=None,
            disabled_at=None,
            deleted_at=None,
            created_at=clock.now(),
            last_seen_at=None,
        )
        session.add(user)
    else:
        user.password_epoch += 1
    user.email = new.email
    user.name = new.name
    search.index_person(user)
    user.password_hash = new.password_hash
    user.proven_at = clock.now() if is_proven else None
    session.flush()  # for its id
    return user


def ensure_other_administrator(session: Session, user: User) -> None:
    """Raise `LastAdministrator` when this is the last active one; the staff lock must be held."""
    if user.staff is not Staff.ADMINISTRATOR or user.disabled_at is not None:
        return
    others = select(func.count()).where(
        User.staff == Staff.ADMINISTRATOR, User.disabled_at.is_(None), User.id != user.id
    )
    if not session.scalar(others):
        raise LastAdministrator
