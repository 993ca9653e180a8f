"""Sign-up: a new account, usable once the mailed link has proven its address."""

from datetime import timedelta
from typing import Final

from sqlalchemy.orm import Session

from core import clock, fields, history, links, mail, persons, throttles
from core.errors import InvalidInput, LinkNotValid, SignUpClosed
from core.models import User
from core.permissions import Actor, take_person
from core.persons import NewAccount
from core.settings import settings

KIND: Final = "prove"
MAILS: Final = ((3, timedelta(hours=1)), (10, timedelta(days=1)))
"""How many mails one address is sent because somebody signs up with it."""


def sign_up(session: Session, actor: Actor, new: NewAccount) -> None:
    """Make an account that waits for its proof, and mail the link that proves it.

    The answer is the same whether the address is known: its owner hears of it by mail. Past `MAILS`
    nothing is made and nobody is told.
    """
    _ensure_welcome(new.email)
    key = fields.email_key(new.email)
    if throttles.hit(session, "sign-up mails", key, MAILS):
        return
    known = persons.find(session, key)
    if known is not None:
        mail.enqueue(session, "already_have_account", known.email, name=known.name)
        return
    user = persons.make(session, new, is_proven=False)
    link = links.make(session, KIND, user.email, links.PROVES_FOR, user_id=user.id)
    mail.enqueue(
        session, "prove_address", user.email, name=user.name, link={"page": "prove", **link}
    )
    history.record(session, actor, user.id, "account.created", user)


def find_waiting(session: Session, token: str) -> User:
    """Return whose address a link would prove; raises `LinkNotValid`."""
    link = links.find(session, KIND, token)
    return session.get_one(User, link.user_id)


def prove(session: Session, _nobody: Actor, token: str) -> User:
    """Make an account usable: whoever holds the link reads the mail of its address."""
    link = links.use(session, KIND, token)
    user = take_person(session, link.user_id or 0)
    if user is None or user.email != link.email:
        raise LinkNotValid("Sign up again to get a new one.")
    if user.proven_at is None:
        user.proven_at = clock.now()
        history.record(session, Actor(user.id, user.name), user.id, "account.proven", user)
    return user


def _ensure_welcome(email: str) -> None:
    if settings().sign_up == "closed":
        raise SignUpClosed
    domains = settings().sign_up_domains
    domain = fields.email_key(email).rpartition("@")[2]
    if domains and domain not in {fields.email_key(f"x@{each}")[2:] for each in domains}:
        raise InvalidInput(
            {"email": f"Use an address at {' or '.join(domains)}, or ask for an invitation."}
        )
