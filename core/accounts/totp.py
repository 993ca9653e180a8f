"""TOTP codes (RFC 6238) and recovery codes, each accepted once.

A code is valid for its 30-second step and the steps before and after it. Callers lock the user's
row before they redeem one.
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

from core.base import clock, crypto, validation
from core.models import Challenge, RecoveryCode, SecondFactor, User

RECOVERY_CODE_COUNT: Final = 10
ISSUER: Final = "Orgdesk"
"""The name that authenticator apps display."""
_VALID_WINDOW: Final = 1
"""Steps of 30 seconds that a phone's clock may be off."""
_DIGITS: Final = 6
_PURPOSE: Final = "two-factor"
_RECOVERY: Final = "recovery codes"

log = logging.getLogger(__name__)


def new_secret() -> str:
    """Return 160 random bits in Base32, as authenticator apps expect them."""
    return b32encode(secrets.token_bytes(20)).decode()


def new_recovery_codes() -> list[str]:
    """Return ten codes of 60 random bits each: `XXXX-XXXX-XXXX`."""
    return [_format_code(secrets.token_bytes(8)) for _ in range(RECOVERY_CODE_COUNT)]


def provisioning_uri(secret: str, email: str) -> str:
    """Return the `otpauth` URI for an authenticator app's QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def format_secret(secret: str) -> str:
    """Return a secret in groups of four, for typing."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def store_pending(session: Session, user_id: int, secret: str) -> None:
    """Store a new secret that becomes active once a code confirms it."""
    row = session.get(SecondFactor, user_id, populate_existing=True)
    if row is None:
        row = SecondFactor(user_id=user_id, last_step=0)
        session.add(row)
    row.offered = encrypt(secret, user_id)


def discard_pending(session: Session, user_id: int) -> None:
    """Delete the secret that waits for confirmation."""
    offered = update(SecondFactor).where(SecondFactor.user_id == user_id)
    session.execute(offered.values(offered=None))


def activate_pending(session: Session, user_id: int, typed: str) -> bool:
    """Replace the active secret by the pending one if this is a code of it."""
    row = session.get(SecondFactor, user_id, populate_existing=True)
    step = _find_step(decrypt(row.offered, user_id), typed) if row is not None else None
    if row is None or step is None:
        return False
    row.secret, row.offered, row.last_step = row.offered, None, step
    return True


def redeem_code(session: Session, user_id: int, typed: str) -> bool:
    """Redeem a TOTP code; return False if it is wrong or was redeemed before."""
    stored = session.scalar(select(SecondFactor.secret).where(SecondFactor.user_id == user_id))
    step = _find_step(decrypt(stored, user_id), typed)
    if step is None:
        return False
    redeemed = session.scalar(
        update(SecondFactor)
        .where(SecondFactor.user_id == user_id, SecondFactor.last_step < step)
        .values(last_step=step)
        .returning(SecondFactor.user_id)
    )
    return redeemed is not None


def redeem_recovery_code(session: Session, user_id: int, typed: str) -> bool:
    """Redeem a recovery code; return False if it is wrong or was redeemed before."""
    keys = crypto.derive_all(_RECOVERY)
    redeemed = session.scalar(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user_id,
            RecoveryCode.code_hash.in_(_hash(key, user_id, typed) for key in keys),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=clock.now())
        .returning(RecoveryCode.id)
    )
    return redeemed is not None


def replace_recovery_codes(session: Session, user_id: int, codes: Sequence[str]) -> None:
    """Store the hashes of new recovery codes in place of the old ones."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    key = crypto.derive(_RECOVERY)
    hashes = [_hash(key, user_id, code) for code in codes]
    session.add_all(RecoveryCode(user_id=user_id, code_hash=each) for each in hashes)


def unused_recovery_codes(user_id: SQLColumnExpression[int]) -> ScalarSelect[int]:
    """Return a subquery for the number of a user's unused recovery codes."""
    left = RecoveryCode.used_at.is_(None)
    return select(func.count()).where(RecoveryCode.user_id == user_id, left).scalar_subquery()


def remove(session: Session, user: User) -> None:
    """Turn two-factor off: delete a user's secret, recovery codes and pending challenges."""
    user.two_factor_at = None
    for table in (SecondFactor, RecoveryCode, Challenge):
        session.execute(delete(table).where(table.user_id == user.id))


def _find_step(secret: str | None, typed: str) -> int | None:
    """Return the time step of a currently valid code of this secret, or None."""
    code = validation.code(typed)
    if secret is None or len(code) != _DIGITS or not (code.isascii() and code.isdigit()):
        return None
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(
            code, for_time=clock.now(), valid_window=_VALID_WINDOW
        )
    except OTPVerificationError:
        return None


def encrypt(secret: str, user_id: int) -> str:
    """Return a secret encrypted for the person it belongs to."""
    return crypto.encrypt(_PURPOSE, secret, owner=str(user_id))


def decrypt(stored: str | None, user_id: int) -> str | None:
    """Return a stored secret; log an error and return None if it was encrypted with another key."""
    if stored is None:
        return None
    try:
        return crypto.decrypt(_PURPOSE, stored, owner=str(user_id))
    except crypto.Unreadable as error:
        log.error("cannot decrypt the second factor of user %s: %s", user_id, error)
        return None


def _format_code(random: bytes) -> str:
    letters = b32encode(random).decode()[:12]
    return "-".join(letters[start : start + 4] for start in range(0, 12, 4))


def _hash(key: bytes, user_id: int, typed: str) -> str:
    """Return the keyed hash of a recovery code, ignoring case and separators."""
    code = validation.code(typed)
    return hmac.digest(key, f"{user_id}:{code}".encode("utf-8", "replace"), "sha256").hex()
