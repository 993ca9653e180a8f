"""Passwords: which are strong enough, and their Argon2id hashes.

Hashing takes 20–100 ms: never inside a transaction.
"""

import re
import threading
import unicodedata
from collections.abc import Iterable, Sequence

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from zxcvbn import zxcvbn

from core.base.validation import Unfit

LONGEST = 256
_JUDGED = 32
"""How many characters are judged: longer ones made to be slow take a second."""
_STRONG = 3
_WORD = re.compile(r"[^\W_]{3,}")

_hasher = PasswordHasher(memory_cost=19 * 1024, time_cost=2, parallelism=1)
_NOBODYS = (
    "$argon2id$v=19$m=19456,t=2,p=1$"
    "tYsrVFqpD6n3A8qWTNJGlw$NbG37hE78gU0H0vz0KGf+UGqvSeR0FvIheexw0jfAz8"
)
"""The hash that a password is compared with when there is no such person: it costs the same."""
_judging = threading.Lock()
"""zxcvbn keeps the words of the person in a global dictionary."""


def check(password: str, *, words: Sequence[str], minimum: int = 15) -> None:
    """Raise `Unfit` unless the password is long enough and hard to guess.

    `words` are those that whoever knows the person would try: name, address, organizations.
    """
    if len(password) < minimum:
        raise Unfit(f"Use at least {minimum} characters; four or five unrelated words are fine.")
    if _is_too_long(password):
        raise Unfit(f"Use at most {LONGEST} characters.")
    if any(unicodedata.category(character) == "Cs" for character in password):
        raise Unfit("Use characters that can be typed.")
    if _strength(_normal(password), words) < _STRONG:
        raise Unfit(
            "That is too easy to guess. Use four or five words that have nothing to do with "
            "each other, with you or with your organizations."
        )


def hash(password: str) -> str:
    """Return the Argon2id hash of a password, about 100 characters."""
    return _hasher.hash(_encoded(password))


def verify(hash: str | None, password: str) -> bool:
    """Return whether it is the password; with no hash (no such person) False after as long."""
    if hash is None or _is_too_long(password):
        hash, password = _NOBODYS, ""
    try:
        return _hasher.verify(hash, _encoded(password))
    except VerifyMismatchError:
        return False


def needs_rehash(hash: str) -> bool:
    """Return whether the hash was made with other parameters than new ones are."""
    return _hasher.check_needs_rehash(hash)


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


def _encoded(password: str) -> bytes:
    return _normal(password).encode("utf-8", "surrogatepass")


def _is_too_long(password: str) -> bool:
    return len(password) > 4 * LONGEST or len(_normal(password)) > LONGEST


def _strength(password: str, words: Iterable[str]) -> int:
    """Return zxcvbn's score, 0–4, of what is left of a password without the person's words."""
    parts = {part for word in words for part in _WORD.findall(_normal(word).casefold())}
    for part in sorted(parts, key=len, reverse=True):
        password = re.sub(re.escape(part), "", password, flags=re.IGNORECASE)
    if not password:
        return 0
    judged = re.sub(r"\s", " ", password[:_JUDGED])  # zxcvbn 4.5 fails on digits and a line break
    with _judging:
        score: int = zxcvbn(judged, [*parts, "orgdesk"])["score"]
    return score
