"""Registration: open sign-up with a confirmed address, the first administrator, and others."""

import hmac
import secrets
from base64 import b32encode
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import Actor, lock_staff_roles, lock_user_or_none
from core.accounts import email_links, passwords, user_rows
from core.accounts.user_rows import NewAccount
from core.audit import history
from core.base import clock, crypto, validation
from core.base.errors import InvalidInput, SignUpClosed
from core.base.settings import settings
from core.database import change_tracking, db
from core.mail import outbox
from core.models import Staff, User


def is_sign_up_open() -> bool:
    """Return whether people may sign up without an invitation."""
    return settings().sign_up == "open"


def list_sign_up_domains() -> Sequence[str]:
    """Return the email domains that may sign up; empty if any may."""
    return settings().sign_up_domains


def sign_up(session: Session, actor: Actor, new: NewAccount) -> None:
    """Create an unconfirmed account and mail the link that confirms its address.

    The result does not reveal whether the address has an account: its owner is mailed instead,
    after the same work. Past `throttling.MAILS` nothing happens. Raises `SignUpClosed`,
    `InvalidInput(email)`.
    """
    _ensure_may_sign_up(new.email)
    key = validation.email_key(new.email)
    if throttling.hit(session, "sign-up mails", key, throttling.MAILS):
        return
    user = user_rows.lock_by_email(session, key)
    known = user if user is not None and user.proven_at is not None else None
    waiting, account = user, new
    if known is not None:  # the same work for an account that is not kept, so that it takes as long
        waiting, account = None, replace(new, email=f"{secrets.token_hex(16)}@example.invalid")
    with change_tracking.savepoint(session, keeps=known is None):
        link = _create_unconfirmed(session, actor, waiting, account)
    if known is None:
        outbox.enqueue(session, "prove_address", new.email, link={"page": "prove", **link})
    else:  # only the owner of the address may know
        outbox.enqueue(session, "already_have_account", known.email, name=known.name)


def _create_unconfirmed(
    session: Session, actor: Actor, waiting: User | None, new: NewAccount
) -> dict[str, str]:
    """Create an account, or overwrite one that waits, and return the link that confirms it."""
    user = user_rows.put(session, waiting, new, is_confirmed=False)
    email_links.revoke(session, email_links.RESET, user_id=user.id)
    kind, ttl = email_links.CONFIRM, email_links.CONFIRM_TTL
    link = email_links.create(session, kind, user.email, ttl, user_id=user.id)
    history.record(session, actor, user.id, "account.created", user)
    return link


def get_unconfirmed(session: Session, token: str) -> User:
    """Return the account whose address a link confirms; raises `LinkNotValid`."""
    return session.get_one(User, email_links.get(session, email_links.CONFIRM, token).user_id)


def verify_password(token: str, password: str) -> str:
    """Return the password hash of the account that a link confirms, after verifying the password.

    Anyone can sign up with someone else's address, so the reader of the mail may not be the person
    who signed up: only someone with both the mail and the password gets the account. Hashes, so it
    opens its own transactions. Raises `LinkNotValid`, `InvalidInput(password)`, `TooManyAttempts`.
    """
    attempt = throttling.Attempt("confirmation of", token, throttling.SECRETS)
    throttling.ensure_allowed(db.run(throttling.attempt, attempt).minutes)
    with db.read() as session:
        password_hash = get_unconfirmed(session, token).password_hash
    if not passwords.verify(password_hash, password) or password_hash is None:
        raise InvalidInput(
            {
                "password": "That isn't the password you signed up with. Try again, or choose "
                "Forgot password below."
            }
        )
    return password_hash


def confirm_address(session: Session, _nobody: Actor, token: str, password_hash: str) -> User:
    """Confirm the address of an account, given the hash that `verify_password` returned.

    Raises `LinkNotValid`, also when the password has changed since.
    """
    link = email_links.get(session, email_links.CONFIRM, token)
    user = lock_user_or_none(session, link.user_id or 0)
    if user is None or user.disabled_at is not None or user.password_hash != password_hash:
        raise email_links.not_valid(email_links.CONFIRM)
    email_links.redeem(session, email_links.CONFIRM, token)
    if user.proven_at is None:
        user.proven_at = clock.now()
        history.record(session, Actor(user.id, user.name), user.id, "account.proven", user)
    return user


def is_setup_open(session: Session) -> bool:
    """Return whether no account exists yet."""
    return session.scalar(select(User.id).limit(1)) is None


def setup_code() -> str:
    """Return the code that lets someone create the first administrator: `XXXX-XXXX-XXXX`."""
    letters = b32encode(crypto.derive("setup")).decode()[:12]
    return "-".join(letters[start : start + 4] for start in range(0, 12, 4))


def verify_setup_code(code: str, *, origin: str) -> None:
    """Compare a setup code before anything slow is done for a stranger, and count the attempt.

    Raises `InvalidInput(code)`, `TooManyAttempts`.
    """
    if not code.strip():
        raise InvalidInput({"code": "Enter the setup code. You'll find it in the server log."})
    attempts = (
        throttling.Attempt("setup code from", origin, throttling.SECRETS),
        throttling.Attempt("setup code", "", throttling.TO_ONE_ACCOUNT),
    )
    throttling.ensure_allowed(db.run(throttling.attempt, *attempts).minutes)
    _ensure_setup_code(code)
    db.run(throttling.succeed, *attempts)


def set_up(session: Session, _nobody: Actor, code: str, new: NewAccount) -> User:
    """Create the first administrator; raises `InvalidInput(code)`."""
    lock_staff_roles(session)
    if not is_setup_open(session):
        raise InvalidInput({"code": "Orgdesk is already set up. Log in instead."})
    _ensure_setup_code(code)
    return _create_administrator(session, None, new)


def _ensure_setup_code(code: str) -> None:
    typed = validation.code(code)
    expected = setup_code().replace("-", "")
    if not hmac.compare_digest(typed.encode("utf-8", "replace"), expected.encode()):
        raise InvalidInput({"code": "That code isn't right. You'll find it in the server log."})


def create_administrator(session: Session, actor: Actor, new: NewAccount) -> User:
    """Create another administrator from the command line; raises `InvalidInput(email)`."""
    lock_staff_roles(session)
    return _create_administrator(session, actor, new)


def _create_administrator(session: Session, actor: Actor | None, new: NewAccount) -> User:
    user = user_rows.create(session, new, is_confirmed=True)
    user.staff = Staff.ADMINISTRATOR
    by = actor or Actor(user.id, user.name)
    history.record(session, by, user.id, "account.created", user)
    return user


def _ensure_may_sign_up(email: str) -> None:
    if not is_sign_up_open():
        raise SignUpClosed
    domains = list_sign_up_domains()
    domain = validation.email_key(email).rpartition("@")[2]
    if domains and domain not in {validation.email_key(f"x@{each}")[2:] for each in domains}:
        raise InvalidInput(
            {"email": f"Use an address at {' or '.join(domains)}, or ask for an invitation."}
        )
