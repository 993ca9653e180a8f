"""Sign-up: a new account, usable once the mailed link has proven its address."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import Actor, take_person
from core.accounts import email_links, passwords, user_rows
from core.accounts.user_rows import NewAccount
from core.audit import history
from core.base import clock, validation
from core.base.errors import InvalidInput, SignUpClosed
from core.base.settings import settings
from core.database import db
from core.mail import outbox
from core.models import User


def is_open() -> bool:
    """Return whether people may sign up on their own."""
    return settings().sign_up == "open"


def list_domains() -> Sequence[str]:
    """Return at which domains one must have an address to sign up; none for anywhere."""
    return settings().sign_up_domains


def sign_up(session: Session, actor: Actor, new: NewAccount) -> None:
    """Make an account that waits for its proof, and mail the link that proves it.

    The answer is the same whether the address is known: its owner hears of it by mail. Past
    `throttles.MAILS` nothing is made and nobody is told. Raises `SignUpClosed`, `InvalidInput`.
    """
    _ensure_welcome(new.email)
    key = validation.email_key(new.email)
    if throttling.hit(session, "sign-up mails", key, throttling.MAILS):
        return
    known = user_rows.take(session, key)
    if known is not None and known.proven_at is not None:
        outbox.enqueue(session, "already_have_account", known.email, name=known.name)
        return
    user = user_rows.make(session, new, is_proven=False)
    email_links.end(session, email_links.RESET, user_id=user.id)
    link = email_links.make(
        session, email_links.PROVE, user.email, email_links.PROVES_FOR, user_id=user.id
    )
    outbox.enqueue(session, "prove_address", user.email, link={"page": "prove", **link})
    history.record(session, actor, user.id, "account.created", user)


def find_waiting(session: Session, token: str) -> User:
    """Return whose address a link would prove; raises `LinkNotValid`."""
    return session.get_one(User, email_links.find(session, email_links.PROVE, token).user_id)


def ask_password(token: str, password: str) -> str:
    """Return what `prove` wants from who knows the password of the account that a link leads to.

    Whoever reads the mail may be somebody else than who signed up, with this address and a password
    of their own: only who has both gets the account. It hashes, so it opens its own transactions.
    Raises `LinkNotValid`, `InvalidInput(password)`, `TooManyAttempts`.
    """
    wait = db.run(throttling.hit, "proof of", token, throttling.SIGN_INS)
    throttling.ensure_none(wait)
    with db.read() as session:
        chosen = find_waiting(session, token).password_hash
    if not passwords.verify(chosen, password) or chosen is None:
        raise InvalidInput(
            {
                "password": "This is not the password that was chosen with this address. Type it "
                "again, or choose Forgot password below."
            }
        )
    return chosen


def prove(session: Session, _nobody: Actor, token: str, chosen: str) -> User:
    """Make an account usable for who read the mail and knows the password (`ask_password`)."""
    link = email_links.find(session, email_links.PROVE, token)
    user = take_person(session, link.user_id or 0)
    if user is None or user.disabled_at is not None or user.password_hash != chosen:
        raise email_links.refusal(email_links.PROVE)
    email_links.use(session, email_links.PROVE, token)
    if user.proven_at is None:
        user.proven_at = clock.now()
        history.record(session, Actor(user.id, user.name), user.id, "account.proven", user)
    return user


def _ensure_welcome(email: str) -> None:
    if not is_open():
        raise SignUpClosed
    domains = list_domains()
    domain = validation.email_key(email).rpartition("@")[2]
    if domains and domain not in {validation.email_key(f"x@{each}")[2:] for each in domains}:
        raise InvalidInput(
            {"email": f"Use an address at {' or '.join(domains)}, or ask for an invitation."}
        )
