"""Two-factor: a code of an authenticator app is asked besides the password.

Staff must have it: what their role allows counts from then on (`core.access.permissions`). A right
password leads to a challenge, which is nobody's identity; the session begins with the code.
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

CHALLENGES_LAST = timedelta(minutes=5)

_WRONG = (
    "This is not the code, or it was used already. "
    "Wait for the next one, or type one of your recovery codes."
)
_TOO_LATE = "That took too long. Start over with your password."


@dataclass(frozen=True)
class State:
    """How it stands with somebody's two-factor: `is_staff` must have it."""

    since: datetime | None
    codes_left: int
    offered: str | None
    is_staff: bool


def state(session: Session, actor: Actor) -> State:
    """Return how it stands with the actor's two-factor; `offered` waits for its first code."""
    left = totp.counted_recovery_codes(User.id)
    since, staff, offered, codes_left = session.execute(
        select(User.two_factor_at, User.staff, SecondFactor.offered, left)
        .outerjoin(SecondFactor, SecondFactor.user_id == User.id)
        .where(User.id == actor.user_id)
    ).one()
    secret = totp.read(offered, actor.user_id or 0)
    return State(since, codes_left, secret, staff is not None)


def begin(session: Session, actor: Actor, secret: str) -> User:
    """Offer the actor a secret for the authenticator app; it counts once `confirm` has a code."""
    user = lock_self(session, actor)
    totp.offer(session, user.id, secret)
    return user


def cancel(session: Session, actor: Actor) -> None:
    """Withdraw the secret that waits for its first code; the one before goes on."""
    totp.withdraw_offer(session, lock_self(session, actor).id)


def confirm(
    session: Session, actor: Actor, code: str, recovery_codes: Sequence[str], *, here_id: int
) -> User:
    """Let the offered secret count from now on, with new recovery codes.

    Every other session ends, since it may have begun without a code; `here_id` stays. Raises
    `InvalidInput(code)`.
    """
    user = lock_self(session, actor)
    if not totp.accept_offered(session, user.id, code):
        raise InvalidInput({"code": "This is not the code that the app shows now. Try the next."})
    is_new = user.two_factor_at is None
    user.two_factor_at = clock.now()
    user.password_epoch += 1
    session.flush()  # the session that stays follows it
    sessions.keep_only(session, user.id, here_id, "two-factor set up")
    totp.keep_recovery_codes(session, user.id, recovery_codes)
    _notify(session, user, "turned on" if is_new else "replaced")
    event = "account.two_factor_on" if is_new else "account.two_factor_replaced"
    history.record(session, actor, user.id, event, user)
    return user


def make_recovery_codes(session: Session, actor: Actor, codes: Sequence[str]) -> User:
    """Give the actor new recovery codes; the ones before stop working."""
    user = lock_self(session, actor)
    if user.two_factor_at is None:
        raise InvalidInput({"two_factor": "Set up two-factor first."})
    totp.keep_recovery_codes(session, user.id, codes)
    _notify(session, user, "recovery codes replaced")
    history.record(session, actor, user.id, "account.recovery_codes_made", user, always=True)
    return user


def turn_off(session: Session, actor: Actor) -> User:
    """Let the password alone be enough again; the page has asked for it before.

    Raises `InvalidInput` for staff, and for owners of what is in production.
    """
    owned = [access(session, actor, org_id, Action.VIEW) for org_id in _list_owned(session, actor)]
    user = lock_self(session, actor)
    if user.staff is not None:
        reason = "Staff signs in with two-factor. Replace the device instead of turning it off."
        raise InvalidInput({"two_factor": reason})
    live = [org.name for org in owned if org.stage is Stage.PRODUCTION]
    if live:
        reason = (
            f"{live[0]} is in production, where every owner has two-factor. Replace the device "
            "instead, or hand over your ownership first."
        )
        raise InvalidInput({"two_factor": reason})
    if user.two_factor_at is None:
        return user
    totp.forget(session, user)
    _notify(session, user, "turned off")
    history.record(session, actor, user.id, "account.two_factor_off", user)
    return user


def ask(session: Session, user_id: int, connection: str, *, epoch: int | None = None) -> None:
    """Remember for some minutes that in this connection the password of an `epoch` was right."""
    start_over(session, connection)
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


def start_over(session: Session, connection: str) -> None:
    """Forget that the password was right in this connection."""
    here = Challenge.connection_hash == crypto.fingerprint(connection)
    session.execute(delete(Challenge).where(here))


def find_asked(session: Session, connection: str) -> int | None:
    """Return the id of whose code this connection waits for; it proves nothing yet."""
    return session.scalar(
        select(Challenge.user_id)
        .join(User, User.id == Challenge.user_id)
        .where(
            Challenge.connection_hash == crypto.fingerprint(connection),
            Challenge.created_at > clock.now() - CHALLENGES_LAST,
            Challenge.password_epoch == User.password_epoch,
            User.two_factor_at.is_not(None),
            User.disabled_at.is_(None),
            User.deleted_at.is_(None),
        )
    )


def answer(connection: str, typed: str, ticket: str, *, device: str, place: str) -> None:
    """Begin a session that the ticket opens, if this is a code of whom the connection waits for.

    The attempt counts before the code is looked at, so it opens its own transactions. Raises
    `InvalidInput(code)` and `TooManyAttempts`.
    """
    with db.read() as session:
        user_id = find_asked(session, connection)
    if user_id is None:
        raise InvalidInput({"code": _TOO_LATE})
    throttling.ensure_none(db.run(_count_attempt, user_id, place))
    try:
        db.run(_answer, connection, typed, ticket, device=device, place=place)
    except InvalidInput:
        logs.security("login.code_failed", person=user_id, origin=place)
        raise


def _answer(
    session: Session, connection: str, typed: str, ticket: str, *, device: str, place: str
) -> None:
    user = lock_user_or_none(session, find_asked(session, connection) or 0)
    if user is None or find_asked(session, connection) != user.id:
        raise InvalidInput({"code": _TOO_LATE})
    if not totp.take_code(session, user.id, typed):
        _take_recovery_code(session, user, typed)
    start_over(session, connection)
    throttling.forget(session, "codes of", str(user.id), throttling.SIGN_INS)
    throttling.give_back(session, "codes from", place, throttling.SIGN_INS)
    sessions.start(session, user.id, ticket, device=device, place=place, second_factor=True)


def _take_recovery_code(session: Session, user: User, typed: str) -> None:
    if not totp.take_recovery_code(session, user.id, typed):
        raise InvalidInput({"code": _WRONG})
    left = session.scalar(select(totp.counted_recovery_codes(literal(user.id))))
    _notify(session, user, "recovery code used", f"Recovery codes left: {left}.")
    whose = Actor(user.id, user.name)
    history.record(session, whose, user.id, "account.recovery_code_used", user, always=True)


def _count_attempt(session: Session, user_id: int, place: str) -> int:
    """Count an attempt; whoever makes too many knows the password, so its owner is told."""
    whose = str(user_id)
    waits = (
        throttling.hit(session, "codes of", whose, throttling.SIGN_INS),
        throttling.hit(session, "codes from", place, throttling.SIGN_INS),
    )
    if waits[0] and not throttling.hit(session, "code lockout of", whose, throttling.LOCKOUTS):
        user = session.get_one(User, user_id)
        outbox.enqueue(session, "codes_tried", user.email, name=user.name, place=place)
        digests.add_lockout(session, user.email_key, place)
    return max(waits)


def _list_owned(session: Session, actor: Actor) -> Sequence[int]:
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
