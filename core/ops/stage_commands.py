"""Commands that flag organizations and move them between stages, with the rules of the app."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Final

import typer

from core.access.permissions import Actor, find_organization
from core.accounts import user_rows
from core.base import validation
from core.base.errors import GateNotMet, NotFound
from core.base.settings import settings
from core.database import db
from core.models import Organization
from core.models.enums import Stage
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan

REFUSED: Final = 1
"""Exit code of a command that was refused."""

app = typer.Typer()

Ids = Annotated[list[str], typer.Argument(help="Organization IDs, for example ORG-7K3M9QX.")]
Id = Annotated[str, typer.Argument(help="The Organization ID, for example ORG-7K3M9QX.")]
As = Annotated[str, typer.Option("--as", help="Email of the person who acts; their rights apply.")]
To = Annotated[Stage, typer.Argument(help="The stage to move to.")]
Reason = Annotated[str, typer.Option(help="Reason; owners can read it.")]


@app.command()
def flag(
    org_ids: Ids,
    who: As,
    *,
    rep: Annotated[str, typer.Option(help="Email of the sales rep.")] = "",
    target: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Planned date for the next stage.")
    ] = None,
    next_step: Annotated[str, typer.Option(help="The next step of the sales rep.")] = "",
    due: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Due date of the next step.")
    ] = None,
    note: Reason = "",
) -> None:
    """Flag free organizations for onboarding; any that can't be are listed with the reason."""
    actor = get_actor(who)
    plan = Plan(
        get_actor(rep).user_id if rep else None,
        target.date() if target else None,
        next_step,
        due.date() if due else None,
    )
    found = [_get_organization(actor, public_id).id for public_id in org_ids]
    result = db.run(onboarding.flag, actor, found, plan, note=note)
    for name in result.flagged:
        typer.echo(f"{name} moved to {Stage.ONBOARDING}.")
    for _, name, reason in result.refused:
        typer.echo(f"{name}: {reason}", err=True)
    if result.refused:
        raise typer.Exit(REFUSED)


@app.command()
def move(
    org_id: Id,
    to: To,
    who: As,
    *,
    override: Annotated[
        bool, typer.Option("--override", help="Move despite open checks; administrators only.")
    ] = False,
    reason: Reason = "",
) -> None:
    """Move an organization to another stage, with the same checks as in the app."""
    with _printed_checks(org_id):
        actor = get_actor(who)
        org = _get_organization(actor, org_id)
        moved = db.run(
            onboarding.move,
            actor,
            org.id,
            to,
            from_stage=org.stage,
            reason=reason,
            override=override,
        )
    typer.echo(f"{moved.name} moved to {moved.stage}.")


@app.command()
def withdraw(org_id: Id, to: To, who: As, *, reason: Reason) -> None:
    """Move an organization back to an earlier stage, or out of onboarding."""
    move(org_id, to, who, reason=reason)


@contextmanager
def _printed_checks(public_id: str) -> Iterator[None]:
    """Print which checks are open, with the page that fixes each, and exit with `REFUSED`."""
    try:
        yield
    except GateNotMet as refusal:
        typer.echo(str(refusal), err=True)
        for check, page in refusal.fix_pages.items():
            address = f"{settings().public_url}/{page}?org={public_id}"
            typer.echo(f"  {check}: {address}", err=True)
        raise typer.Exit(REFUSED) from refusal


def get_actor(email: str) -> Actor:
    """Return the person with this address; raises `NotFound`."""
    with db.read() as session:
        user = user_rows.find_confirmed(session, validation.email_key(email))
    if user is None:
        raise NotFound("person")
    return Actor(user.id, user.name)


def _get_organization(actor: Actor, public_id: str) -> Organization:
    with db.read() as session:
        found = find_organization(session, actor, public_id)
    if found is None:
        raise NotFound(f"organization {public_id}")
    return found[0]
