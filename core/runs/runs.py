"""Runs: propose, confirm, cancel, resume and list bulk jobs.

A proposed run has its list already: what is confirmed is what was shown, and what is done is what
was confirmed. `core.runs.kinds` says how to add a kind, and `core.runs.advance` does the work.
"""

import hashlib
import json
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import pandas as pd
from sqlalchemy import Select, delete, false, func, or_, select
from sqlalchemy.orm import Session, aliased

from core.access.permissions import Action, Actor, access_staff, find_staff_role, lock_self
from core.accounts import user_rows
from core.base import clock
from core.base.errors import (
    DifferentNumber,
    NotFound,
    NothingSelected,
    ProposalExpired,
    RunUndone,
)
from core.database import db
from core.database.db import frame
from core.models import Run, RunStatus, Staff, User
from core.runs import items
from core.runs.items import NewItem
from core.runs.kinds import Kind, P

PROPOSAL_TTL: Final = timedelta(minutes=15)
MAX_LISTED: Final = 5
"""Runs that `list_open` returns."""
PAGE_SIZE: Final = 50
"""Runs that `table` returns."""
_STOPPED: Final = (RunStatus.CANCELLED, RunStatus.FAILED)
_OVER: Final = (RunStatus.ENDED, *_STOPPED)

started: Final = threading.Event()
"""Set when this process has started a run, so that its worker begins without delay."""


def propose(
    session: Session,
    actor: Actor,
    kind: Kind[P],
    params: P,
    listed: Sequence[NewItem],
    *,
    reason: str = "",
    view: str = "",
    undoes_run_id: int | None = None,
) -> Run:
    """Write down a run with its list, for the actor to confirm within `PROPOSAL_TTL`.

    Proposing the same again returns the same run, also while it is going; another proposal of the
    kind replaces one that was not confirmed. `reason` is clean.
    Raises `NothingSelected`, and what the kind's check refuses.
    """
    lock_self(session, actor)
    kind.check(session, actor, params)
    if not listed:
        raise NothingSelected
    values = params.model_dump(mode="json")
    digest = _digest([kind.name, values, reason, view, undoes_run_id, listed])
    before = session.scalars(_open_of(actor, kind.name)).all()
    for run in before:
        if run.digest == digest and not _is_expired(run):
            return run
    replaced = [run.id for run in before if run.status is RunStatus.PROPOSED]
    session.execute(delete(Run).where(Run.id.in_(replaced)))
    run = Run(actor_id=actor.user_id, kind=kind.name, params=values, reason=reason, view=view)
    run.undoes_run_id, run.digest = undoes_run_id, digest
    run.total, run.created_at = len(listed), clock.now()
    session.add(run)
    session.flush()  # assigns the id
    items.write_down(session, run, listed)
    return run


def confirm(session: Session, actor: Actor, run_id: int, *, shown: int) -> Run:
    """Start a run that the actor proposed; confirming it twice starts it once.

    `shown` is the number of items that the actor saw. Raises `ProposalExpired`, also for a run
    that another proposal has replaced.
    """
    run = session.get(Run, run_id, populate_existing=True, with_for_update=db.is_writing(session))
    if run is None:
        raise ProposalExpired
    if run.actor_id != actor.user_id:
        raise NotFound("run")
    if run.status is not RunStatus.PROPOSED:
        return run
    if _is_expired(run):
        raise ProposalExpired
    if shown != run.total:
        raise DifferentNumber(run.total)
    run.status, run.started_at = RunStatus.GOING, clock.now()
    db.after_commit(session, started)
    return run


def cancel(session: Session, actor: Actor, run_id: int) -> Run:
    """Stop a run; what it has done stays, and can be undone.

    Administrators can cancel the runs of others.
    """
    run = _get(session, actor, run_id)
    if run.status is RunStatus.GOING:
        run.status, run.ended_at = RunStatus.CANCELLED, clock.now()
        run.ended_because = f"Cancelled by {actor.name}."
    return run


def resume(session: Session, actor: Actor, run_id: int) -> Run:
    """Continue a run that failed or was cancelled, with the items that it had not reached.

    Raises `RunUndone` once it was undone.
    """
    run = _get(session, actor, run_id)
    if run.status in _STOPPED:
        if find_undoing(session, run_id) is not None:
            raise RunUndone
        run.status, run.ended_at, run.ended_because = RunStatus.GOING, None, ""
        run.dismissed_at = None
        db.after_commit(session, started)
    return run


