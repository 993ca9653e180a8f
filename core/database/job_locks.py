"""Claims on background jobs: of several processes, one runs a job when it is due."""

from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from core.base import clock
from core.database import db
from core.models import Lock


def claim(job: str, *, next_at: datetime, runs_at_first: bool = True) -> bool:
    """Return whether the caller is to run a job now, and set when it is due next.

    Only one of the processes that call this while a job is due gets True. A job that was never
    claimed is due at once if it `runs_at_first`, otherwise at `next_at`.
    """
    return is_due(job) and db.run(_claim, job, next_at, runs_at_first)


def is_due(job: str) -> bool:
    """Return whether nobody has claimed a job since it became due; takes no lock."""
    with db.read() as session:
        due_at = session.scalar(select(Lock.due_at).where(Lock.name == job))
    return due_at is None or due_at <= clock.now()


def _claim(session: Session, job: str, next_at: datetime, runs_at_first: bool) -> bool:
    if session.get(Lock, job) is None:
        session.add(Lock(name=job, n=1, due_at=next_at))
        return runs_at_first
    claimed = session.scalar(
        update(Lock)
        .where(Lock.name == job, or_(Lock.due_at.is_(None), Lock.due_at <= clock.now()))
        .values(n=Lock.n + 1, due_at=next_at)
        .returning(Lock.n)
    )
    return claimed is not None
