"""Bulk flagging: flag all organizations of a view in the background, in small batches.

A run keeps its cursor in the same transaction as the work of each batch. After a crash or a
restart it continues where it stopped and flags each organization once. Several workers may share
one run.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final, NamedTuple

import pandas as pd
from sqlalchemy import exists, func, literal, or_, select, update
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access_staff, lock_self
from core.base import clock, formulas, validation
from core.base.errors import DomainError, MoreMatch, NotFound, TooManyMatch, Unavailable
from core.database import db
from core.database.db import count_up_to, frame
from core.models import Organization, Run, RunRefusal, Staff, Stage, User
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from core.organizations import queries
from core.organizations.filters import Filters, Order

MAX_ORGANIZATIONS: Final = 20_000
"""Organizations of one run."""
MAX_LISTED: Final = 5
"""Runs that `list_open` returns."""
BATCH_SIZE: Final = 10
"""Organizations flagged in one transaction."""
MAX_WORK: Final = timedelta(seconds=2)
"""How long `run_due` works before the worker sends emails again."""
_MIN_PAUSE = 0.02
"""Seconds; after each batch it pauses for as long as it worked, to leave others half the time."""
_BY_ID = Order(Organization.id, descending=False)

log = logging.getLogger(__name__)


class Matching(NamedTuple):
    """The number of organizations that match a view, and how many of them can be flagged."""

    all: int
    free: int


def count(session: Session, actor: Actor, view: Filters) -> Matching:
    """Count the organizations that a run over a view would flag, up to `MAX_ORGANIZATIONS` + 1."""
    access_staff(session, actor, Action.MOVE_STAGES)
    queries.authorize(session, actor, view)
    stages = view.stages or tuple(Stage)
    free = _count(session, replace(view, stages=(Stage.FREE,))) if Stage.FREE in stages else 0
    return Matching(_count(session, view), free)


def start(
    session: Session, actor: Actor, view: Filters, plan: Plan, *, note: str = "", expected: int
) -> Run:
    """Start to flag all organizations of a view; starting the same run twice returns the first.

    `expected` is the number of organizations that the actor confirmed. Raises `TooManyMatch`, and
    `MoreMatch` when more organizations match than expected.
    """
    access_staff(session, actor, Action.MOVE_STAGES)
    queries.authorize(session, actor, view)
    lock_self(session, actor)
    check = validation.Check()
    cleaned = check("note", validation.optional(validation.reason), note)
    check.done()
    if plan.rep_id is None:
        plan = replace(plan, rep_id=actor.user_id)
    options = onboarding.clean_plan(session, plan).as_json() | {"note": cleaned or ""}
    query = view.to_query()
    active = select(Run).where(Run.actor_id == actor.user_id, Run.ended_at.is_(None))
    for run in session.scalars(active):
        if (run.view, run.options) == (query, options):
            return run
    total = _count(session, view)
    if total > MAX_ORGANIZATIONS:
        raise TooManyMatch(MAX_ORGANIZATIONS)
    if total > expected:
        raise MoreMatch(total)
    last_id = session.scalar(select(func.max(Organization.id))) or 0
    run = Run(actor_id=actor.user_id, view=query, options=options, total=total, last_id=last_id)
    run.created_at = clock.now()
    session.add(run)
    session.flush()  # assigns the id
    return run


def cancel(session: Session, actor: Actor, run_id: int) -> Run:
    """Stop a run; organizations already flagged stay in onboarding.

    Administrators can cancel the runs of others.
    """
    run = _get(session, actor, run_id)
    if run.ended_at is None:
        run.ended_at, run.ended_because = clock.now(), f"Cancelled by {actor.name}."
    return run


def dismiss(session: Session, actor: Actor, run_id: int) -> Run:
    """Remove an ended run from the list."""
    run = _get(session, actor, run_id)
    if run.ended_at is not None:
        run.dismissed_at = clock.now()
    return run


def list_open(session: Session, actor: Actor) -> list[Run]:
    """Return the actor's runs that are active or not dismissed, newest first.

    Administrators also see the active runs of others.
    """
    is_administrator = exists().where(
        User.id == actor.user_id,
        User.staff == Staff.ADMINISTRATOR,
        User.two_factor_at.is_not(None),
        User.disabled_at.is_(None),
    )
    runs = (
        select(Run)
        .where(
            Run.dismissed_at.is_(None),
            or_(Run.actor_id == actor.user_id, Run.ended_at.is_(None) & is_administrator),
        )
        .order_by(Run.id.desc())
    )
    return list(session.scalars(runs.limit(MAX_LISTED)))


def list_refusals(session: Session, actor: Actor, run_id: int) -> pd.DataFrame:
    """Return the organizations that a run could not flag: public_id, name, why."""
    _get(session, actor, run_id)
    rows = (
        select(Organization.public_id, RunRefusal.name, RunRefusal.why)
        .select_from(RunRefusal)
        .outerjoin(Organization, Organization.id == RunRefusal.org_id)
        .where(RunRefusal.run_id == run_id)
        .order_by(RunRefusal.org_id)
    )
    return frame(session, rows)


def refusals_csv(session: Session, actor: Actor, run_id: int) -> bytes:
    """Return `list_refusals` as a CSV file, protected against formulas."""
    rows = list_refusals(session, actor, run_id)
    names = {"public_id": "Organization ID", "name": "Name", "why": "Reason"}
    return formulas.csv_file(rows.rename(columns=names))


def run_due(is_stopping: Callable[[], bool] = lambda: False) -> bool:
    """Continue active runs for up to `MAX_WORK`, and return whether any work is left."""
    ends_at = time.monotonic() + MAX_WORK.total_seconds()
    while not is_stopping():
        with db.read() as session:
            oldest = select(Run.id).where(Run.ended_at.is_(None)).order_by(Run.id).limit(1)
            run_id = session.scalar(oldest)
        if run_id is None:
            return False
        started_at = time.monotonic()
        _run_batch(run_id)
        time.sleep(max(_MIN_PAUSE, time.monotonic() - started_at))
        if time.monotonic() > ends_at:
            return True
    return False


def _run_batch(run_id: int) -> None:
    """Flag the next batch; on a refusal or a failure, end the run with the reason."""
    try:
        db.run(flag_next_batch, run_id)
    except Unavailable:
        raise
    except DomainError as refusal:
        db.run(_end, run_id, str(refusal))
    except Exception:
        log.exception("run %s failed", run_id)
        db.run(_end, run_id, "Failed; the server log has the details. Start it again to finish.")


def flag_next_batch(session: Session, run_id: int) -> Run | None:
    """Flag the next organizations of a run and move its cursor; None when the run has ended."""
    run = _lock_active(session, run_id)
    if run is None:
        return None
    user = session.get_one(User, run.actor_id)
    actor, view = Actor(user.id, user.name), Filters.from_query(run.view)
    queries.authorize(session, actor, view)
    org_ids = _next_ids(session, view, run)
    plan, note = Plan.from_json(run.options), run.options["note"]
    result = onboarding.flag_batch(session, actor, org_ids, plan, note)
    session.add_all(
        RunRefusal(run_id=run.id, org_id=refusal.org_id, name=refusal.name, why=refusal.reason)
        for refusal in result.refused
    )
    run.done += len(result.flagged)
    run.refused += len(result.refused)
    run.cursor = max(org_ids, default=run.last_id)
    if len(org_ids) < BATCH_SIZE:
        run.ended_at = clock.now()
    return run


def _lock_active(session: Session, run_id: int) -> Run | None:
    """Lock the row of an active run; other workers wait here, then see its new cursor."""
    locked = session.scalar(
        update(Run)
        .where(Run.id == run_id, Run.ended_at.is_(None))
        .values(cursor=Run.cursor)
        .returning(Run.id)
    )
    return None if locked is None else session.get_one(Run, run_id, populate_existing=True)


def _end(session: Session, run_id: int, reason: str) -> None:
    run = _lock_active(session, run_id)
    if run is not None:
        run.ended_at, run.ended_because = clock.now(), reason


def _next_ids(session: Session, view: Filters, run: Run) -> list[int]:
    source, row_id, where = queries.matches(session, view, scanned=_BY_ID)
    batch = (
        select(row_id)
        .select_from(source)
        .where(*where, row_id > run.cursor, row_id <= run.last_id)
        .order_by(row_id)
        .limit(BATCH_SIZE)
    )
    return list(session.scalars(batch))


def _count(session: Session, view: Filters) -> int:
    source, _, where = queries.matches(session, view)
    rows = select(literal(1)).select_from(source).where(*where)
    return count_up_to(session, rows, MAX_ORGANIZATIONS)


def _get(session: Session, actor: Actor, run_id: int) -> Run:
    run = session.get(Run, run_id, populate_existing=True, with_for_update=db.is_writing(session))
    if run is not None and run.actor_id != actor.user_id:
        access_staff(session, actor, Action.OVERRIDE_GATE)
    if run is None:
        raise NotFound("run")
    return run
