"""Sign-up: a new account, usable once the mailed link has proven its address."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from core import clock, db, fields, history, links, mail, passwords, persons, throttles
from core.errors import InvalidInput, SignUpClosed
from core.models import User
from core.permissions import Actor, take_person
from core.persons import NewAccount
from core.settings import settings


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
    key = fields.email_key(new.email)
    if throttles.hit(session, "sign-up mails", key, throttles.MAILS):
        return
    known = persons.take(session, key)
    if known is not None and known.proven_at is not None:
        mail.enqueue(session, "already_have_account", known.email, name=known.name)
        return
    user = persons.make(session, new, is_proven=False)
    links.end(session, links.RESET, user_id=user.id)
    link = links.make(session, links.PROVE, user.email, links.PROVES_FOR, user_id=user.id)
    mail.enqueue(session, "prove_address", user.email, link={"page": "prove", **link})
    history.record(session, actor, user.id, "account.created", user)


def find_waiting(session: Session, token: str) -> User:
    """Return whose address a link would prove; raises `LinkNotValid`."""
    return session.get_one(User, links.find(session, links.PROVE, token).user_id)


def ask_password(token: str, password: str) -> str:
    """Return what `prove` wants from who knows the password of the account that a link leads to.

    Whoever reads the mail may be somebody else than who signed up, with this address and a password
    of their own: only who has both gets the account. It hashes, so it opens its own transactions.
    Raises `LinkNotValid`, `InvalidInput(password)`, `TooManyAttempts`.
    """
    wait = db.run(throttles.hit, "proof of", token, throttles.SIGN_INS)
    throttles.ensure_none(wait)
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
    link = links.find(session, links.PROVE, token)
    user = take_person(session, link.user_id or 0)
    if user is None or user.disabled_at is not None or user.password_hash != chosen:
        raise links.refusal(links.PROVE)
    links.use(session, links.PROVE, token)
    if user.proven_at is None:
        user.proven_at = clock.now()
        history.record(session, Actor(user.id, user.name), user.id, "account.proven", user)
    return user


def _ensure_welcome(email: str) -> None:
    if not is_open():
        raise SignUpClosed
    domains = list_domains()
    domain = fields.email_key(email).rpartition("@")[2]
    if domains and domain not in {fields.email_key(f"x@{each}")[2:] for each in domains}:
        raise InvalidInput(
            {"email": f"Use an address at {' or '.join(domains)}, or ask for an invitation."}
        )
