"""The app's one secret, and the tokens that are derived from it instead of being stored."""

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
"""Bytes that begin what is encrypted, never the same twice."""


class Unreadable(ValueError):
    """What was encrypted with another key, for somebody else, or was altered."""


@cache
def _secret() -> bytes:
    if settings().secret_key:
        return settings().secret_key.encode()
    url = make_url(settings().database_url)
    in_a_file = url.get_backend_name() == "sqlite" and url.database
    path = Path(f"{url.database}.key") if in_a_file else PROJECT / "data" / "orgdesk.key"
    return _read_or_make(path)


def _read_or_make(path: Path) -> bytes:
    """Return what is in the file; the first of several processes to ask writes it, whole."""
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
    """Return the 32-byte key for one purpose."""
    return hmac.digest(_secret(), purpose.encode(), "sha256")


def new_nonce() -> str:
    """Return 128 random bits as text, for the row that a link leads to."""
    return secrets.token_hex(16)


def token(kind: str, nonce: str) -> str:
    """Return the 256-bit token of the link of this kind and nonce; it is kept nowhere."""
    digest = hmac.digest(derive(f"link:{kind}"), nonce.encode(), "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def fingerprint(token: str) -> str:
    """Return what the database keeps of a token: its SHA-256, 64 characters."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def encrypt(purpose: str, text: str, *, whose: str) -> str:
    """Return a text that only this app reads, and only as that of `whose`."""
    nonce = secrets.token_bytes(_NONCE)
    sealed = AESGCM(derive(purpose)).encrypt(nonce, text.encode(), whose.encode())
    return urlsafe_b64encode(nonce + sealed).decode()


def decrypt(purpose: str, kept: str, *, whose: str) -> str:
    """Return the text that was encrypted; raises `Unreadable`."""
    try:
        sealed = urlsafe_b64decode(kept)
        nonce, sealed = sealed[:_NONCE], sealed[_NONCE:]
        return AESGCM(derive(purpose)).decrypt(nonce, sealed, whose.encode()).decode()
    except (ValueError, InvalidTag) as error:
        raise Unreadable("encrypted with another SECRET_KEY, or altered") from error
