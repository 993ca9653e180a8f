"""What the staff's desk does, from the command line: the same rules, and the same words."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

import typer

from core.access.permissions import Actor, find_organization
from core.accounts import user_rows
from core.base import validation
from core.base.errors import DomainError, GateNotMet, NotFound
from core.base.settings import settings
from core.database import db
from core.models import Organization
from core.models.enums import Stage
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan

REFUSED = 1
"""What a command exits with when something was refused."""

app = typer.Typer()

Ids = Annotated[list[str], typer.Argument(help="Organization IDs, such as ORG-7K3M9QX.")]
Id = Annotated[str, typer.Argument(help="The Organization ID, such as ORG-7K3M9QX.")]
As = Annotated[str, typer.Option("--as", help="The address of who does it; their rights decide.")]
To = Annotated[Stage, typer.Argument(help="The stage to go to.")]
Reason = Annotated[str, typer.Option(help="Why; the owners read it.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


@app.command()
def flag(
    org_ids: Ids,
    who: As,
    *,
    rep: Annotated[str, typer.Option(help="The address of who carries them.")] = "",
    target: Day = None,
    next_step: str = "",
    due: Day = None,
    note: Annotated[str, typer.Option(help="Why; the owners read it.")] = "",
) -> None:
    """Flag free organizations for onboarding; those that cannot be are named with the reason."""
    with _told():
        actor = _person(who)
        plan = Plan(
            _person(rep).user_id if rep else None,
            target.date() if target else None,
            next_step,
            due.date() if due else None,
        )
        found = [_organization(actor, public_id).id for public_id in org_ids]
        flagged = db.run(onboarding.flag, actor, found, plan, note=note)
    for name in flagged.flagged:
        typer.echo(f"{name} is in {Stage.ONBOARDING}.")
    for _, name, why in flagged.refused:
        typer.echo(f"{name}: {why}", err=True)
    if flagged.refused:
        raise typer.Exit(REFUSED)


@app.command()
def move(
    org_id: Id,
    to: To,
    who: As,
    *,
    override: Annotated[
        bool, typer.Option("--override", help="Although checks fail; administrators only.")
    ] = False,
    reason: Reason = "",
) -> None:
    """Move an organization to another stage, through the same gate as everywhere."""
    with _told(org_id):
        actor = _person(who)
        org = _organization(actor, org_id)
        moved = db.run(
            onboarding.move,
            actor,
            org.id,
            to,
            from_stage=org.stage,
            reason=reason,
            override=override,
        )
    typer.echo(f"{moved.name} is in {moved.stage}.")


@app.command()
def withdraw(org_id: Id, to: To, who: As, *, reason: Reason) -> None:
    """Move an organization back to an earlier stage, or out, for a reason."""
    move(org_id, to, who, reason=reason)


@contextmanager
def _told(public_id: str = "") -> Iterator[None]:
    """Print a refusal as the sentence that it is, and where what is missing is mended."""
    try:
        yield
    except DomainError as refusal:
        typer.echo(str(refusal), err=True)
        if isinstance(refusal, GateNotMet):
            for lack, page in refusal.fix_pages.items():
                address = f"{settings().public_url}/{page}?org={public_id}"
                typer.echo(f"  {lack}: {address}", err=True)
        raise typer.Exit(REFUSED) from refusal


def _person(email: str) -> Actor:
    with db.read() as session:
        user = user_rows.find(session, validation.email_key(email))
    if user is None:
        raise NotFound("person")
    return Actor(user.id, user.name)


def _organization(actor: Actor, public_id: str) -> Organization:
    with db.read() as session:
        found = find_organization(session, actor, public_id)
    if found is None:
        raise NotFound(f"organization {public_id}")
    return found[0]
