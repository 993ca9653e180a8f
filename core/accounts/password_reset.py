"""Password reset: mail a link that works once, for 20 minutes, and set a new password with it.

Resetting the password also confirms the address. This shuts out anyone who signed up with someone
else's address, because their password is replaced.
"""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import Action, Actor, access_staff, lock_user, lock_user_or_none
from core.accounts import email_links, sessions, user_rows
from core.audit import history
from core.base import clock, validation
from core.base.errors import InvalidInput
from core.database import change_tracking
from core.mail import messages, outbox
from core.models import Link, User


def request_link(session: Session, _actor: Actor, email: str, *, origin: str) -> None:
    """Mail a link to choose a new password, if the address has an account.

    The result does not reveal whether it has one. Raises `InvalidInput(email)`, `TooManyAttempts`.
    """
    check = validation.Check()
    key = validation.email_key(check("email", validation.email, email) or "")
    check.done()
    throttling.ensure_allowed(throttling.hit(session, "resets from", origin, throttling.STRANGERS))
    if throttling.hit(session, "reset mails", key, throttling.MAILS):
        return
    user = user_rows.lock_by_email(session, key)
    known = user if user is not None and user.disabled_at is None else None
    with change_tracking.savepoint(session, keeps=known is not None):
        if known is not None:
            _send(session, known.email, known.id)
        else:  # the same work, so that it takes as long
            _send(session, email, None)


def send_link(session: Session, actor: Actor, user_id: int) -> User:
    """Mail a person a link to choose a new password, as an administrator.

    Raises `InvalidInput(account)` for a disabled account.
    """
    access_staff(session, actor, Action.MANAGE_PEOPLE)
    user = lock_user(session, user_id)
    _ensure_enabled(user)
    _send(session, user.email, user.id)
    history.record(session, actor, user.id, "account.reset_sent", user, always=True)
    return user


def make_link(session: Session, actor: Actor, email: str) -> str:
    """Return the address of a new link for whoever runs the server to pass on; nothing is mailed.

    Raises `InvalidInput(email)` if the address has no account, or a disabled one.
    """
    access_staff(session, actor, Action.MANAGE_PEOPLE)
    user = user_rows.lock_by_email(session, validation.email_key(email))
    if user is None:
        raise InvalidInput({"email": f"There is no account with the email {email}."})
    _ensure_enabled(user)
    history.record(session, actor, user.id, "account.reset_link_made", user, always=True)
    return messages.link_address(_make(session, user.email, user.id))


def list_guessable_words(session: Session, token: str) -> Sequence[str]:
    """Return the words that make a new password of a link's owner easy to guess.

    Does not use the link. Raises `LinkNotValid`.
    """
    link = email_links.get(session, email_links.RESET, token)
    user = _ensure_valid(session.get(User, link.user_id), link)
    return user_rows.list_guessable_words(session, user.id)


def reset(session: Session, _nobody: Actor, token: str, password_hash: str) -> User:
    """Set a new password with a mailed link, ending all sessions and other links of the person.

    Raises `LinkNotValid`.
    """
    link = email_links.get(session, email_links.RESET, token)
    user = _ensure_valid(lock_user_or_none(session, link.user_id or 0), link)
    email_links.redeem(session, email_links.RESET, token)
    user.password_hash = password_hash
    user.password_epoch += 1
    user.proven_at = user.proven_at or clock.now()
    for kind in (email_links.RESET, email_links.CONFIRM):
        email_links.revoke(session, kind, user_id=user.id)
    sessions.end_all(session, user.id, "password reset")
    throttling.succeed(
        session, throttling.Attempt("login to", user.email_key, throttling.TO_ONE_ACCOUNT)
    )
    outbox.enqueue(session, "password_changed", user.email, name=user.name)
    person = Actor(user.id, user.name)
    history.record(session, person, user.id, "account.password_reset", user)
    return user


def _ensure_valid(user: User | None, link: Link) -> User:
    if user is None or user.disabled_at is not None or user.email != link.email:
        raise email_links.not_valid(email_links.RESET)
    return user


def _ensure_enabled(user: User) -> None:
    if user.disabled_at is not None:
        raise InvalidInput({"account": "This account is disabled. Enable it first."})


def _send(session: Session, email: str, user_id: int | None) -> None:
    link = _make(session, email, user_id)
    outbox.enqueue(session, "reset_password", email, link=link)


def _make(session: Session, email: str, user_id: int | None) -> dict[str, str]:
    kind, ttl = email_links.RESET, email_links.RESET_TTL
    return {"page": "reset", **email_links.create(session, kind, email, ttl, user_id=user_id)}
