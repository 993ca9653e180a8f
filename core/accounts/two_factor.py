"""Two-factor authentication: set it up, replace it, turn it off, and sign in with a code.

Staff roles take effect only with two-factor (`core.access.permissions`). A correct password starts
a challenge, which grants nothing; the session starts with the code.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, literal, select
from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import Action, Actor, access, lock_self, lock_user_or_none
from core.accounts import sessions, totp
from core.audit import history
from core.base import clock, crypto, logs
from core.base.errors import InvalidInput
from core.database import db
from core.mail import digests, outbox
from core.models import Challenge, Membership, Organization, Role, SecondFactor, Stage, User

CHALLENGE_TTL = timedelta(minutes=5)

_WRONG = (
    "That code isn't right or was already used. Wait for the next one, or enter a recovery code."
)
_TOO_LATE = "That took too long. Go back and enter your password again."


@dataclass(frozen=True)
class State:
    """A person's two-factor settings; `pending_secret` waits for its first code."""

    since: datetime | None
    codes_left: int
    pending_secret: str | None
    is_staff: bool


def get_state(session: Session, actor: Actor) -> State:
    """Return the actor's two-factor settings."""
    codes_left = totp.unused_recovery_codes(User.id)
    since, staff, stored, left = session.execute(
        select(User.two_factor_at, User.staff, SecondFactor.offered, codes_left)
        .outerjoin(SecondFactor, SecondFactor.user_id == User.id)
        .where(User.id == actor.user_id)
    ).one()
    secret = totp.decrypt(stored, actor.user_id or 0)
    return State(since, left, secret, staff is not None)


def begin_setup(session: Session, actor: Actor, secret: str) -> User:
    """Store a secret for the actor's authenticator app; `confirm_setup` activates it."""
    user = lock_self(session, actor)
    totp.store_pending(session, user.id, secret)
    return user


def cancel_setup(session: Session, actor: Actor) -> None:
    """Discard the actor's pending secret; an active one keeps working."""
    totp.discard_pending(session, lock_self(session, actor).id)


def confirm_setup(
    session: Session, actor: Actor, code: str, recovery_codes: Sequence[str], *, session_id: int
) -> User:
    """Activate the pending secret, with new recovery codes.

    Ends all sessions but `session_id`, because they may have started without a code. Raises
    `InvalidInput(code)`.
    """
    user = lock_self(session, actor)
    if not totp.activate_pending(session, user.id, code):
        raise InvalidInput({"code": "That code isn't right. Enter the one your app shows now."})
    is_new = user.two_factor_at is None
    user.two_factor_at = clock.now()
    user.password_epoch += 1
    session.flush()  # keep_only reads the new epoch
    sessions.keep_only(session, user.id, session_id, "two-factor set up")
    totp.replace_recovery_codes(session, user.id, recovery_codes)
    _notify(session, user, "turned on" if is_new else "replaced")
    event = "account.two_factor_on" if is_new else "account.two_factor_replaced"
    history.record(session, actor, user.id, event, user)
    return user


def replace_recovery_codes(session: Session, actor: Actor, codes: Sequence[str]) -> User:
    """Replace the actor's recovery codes; raises `InvalidInput` without two-factor."""
    user = lock_self(session, actor)
    if user.two_factor_at is None:
        raise InvalidInput({"two_factor": "Set up two-factor first."})
    totp.replace_recovery_codes(session, user.id, codes)
    _notify(session, user, "recovery codes replaced")
    history.record(session, actor, user.id, "account.recovery_codes_made", user, always=True)
    return user


def turn_off(session: Session, actor: Actor) -> User:
    """Turn the actor's two-factor off, after the page has verified the password.

    Raises `InvalidInput` for staff and for owners of organizations in production.
    """
    owned = [
        access(session, actor, org_id, Action.VIEW) for org_id in _list_owned_ids(session, actor)
    ]
    user = lock_self(session, actor)
    if user.staff is not None:
        reason = "Staff must use two-factor. Replace your device instead of turning it off."
        raise InvalidInput({"two_factor": reason})
    live = [org.name for org in owned if org.stage is Stage.PRODUCTION]
    if live:
        reason = (
            f"{live[0]} is in production, so its owners need two-factor. Replace your device "
            "instead, or hand over ownership first."
        )
        raise InvalidInput({"two_factor": reason})
    if user.two_factor_at is None:
        return user
    totp.remove(session, user)
    _notify(session, user, "turned off")
    history.record(session, actor, user.id, "account.two_factor_off", user)
    return user


