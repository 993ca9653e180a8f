"""Passwords: check their strength, and hash and verify them with Argon2id.

Hashing takes 20–100 ms, so it never runs inside a transaction.
"""

import re
import threading
import unicodedata
from collections.abc import Iterable, Sequence

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from zxcvbn import zxcvbn

from core.accounts import breached_passwords
from core.base.errors import TooManyAttempts
from core.base.validation import InvalidValue

MAX_LENGTH = 256
_SCORED_LENGTH = 32
"""Characters given to zxcvbn: long passwords can be crafted to take it a second."""
_MIN_SCORE = 3
_WORD = re.compile(r"[^\W_]{3,}")

_hasher = PasswordHasher(memory_cost=19 * 1024, time_cost=2, parallelism=1)
_DUMMY_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$"
    "tYsrVFqpD6n3A8qWTNJGlw$NbG37hE78gU0H0vz0KGf+UGqvSeR0FvIheexw0jfAz8"
)
"""Verified when there is no account, so that it takes as long as with one."""
_scoring = threading.Lock()
"""zxcvbn stores the user's words in a global dictionary."""
_SCORED_AT_ONCE = threading.BoundedSemaphore(2)
"""A long password takes half a second of the interpreter: more than two at once are refused."""


def check(password: str, *, words: Sequence[str], minimum: int = 15) -> None:
    """Raise `InvalidValue` unless the password is long enough and hard to guess.

    `words` are what an attacker who knows the person would try: name, address, organizations.
    """
    if len(password) < minimum:
        raise InvalidValue(
            f"Use at least {minimum} characters. Four or five unrelated words work well."
        )
    if _is_too_long(password):
        raise InvalidValue(f"Use at most {MAX_LENGTH} characters.")
    if any(unicodedata.category(character) == "Cs" for character in password):
        raise InvalidValue("Use characters that can be typed.")
    if breached_passwords.is_breached(_normalize(password)):
        raise InvalidValue(
            "That password was stolen from another service and is known to attackers. Use one "
            "that you use nowhere else."
        )
    if _score(_normalize(password), words) < _MIN_SCORE:
        raise InvalidValue(
            "That password is too easy to guess. Use four or five words that are unrelated to "
            "each other, to you and to your organizations."
        )


def hash(password: str) -> str:
    """Return the Argon2id hash of a password, about 100 characters."""
    return _hasher.hash(_encode(password))


def verify(hash: str | None, password: str) -> bool:
    """Return whether the password matches; without a hash, return False after the same time."""
    if hash is None or _is_too_long(password):
        hash, password = _DUMMY_HASH, ""
    try:
        return _hasher.verify(hash, _encode(password))
    except VerifyMismatchError:
        return False


def needs_rehash(hash: str) -> bool:
    """Return whether the hash was made with outdated parameters."""
    return _hasher.check_needs_rehash(hash)


def _normalize(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


def _encode(password: str) -> bytes:
    return _normalize(password).encode("utf-8", "surrogatepass")


def _is_too_long(password: str) -> bool:
    return len(password) > 4 * MAX_LENGTH or len(_normalize(password)) > MAX_LENGTH


def _score(password: str, words: Iterable[str]) -> int:
    """Return zxcvbn's score (0–4) of a password after removing the given words."""
    parts = {part for word in words for part in _WORD.findall(_normalize(word).casefold())}
    for part in sorted(parts, key=len, reverse=True):
        password = re.sub(re.escape(part), "", password, flags=re.IGNORECASE)
    if not password:
        return 0
    scored = re.sub(r"\s", " ", password[:_SCORED_LENGTH])  # zxcvbn 4.5 fails on line breaks
    if not _SCORED_AT_ONCE.acquire(timeout=1):
        raise TooManyAttempts(1)
    try:
        with _scoring:
            score: int = zxcvbn(scored, [*parts, "orgdesk"])["score"]
    finally:
        _SCORED_AT_ONCE.release()
    return score
