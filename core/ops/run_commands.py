"""The command that undoes a run, with the rules of the app."""

from typing import Annotated

import typer

from core.base.errors import DomainError
from core.changes import run_undo
from core.changes.run_undo import UndoPlan
from core.database import db
from core.models import Run, RunStatus
from core.ops.run_types import RUN_TYPES
from core.ops.stage_commands import REFUSED, As, get_actor
from core.runs import advance

app = typer.Typer()


@app.command()
def undo(
    run_id: Annotated[int, typer.Argument(metavar="RUN", help="The number of the run.")],
    who: As,
    *,
    reason: Annotated[str, typer.Option(help="Reason; owners can read it.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Undo it; without this, only plan.")] = False,
) -> None:
    """Print what undoing a run would change; with --yes, undo it and print the run that does."""
    actor = get_actor(who)
    reason = reason or f"Undo of run {run_id}"
    plan = db.run(run_undo.propose, actor, run_id, reason=reason)
    if not yes:
        _print_plan(plan)
        return
    undoing = db.run(run_undo.start, actor, run_id, reason=reason, shown=plan.run.total)
    _print_result(_finish(undoing.id))


def _print_plan(plan: UndoPlan) -> None:
    typer.echo(f"Will be put back: {plan.put_back:,}. Changed since: {plan.doubtful:,}.")
    for name, why in plan.refused:
        typer.echo(f"{name}: {why}")
    typer.echo("Nothing was changed. Add --yes to undo it.")


def _finish(run_id: int) -> Run:
    """Work on a run until it is over, together with the workers of the app."""
    while True:
        with db.read() as session:
            run = session.get_one(Run, run_id)
        if run.status is not RunStatus.GOING:
            return run
        advance.run_batch(run_id, RUN_TYPES)


def _print_result(run: Run) -> None:
    typer.echo(f"Run {run.id}: {run.done:,} of {run.total:,} changes undone.")
    if run.refused:
        typer.echo(f"Refused: {run.refused:,}. Activity > Runs lists them with the reasons.")
    if run.status is not RunStatus.ENDED:
        raise DomainError(run.ended_because)
    if run.refused:
        raise typer.Exit(REFUSED)
