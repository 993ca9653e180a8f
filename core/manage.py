"""The command line for operators: `python -m core.manage --help`."""

import logging
import signal
import sys
import threading
from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from typer.core import TyperGroup

from core.access.permissions import ORGDESK
from core.accounts import accounts, administration, password_reset, registration, user_rows
from core.audit import keys, verification
from core.audit.verification import Broken, Verified
from core.base import crypto, logs, validation
from core.base.errors import DomainError, Unavailable
from core.base.settings import settings
from core.database import counters, db
from core.database.upgrade import NewerSchema
from core.mail import delivery
from core.notifications import dispatch
from core.ops import (
    health,
    import_commands,
    run_commands,
    safety_commands,
    stage_commands,
    startup,
    worker,
)

FAILED: Final = 1
"""Exit code of a command that failed or found something wrong."""

_KNOWN_FAILURES: Final = (DomainError, NewerSchema, keys.WrongKey, crypto.MissingKey)


class Commands(TyperGroup):
    """Commands that end with one sentence, and with `FAILED`, when they are refused or fail."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command, and print what it was refused for or how the database failed."""
        try:
            return super().invoke(ctx)
        except (Unavailable, SQLAlchemyError, OSError) as error:
            typer.echo(_database_failure(error), err=True)
            raise typer.Exit(FAILED) from error
        except _KNOWN_FAILURES as refusal:
            typer.echo(str(refusal), err=True)
            raise typer.Exit(FAILED) from refusal


def _database_failure(error: Exception) -> str:
    """Return what a database failed with, in the first line of its driver, and what to do."""
    cause = error.__cause__ if isinstance(error, Unavailable) else error
    why = str(getattr(cause, "orig", cause)).partition("\n")[0].rstrip(".:")
    return (
        f"The database can't be used: {why}. Check DATABASE_URL; a new database needs "
        "`python -m core.manage migrate` first."
    )


app = typer.Typer(
    cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)
app.add_typer(stage_commands.app)
app.add_typer(import_commands.app)
app.add_typer(run_commands.app)
app.add_typer(safety_commands.app)


@app.callback()
def configure() -> None:
    """Run Orgdesk from the command line. Settings are environment variables."""
    try:
        logs.configure(replaces=False, hidden=_is_database_failure)
    except ValidationError as error:
        for problem in error.errors():
            name = ".".join(str(part) for part in problem["loc"]).upper()
            typer.echo(f"{name or 'SETTINGS'}: {problem['msg']}", err=True)
        raise typer.Exit(FAILED) from error


def _is_database_failure(record: logging.LogRecord) -> bool:
    """Return whether a record is about what the command prints as one sentence."""
    return bool(record.exc_info and isinstance(record.exc_info[1], DBAPIError))


@app.command()
def create_administrator(
    email: Annotated[str, typer.Option(help="Email address to log in with.")],
    name: Annotated[str, typer.Option(help="Name shown to others.")],
) -> None:
    """Create an administrator; the password is read from standard input, one line."""
    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().removesuffix("\n")
    new = accounts.prepare_account(name, email, password)
    user = db.run(registration.create_administrator, ORGDESK, new)
    typer.echo(
        f"Created {user.name}. Log in as {user.email} and set up two-factor; "
        "administrator rights take effect then."
    )


@app.command()
def reset_two_factor(
    email: Annotated[str, typer.Option(help="Email address of the person.")],
    reason: Annotated[str, typer.Option(help="Reason; kept in history and emailed to the person.")],
) -> None:
    """Reset a person's two-factor; they set it up again at the next login."""
    with db.read() as session:
        user = user_rows.find_confirmed(session, validation.email_key(email))
    if user is None:
        typer.echo(f"There is no account with the email {email}.", err=True)
        raise typer.Exit(FAILED)
    db.run(administration.reset_two_factor, ORGDESK, user.id, reason=reason)
    typer.echo(f"Two-factor reset. {user.name} logs in with the password and sets it up again.")


@app.command()
def reset_password(
    email: Annotated[str, typer.Argument(help="Email address of the person, staff or not.")],
) -> None:
    """Print a link with which a person chooses a new password, once, within 20 minutes."""
    link = db.run(password_reset.make_link, ORGDESK, email)
    typer.echo(f"Give this link to {email} only. It works once, for 20 minutes.")
    typer.echo(link)


@app.command()
def migrate() -> None:
    """Migrate the database to the schema of this version."""
    startup.prepare()
    typer.echo("The database schema is up to date.")


@app.command()
def send_mail(
    *, once: Annotated[bool, typer.Option("--once", help="Send what is due, then exit.")] = False
) -> None:
    """Send emails and run background jobs until interrupted, alongside the app or in its place."""
    if not settings().smtp_url:
        typer.echo("SMTP_URL is not set, so emails stay in the outbox.", err=True)
        raise typer.Exit(FAILED)
    if once:
        dispatch.run_due()
        sent = delivery.run_due()
        typer.echo("Sent 1 email." if sent == 1 else f"Sent {sent} emails.")
        return
    interrupted = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: interrupted.set())
    background = worker.start()
    interrupted.wait()
    background.stop()


@app.command()
def verify() -> None:
    """Verify the whole history, and print everything that was tampered with.

    Writes nothing, so that a backup or a read-only copy can be verified, too.
    """
    logging.disable()  # a problem is printed as one sentence, without a traceback
    broken = 0
    try:
        with db.inspect() as session:
            for found in verification.verify(session):
                broken += isinstance(found, Broken)
                typer.echo(_verified(found, broken))
    except (Unavailable, DBAPIError, crypto.MissingKey) as error:
        why = "There is no Orgdesk database that can be read. Check DATABASE_URL."
        typer.echo(error if isinstance(error, crypto.MissingKey) else why, err=True)
        raise typer.Exit(FAILED) from error
    except ValueError as error:
        typer.echo(f"broken: an entry can't be read: {error}")
        raise typer.Exit(FAILED) from error
    if broken:
        raise typer.Exit(FAILED)


def _verified(found: Broken | Verified, broken: int) -> str:
    if isinstance(found, Verified):
        return f"entries {found.entries}, chains {found.chains}, broken {broken}"
    entry = "" if found.position is None else f", entry {found.position}"
    at = f", {found.at:%d %b %Y %H:%M:%S} UTC" if found.at else ""
    return f"broken: {found.chain}{entry}{at}: {found.why}"


@app.command()
def recount() -> None:
    """Count moves, stages, members and roles again, if `check` found differences."""
    with db.writing_engine().begin() as connection:
        counters.recount(connection)
    typer.echo("The counts were rebuilt.")


@app.command()
def check() -> None:
    """Check settings, Python, database, key, triggers, clock, mail and counts, a line for each."""
    logging.disable()  # each problem is printed as one line, without a traceback
    failed = 0
    for finding in health.run_checks():
        failed += not finding.is_ok
        status = ("warn" if finding.is_warning else "ok") if finding.is_ok else "FAILED"
        typer.echo(f"{finding.check:<9} {status:<6} {finding.message}")
    if failed:
        raise typer.Exit(FAILED)


if __name__ == "__main__":
    app(prog_name="python -m core.manage")
