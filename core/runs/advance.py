"""The work of runs, in the background and in small batches.

Each batch is a transaction that changes the items and writes down what became of them. A process
that is killed leaves whole batches behind; another one continues with the rest, each item once.
Several workers may share a run: they take turns.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.base import clock
from core.base.errors import DomainError, Unavailable
from core.database import change_tracking, db
from core.models import ItemState, Organization, Run, RunItem, RunStatus, User
from core.runs import items
from core.runs.kinds import Kind, Kinds, P, Skipped

BATCH_SIZE: Final = 10
"""Items of one transaction."""
MAX_TRIED: Final = 20
"""Items that `foresee` tries."""
MAX_WORK: Final = timedelta(seconds=2)
"""How long `run_due` works before the worker runs its other jobs again."""
FAILED: Final = "Failed; the server log has the details. Resume it to try the rest again."
_MIN_PAUSE = 0.02
"""Seconds between two batches: whoever waits to write gets a turn."""

log = logging.getLogger(__name__)


def run_due(kinds: Kinds, is_stopping: Callable[[], bool] = lambda: False) -> bool:
    """Continue the runs that are going for up to `MAX_WORK`, and return whether any work is left.

    Runs take turns, so that a short one does not wait for a long one.
    """
    ends_at = time.monotonic() + MAX_WORK.total_seconds()
    while run_ids := _list_going():
        for run_id in run_ids:
            if is_stopping() or time.monotonic() > ends_at:
                return not is_stopping()
            started_at = time.monotonic()
            run_batch(run_id, kinds)
            time.sleep(_pause_after(started_at))
    return False


def _pause_after(started_at: float) -> float:
    """Return how long to pause: as long as the work took, if anyone was here meanwhile.

    So people have half of the time of this process, which alone does all it can.
    """
    worked = time.monotonic() - started_at if db.is_used_since(started_at) else 0.0
    return max(_MIN_PAUSE, worked)


class Refused(NamedTuple):
    """An organization that a run would refuse, and why."""

    name: str
    why: str


def foresee(
    session: Session,
    actor: Actor,
    run: Run,
    kind: Kind[Any],
    tried: Sequence[RunItem] | None = None,
) -> list[Refused]:
    """Try items of a proposed run, and return those that it would refuse.

    A trial leaves nothing behind. By default the first `MAX_TRIED` are tried.
    """
    params, refused = kind.read(run), []
    tried = items.next_waiting(session, run.id, MAX_TRIED) if tried is None else tried
    for item in tried:
        try:
            with change_tracking.savepoint(session, keeps=False):
                kind.apply(session, actor, run, item, params)
        except Unavailable:
            raise
        except Skipped:
            pass
        except DomainError as refusal:
            org = session.get(Organization, item.org_id or 0)
            refused.append(Refused(org.name if org else "A deleted organization", str(refusal)))
    return refused


def run_batch(run_id: int, kinds: Kinds) -> None:
    """Work on the next items of a run; end it with the reason if it cannot go on."""
    try:
        db.run(_run_batch, run_id, kinds)
    except Unavailable:
        raise
    except DomainError as refusal:
        db.run(_fail, run_id, str(refusal))
    except Exception:
        log.exception("run %s failed", run_id)
        db.run(_fail, run_id, FAILED)


def _list_going() -> list[int]:
    with db.read() as session:
        going = select(Run.id).where(Run.status == RunStatus.GOING).order_by(Run.id)
        return list(session.scalars(going))


def _run_batch(session: Session, run_id: int, kinds: Kinds) -> None:
    run = _lock_going(session, run_id)
    if run is None:
        return
    if run.kind not in kinds:
        raise DomainError(f"This version of Orgdesk has no runs of the kind {run.kind}.")
    kind = kinds[run.kind]
    try:
        params = kind.read(run)
    except ValidationError:
        raise DomainError("The parameters of this run can't be read.") from None
    user = session.get_one(User, run.actor_id)
    actor = Actor(user.id, user.name)
    _kept = _check(session, actor, kind, params)
    batch = items.next_waiting(session, run_id, BATCH_SIZE)
    with change_tracking.because(session, run_id=run.id):
        outcomes = [_work_on(session, actor, run, item, kind, params) for item in batch]
    _write_down(run, batch, outcomes)
    if len(batch) < BATCH_SIZE:
        run.status, run.ended_at = RunStatus.ENDED, clock.now()


def _check(session: Session, actor: Actor, kind: Kind[P], params: P) -> Sequence[object]:
    """Check what is to be done, and return the rows that this has read.

    As long as they are kept in memory, the session does not read them again for each item.
    """
    rows: list[object] = []

    def keep(_session: Session, row: object) -> None:
        rows.append(row)

    event.listen(session, "loaded_as_persistent", keep)
    kind.check(session, actor, params)
    event.remove(session, "loaded_as_persistent", keep)
    return rows


class _Outcome(NamedTuple):
    """What became of an item, and why if it was not done."""

    state: ItemState
    why: str = ""


def _work_on(
    session: Session, actor: Actor, run: Run, item: RunItem, kind: Kind[P], params: P
) -> _Outcome:
    """Apply a run to an item, all or nothing."""
    try:
        with change_tracking.savepoint(session):
            kind.apply(session, actor, run, item, params)
    except Unavailable:
        raise
    except Skipped as skipped:
        return _Outcome(ItemState.SKIPPED, str(skipped))
    except DomainError as refusal:
        return _Outcome(ItemState.REFUSED, str(refusal))
    return _Outcome(ItemState.DONE)


def _write_down(run: Run, batch: Sequence[RunItem], outcomes: Sequence[_Outcome]) -> None:
    """Write down what became of a batch, at its end: in one statement for all."""
    for item, outcome in zip(batch, outcomes, strict=True):
        item.state, item.why = outcome
    states = [outcome.state for outcome in outcomes]
    run.done += states.count(ItemState.DONE)
    run.refused += states.count(ItemState.REFUSED)
    run.skipped += states.count(ItemState.SKIPPED)


def _lock_going(session: Session, run_id: int) -> Run | None:
    """Lock the row of a run that is going; other workers wait here, then see its new state."""
    locked: Any = session.scalar(
        update(Run)
        .where(Run.id == run_id, Run.status == RunStatus.GOING)
        .values(total=Run.total)
        .returning(Run.id)
        .execution_options(synchronize_session=False)
    )
    return None if locked is None else session.get_one(Run, run_id, populate_existing=True)


def _fail(session: Session, run_id: int, reason: str) -> None:
    run = _lock_going(session, run_id)
    if run is not None:
        run.status, run.ended_at, run.ended_because = RunStatus.FAILED, clock.now(), reason[:500]
