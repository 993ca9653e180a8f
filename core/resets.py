"""Forgotten passwords: one mail, one link, twenty minutes.

The link proves the address as well: whoever signed up with somebody else's address is shut out by
it, and who was kept waiting for the proof gets in.
"""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from core import clock, fields, history, links, mail, persons, sessions, throttles
from core.errors import InvalidInput, NotFound
from core.models import Link, User
from core.permissions import Action, Actor, access_staff, take_person


def start(session: Session, _actor: Actor, email: str, *, origin: str) -> None:
    """Mail a link to choose a new password; nobody learns whether the address is known.

    Raises `InvalidInput(email)` for what is no address, and `TooManyAttempts`.
    """
    check = fields.Check()
    key = fields.email_key(check("email", fields.email, email) or "")
    check.done()
    throttles.ensure_none(throttles.hit(session, "resets from", origin, throttles.STRANGERS))
    if throttles.hit(session, "reset mails", key, throttles.MAILS):
        return
    user = persons.take(session, key)
    if user is not None and user.disabled_at is None:
        _send(session, user)


def send(session: Session, actor: Actor, user_id: int) -> User:
    """Mail somebody a link to choose a new password, for an administrator, who never sees it."""
    access_staff(session, actor, Action.MANAGE_PEOPLE)
    user = take_person(session, user_id)
    if user is None or user.deleted_at is not None:
        raise NotFound("account")
    if user.disabled_at is not None:
        raise InvalidInput({"account": "This account is disabled. Enable it, then send the link."})
    _send(session, user)
    history.record(session, actor, user.id, "account.reset_sent", user, always=True)
    return user


def find_words(session: Session, token: str) -> Sequence[str]:
    """Return what a password must not be made of, of whoever a link belongs to.

    Raises `LinkNotValid`; the link stays unused.
    """
    link = links.find(session, links.RESET, token)
    return persons.words_about(session, _ensure_whose(session.get(User, link.user_id), link))


def reset(session: Session, _nobody: Actor, token: str, password_hash: str) -> User:
    """Give a person a new password by a mailed link; it ends every session and every other link.

    Raises `LinkNotValid`.
    """
    link = links.find(session, links.RESET, token)
    user = _ensure_whose(take_person(session, link.user_id or 0), link)
    links.use(session, links.RESET, token)
    user.password_hash = password_hash
    user.password_epoch += 1
    user.proven_at = user.proven_at or clock.now()
    for kind in (links.RESET, links.PROVE):
        links.end(session, kind, user_id=user.id)
    sessions.end_all(session, user.id, "password reset")
    throttles.forget(session, "sign-in to", user.email_key, throttles.SIGN_INS)
    mail.enqueue(session, "password_changed", user.email, name=user.name)
    whose = Actor(user.id, user.name)
    history.record(session, whose, user.id, "account.password_reset", user)
    return user


def _ensure_whose(user: User | None, link: Link) -> User:
    if user is None or user.disabled_at is not None or user.email != link.email:
        raise links.refusal(links.RESET)
    return user


def _send(session: Session, user: User) -> None:
    link = links.make(session, links.RESET, user.email, links.RESETS_FOR, user_id=user.id)
    mail.enqueue(session, "reset_password", user.email, link={"page": "reset", **link})
