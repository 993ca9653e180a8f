"""The plan of an import, and how it is started; then what became of it."""

from functools import partial
from typing import Final

import streamlit as st

from core.access.permissions import Actor
from core.database import db
from core.imports import imports, results
from core.imports.imports import Params
from core.imports.plans import Outcome
from core.models import Run, RunStatus
from pages import ui
from pages.parts.imports import file
from pages.parts.runs import progress
from pages.ui import elements
from pages.ui.url_choices import choose

_TITLES: Final = {
    Outcome.NEW: "New",
    Outcome.CHANGE: "Change",
    Outcome.UNCHANGED: "Unchanged",
    Outcome.ERROR: "Errors",
}
_UNCHANGED: Final = ("Nothing to do", "These rows are the same as what Orgdesk has.")


def draw_rows(actor: Actor, run: Run, params: Params) -> None:
    """Draw how many rows have each outcome, and the rows with the one that is chosen."""
    counts = {outcome: params.counts.get(outcome, 0) for outcome in Outcome}
    labels = {outcome: f"{_TITLES[outcome]} ({counts[outcome]:,})" for outcome in Outcome}
    first = next((outcome for outcome in _TITLES if counts[outcome]), Outcome.NEW)
    shown = Outcome(
        choose(
            *("imports", st.segmented_control, "show", "Rows", labels),
            default=first,
            required=True,
            on_change=ui.first_page,
        )
        or first
    )
    page = ui.page_number()
    with db.read() as session:
        rows = results.table(session, actor, run.id, shown, page=page)
    what = "Errors" if shown is Outcome.ERROR else "Fields"
    columns = {
        "label": ui.column.text("Name", width=240),
        "row": ui.column.number("Row", width=64, prefix="Row "),
        "warning": ui.column.text("Warning", is_whole=True),
        "what": ui.column.text(what, is_whole=True, phone="whole"),
    }
    if not rows["warning"].any():
        columns.pop("warning")
    ui.table(
        rows,
        columns,
        key=f"import-{shown}",
        label=labels[shown],
        row_id="n",
        paging=ui.numbered_pages(page, results.PER_PAGE, len(rows) and counts[shown], "row"),
        empty=_UNCHANGED if shown is Outcome.UNCHANGED else ("No rows", ""),
        fills_window=False,
    )


def draw_buttons(form: ui.Form, actor: Actor, run: Run, params: Params) -> None:
    """Draw `Import 350 rows` until it has started, and `Download rejects` if there are any."""
    rows = run.total - params.counts.get(Outcome.ERROR, 0)
    form.reserve_footer()
    with elements.row(key="import-buttons"):
        label, is_open = f"Import {ui.count(rows, 'row')}", run.status is RunStatus.PROPOSED
        if is_open and rows and st.button(label, type="primary", key="import-start"):
            progress.expect_new()
            file.forget_file()
            form.save("Import started", imports.confirm, actor, run.id, digest=run.digest)
        if run.refused or run.skipped:
            st.download_button(
                "Download rejects",
                partial(_rejects, actor, run.id),
                file_name=f"rejects-{run.id}.csv",
                mime="text/csv",
                on_click="ignore",
                icon=":material/download:",
                key="import-rejects",
            )


def _rejects(actor: Actor, run_id: int) -> bytes:
    return db.run(results.rejects, actor, run_id)
