"""Rotation of the secret key: from now on a new one seals, and the old ones still verify."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import ORGDESK
from core.accounts import totp
from core.audit import checkpoints, history, keys
from core.base import crypto
from core.base.settings import settings
from core.database import db
from core.models import SecondFactor, SecretKey


class NoNewKey(RuntimeError):
    """SECRET_KEY is still the key that is to be replaced."""

    def __init__(self) -> None:
        super().__init__(
            "Set SECRET_KEY to a new key and add the present one to OLD_SECRET_KEYS, then run this "
            "again. `openssl rand -hex 32` makes a new one."
        )


def rotate() -> SecretKey:
    """Take a new secret key into use, and sign the history so far with it.

    In a key file the new key is made here; a SECRET_KEY must have been changed before. Every
    process must be restarted afterwards. Raises `NoNewKey`, `WrongKey` and `MissingKey`.
    """
    with db.read() as session:
        newest = keys.find_newest(session)
    if newest is None or newest.id not in crypto.secrets_by_id():
        raise keys.WrongKey(newest.id if newest else "")
    if newest.id == crypto.key_id():
        if settings().secret_key:
            raise NoNewKey
        crypto.add_to_key_file()
    key = db.run(_take_into_use)
    checkpoints.make_all()
    return key


def _take_into_use(session: Session) -> SecretKey:
    key = keys.remember(session)
    for row in session.scalars(select(SecondFactor).with_for_update()):
        row.secret = _encrypted_again(row.secret, row.user_id)
        row.offered = _encrypted_again(row.offered, row.user_id)
    history.record(session, ORGDESK, None, "key.rotated", key, always=True)
    return key


def _encrypted_again(stored: str | None, user_id: int) -> str | None:
    secret = totp.decrypt(stored, user_id)
    return stored if secret is None else totp.encrypt(secret, user_id)
