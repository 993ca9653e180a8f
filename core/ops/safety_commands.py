"""Commands for backups, the secret key, and receipts of history."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from core.audit import receipt_verifier
from core.ops import backups, key_rotation, startup

FAILED: Final = 1

app = typer.Typer()


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="A new file for the backup.")]) -> None:
    """Back up the database while Orgdesk runs; the secret key has to be kept separately."""
    with _printed_failures():
        backups.make(file)
    typer.echo(f"Wrote {file}. Keep the secret key as well, but not in the same place.")


@app.command()
def restored() -> None:
    """End all sessions, links and invitations after a backup was put back, before the start."""
    startup.prepare()
    lost = backups.restored()
    typer.echo(
        "Ended all sessions, links, invitations, recovery codes and bulk jobs of the backup, and "
        "stopped its unsent emails. Everyone logs in again."
    )
    if lost:
        numbers = ", ".join(map(str, lost))
        typer.echo(f"These checkpoints of history were made after the backup: {numbers}.")


@app.command()
def rotate_key() -> None:
    """Replace the secret key; stop Orgdesk before, and start it again afterwards."""
    with _printed_failures():
        key = key_rotation.rotate()
    typer.echo(f"The secret key {key.id} is in use. Its public key is {key.public_key}.")


@app.command()
def verify_receipt(
    file: Annotated[Path, typer.Argument(help="The receipt.")],
    *,
    key: Annotated[list[str], typer.Option(help="A public key; `check` prints it.")],
    after: Annotated[
        Path | None, typer.Option(help="An older receipt, which must be its beginning.")
    ] = None,
) -> None:
    """Verify a receipt of an organization's history; needs no database."""
    with _printed_failures():
        receipt = receipt_verifier.read(file)
        older = receipt_verifier.read(after) if after else None
        problems = receipt_verifier.find_problems(receipt, key, older)
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(FAILED)
    typer.echo(receipt_verifier.describe(receipt))


@contextmanager
def _printed_failures() -> Iterator[None]:
    """Print how reading or writing a file failed, and exit with `FAILED`."""
    try:
        yield
    except (OSError, ValueError, backups.BackupFailed, key_rotation.NoNewKey) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FAILED) from error
