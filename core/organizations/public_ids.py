"""Organization IDs such as ORG-7K3M9QX: easy to read aloud, checked against typing errors."""

import secrets
from typing import Final

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRTVWXYZ"
"""No two look or sound alike; 29 is prime, so the check character finds every single error."""
PREFIX: Final = "ORG-"
LENGTH: Final = 6
"""Characters before the check character."""


def new() -> str:
    """Return a random Organization ID out of 594,823,321; it reveals no count of organizations."""
    return encode(secrets.randbelow(len(ALPHABET) ** LENGTH))


def encode(number: int) -> str:
    """Return the Organization ID of a number from 0 to 29⁶ - 1."""
    body = ""
    for _ in range(LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        body = ALPHABET[digit] + body
    return f"{PREFIX}{body}{_check(body)}"


def is_valid(public_id: str) -> bool:
    """Return whether an Organization ID is well-formed and its check character is right."""
    body, check = public_id[len(PREFIX) : -1], public_id[-1:]
    well_formed = len(body) == LENGTH and set(body) <= set(ALPHABET)
    return public_id.startswith(PREFIX) and well_formed and check == _check(body)


def _check(body: str) -> str:
    """Return the check character: the sum of the characters weighted by position, modulo 29."""
    total = sum((index + 2) * ALPHABET.index(character) for index, character in enumerate(body))
    return ALPHABET[-total % len(ALPHABET)]
