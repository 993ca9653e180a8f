"""The command that imports organizations and members, with the plan and the rules of the app."""

from pathlib import Path
from typing import Annotated, Final

import typer

from core.access.permissions import Actor
from core.base.errors import InvalidInput
from core.database import db
from core.imports import columns, imports, planning, reader
from core.imports.columns import FIELDS, What
from core.imports.plans import Outcome, Plan, PlannedRow
from core.ops.stage_commands import As, Reason, get_actor

app = typer.Typer()

_EXAMPLES: Final = 20
"""Rows of each outcome that are printed."""


@app.command("import")
def import_file(
    file: Annotated[Path | None, typer.Argument(help="A CSV or XLSX file.")] = None,
    who: As = "",
    *,
    what: Annotated[What, typer.Option(help="What the file is about.")] = What.ORGANIZATIONS,
    template: Annotated[
        bool, typer.Option("--template", help="Print the titles of the columns, then exit.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Import what the plan says.")] = False,
    reason: Reason = "",
) -> None:
    """Print what the import of a file would do; with --yes, do it in the background."""
    if template:
        typer.echo(columns.template(what).decode("utf-8-sig").strip())
        return
    if file is None or not who:
        raise typer.BadParameter("Name a file and, with --as, the person who imports it.")
    actor = get_actor(who)
    plan = _make_plan(actor, file, what)
    _print(plan)
    if yes and plan.having(Outcome.NEW, Outcome.CHANGE):
        proposed = db.run(imports.propose, actor, plan, reason=reason)
        run = db.run(imports.confirm, actor, proposed.id, digest=proposed.digest)
        typer.echo(f"Run {run.id} imports them in the background, while the app or send-mail runs.")


def _make_plan(actor: Actor, file: Path, what: What) -> Plan:
    """Return the plan of a file; end with a sentence for each column that is missing."""
    sheet = reader.read(_read(file))
    with db.read() as session:
        found = imports.find_columns(session, actor, what, sheet.titles)
        missing = columns.list_missing(what, found)
        if missing:
            raise InvalidInput({"file": f"This file has no column {' and no '.join(missing)}."})
        return planning.plan(session, actor, what, sheet, found, file=file.name)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidInput({"file": f"{file} can't be read: {error.strerror}."}) from error


def _print(plan: Plan) -> None:
    counted = plan.count()
    for outcome in Outcome:
        typer.echo(f"{outcome.capitalize()}: {counted[outcome]:,}")
        rows = plan.having(outcome) if outcome is not Outcome.UNCHANGED else []
        for row in rows[:_EXAMPLES]:
            words = " ".join([*_describe(plan, row), row.warning]).rstrip()
            typer.echo(f"  row {row.number}, {row.label}: {words}")
        if len(rows) > _EXAMPLES:
            typer.echo(f"  and {len(rows) - _EXAMPLES:,} more")


def _describe(plan: Plan, row: PlannedRow) -> list[str]:
    """Return the errors of a row, or each field with its text before and after."""
    fields, empty = FIELDS[plan.what], "(empty)"
    return [*row.errors.values()] or [
        f"{fields[name].title}: {row.base.get(name) or empty} -> {text or empty}"
        for name, text in row.edits.items()
    ]
