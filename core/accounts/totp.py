"""Rows of second factors: what an authenticator app shares with us, and recovery codes.

A code is made of the shared secret and the half minute (RFC 6238); it is taken once, and half a
minute early or late at most. The person's row must be held by whoever takes one.
"""

import hmac
import logging
import secrets
from base64 import b32encode
from collections.abc import Sequence
from typing import Final

import pyotp
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import ScalarSelect, SQLColumnExpression, delete, func, select, update
from sqlalchemy.orm import Session

from core.base import clock, crypto
from core.models import Challenge, RecoveryCode, SecondFactor, User

RECOVERY_CODES: Final = 10
ISSUER: Final = "Orgdesk"
"""How authenticator apps call us."""
_DRIFT: Final = 1
"""How many half minutes the clock of a phone may be off."""
_DIGITS: Final = 6
_PURPOSE: Final = "two-factor"

log = logging.getLogger(__name__)


def new_secret() -> str:
    """Return 160 random bits as authenticator apps take them: 32 letters and digits."""
    return b32encode(secrets.token_bytes(20)).decode()


def new_recovery_codes() -> list[str]:
    """Return ten codes of 60 random bits: three groups of four letters and digits."""
    return [_spell(secrets.token_bytes(8)) for _ in range(RECOVERY_CODES)]


def address(secret: str, email: str) -> str:
    """Return what a QR code for an authenticator app says: an `otpauth` address."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def in_groups(secret: str) -> str:
    """Return a secret as one types it: in groups of four."""
    return " ".join(secret[place : place + 4] for place in range(0, len(secret), 4))


def offer(session: Session, user_id: int, secret: str) -> None:
    """Keep a new secret, which counts from the first code on that is made with it."""
    row = session.get(SecondFactor, user_id, populate_existing=True)
    if row is None:
        row = SecondFactor(user_id=user_id, last_step=0)
        session.add(row)
    row.offered = crypto.encrypt(_PURPOSE, secret, whose=str(user_id))


def withdraw_offer(session: Session, user_id: int) -> None:
    """Forget the secret that waits for its first code."""
    offered = update(SecondFactor).where(SecondFactor.user_id == user_id)
    session.execute(offered.values(offered=None))


def accept_offered(session: Session, user_id: int, typed: str) -> bool:
    """Let the offered secret count if this is a code of it, in place of the one before."""
    row = session.get(SecondFactor, user_id, populate_existing=True)
    step = _find_step(read(row.offered, user_id), typed) if row is not None else None
    if row is None or step is None:
        return False
    row.secret, row.offered, row.last_step = row.offered, None, step
    return True


def take_code(session: Session, user_id: int, typed: str) -> bool:
    """Take a code of the authenticator app; False for a wrong one and for one taken before."""
    kept = session.scalar(select(SecondFactor.secret).where(SecondFactor.user_id == user_id))
    step = _find_step(read(kept, user_id), typed)
    if step is None:
        return False
    taken = session.scalar(
        update(SecondFactor)
        .where(SecondFactor.user_id == user_id, SecondFactor.last_step < step)
        .values(last_step=step)
        .returning(SecondFactor.user_id)
    )
    return taken is not None


def take_recovery_code(session: Session, user_id: int, typed: str) -> bool:
    """Take a recovery code; False for a wrong one and for one taken before."""
    taken = session.scalar(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user_id,
            RecoveryCode.code_hash == _hash(user_id, typed),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=clock.now())
        .returning(RecoveryCode.id)
    )
    return taken is not None


def keep_recovery_codes(session: Session, user_id: int, codes: Sequence[str]) -> None:
    """Keep new recovery codes, hashed; the ones before stop working."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    rows = [RecoveryCode(user_id=user_id, code_hash=_hash(user_id, code)) for code in codes]
    session.add_all(rows)


def counted_recovery_codes(user_id: SQLColumnExpression[int]) -> ScalarSelect[int]:
    """Return in SQL how many recovery codes somebody has left."""
    left = RecoveryCode.used_at.is_(None)
    return select(func.count()).where(RecoveryCode.user_id == user_id, left).scalar_subquery()


def forget(session: Session, user: User) -> None:
    """Forget a person's secret, recovery codes, and sign-ins that wait for a code."""
    user.two_factor_at = None
    for kind in (SecondFactor, RecoveryCode, Challenge):
        session.execute(delete(kind).where(kind.user_id == user.id))


def _find_step(secret: str | None, typed: str) -> int | None:
    """Return the half minute that a code was made for, if it is a code of this secret now."""
    code = "".join(typed.split())
    if secret is None or len(code) != _DIGITS or not (code.isascii() and code.isdigit()):
        return None
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(
            code, for_time=clock.now(), valid_window=_DRIFT
        )
    except OTPVerificationError:
        return None


def read(kept: str | None, user_id: int) -> str | None:
    """Return a secret; None, and a line in the log, when it was kept under another key."""
    if kept is None:
        return None
    try:
        return crypto.decrypt(_PURPOSE, kept, whose=str(user_id))
    except crypto.Unreadable as error:
        log.error("the second factor of person %s cannot be read: %s", user_id, error)
        return None


def _spell(random: bytes) -> str:
    letters = b32encode(random).decode()[:12]
    return "-".join(letters[place : place + 4] for place in range(0, 12, 4))


def _hash(user_id: int, typed: str) -> str:
    """Return what is kept of a recovery code, however it was typed."""
    code = "".join(character for character in typed[:100].upper() if character.isalnum())
    key = crypto.derive("recovery codes")
    return hmac.digest(key, f"{user_id}:{code}".encode("utf-8", "replace"), "sha256").hex()
