"""Accounts: authenticate people, and let them change their name, password and sessions."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import Actor, lock_self
from core.access.throttling import Attempt
from core.accounts import email_links, known_browsers, passwords, sessions, user_rows
from core.accounts.sessions import VerifiedPassword
from core.accounts.user_rows import NewAccount
from core.audit import history
from core.base import crypto, logs, validation
from core.base.settings import settings
from core.database import db, search
from core.mail import digests, outbox
from core.models import (
    Entry,
    User,
)


def authenticate(
    email: str, password: str, *, origin: str, browser: str = "", session_id: int | None = None
) -> VerifiedPassword | None:
    """Return the user with this address and password, or None.

    Unknown, unconfirmed and disabled accounts take the same time and get the same result as a wrong
    password, so that nobody learns which addresses have an account. `browser` is the cookie of
    `known_browsers`, `session_id` the live session that asks for the password again: both have
    counters of their own, which strangers cannot use up. Hashes, so it opens its own transactions.
    Raises `TooManyAttempts`.
    """
    key = _email_key(email)
    verified = _authenticate(key, password, _counters_of(key, origin, browser, session_id))
    event = "login.password_accepted" if verified else "login.failed"
    logs.security(event, account=crypto.fingerprint(key)[:12], origin=origin)
    return verified


class _Counters(NamedTuple):
    """Which failures slow a login: the person's own, and those that others share."""

    key: str
    origin: str
    own: Attempt
    shared: tuple[Attempt, ...] = ()


def _counters_of(key: str, origin: str, browser: str, session_id: int | None) -> _Counters:
    if session_id is not None:
        own = Attempt("password in session", f"{key} {session_id}", throttling.SECRETS)
        return _Counters(key, origin, own)
    with db.read() as session:
        user_id = session.scalar(select(User.id).where(User.email_key == key))
    if (known := known_browsers.find(browser, user_id or 0)) is not None:
        return _Counters(key, origin, Attempt("login by", f"{key} {known}", throttling.SECRETS))
    return _Counters(
        key,
        origin,
        Attempt("login", f"{key} {origin}", throttling.SECRETS),
        (
            Attempt("login from", origin, throttling.FROM_ONE_ORIGIN),
            Attempt("login to", key, throttling.TO_ONE_ACCOUNT),
        ),
    )


def _authenticate(key: str, password: str, counters: _Counters) -> VerifiedPassword | None:
    throttling.ensure_allowed(db.run(_count_attempt, counters))
    with db.read() as session:
        user = session.scalar(select(User).where(User.email_key == key))
    known = user.password_hash if user is not None else None
    if not passwords.verify(known, password) or user is None or known is None:
        return None
    if user.proven_at is None or user.disabled_at is not None:
        return None
    new_hash = passwords.hash(password) if passwords.needs_rehash(known) else known
    verified = VerifiedPassword(user.id, user.password_epoch)
    return verified if db.run(_record_sign_in, user, new_hash, counters) else None


def prepare_account(
    name: str, email: str, password: str, *, origin: str | None = None
) -> NewAccount:
    """Validate a new account and hash its password; raises `InvalidInput` with all errors.

    With `origin`, the caller's IP address, it counts sign-ups before it does anything slow, and may
    raise `TooManyAttempts`.
    """
    if origin is not None:
        throttling.ensure_allowed(
            db.run(throttling.hit, "sign-ups from", origin, throttling.STRANGERS)
        )
    check = validation.Check()
    name = check("name", validation.person_name, name)
    email = check("email", validation.email, email)
    check("password", _check_password, password, words=[name or "", email or ""])
    check.done()
    return NewAccount(name, email, passwords.hash(password))


def prepare_password(password: str, *, words: Sequence[str], field: str = "new") -> str:
    """Return the hash of a new password; raises `InvalidInput(field)` if it is weak."""
    check = validation.Check()
    check(field, _check_password, password, words=words)
    check.done()
    return passwords.hash(password)


def rename(session: Session, actor: Actor, name: str) -> User:
    """Change the actor's name; raises `InvalidInput(name)`."""
    user = lock_self(session, actor)
    check = validation.Check()
    cleaned = check("name", validation.person_name, name)
    check.done()
    user.name = cleaned
    search.index_user(user)
    history.record(session, actor, user.id, "account.renamed", user)
    return user


def set_letter_keys(session: Session, actor: Actor, *, wanted: bool) -> User:
    """Turn keys that are single letters on or off for the actor; it is not kept in history."""
    user = lock_self(session, actor)
    user.has_letter_keys = wanted
    return user


def change_password(session: Session, actor: Actor, password_hash: str) -> User:
    """Change the actor's password and end all sessions, so the page starts a new one.

    The page has verified the current password.
    """
    user = lock_self(session, actor)
    user.password_hash = password_hash
    user.password_epoch += 1
    email_links.revoke(session, email_links.RESET, user_id=user.id)
    sessions.end_all(session, user.id, "password changed")
    outbox.enqueue(session, "password_changed", user.email, name=user.name)
    history.record(session, actor, user.id, "account.password_changed", user)
    return user


def list_guessable_words(session: Session, actor: Actor) -> Sequence[str]:
    """Return words that make the actor's password easy to guess."""
    return user_rows.list_guessable_words(session, actor.user_id or 0)


def find_password_changed_at(session: Session, actor: Actor) -> datetime | None:
    """Return when the actor's password was last changed, or None."""
    return session.scalar(
        select(func.max(Entry.at)).where(
            Entry.chain == f"person:{actor.user_id}",
            Entry.event.in_(["account.password_changed", "account.password_reset"]),
        )
    )


def end_session(session: Session, actor: Actor, session_id: int) -> None:
    """End one of the actor's sessions; does nothing if it has ended or is someone else's."""
    if session_id in {row.id for row in sessions.list_live(session, actor.user_id or 0)}:
        sessions.end(session, session_id, "ended by its person")


def end_other_sessions(session: Session, actor: Actor, kept_id: int) -> int:
    """End the actor's sessions except one and return how many were ended."""
    return sessions.end_others(session, actor.user_id or 0, kept_id, "ended by its person")


def _check_password(password: str, *, words: Sequence[str]) -> None:
    passwords.check(password, words=words, minimum=settings().password_minimum)


def _count_attempt(session: Session, counters: _Counters) -> int:
    """Count an attempt; once an hour the owner's organizations hear that it has to wait."""
    wait = throttling.attempt(session, counters.own, *counters.shared)
    is_about_account = wait.length and wait.what != "login from"
    if is_about_account and not throttling.hit(
        session, "lockout of", counters.key, throttling.LOCKOUTS
    ):
        digests.add_lockout(session, counters.key, counters.origin)
    return wait.minutes


def _record_sign_in(session: Session, user: User, new_hash: str, counters: _Counters) -> bool:
    """Reset the attempts and update the hash; return False if the password has just changed."""
    user_id = session.scalar(
        update(User)
        .where(User.id == user.id, User.password_hash == user.password_hash)
        .values(password_hash=new_hash)
        .returning(User.id)
        .execution_options(unrecorded=True, synchronize_session=False)
    )
    if user_id is None:
        return False
    throttling.succeed(session, counters.own, shared=counters.shared)
    return True


def _email_key(typed: str) -> str:
    """Return the key of an address; for an invalid one, a key that no account has."""
    try:
        return validation.email_key(validation.email(typed))
    except validation.InvalidValue:
        return f"nobody:{crypto.fingerprint(typed)}"