def begin_challenge(
    session: Session, user_id: int, connection: str, *, epoch: int | None = None
) -> None:
    """Record for five minutes that this connection has verified the password of `epoch`."""
    cancel_challenge(session, connection)
    if epoch is None:
        epoch = session.scalars(select(User.password_epoch).where(User.id == user_id)).one()
    session.add(
        Challenge(
            user_id=user_id,
            connection_hash=crypto.fingerprint(connection),
            password_epoch=epoch,
            created_at=clock.now(),
        )
    )


def cancel_challenge(session: Session, connection: str) -> None:
    """Delete the challenge of this connection."""
    is_its = Challenge.connection_hash == crypto.fingerprint(connection)
    session.execute(delete(Challenge).where(is_its))


def find_challenged_user_id(session: Session, connection: str) -> int | None:
    """Return the user whose code this connection has to provide, or None."""
    return session.scalar(
        select(Challenge.user_id)
        .join(User, User.id == Challenge.user_id)
        .where(
            Challenge.connection_hash == crypto.fingerprint(connection),
            Challenge.created_at > clock.now() - CHALLENGE_TTL,
            Challenge.password_epoch == User.password_epoch,
            User.two_factor_at.is_not(None),
            User.disabled_at.is_(None),
            User.deleted_at.is_(None),
        )
    )


def complete_challenge(
    connection: str, typed: str, ticket: str, *, device: str, ip_address: str
) -> None:
    """Start a session for the challenged user of a connection if the code is right.

    Counts the attempt before checking the code, so it opens its own transactions. Raises
    `InvalidInput(code)`, `TooManyAttempts`.
    """
    with db.read() as session:
        user_id = find_challenged_user_id(session, connection)
    if user_id is None:
        raise InvalidInput({"code": _TOO_LATE})
    throttling.ensure_allowed(db.run(_count_attempt, user_id, ip_address))
    try:
        db.run(_complete_challenge, connection, typed, ticket, device=device, ip_address=ip_address)
    except InvalidInput:
        logs.security("login.code_failed", person=user_id, origin=ip_address)
        raise


def _complete_challenge(
    session: Session, connection: str, typed: str, ticket: str, *, device: str, ip_address: str
) -> None:
    user = lock_user_or_none(session, find_challenged_user_id(session, connection) or 0)
    if user is None or find_challenged_user_id(session, connection) != user.id:
        raise InvalidInput({"code": _TOO_LATE})
    if not totp.redeem_code(session, user.id, typed):
        _redeem_recovery_code(session, user, typed)
    cancel_challenge(session, connection)
    own, shared = _counters_of(user.id, ip_address)
    throttling.succeed(session, own, shared=[shared])
    sessions.start(
        session, user.id, ticket, device=device, ip_address=ip_address, second_factor=True
    )


def _redeem_recovery_code(session: Session, user: User, typed: str) -> None:
    if not totp.redeem_recovery_code(session, user.id, typed):
        raise InvalidInput({"code": _WRONG})
    left = session.scalar(select(totp.unused_recovery_codes(literal(user.id))))
    _notify(session, user, "recovery code used", f"Recovery codes left: {left}.")
    person = Actor(user.id, user.name)
    history.record(session, person, user.id, "account.recovery_code_used", user, always=True)


def _counters_of(user_id: int, ip_address: str) -> tuple[throttling.Attempt, throttling.Attempt]:
    """Return the counter of the account, and the one that others behind an IP address share.

    Only those who know the password get as far as a code, so an account has one counter for all.
    """
    return (
        throttling.Attempt("codes of", str(user_id), throttling.SECRETS),
        throttling.Attempt("codes from", ip_address, throttling.FROM_ONE_ORIGIN),
    )


def _count_attempt(session: Session, user_id: int, ip_address: str) -> int:
    """Count an attempt; after too many, warn the owner of the account: the password is known."""
    wait = throttling.attempt(session, *_counters_of(user_id, ip_address))
    if wait.length and not throttling.hit(
        session, "code lockout of", str(user_id), throttling.LOCKOUTS
    ):
        user = session.get_one(User, user_id)
        outbox.enqueue(session, "codes_tried", user.email, name=user.name, place=ip_address)
        digests.add_lockout(session, user.email_key, ip_address)
    return wait.minutes


def _list_owned_ids(session: Session, actor: Actor) -> Sequence[int]:
    return session.scalars(
        select(Membership.org_id)
        .join(Organization, Organization.id == Membership.org_id)
        .where(
            Membership.user_id == actor.user_id,
            Membership.role == Role.OWNER,
            Organization.deleted_at.is_(None),
        )
        .order_by(Membership.org_id)
    ).all()


def _notify(session: Session, user: User, what: str, detail: str = "") -> None:
    outbox.enqueue(
        session, "two_factor_changed", user.email, name=user.name, what=what, detail=detail
    )
