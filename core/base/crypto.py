"""The secret keys, the keys and tokens derived from them, and encryption.

One key is in use; older ones still verify and decrypt what was made with them. Each has an id.
"""

import hashlib
import hmac
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import make_url

from core.base.settings import PROJECT, settings

_NONCE = 12
"""Length in bytes of the nonce, which precedes the ciphertext."""
_ID = 8
"""Characters of a key's id, with which nonces begin."""


class Unreadable(ValueError):
    """A ciphertext was made with another key or for another owner, or was altered."""


class MissingKey(RuntimeError):
    """There is neither a SECRET_KEY nor a key file."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The key file {path} is missing. Put it back from your backup, or set SECRET_KEY. "
            "Orgdesk creates a new one for an empty database only."
        )


@cache
def secrets_by_id() -> dict[str, bytes]:
    """Return the secret keys by their ids: the one in use, then older ones, newest first.

    They are those in SECRET_KEY and OLD_SECRET_KEYS, or the lines of the key file. Raises
    `MissingKey`.
    """
    found = [settings().secret_key, *settings().old_secret_keys]
    if not settings().secret_key:
        path = key_file()
        if not path.exists():
            raise MissingKey(path)
        found = path.read_text("ascii").split()
    return {_proof(secret.encode())[:_ID]: secret.encode() for secret in found}


def key_file() -> Path:
    """Return the path of the key file, which is read where SECRET_KEY is not set."""
    url = make_url(settings().database_url)
    in_a_file = url.get_backend_name() == "sqlite" and url.database
    return Path(f"{url.database}.key") if in_a_file else PROJECT / "data" / "orgdesk.key"


def create_key_file() -> None:
    """Create a key file if there is none, atomically across processes; not with a SECRET_KEY."""
    path = key_file()
    if not settings().secret_key and not path.exists():
        draft = _draft(path, [secrets.token_hex(32)])
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
        secrets_by_id.cache_clear()


def add_to_key_file() -> None:
    """Add a new key to the key file, from now on the one in use."""
    path = key_file()
    _draft(path, [secrets.token_hex(32), *path.read_text("ascii").split()]).replace(path)
    secrets_by_id.cache_clear()
    derive.cache_clear()


def _draft(path: Path, lines: list[str]) -> Path:
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text("\n".join(lines))
    return draft


def key_id() -> str:
    """Return the id of the key in use, 8 hexadecimal digits; it reveals nothing about the key."""
    return next(iter(secrets_by_id()))


def first_key_id() -> str:
    """Return the id of the oldest key."""
    return list(secrets_by_id())[-1]


def proof(key_id: str) -> str:
    """Return the HMAC of a constant, by which a key is recognized."""
    return _proof(secrets_by_id()[key_id])


def signing_key(key_id: str) -> Ed25519PrivateKey:
    """Return the key that signs what leaves Orgdesk, derived from the secret key with this id."""
    return Ed25519PrivateKey.from_private_bytes(derive("signatures", key_id))


def public_key(key_id: str) -> str:
    """Return the public key, in hexadecimal, that verifies those signatures."""
    return signing_key(key_id).public_key().public_bytes_raw().hex()


def _proof(secret: bytes) -> str:
    return hmac.digest(secret, b"which key", "sha256").hex()


@cache
def derive(purpose: str, key_id: str = "") -> bytes:
    """Return the key for one purpose, 32 bytes, of the key in use or of one with this id.

    Raises `KeyError` for an unknown id.
    """
    known = secrets_by_id()
    secret = known[key_id] if key_id else next(iter(known.values()))
    return hmac.digest(secret, purpose.encode(), "sha256")


def derive_all(purpose: str) -> list[bytes]:
    """Return the keys for one purpose, that of the key in use first."""
    return [derive(purpose, key_id) for key_id in secrets_by_id()]


def new_nonce() -> str:
    """Return the id of the key in use and 96 random bits, to be stored with the row of a link."""
    return f"{key_id()}{secrets.token_hex(12)}"


def token(kind: str, nonce: str) -> str:
    """Return the token of a link, 256 bits; it is derived from the nonce and never stored.

    A nonce without the id of a key is from before keys had ids, so it belongs to the oldest.
    """
    which = nonce[:_ID] if nonce[:_ID] in secrets_by_id() else first_key_id()
    digest = hmac.digest(derive(f"link:{kind}", which), nonce.encode(), "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def fingerprint(token: str) -> str:
    """Return the SHA-256 of a token in hexadecimal, which is stored in its place."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def encrypt(purpose: str, text: str, *, owner: str) -> str:
    """Return a text encrypted by AES-GCM and bound to its owner."""
    nonce = secrets.token_bytes(_NONCE)
    sealed = AESGCM(derive(purpose)).encrypt(nonce, text.encode(), owner.encode())
    return urlsafe_b64encode(nonce + sealed).decode()


def decrypt(purpose: str, ciphertext: str, *, owner: str) -> str:
    """Return the text that was encrypted for an owner, also with an older key.

    Raises `Unreadable`.
    """
    for key in derive_all(purpose):
        with suppress(ValueError, InvalidTag):
            sealed = urlsafe_b64decode(ciphertext)
            nonce, sealed = sealed[:_NONCE], sealed[_NONCE:]
            return AESGCM(key).decrypt(nonce, sealed, owner.encode()).decode()
    raise Unreadable("encrypted with another SECRET_KEY, or altered")
