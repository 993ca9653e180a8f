"""Rows of users: find, lock and create them. Use cases check permissions."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session

from core.access.permissions import lock_user_or_none
from core.audit import history
from core.base import clock, tokenizer, validation
from core.base.errors import InvalidInput, LastAdministrator
from core.database import search
from core.models import Membership, Organization, Staff, User


@dataclass(frozen=True)
class NewAccount:
    """The validated name and address and the password hash of a new account."""

    name: str
    email: str
    password_hash: str


def find_confirmed(session: Session, email_key: str) -> User | None:
    """Return the account with this confirmed address, or None."""
    return session.scalar(
        select(User).where(User.email_key == email_key, User.proven_at.is_not(None))
    )


def is_staff_address(session: Session, email: str) -> bool:
    """Return whether an address is that of an account with a staff role, in any spelling."""
    key = validation.email_key(email)
    found = select(User.id).where(User.email_key == key, User.staff.is_not(None))
    return session.scalar(found) is not None


def list_staff_addresses(session: Session) -> set[str]:
    """Return the keys of the addresses of all accounts with a staff role."""
    return set(session.scalars(select(User.email_key).where(User.staff.is_not(None))))


def lock_by_email(session: Session, email_key: str) -> User | None:
    """Lock and return the account with this address, confirmed or not, or None.

    It takes the same statements with and without one.
    """
    user_id = session.scalar(select(User.id).where(User.email_key == email_key))
    user = lock_user_or_none(session, user_id or 0)
    return user if user is not None and user.email_key == email_key else None


def find_names(session: Session, user_ids: Collection[int | None]) -> dict[int, str]:
    """Return the names of people by id; None and ids without an account are left out."""
    known = select(User.id, User.name).where(User.id.in_({*user_ids} - {None}))
    return dict(session.execute(known).all())


def find_domain(session: Session, user_id: int | None) -> str:
    """Return the domain of a person's confirmed email address, or an empty text."""
    user = session.get(User, user_id) if user_id else None
    return user.email.rpartition("@")[2] if user is not None and user.proven_at else ""


def list_guessable_words(session: Session, user_id: int) -> Sequence[str]:
    """Return words that make a person's password easy to guess, for `passwords.check`."""
    organizations = (
        select(Organization.name)
        .join(Membership, Membership.org_id == Organization.id)
        .where(Membership.user_id == user_id)
    )
    own = (select(word).where(User.id == user_id) for word in (User.name, User.email))
    return session.scalars(union_all(*own, organizations)).all()


def create(session: Session, new: NewAccount, *, is_confirmed: bool) -> User:
    """Create an account; raises `InvalidInput(email)` if its address has a confirmed one.

    An unconfirmed account with the same address is overwritten.
    """
    user = lock_by_email(session, validation.email_key(new.email))
    if user is not None and user.proven_at is not None:
        raise InvalidInput({"email": "This address already has an account. Log in instead."})
    return put(session, user, new, is_confirmed=is_confirmed)


def put(session: Session, user: User | None, new: NewAccount, *, is_confirmed: bool) -> User:
    """Create an account, or overwrite the `user` that is unconfirmed and locked.

    So whoever confirms the address has chosen the name and the password.
    """
    is_new = user is None
    if user is None:
        user = User(
            email_key=validation.email_key(new.email),
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
    search.index_user(user)
    user.password_hash = new.password_hash
    user.proven_at = clock.now() if is_confirmed else None
    session.flush()  # for its id
    if is_new:
        history.open_chain(session, user.id)
    return user


def labels(people: Iterable[User]) -> dict[int, str]:
    """Return a distinct label for each person by id, sorted by name, for a list to choose from.

    People with the same name are told apart by their addresses.
    """
    listed = sorted(people, key=lambda person: (person.search_text, person.id))
    keys = Counter(tokenizer.name_key(person.name) for person in listed)
    return {
        person.id: f"{person.name} ({person.email})"
        if keys[tokenizer.name_key(person.name)] > 1
        else person.name
        for person in listed
    }


def ensure_other_administrator(session: Session, user: User) -> None:
    """Raise `LastAdministrator` if no other administrator is active.

    Call it while holding the lock on staff roles.
    """
    if user.staff is not Staff.ADMINISTRATOR or user.disabled_at is not None:
        return
    others = select(func.count()).where(
        User.staff == Staff.ADMINISTRATOR, User.disabled_at.is_(None), User.id != user.id
    )
    if not session.scalar(others):
        raise LastAdministrator
