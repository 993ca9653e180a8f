"""Organization IDs such as ORG-7K3M9QX: readable aloud, safe against slips, telling no count."""

import secrets
from typing import Final

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRTVWXYZ"
"""Nothing that looks or sounds like another; 29 is prime, so that a check finds every slip."""
PREFIX: Final = "ORG-"
LENGTH: Final = 6
"""Characters before the check character."""


def new() -> str:
    """Return a random Organization ID: one of 594,823,321, so that nobody guesses one."""
    return spell(secrets.randbelow(len(ALPHABET) ** LENGTH))


def spell(number: int) -> str:
    """Return the Organization ID of a number from 0 to 29⁶ - 1, always the same."""
    body = ""
    for _ in range(LENGTH):
        number, place = divmod(number, len(ALPHABET))
        body = ALPHABET[place] + body
    return f"{PREFIX}{body}{_check(body)}"


def is_valid(public_id: str) -> bool:
    """Return whether it is an Organization ID without a wrong character or two swapped ones."""
    body, check = public_id[len(PREFIX) : -1], public_id[-1:]
    well_formed = len(body) == LENGTH and set(body) <= set(ALPHABET)
    return public_id.startswith(PREFIX) and well_formed and check == _check(body)


def _check(body: str) -> str:
    """Return the check character: places weighted differently, modulo a prime."""
    total = sum((place + 2) * ALPHABET.index(character) for place, character in enumerate(body))
    return ALPHABET[-total % len(ALPHABET)]
