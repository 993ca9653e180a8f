"""Known browsers: a signed cookie says to which accounts a browser has logged in before.

It lets nobody in. It only keeps the failures of strangers from slowing the person whose browser
this is, and is therefore kept when they log out.
"""

import hmac
import re
import secrets
from datetime import timedelta
from typing import Final

from core.base import crypto

COOKIE_TTL: Final = timedelta(days=400)
MAX_ACCOUNTS: Final = 4
_PURPOSE: Final = "known browser"
_ENTRY: Final = re.compile(r"(\d{1,18})-([0-9a-f]{16})-([0-9a-f]{64})")


def add(cookie: str, user_id: int) -> str:
    """Return the cookie with an account added, the newest first; others that are not ours go."""
    entries = [entry for entry in _read(cookie) if entry[0] != user_id]
    kept = [(user_id, secrets.token_hex(8)), *entries][:MAX_ACCOUNTS]
    key = crypto.derive(_PURPOSE)
    return ".".join(f"{whose}-{nonce}-{_sign(key, whose, nonce)}" for whose, nonce in kept)


def find(cookie: str, user_id: int) -> str | None:
    """Return what tells this browser from others of the account, None if it is not known."""
    return next((nonce for whose, nonce in _read(cookie) if whose == user_id), None)


def _read(cookie: str) -> list[tuple[int, str]]:
    found = [_ENTRY.fullmatch(part) for part in cookie.split(".")[:MAX_ACCOUNTS]]
    return [
        (int(entry[1]), entry[2])
        for entry in found
        if entry and _is_signed(entry[3], int(entry[1]), entry[2])
    ]


def _is_signed(signature: str, user_id: int, nonce: str) -> bool:
    keys = crypto.derive_all(_PURPOSE)
    return any(hmac.compare_digest(signature, _sign(key, user_id, nonce)) for key in keys)


def _sign(key: bytes, user_id: int, nonce: str) -> str:
    return hmac.digest(key, f"{user_id}-{nonce}".encode(), "sha256").hex()
