"""The command line for whoever runs Orgdesk: `python -m core.manage --help`."""

import logging
import signal
import sys
import threading
from typing import Annotated

import typer
from pydantic import ValidationError

from core.access.permissions import ORGDESK
from core.accounts import accounts, administration, registration, user_rows
from core.audit import history
from core.base import validation
from core.base.errors import DomainError
from core.base.settings import settings
from core.database import counters, db
from core.database.upgrade import NewerSchema, upgrade
from core.mail import delivery
from core.notifications import dispatch
from core.ops import health, stage_commands, worker

BROKEN = 1
"""What a command exits with when it found something wrong."""

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
app.add_typer(stage_commands.app)


@app.callback()
def begin() -> None:
    """Run Orgdesk from the command line; settings come from the environment."""
    try:
        level = settings().log_level.upper()
    except ValidationError as error:
        for wrong in error.errors():
            name = ".".join(str(part) for part in wrong["loc"]).upper()
            typer.echo(f"{name or 'SETTINGS'}: {wrong['msg']}", err=True)
        raise typer.Exit(BROKEN) from error
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


@app.command()
def create_administrator(
    email: Annotated[str, typer.Option(help="The address to sign in with.")],
    name: Annotated[str, typer.Option(help="The name that others see.")],
) -> None:
    """Make an administrator; the password is one line on standard input."""
    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().removesuffix("\n")
    try:
        new = accounts.prepare_account(name, email, password)
        user = db.run(registration.create_administrator, ORGDESK, new)
    except DomainError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(BROKEN) from error
    typer.echo(
        f"{user.name} may sign in as {user.email}, sets up two-factor there, "
        "and is an administrator from then on."
    )


@app.command()
def reset_two_factor(
    email: Annotated[str, typer.Option(help="Whose device is lost.")],
    reason: Annotated[str, typer.Option(help="Why; history and the person's mail tell it.")],
) -> None:
    """Take away somebody's two-factor; it is set up anew at the next sign-in."""
    try:
        with db.read() as session:
            user = user_rows.find(session, validation.email_key(email))
        if user is None:
            typer.echo(f"Nobody has an account with the address {email}.", err=True)
            raise typer.Exit(BROKEN)
        db.run(administration.reset_two_factor, ORGDESK, user.id, reason=reason)
    except DomainError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(BROKEN) from error
    typer.echo(f"{user.name} signs in with the password alone, and sets up two-factor anew.")


@app.command()
def migrate() -> None:
    """Bring the database to the schema of this version."""
    try:
        upgrade()
    except NewerSchema as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(BROKEN) from error
    typer.echo("The database has the schema of this version.")


@app.command()
def send_mail(
    *, once: Annotated[bool, typer.Option("--once", help="Send what is due, then end.")] = False
) -> None:
    """Send mails and keep house until interrupted, beside the app or instead of its own worker."""
    if not settings().smtp_url:
        typer.echo("Without SMTP_URL every mail waits in the outbox.", err=True)
        raise typer.Exit(BROKEN)
    if once:
        dispatch.run_due()
        typer.echo(f"Sent {delivery.run_due()} mails.")
        return
    ended = threading.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: ended.set())
    working = worker.start()
    ended.wait()
    working.stop()


@app.command()
def verify() -> None:
    """Read all of history and print each place where somebody tampered with it."""
    broken = 0
    with db.read() as session:
        for found in history.verify(session):
            if isinstance(found, history.Broken):
                broken += 1
                at = f" of {found.at:%d %b %Y %H:%M:%S} UTC" if found.at else ""
                typer.echo(f"broken: {found.chain}, entry {found.position}{at}")
            else:
                typer.echo(f"entries {found.entries}, chains {found.chains}, broken {broken}")
    if broken:
        raise typer.Exit(BROKEN)


@app.command()
def recount() -> None:
    """Count all moves anew for the charts, where `check` found that the counts differ."""
    with db.writing_engine().begin() as connection:
        counters.recount(connection)
    typer.echo("The charts count what the moves say.")


@app.command()
def check() -> None:
    """Look at settings, database, triggers, clock and mail; one line each."""
    logging.disable()  # what is wrong gets its line here, without a traceback beside it
    ill = 0
    for finding in health.examine():
        ill += not finding.is_well
        mark = "ok" if finding.is_well else "WRONG"
        typer.echo(f"{finding.what:<9} {mark:<6} {finding.sentence}")
    if ill:
        raise typer.Exit(BROKEN)


if __name__ == "__main__":
    app(prog_name="python -m core.manage")
