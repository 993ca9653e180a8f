"""Forgotten passwords: one mail, one link, twenty minutes.

The link proves the address as well: whoever signed up with somebody else's address is shut out by
it, and who was kept waiting for the proof gets in.
"""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import Action, Actor, access_staff, lock_user, lock_user_or_none
from core.accounts import email_links, sessions, user_rows
from core.audit import history
from core.base import clock, validation
from core.base.errors import InvalidInput
from core.mail import outbox
from core.models import Link, User


def start(session: Session, _actor: Actor, email: str, *, origin: str) -> None:
    """Mail a link to choose a new password; nobody learns whether the address is known.

    Raises `InvalidInput(email)` for what is no address, and `TooManyAttempts`.
    """
    check = validation.Check()
    key = validation.email_key(check("email", validation.email, email) or "")
    check.done()
    throttling.ensure_none(throttling.hit(session, "resets from", origin, throttling.STRANGERS))
    if throttling.hit(session, "reset mails", key, throttling.MAILS):
        return
    user = user_rows.take(session, key)
    if user is not None and user.disabled_at is None:
        _send(session, user)


def send(session: Session, actor: Actor, user_id: int) -> User:
    """Mail somebody a link to choose a new password, for an administrator, who never sees it."""
    access_staff(session, actor, Action.MANAGE_PEOPLE)
    user = lock_user(session, user_id)
    if user.disabled_at is not None:
        raise InvalidInput({"account": "This account is disabled. Enable it, then send the link."})
    _send(session, user)
    history.record(session, actor, user.id, "account.reset_sent", user, always=True)
    return user


def find_words(session: Session, token: str) -> Sequence[str]:
    """Return what a password must not be made of, of whoever a link belongs to.

    Raises `LinkNotValid`; the link stays unused.
    """
    link = email_links.find(session, email_links.RESET, token)
    return user_rows.words_about(session, _ensure_whose(session.get(User, link.user_id), link))


def reset(session: Session, _nobody: Actor, token: str, password_hash: str) -> User:
    """Give a person a new password by a mailed link; it ends every session and every other link.

    Raises `LinkNotValid`.
    """
    link = email_links.find(session, email_links.RESET, token)
    user = _ensure_whose(lock_user_or_none(session, link.user_id or 0), link)
    email_links.use(session, email_links.RESET, token)
    user.password_hash = password_hash
    user.password_epoch += 1
    user.proven_at = user.proven_at or clock.now()
    for kind in (email_links.RESET, email_links.PROVE):
        email_links.end(session, kind, user_id=user.id)
    sessions.end_all(session, user.id, "password reset")
    throttling.forget(session, "sign-in to", user.email_key, throttling.SIGN_INS)
    outbox.enqueue(session, "password_changed", user.email, name=user.name)
    whose = Actor(user.id, user.name)
    history.record(session, whose, user.id, "account.password_reset", user)
    return user


def _ensure_whose(user: User | None, link: Link) -> User:
    if user is None or user.disabled_at is not None or user.email != link.email:
        raise email_links.refusal(email_links.RESET)
    return user


def _send(session: Session, user: User) -> None:
    link = email_links.make(
        session, email_links.RESET, user.email, email_links.RESETS_FOR, user_id=user.id
    )
    outbox.enqueue(session, "reset_password", user.email, link={"page": "reset", **link})
