"""The secret key, the keys and tokens derived from it, and encryption."""

import hashlib
import hmac
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import make_url

from core.base.settings import PROJECT, settings

_NONCE = 12
"""Length in bytes of the nonce, which precedes the ciphertext."""


class Unreadable(ValueError):
    """A ciphertext was made with another key or for another owner, or was altered."""


@cache
def _secret() -> bytes:
    if settings().secret_key:
        return settings().secret_key.encode()
    url = make_url(settings().database_url)
    in_a_file = url.get_backend_name() == "sqlite" and url.database
    path = Path(f"{url.database}.key") if in_a_file else PROJECT / "data" / "orgdesk.key"
    return _read_or_make(path)


def _read_or_make(path: Path) -> bytes:
    """Return the key in a file; create it if it is missing, atomically across processes."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex(32))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_bytes()


@cache
def derive(purpose: str) -> bytes:
    """Return the key for one purpose, 32 bytes."""
    return hmac.digest(_secret(), purpose.encode(), "sha256")


def new_nonce() -> str:
    """Return 128 random bits in hexadecimal, to be stored with the row a link is for."""
    return secrets.token_hex(16)


def token(kind: str, nonce: str) -> str:
    """Return the token of a link, 256 bits; it is derived from the nonce and never stored."""
    digest = hmac.digest(derive(f"link:{kind}"), nonce.encode(), "sha256")
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
    """Return the text that was encrypted for an owner; raises `Unreadable`."""
    try:
        sealed = urlsafe_b64decode(ciphertext)
        nonce, sealed = sealed[:_NONCE], sealed[_NONCE:]
        return AESGCM(derive(purpose)).decrypt(nonce, sealed, owner.encode()).decode()
    except (ValueError, InvalidTag) as error:
        raise Unreadable("encrypted with another SECRET_KEY, or altered") from error
