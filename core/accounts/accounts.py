"""Accounts: a person proves to be that person, and changes or deletes what is their own."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import Actor, lock_self
from core.accounts import email_links, passwords, sessions, user_rows
from core.accounts.sessions import Proven
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


def authenticate(email: str, password: str, *, origin: str) -> Proven | None:
    """Return who has this address and password, else None.

    Unknown, disabled and mistaken people take the same time and get the same answer; so does who
    waits for the proof of the address: a stranger must not learn here whether one was free.
    It hashes, so it opens its own transactions. Raises `TooManyAttempts`.
    """
    proven = _authenticate(_key_of(email), password, origin)
    account = crypto.fingerprint(_key_of(email))[:12]
    outcome = "login.password_accepted" if proven else "login.failed"
    logs.security(outcome, account=account, origin=origin)
    return proven


def _authenticate(key: str, password: str, origin: str) -> Proven | None:
    throttling.ensure_none(db.run(_count_attempt, key, origin))
    with db.read() as session:
        user = session.scalar(select(User).where(User.email_key == key))
    known = user.password_hash if user is not None else None
    if not passwords.verify(known, password) or user is None or known is None:
        return None
    if user.proven_at is None or user.disabled_at is not None:
        return None
    kept = passwords.hash(password) if passwords.needs_rehash(known) else known
    proven = Proven(user.id, user.password_epoch)
    return proven if db.run(_welcome, user, kept, origin) else None


def prepare_account(
    name: str, email: str, password: str, *, origin: str | None = None
) -> NewAccount:
    """Return a new account, cleaned and hashed; raises `InvalidInput` with all that is wrong.

    With the address of origin of a stranger it raises `TooManyAttempts` before it hashes.
    """
    check = validation.Check()
    name = check("name", validation.person_name, name)
    email = check("email", validation.email, email)
    check("password", _check_password, password, words=[name or "", email or ""])
    check.done()
    if origin is not None:
        throttling.ensure_none(
            db.run(throttling.hit, "sign-ups from", origin, throttling.STRANGERS)
        )
    return NewAccount(name, email, passwords.hash(password))


def prepare_password(password: str, *, words: Sequence[str], field: str = "new") -> str:
    """Return the hash of a new password; raises `InvalidInput` when it is weak."""
    check = validation.Check()
    check(field, _check_password, password, words=words)
    check.done()
    return passwords.hash(password)


def rename(session: Session, actor: Actor, name: str) -> User:
    """Give a person another name."""
    user = lock_self(session, actor)
    check = validation.Check()
    cleaned = check("name", validation.person_name, name)
    check.done()
    user.name = cleaned
    search.index_person(user)
    history.record(session, actor, user.id, "account.renamed", user)
    return user


def change_password(session: Session, actor: Actor, password_hash: str) -> User:
    """Give a person another password; it ends every session, so the page begins a new one.

    The page has asked for the old password before.
    """
    user = lock_self(session, actor)
    user.password_hash = password_hash
    user.password_epoch += 1
    email_links.end(session, email_links.RESET, user_id=user.id)
    sessions.end_all(session, user.id, "password changed")
    outbox.enqueue(session, "password_changed", user.email, name=user.name)
    history.record(session, actor, user.id, "account.password_changed", user)
    return user


def find_words(session: Session, actor: Actor) -> Sequence[str]:
    """Return what a person's new password must not be made of."""
    return user_rows.words_about(session, session.get_one(User, actor.user_id))


def find_password_change(session: Session, actor: Actor) -> datetime | None:
    """Return when a person's password was changed last; None if it never was."""
    return session.scalar(
        select(func.max(Entry.at)).where(
            Entry.chain == f"person:{actor.user_id}",
            Entry.event.in_(["account.password_changed", "account.password_reset"]),
        )
    )


def end_session(session: Session, actor: Actor, session_id: int) -> None:
    """End one of a person's own sessions; harmless for one that has ended."""
    if session_id in {row.id for row in sessions.list_of(session, actor.user_id or 0)}:
        sessions.end(session, session_id, "ended by its person")


def end_other_sessions(session: Session, actor: Actor, kept_id: int) -> int:
    """End a person's sessions but the one that asks for it; return how many there were."""
    return sessions.end_others(session, actor.user_id or 0, kept_id, "ended by its person")


def _check_password(password: str, *, words: Sequence[str]) -> None:
    passwords.check(password, words=words, minimum=settings().password_minimum)


def _count_attempt(session: Session, email_key: str, origin: str) -> int:
    waits = (
        throttling.hit(session, "sign-in to", email_key, throttling.SIGN_INS),
        throttling.hit(session, "sign-in from", origin, throttling.SIGN_INS),
    )
    if waits[0] and not throttling.hit(session, "lockout of", email_key, throttling.LOCKOUTS):
        digests.add_lockout(session, email_key, origin)
    return max(waits)


def _welcome(session: Session, user: User, kept: str, origin: str) -> bool:
    """Forgive attempts and keep the hash in today's strength; False when it has just changed."""
    is_still = session.scalar(
        update(User)
        .where(User.id == user.id, User.password_hash == user.password_hash)
        .values(password_hash=kept)
        .returning(User.id)
        .execution_options(unrecorded=True, synchronize_session=False)
    )
    if is_still is None:
        return False
    throttling.forget(session, "sign-in to", user.email_key, throttling.SIGN_INS)
    throttling.give_back(session, "sign-in from", origin, throttling.SIGN_INS)
    return True


def _key_of(typed: str) -> str:
    """Return by what an account is found; what is no address at all finds nobody's."""
    try:
        return validation.email_key(validation.email(typed))
    except validation.Unfit:
        return f"nobody:{crypto.fingerprint(typed)}"
