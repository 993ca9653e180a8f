"""Uploads: files that a person has sent but not used yet, stored for a day.

They are stored in the database rather than in memory, and only their owner can read them.
"""

import unicodedata
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, staff_rights
from core.base import clock
from core.base.errors import InvalidInput, NotFound
from core.models import Upload

MAX_BYTES: Final = 3 * 2**20
"""The largest file of any kind but an import; what it is used for may allow less."""
MAX_IMPORT_BYTES: Final = 20 * 2**20
"""The largest file for an import, which only those who may import can send."""
MAX_UPLOADS: Final = 4
"""Uploads per person; a new one replaces the oldest."""
UPLOAD_TTL: Final = timedelta(hours=24)
_MAX_NAME: Final = 120


def keep(
    session: Session, actor: Actor, name: str, content: bytes, *, is_import: bool = False
) -> Upload:
    """Store a file for the actor; raises `InvalidInput(file)` if it is empty or too large."""
    if not content:
        raise InvalidInput({"file": "This file is empty. Choose another one."})
    limit = max_bytes(session, actor, is_import=is_import)
    if len(content) > limit:
        raise InvalidInput({"file": too_large(limit)})
    now = clock.now()
    upload = Upload(
        user_id=actor.user_id,
        name=_plain_name(name),
        content=content,
        created_at=now,
        expires_at=now + UPLOAD_TTL,
    )
    session.add(upload)
    session.flush()
    mine = select(Upload.id).where(Upload.user_id == actor.user_id).order_by(Upload.id.desc())
    newest = session.scalars(mine.limit(MAX_UPLOADS)).all()
    older = (Upload.user_id == actor.user_id) & (Upload.id < newest[-1])
    session.execute(delete(Upload).where(older))
    return upload


def max_bytes(session: Session, actor: Actor, *, is_import: bool) -> int:
    """Return how large a file the actor can send, for an import or anything else."""
    if is_import and Action.IMPORT in staff_rights(session, actor):
        return MAX_IMPORT_BYTES
    return MAX_BYTES


def too_large(limit: int) -> str:
    """Return the refusal of a file that is larger than this many bytes."""
    return f"Choose a file of at most {limit // 2**20} MB."


def get(session: Session, actor: Actor, upload_id: int) -> Upload:
    """Return one of the actor's uploads; raises `NotFound` if it has expired or is not theirs."""
    upload = session.scalar(
        select(Upload).where(
            Upload.id == upload_id,
            Upload.user_id == actor.user_id,
            Upload.expires_at > clock.now(),
        )
    )
    if upload is None:
        raise NotFound("file")
    return upload


def remove(session: Session, actor: Actor, upload_id: int) -> None:
    """Delete one of the actor's uploads, if it is still there."""
    mine = (Upload.id == upload_id) & (Upload.user_id == actor.user_id)
    session.execute(delete(Upload).where(mine))


def delete_all(session: Session, user_id: int) -> None:
    """Delete all uploads of a user."""
    session.execute(delete(Upload).where(Upload.user_id == user_id))


def _plain_name(name: str) -> str:
    """Return a file's name without folders and without invisible characters."""
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(
        character
        for character in last
        if character == " " or not unicodedata.category(character).startswith(("C", "Z"))
    )
    return shown.strip()[:_MAX_NAME] or "file"
