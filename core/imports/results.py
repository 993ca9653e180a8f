"""What an import is about to do and has done: its rows, and those that were not imported."""

import csv
import io
from typing import Final

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access_staff
from core.base import formulas, parameters
from core.base.errors import NotFound
from core.imports import columns
from core.imports.columns import FIELDS, WHY
from core.imports.imports import IMPORT, Params
from core.imports.plans import Outcome
from core.models import ItemState, Run, RunItem
from core.organizations import downloads
from core.runs import runs

PER_PAGE: Final = 50
_EMPTY: Final = "(empty)"
_REJECTED: Final = (ItemState.REFUSED, ItemState.SKIPPED)


def get(session: Session, actor: Actor, run_id: int) -> tuple[Run, Params]:
    """Return an import and what it is about; proposals only to who made them."""
    access_staff(session, actor, Action.IMPORT)
    run = runs.get(session, actor, run_id)
    if run.kind != IMPORT.name:
        raise NotFound("import")
    return run, Params.model_validate(run.params)


def find(session: Session, actor: Actor, run_id: int) -> tuple[Run, Params] | None:
    """Return an import like `get`; None where there is none, such as a proposal replaced since."""
    try:
        return get(session, actor, run_id)
    except NotFound:
        return None


def table(
    session: Session, actor: Actor, run_id: int, outcome: Outcome, *, page: int = 1
) -> pd.DataFrame:
    """Return one page of the rows with an outcome, as they were planned.

    Columns: n, row (its number in the file), label, what (the fields with the texts before and
    after, or the errors) and warning. Rows that stay as they are have not been kept.
    """
    _, params = get(session, actor, run_id)
    new, changed = (params.counts.get(each, 0) for each in (Outcome.NEW, Outcome.CHANGE))
    before = {Outcome.NEW: 0, Outcome.CHANGE: new, Outcome.ERROR: new + changed}
    if outcome not in before:
        return pd.DataFrame(columns=["n", "row", "label", "what", "warning"])
    start = before[outcome] + (parameters.page_number(page) - 1) * PER_PAGE
    end = min(start + PER_PAGE, before[outcome] + params.counts.get(outcome, 0))
    listed = select(RunItem).where(RunItem.run_id == run_id, RunItem.n > start, RunItem.n <= end)
    rows = [_row(item, params) for item in session.scalars(listed.order_by(RunItem.n))]
    return pd.DataFrame(rows, columns=["n", "row", "label", "what", "warning"])


def rejects(session: Session, actor: Actor, run_id: int) -> bytes:
    """Return the rows that an import did not import as a CSV file, and record the download.

    It has the columns of the imported file, and why. Corrected, it can be imported as it is.
    """
    _, params = get(session, actor, run_id)
    rejected = session.scalars(
        select(RunItem).where(RunItem.run_id == run_id, RunItem.state.in_(_REJECTED))
    ).all()
    kept = [at for at, title in enumerate(params.titles) if title != WHY]
    made = io.StringIO()
    writer = csv.writer(made)
    writer.writerow([formulas.harmless(params.titles[at]) for at in kept] + [WHY])
    for item in sorted(rejected, key=lambda item: (item.input or {}).get("row", 0)):
        cells = (item.input or {}).get("cells", [])
        row = [cells[at] if at < len(cells) else "" for at in kept]
        writer.writerow([_guarded(cell) for cell in (*row, item.why)])
    downloads.record_file(session, actor, f"Rejects of import {run_id}")
    return made.getvalue().encode("utf-8-sig")


def _row(item: RunItem, params: Params) -> tuple[int, int, str, str, str]:
    values, base, fields = item.input or {}, item.base or {}, FIELDS[params.what]
    edits = {name: text for name, text in values.get("edits", {}).items() if name in fields}
    if item.state is ItemState.REFUSED:
        what = item.why
    else:
        what = " \u00b7 ".join(
            f"{fields[name].title}: {base.get(name) or _EMPTY} \u2192 {text or _EMPTY}"
            if base
            else f"{fields[name].title}: {text}"
            for name, text in edits.items()
        )
    number, label = values.get("row", 0), values.get("label", "")
    return item.n, number, label, what, values.get("warning", "")


def _guarded(cell: str) -> str:
    """Return a cell that no spreadsheet runs; one that was guarded stays as it is."""
    return cell if columns.unguarded(cell) != cell else formulas.harmless(cell)
