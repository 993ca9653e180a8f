"""Forgotten passwords: one mail, one link, twenty minutes."""

from datetime import timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import fields, history, links, mail, sessions, throttles
from core.errors import LinkNotValid, NotFound
from core.models import Link, User
from core.permissions import Action, Actor, access_staff, take_person

KIND: Final = "reset"
MAILS: Final = ((3, timedelta(hours=1)), (10, timedelta(days=1)))
"""How many mails one address is sent because somebody forgot its password."""


def start(session: Session, _actor: Actor, email: str) -> None:
    """Mail a link to choose a new password; nobody learns whether the address is known."""
    check = fields.Check()
    address = check("email", fields.email, email)
    check.done()
    key = fields.email_key(address)
    if throttles.hit(session, "reset mails", key, MAILS):
        return
    user = session.scalar(
        select(User).where(
            User.email_key == key, User.proven_at.is_not(None), User.disabled_at.is_(None)
        )
    )
    if user is not None:
        _send(session, user)


def send(session: Session, actor: Actor, user_id: int) -> User:
    """Mail somebody a link to choose a new password, for an administrator, who never sees it."""
    access_staff(session, actor, Action.MANAGE_PEOPLE)
    user = take_person(session, user_id)
    if user is None or user.deleted_at is not None:
        raise NotFound("account")
    _send(session, user)
    return user


def find_person(session: Session, token: str) -> User:
    """Return whose password a link would change; raises `LinkNotValid`. It stays unused."""
    return _get_person(session, links.find(session, KIND, token))


def reset(session: Session, _nobody: Actor, token: str, password_hash: str) -> User:
    """Give a person a new password by a mailed link; it ends every session and every other link."""
    link = links.use(session, KIND, token)
    user = take_person(session, _get_person(session, link).id)
    if user is None or user.disabled_at is not None:
        raise LinkNotValid("Ask for a new one under Forgot password.")
    user.password_hash = password_hash
    user.password_epoch += 1
    links.end(session, KIND, user_id=user.id)
    sessions.end_all(session, user.id, "password reset")
    mail.enqueue(session, "password_changed", user.email, name=user.name)
    himself = Actor(user.id, user.name)
    history.record(session, himself, user.id, "account.password_reset", user)
    return user


def _get_person(session: Session, link: Link) -> User:
    user = session.get(User, link.user_id) if link.user_id else None
    if user is None or user.deleted_at is not None or user.email != link.email:
        raise LinkNotValid("Ask for a new one under Forgot password.")
    return user


def _send(session: Session, user: User) -> None:
    link = links.make(session, KIND, user.email, links.RESETS_FOR, user_id=user.id)
    mail.enqueue(
        session, "reset_password", user.email, name=user.name, link={"page": "reset", **link}
    )
