"""The work of runs, as the worker does it."""

from core.database import db
from core.models import Run
from core.ops.run_types import RUN_TYPES
from core.runs import advance, runs
from tests.support.cast import Actor


def run_to_end() -> None:
    """Work until no run is going."""
    while advance.run_due(RUN_TYPES):
        pass


def work_on_a_batch(run: Run) -> None:
    """Work on the next items of one run."""
    advance.run_batch(run.id, RUN_TYPES)


def reload(run: Run) -> Run:
    """Return a run as it is now."""
    with db.read() as session:
        return session.get_one(Run, run.id)


def finish(actor: Actor, run: Run) -> Run:
    """Confirm a run, work until it has ended, and return it."""
    db.run(runs.confirm, actor, run.id, shown=run.total)
    run_to_end()
    return reload(run)
