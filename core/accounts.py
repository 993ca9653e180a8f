"""Accounts: a person proves to be that person, and changes or deletes what is their own."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from core import (
    clock,
    db,
    fields,
    finding,
    history,
    keys,
    lines,
    links,
    mail,
    memberships,
    notices,
    passwords,
    persons,
    second_factors,
    sessions,
    throttles,
    withdrawals,
)
from core.errors import JustJoined, LastOwner, NotFound
from core.models import (
    Entry,
    FormerMembership,
    Invitation,
    InvitationStatus,
    Membership,
    Organization,
    User,
)
from core.permissions import Action, Actor, access, take_person, take_staff
from core.persons import NewAccount
from core.sessions import Proven
from core.settings import settings


def authenticate(email: str, password: str, *, origin: str) -> Proven | None:
    """Return who has this address and password, else None.

    Unknown, disabled and mistaken people take the same time and get the same answer; so does who
    waits for the proof of the address: a stranger must not learn here whether one was free.
    It hashes, so it opens its own transactions. Raises `TooManyAttempts`.
    """
    key = _key_of(email)
    throttles.ensure_none(db.run(_count_attempt, key, origin))
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
    check = fields.Check()
    name = check("name", fields.person_name, name)
    email = check("email", fields.email, email)
    check("password", _check_password, password, words=[name or "", email or ""])
    check.done()
    if origin is not None:
        throttles.ensure_none(db.run(throttles.hit, "sign-ups from", origin, throttles.STRANGERS))
    return NewAccount(name, email, passwords.hash(password))


def prepare_password(password: str, *, words: Sequence[str], field: str = "new") -> str:
    """Return the hash of a new password; raises `InvalidInput` when it is weak."""
    check = fields.Check()
    check(field, _check_password, password, words=words)
    check.done()
    return passwords.hash(password)


def rename(session: Session, actor: Actor, name: str) -> User:
    """Give a person another name."""
    user = _get_self(session, actor)
    check = fields.Check()
    cleaned = check("name", fields.person_name, name)
    check.done()
    user.name = cleaned
    finding.index_person(user)
    history.record(session, actor, user.id, "account.renamed", user)
    return user


def change_password(session: Session, actor: Actor, password_hash: str) -> User:
    """Give a person another password; it ends every session, so the page begins a new one.

    The page has asked for the old password before.
    """
    user = _get_self(session, actor)
    user.password_hash = password_hash
    user.password_epoch += 1
    links.end(session, links.RESET, user_id=user.id)
    sessions.end_all(session, user.id, "password changed")
    mail.enqueue(session, "password_changed", user.email, name=user.name)
    history.record(session, actor, user.id, "account.password_changed", user)
    return user


def find_words(session: Session, actor: Actor) -> Sequence[str]:
    """Return what a person's new password must not be made of."""
    return persons.words_about(session, session.get_one(User, actor.user_id))


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


def delete_account(session: Session, actor: Actor) -> User:
    """Delete a person's own account; history keeps the id and forgets the rest.

    Raises `LastOwner` with every organization that would be left without an owner,
    `LastAdministrator`, and `JustJoined`. The page has asked for the password before.
    """
    take_staff(session)
    mine = _take_memberships(session, actor)
    unowned = [org.name for org, place in mine if memberships.is_last_owner(session, org, place)]
    if unowned:
        raise LastOwner(unowned)
    for org, membership in mine:
        ended = withdrawals.withdraw(session, org, membership.user_id, None)
        notices.tell_owners(session, actor, org, membership.user_id, what="left")
        memberships.end(session, org, membership, by=actor.user_id)
        history.record(session, actor, org, "member.left", membership, *ended)
    user = _get_self(session, actor)
    if memberships.count_of(session, user.id):
        raise JustJoined
    persons.ensure_other_administrator(session, user)
    sessions.end_all(session, user.id, "account deleted")
    _forget_traces(session, user)
    user.email, user.email_key = "", f"deleted:{user.id}"
    user.name, user.password_hash, user.staff = "A deleted account", None, None
    finding.index_person(user)
    user.password_epoch += 1
    user.deleted_at = user.disabled_at = clock.now()
    history.record(session, actor, user.id, "account.deleted", user)
    return user


def _take_memberships(session: Session, actor: Actor) -> list[tuple[Organization, Membership]]:
    """Take every organization that the actor belongs to, and return it with the membership."""
    belongs_to = (
        select(Membership.org_id)
        .join(Organization, Organization.id == Membership.org_id)
        .where(Membership.user_id == actor.user_id, Organization.deleted_at.is_(None))
        .order_by(Membership.org_id)
    )
    mine = []
    for org_id in session.scalars(belongs_to).all():
        with suppress(NotFound):  # deleted, or the person removed from it, in this very moment
            org = access(session, actor, org_id, Action.VIEW)
            mine.append((org, memberships.get(session, org, actor.user_id or 0)))
    return mine


def _forget_traces(session: Session, user: User) -> None:
    """Take a person's address and former roles out of what others keep."""
    for kind in (links.RESET, links.PROVE):
        links.end(session, kind, user_id=user.id)
    second_factors.forget(session, user)
    session.execute(delete(FormerMembership).where(FormerMembership.user_id == user.id))
    session.execute(
        update(Invitation)
        .where(
            Invitation.email_key == user.email_key, Invitation.status != InvitationStatus.PENDING
        )
        .values(email="", email_key=f"deleted:{user.id}")
        .execution_options(unrecorded=True, synchronize_session=False)
    )


def _get_self(session: Session, actor: Actor) -> User:
    user = take_person(session, actor.user_id or 0)
    if user is None or user.deleted_at is not None:
        raise NotFound("account")
    return user


def _check_password(password: str, *, words: Sequence[str]) -> None:
    passwords.check(password, words=words, minimum=settings().password_minimum)


def _count_attempt(session: Session, email_key: str, origin: str) -> int:
    waits = (
        throttles.hit(session, "sign-in to", email_key, throttles.SIGN_INS),
        throttles.hit(session, "sign-in from", origin, throttles.SIGN_INS),
    )
    if waits[0] and not throttles.hit(session, "lockout of", email_key, throttles.LOCKOUTS):
        lines.lock_out(session, email_key, origin)
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
    throttles.forget(session, "sign-in to", user.email_key, throttles.SIGN_INS)
    throttles.give_back(session, "sign-in from", origin, throttles.SIGN_INS)
    return True


def _key_of(typed: str) -> str:
    """Return by what an account is found; what is no address at all finds nobody's."""
    try:
        return fields.email_key(fields.email(typed))
    except fields.Unfit:
        return f"nobody:{keys.fingerprint(typed)}"
