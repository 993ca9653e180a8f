"""Verify receipts of Orgdesk's history, on any machine: `python receipt_verifier.py --help`.

This file needs Python and the `cryptography` package, and nothing else of Orgdesk. A receipt holds
all entries of one organization's history, a digest of them and a signature of both. It proves what
Orgdesk stated when it was downloaded. An older receipt must be the beginning of a newer one.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT: Final = "orgdesk receipt 1"
GENESIS: Final = "0" * 64
"""The digest before the first entry."""
_SIGNED: Final = ("format", "chain", "organization", "at", "entries", "digest", "key_id")
_CHAIN, _POSITION = 1, 2

encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode
"""JSON without spaces and with sorted keys, in ASCII."""


def grow(digest: str, entry: Sequence[Any]) -> str:
    """Return the digest of a chain after one more entry: SHA-256 over the old one and the entry."""
    return hashlib.sha256(f"{digest}{encode(entry)}".encode()).hexdigest()


def signed_part(receipt: dict[str, Any]) -> bytes:
    """Return what the signature of a receipt is made over."""
    return encode({name: receipt[name] for name in _SIGNED}).encode()


def find_problems(
    receipt: dict[str, Any], public_keys: Sequence[str], older: dict[str, Any] | None = None
) -> list[str]:
    """Return in sentences what is wrong with a receipt, and with an older one of the same chain.

    `public_keys` are in hexadecimal, as `python -m core.manage check` prints them.
    """
    problems = list(_problems_of(receipt, public_keys))
    if older is None:
        return problems
    problems += [f"The older receipt: {problem}" for problem in _problems_of(older, public_keys)]
    if problems:
        return problems
    if older["chain"] != receipt["chain"]:
        return ["The two receipts are of different organizations."]
    if older["at"] > receipt["at"]:
        return ["The older receipt was downloaded after this one. Swap the two files."]
    if receipt["entries"][: len(older["entries"])] != older["entries"]:
        return ["The older receipt isn't the beginning of this one: history was rewritten."]
    return []


def _problems_of(receipt: dict[str, Any], public_keys: Sequence[str]) -> list[str]:
    try:
        if receipt["format"] != FORMAT:
            return ["The file isn't a receipt that this program knows."]
        if not any(_is_signed(receipt, key) for key in public_keys):
            return ["The signature doesn't match the content and the public key."]
        return _problems_of_entries(receipt)
    except (KeyError, IndexError, TypeError, ValueError):
        return ["The file isn't a receipt."]


def _is_signed(receipt: dict[str, Any], public_key: str) -> bool:
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
    try:
        key.verify(bytes.fromhex(receipt["signature"]), signed_part(receipt))
    except InvalidSignature:
        return False
    return True


def _problems_of_entries(receipt: dict[str, Any]) -> list[str]:
    digest = GENESIS
    for number, entry in enumerate(receipt["entries"], start=1):
        digest = grow(digest, entry)
        if (entry[_CHAIN], entry[_POSITION]) != (receipt["chain"], number):
            return [f"Entry {number} is out of place."]
    return [] if digest == receipt["digest"] else ["The digest doesn't match the entries."]


def describe(receipt: dict[str, Any]) -> str:
    """Return in a sentence what a valid receipt proves."""
    number = len(receipt["entries"])
    entries = "1 entry" if number == 1 else f"{number} entries"
    return (
        f"Valid: {entries} of {receipt['organization']} as of {receipt['at']}, "
        f"digest {receipt['digest'][:16]}…"
    )


def read(path: Path) -> dict[str, Any]:
    """Return a receipt from a file; raises `ValueError` if it holds no JSON object."""
    found = json.loads(path.read_text("utf-8"))
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found


def main() -> int:
    """Verify the receipt that the command line names; return 0 if it is valid."""
    parser = argparse.ArgumentParser(description="Verify a receipt of Orgdesk's history.")
    parser.add_argument("file", type=Path, help="the receipt")
    parser.add_argument("--key", action="append", required=True, help="a public key of Orgdesk")
    parser.add_argument("--after", type=Path, help="an older receipt, which must be its beginning")
    given = parser.parse_args()
    try:
        receipt = read(given.file)
        problems = find_problems(receipt, given.key, read(given.after) if given.after else None)
    except (OSError, ValueError) as error:
        receipt, problems = {}, [f"The file or the key can't be read: {error}"]
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    if not problems:
        sys.stdout.write(f"{describe(receipt)}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
