"""Backups during operation, and what must end when one is put back.

A backup knows nothing of what happened after it: sessions that were ended live in it, links that
were used work again. `restored` ends everything that works only once.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, delete, make_url, select, update
from sqlalchemy.orm import Session

from core import models
from core.access.permissions import ORGDESK, Action, access
from core.audit import checkpoints, history, keys
from core.base import clock
from core.base.settings import settings
from core.database import db
from core.members import invitation_rows
from core.models import (
    Challenge,
    Impersonation,
    Invitation,
    InvitationStatus,
    Link,
    Mail,
    Organization,
    RecoveryCode,
    Run,
    RunStatus,
    SecondFactor,
    User,
)
from core.staff import impersonation

REASON: Final = "A backup was restored."


class BackupFailed(RuntimeError):
    """The backup could not be made."""


def make(file: Path) -> None:
    """Write a backup of the database into a new file, while others read and write.

    For SQLite it is a database, for PostgreSQL an archive for `pg_restore`. The secret key is not
    in it. Raises `BackupFailed`.
    """
    if file.exists():
        raise BackupFailed(f"{file} already exists. Name a new file.")
    checkpoints.make_all()
    url = make_url(settings().database_url)
    file.touch(mode=0o600)
    try:
        (_copy_sqlite if url.get_backend_name() == "sqlite" else _dump_postgresql)(url, file)
    except (OSError, sqlite3.Error, subprocess.CalledProcessError) as error:
        file.unlink()
        output = getattr(error, "stderr", None) or str(error)
        raise BackupFailed(f"The backup failed: {output.strip()}") from error


def _copy_sqlite(url: URL, file: Path) -> None:
    with (
        closing(sqlite3.connect(str(url.database))) as live,
        closing(sqlite3.connect(file)) as copy,
    ):
        live.backup(copy)  # in one step, as SQLite begins again when others write between steps


def _dump_postgresql(url: URL, file: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise BackupFailed("pg_dump isn't installed here. Install PostgreSQL's client programs.")
    address = url.set(drivername="postgresql", password=None)
    subprocess.run(
        [program, "--format=custom", "--no-owner", f"--file={file}", f"--dbname={address}"],
        env=os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {}),
        capture_output=True,
        check=True,
        text=True,
    )


def restored() -> list[int]:
    """End what must not live on after a backup was put back; the app must not run meanwhile.

    Return the numbers of the checkpoints that were made after the backup.
    """
    with db.read() as session:
        newest = checkpoints.find_newest(session)
    lost = checkpoints.give_up_after(newest.number if newest else 0)
    db.run(_end_all, newest.at if newest else None)
    while db.run(_revoke_invitations):
        continue
    impersonation.run_due()
    checkpoints.make_all()
    return lost


def _end_all(session: Session, since: datetime | None) -> None:
    """End all sessions, tickets, links, challenges, codes, queued emails and bulk jobs."""
    for statement in _endings(clock.now()):
        session.execute(statement, execution_options={"unrecorded": True})
    when = f"{since:%d %b %Y %H:%M} UTC" if since else "an unknown time"
    reason = f"{REASON} Its last checkpoint is from {when}."
    key = keys.find_newest(session)
    assert key is not None
    history.record(session, ORGDESK, None, "backup.restored", key, reason=reason, always=True)


def _endings(now: datetime) -> Iterator[Any]:
    sessions = models.Session
    yield (
        update(sessions)
        .where(sessions.ended_at.is_(None))
        .values(ended_at=now, ended_because="backup restored", ticket_hash=None)
    )
    yield update(Link).where(Link.used_at.is_(None)).values(used_at=now)
    yield delete(Challenge)
    yield delete(RecoveryCode)
    yield update(SecondFactor).values(last_step=int(now.timestamp()) // 30 + 1)
    yield (
        update(Mail)
        .where(Mail.sent_at.is_(None), Mail.due_at.is_not(None))
        .values(due_at=None, error=f"Not sent. {REASON}")
    )
    yield (
        update(Run)
        .where(Run.status.in_((RunStatus.PROPOSED, RunStatus.GOING)))
        .values(status=RunStatus.CANCELLED, ended_at=now, ended_because=REASON)
    )
    yield update(Impersonation).where(Impersonation.ended_at.is_(None)).values(ends_at=now)
    yield update(User).values(password_epoch=User.password_epoch + 1)


def _revoke_invitations(session: Session) -> int:
    """Revoke the pending invitations of one organization, and return how many there were."""
    pending = Invitation.status == InvitationStatus.PENDING
    org_id = session.scalar(
        select(Invitation.org_id)
        .join(Organization, Organization.id == Invitation.org_id)
        .where(pending, Organization.deleted_at.is_(None))
        .limit(1)
    )
    if org_id is None:
        return 0
    org = access(session, ORGDESK, org_id, Action.INVITE)
    invitations = session.scalars(
        select(Invitation).where(Invitation.org_id == org_id, pending)
    ).all()
    for each in invitations:
        invitation_rows.close(session, each, InvitationStatus.REVOKED)
        history.record(session, ORGDESK, org, "invitation.revoked", each, reason=REASON)
    return len(invitations)
