"""Accounts: a person proves to be that person, and changes or deletes what is their own."""

import hmac
from base64 import b32encode
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core import (
    clock,
    db,
    fields,
    history,
    keys,
    mail,
    memberships,
    offers,
    passwords,
    persons,
    sessions,
    throttles,
)
from core.errors import (
    AddressNotProven,
    InvalidInput,
    LastOwner,
    NotFound,
    TooManyAttempts,
)
from core.models import FormerMembership, Membership, Organization, Role, Staff, User
from core.permissions import Action, Actor, access, take_person, take_staff
from core.persons import NewAccount
from core.settings import settings

ATTEMPTS: Final = ((5, timedelta(minutes=5)), (50, timedelta(days=1)))
"""How often one account, and one address of origin, may try a password."""


def authenticate(email: str, password: str, *, origin: str) -> int | None:
    """Return the id of whoever has this address and password, else None.

    Unknown, disabled and mistaken people take the same time and get the same answer. It hashes, so
    it opens its own transactions. Raises `TooManyAttempts`, and `AddressNotProven` for who knows
    the password of an account that waits for its proof.
    """
    key = fields.email_key(email)
    wait = db.run(_count_attempt, key, origin)
    if wait:
        raise TooManyAttempts(wait)
    with db.read() as session:
        user = session.scalar(select(User).where(User.email_key == key))
    known = user.password_hash if user is not None else None
    if not passwords.verify(known, password) or user is None:
        return None
    if user.disabled_at is not None or user.deleted_at is not None:
        return None
    if user.proven_at is None:
        raise AddressNotProven
    db.run(_forgive_attempts, key, origin)
    return user.id


def prepare_account(name: str, email: str, password: str) -> NewAccount:
    """Return a new account, cleaned and hashed; raises `InvalidInput` with all that is wrong."""
    check = fields.Check()
    name = check("name", fields.person_name, name)
    email = check("email", fields.email, email)
    check("password", _check_password, password, words=[name or "", email or ""])
    check.done()
    return NewAccount(name, email, passwords.hash(password))


def prepare_password(password: str, *, words: Sequence[str], field: str = "new") -> str:
    """Return the hash of a new password; raises `InvalidInput` when it is weak."""
    check = fields.Check()
    check(field, _check_password, password, words=words)
    check.done()
    return passwords.hash(password)


def is_setting_up(session: Session) -> bool:
    """Return whether nobody has an account yet."""
    return session.scalar(select(User.id).limit(1)) is None


def setup_code() -> str:
    """Return the code that makes the first administrator: twelve letters and digits, in threes."""
    letters = b32encode(keys.derive("setup")).decode()[:12]
    return "-".join(letters[place : place + 4] for place in range(0, 12, 4))


def set_up(session: Session, _nobody: Actor, code: str, new: NewAccount) -> User:
    """Make the first administrator; raises `InvalidInput(code)`, `NotFound` when there is one."""
    take_staff(session)
    if not is_setting_up(session):
        raise NotFound("setup page any more")
    typed = "".join(code.upper().split())
    if not hmac.compare_digest(typed.encode("utf-8", "replace"), setup_code().encode()):
        raise InvalidInput({"code": "This is not the code. It stands in the log of the server."})
    return _make_administrator(session, new)


def create_administrator(session: Session, _orgdesk: Actor, new: NewAccount) -> User:
    """Make another administrator, for whoever has the command line."""
    take_staff(session)
    if persons.find(session, fields.email_key(new.email)) is not None:
        raise InvalidInput({"email": "Somebody has this address already. Take another one."})
    return _make_administrator(session, new)


def rename(session: Session, actor: Actor, name: str) -> User:
    """Give a person another name."""
    user = _get_self(session, actor)
    check = fields.Check()
    user.name = check("name", fields.person_name, name) or user.name
    check.done()
    history.record(session, actor, user.id, "account.renamed", user)
    return user


def change_password(session: Session, actor: Actor, password_hash: str) -> User:
    """Give a person another password; it ends every session, so the page begins a new one.

    The page has asked for the old password before.
    """
    user = _get_self(session, actor)
    user.password_hash = password_hash
    user.password_epoch += 1
    sessions.end_all(session, user.id, "password changed")
    mail.enqueue(session, "password_changed", user.email, name=user.name)
    history.record(session, actor, user.id, "account.password_changed", user)
    return user


def end_session(session: Session, actor: Actor, session_id: int) -> None:
    """End one of a person's own sessions; harmless for one that has ended."""
    if session_id in {row.id for row in sessions.list_of(session, actor.user_id or 0)}:
        sessions.end(session, session_id, "ended by its person")


def end_other_sessions(session: Session, actor: Actor, kept_id: int) -> int:
    """End a person's sessions but the one that asks for it; return how many there were."""
    return sessions.end_others(session, actor.user_id or 0, kept_id, "ended by its person")


def delete_account(session: Session, actor: Actor) -> User:
    """Delete a person's own account; history keeps the id and forgets the rest.

    Raises `LastOwner` with every organization that would be left without an owner, and
    `LastAdministrator`. The page has asked for the password before.
    """
    take_staff(session)
    _leave_everywhere(session, actor)
    user = _get_self(session, actor)
    persons.ensure_other_administrator(session, user)
    sessions.end_all(session, user.id, "account deleted")
    session.execute(delete(FormerMembership).where(FormerMembership.user_id == user.id))
    user.email, user.email_key = "", f"deleted:{user.id}"
    user.name, user.password_hash, user.staff = "A deleted account", None, None
    user.password_epoch += 1
    user.deleted_at = user.disabled_at = clock.now()
    history.record(session, actor, user.id, "account.deleted", user)
    return user


def _leave_everywhere(session: Session, actor: Actor) -> None:
    mine = (
        select(Membership.org_id)
        .join(Organization, Organization.id == Membership.org_id)
        .where(Membership.user_id == actor.user_id, Organization.deleted_at.is_(None))
        .order_by(Membership.org_id)
    )
    unowned = []
    for org_id in session.scalars(mine).all():
        org = access(session, actor, org_id, Action.VIEW)
        membership = memberships.get(session, org, actor.user_id or 0)
        if membership.role is Role.OWNER and memberships.count_owners(session, org) == 1:
            unowned.append(org.name)
            continue
        revoked = offers.withdraw_above(session, org, actor.user_id or 0, None)
        memberships.end(session, org, membership)
        history.record(session, actor, org, "member.left", membership, *revoked)
    if unowned:
        raise LastOwner(unowned)


def _make_administrator(session: Session, new: NewAccount) -> User:
    user = persons.make(session, new, is_proven=True)
    user.staff = Staff.ADMINISTRATOR
    history.record(session, Actor(user.id, user.name), user.id, "account.created", user)
    return user


def _get_self(session: Session, actor: Actor) -> User:
    user = take_person(session, actor.user_id or 0)
    if user is None or user.deleted_at is not None:
        raise NotFound("account")
    return user


def _check_password(password: str, *, words: Sequence[str]) -> None:
    passwords.check(password, words=words, minimum=settings().password_minimum)


def _count_attempt(session: Session, email_key: str, origin: str) -> int:
    return max(
        throttles.hit(session, "sign-in to", email_key, ATTEMPTS),
        throttles.hit(session, "sign-in from", origin, ATTEMPTS),
    )


def _forgive_attempts(session: Session, email_key: str, origin: str) -> None:
    throttles.forget(session, "sign-in to", email_key, ATTEMPTS)
    throttles.give_back(session, "sign-in from", origin, ATTEMPTS)