def dismiss(session: Session, actor: Actor, run_id: int) -> Run:
    """Remove a run that is over from the list of open ones."""
    run = _get(session, actor, run_id)
    if run.status in _OVER:
        run.dismissed_at = clock.now()
    return run


def find_undoing(session: Session, run_id: int) -> int | None:
    """Return the id of the newest run that undoes a run, unless it was only proposed."""
    return list_undoing(session, [run_id]).get(run_id)


def list_undoing(session: Session, run_ids: Sequence[int]) -> dict[int, int]:
    """Return the id of the newest run that undoes each of these runs, if there is one."""
    undoing = (
        select(Run.undoes_run_id, func.max(Run.id))
        .where(Run.undoes_run_id.in_(run_ids), Run.status != RunStatus.PROPOSED)
        .group_by(Run.undoes_run_id)
    )
    found = session.execute(undoing).all() if run_ids else ()
    return {undone: newest for undone, newest in found if undone is not None}


def get(session: Session, actor: Actor, run_id: int) -> Run:
    """Return a run, for staff; proposals only to who made them."""
    access_staff(session, actor, Action.VIEW_ALL)
    run = session.get(Run, run_id)
    if run is None or (run.status is RunStatus.PROPOSED and run.actor_id != actor.user_id):
        raise NotFound("run")
    return run


def list_open(session: Session, actor: Actor) -> list[Run]:
    """Return the actor's runs that are going or not dismissed, newest first.

    Administrators also see the runs of others that are going.
    """
    is_own = (Run.actor_id == actor.user_id) & Run.dismissed_at.is_(None)
    of_others = Run.status == RunStatus.GOING
    if find_staff_role(session, actor) is not Staff.ADMINISTRATOR:
        of_others &= false()
    runs = select(Run).where(or_(is_own & (Run.status != RunStatus.PROPOSED), of_others))
    return list(session.scalars(runs.order_by(Run.id.desc()).limit(MAX_LISTED)))


def list_names(session: Session, listed: Sequence[Run]) -> dict[int, str]:
    """Return the names of the people whose runs these are, by id."""
    return user_rows.find_names(session, {run.actor_id for run in listed})


def table(session: Session, actor: Actor, *, before_id: int | None = None) -> pd.DataFrame:
    """Return the runs of all staff, newest first, `PAGE_SIZE` of them that are older than another.

    Columns: id, kind, params, who_id, who, reason, status, total, done, refused, skipped,
    started_at, ended_at, ended_because, undoes_run_id, undone_by (the id of a run).
    """
    access_staff(session, actor, Action.VIEW_ALL)
    undoing = aliased(Run)
    undone_by = (
        select(func.max(undoing.id))
        .where(undoing.undoes_run_id == Run.id, undoing.status != RunStatus.PROPOSED)
        .scalar_subquery()
    )
    rows: Select[Any] = (
        select(
            *(Run.id, Run.kind, Run.params, Run.actor_id.label("who_id"), User.name.label("who")),
            *(Run.reason, Run.status, Run.total, Run.done, Run.refused, Run.skipped),
            *(Run.started_at, Run.ended_at, Run.ended_because, Run.undoes_run_id),
            undone_by.label("undone_by"),
        )
        .outerjoin(User, User.id == Run.actor_id)
        .where(Run.status != RunStatus.PROPOSED)
        .order_by(Run.id.desc())
        .limit(PAGE_SIZE)
    )
    return frame(session, rows if before_id is None else rows.where(Run.id < before_id))


def _open_of(actor: Actor, kind: str) -> Select[Run]:
    """Select the runs of a kind that an actor has proposed or that are going."""
    is_open = Run.status.in_((RunStatus.PROPOSED, RunStatus.GOING))
    return select(Run).where(Run.actor_id == actor.user_id, Run.kind == kind, is_open)


def _is_expired(run: Run) -> bool:
    is_old = clock.now() - run.created_at > PROPOSAL_TTL
    return run.status is RunStatus.PROPOSED and is_old


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _get(session: Session, actor: Actor, run_id: int) -> Run:
    run = session.get(Run, run_id, populate_existing=True, with_for_update=db.is_writing(session))
    if run is not None and run.actor_id != actor.user_id:
        access_staff(session, actor, Action.OVERRIDE_GATE)
    if run is None:
        raise NotFound("run")
    return run
