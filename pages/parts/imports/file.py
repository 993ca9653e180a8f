"""The file of an import: how it is chosen, read, and matched with fields."""

from functools import partial
from typing import Final

import streamlit as st

from core.access.permissions import Actor
from core.accounts import uploads
from core.base import parameters
from core.database import db
from core.imports import columns, imports, planning, reader
from core.imports.columns import FIELDS, What
from core.imports.plans import Outcome
from core.imports.reader import Sheet
from core.models import Run
from pages import ui
from pages.ui.file_field import file_field

LABELS: Final = {What.ORGANIZATIONS: "Organizations", What.MEMBERS: "Members"}
_LIMITS: Final = {
    "accept": ".csv,.xlsx",
    "max_bytes": reader.MAX_BYTES,
    "too_large": reader.TOO_LARGE,
    "route": "/uploads?for=import",
    "plain": True,
}
_SHEET: Final = "import-sheet"
_ANY: Final = "Found automatically"
_EXAMPLE: Final = 30
"""Characters of an example."""


def draw_template(what: What) -> None:
    """Draw the button that downloads an empty file with all columns."""
    st.download_button(
        "Template",
        columns.template(what),
        file_name=f"{what}.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/description:",
        type="tertiary",
        key="import-template",
    )


def draw_file_field(form: ui.Form) -> int | None:
    """Draw the field `Choose file`; return the upload in the address, which survives a reload."""
    chosen = form.field(
        file_field,
        "file",
        "Choose file",
        limits=_LIMITS,
        hint="CSV or XLSX with titles in the first row, at most 20,000 rows and 20 MB.",
    )
    if chosen is not None and st.query_params.get("file") != str(chosen.upload_id):
        st.query_params["file"] = str(chosen.upload_id)
        st.query_params.pop("run", None)
        for name in ("encoding", "delimiter"):
            st.session_state.pop(form.key(name), None)
    return parameters.find_row_id(st.query_params.get("file", ""))


def read_file(form: ui.Form, actor: Actor, upload_id: int) -> tuple[str, Sheet] | None:
    """Return the name of an upload and its rows, read once; None if it was refused."""
    chosen = {name: st.session_state.get(form.key(name), "") for name in ("encoding", "delimiter")}
    wanted = (upload_id, *chosen.values())
    known = st.session_state.get(_SHEET)
    if known is None or known[0] != wanted:
        with st.spinner("Reading the file"):
            found = form.prepare(_read, actor, upload_id, **chosen)
        if found is None:
            return None
        known = (wanted, found)
        st.session_state[_SHEET] = known
    result: tuple[str, Sheet] = known[1]
    return result


def _read(actor: Actor, upload_id: int, *, encoding: str, delimiter: str) -> tuple[str, Sheet]:
    with db.read() as session:
        upload = uploads.get(session, actor, upload_id)
    return upload.name, reader.read(upload.content, encoding=encoding, delimiter=delimiter)


def forget_file() -> None:
    """Forget the rows of the file, once its import has started."""
    st.session_state.pop(_SHEET, None)


def draw_reading(form: ui.Form, name: str, sheet: Sheet) -> None:
    """Draw what was read, and for CSV how, with a choice of something else."""
    rest = f" Only the first worksheet, {sheet.name}, is imported." if sheet.sheets > 1 else ""
    rows = ui.count(len(sheet.rows), "row")
    st.markdown(ui.quiet(ui.esc(f"{name}: {rows}, {len(sheet.titles)} columns.{rest}")))
    if not sheet.delimiter:
        return
    with st.container(horizontal=True, gap="small"):
        found = reader.ENCODINGS.get(sheet.encoding, sheet.encoding)
        _draw_choice(form, "encoding", "Encoding", reader.ENCODINGS, found)
        found = reader.DELIMITERS[sheet.delimiter]
        _draw_choice(form, "delimiter", "Delimiter", reader.DELIMITERS, found)


def _draw_choice(form: ui.Form, name: str, label: str, choices: dict[str, str], found: str) -> None:
    names = {"": f"{_ANY}: {found}", **choices}
    with st.container(width=240):
        form.field(st.selectbox, name, label, options=[*names], format_func=names.__getitem__)


def draw_columns(actor: Actor, what: What, sheet: Sheet) -> list[str]:
    """Draw `Match columns`, a field to choose for each column, and return the choices."""
    with db.read() as session:
        found = imports.find_columns(session, actor, what, sheet.titles)
    names = {"": "Don't import"} | {key: field.title for key, field in FIELDS[what].items()}
    chosen = []
    with st.container(horizontal=True, gap="small", key="import-columns"):
        for at, (title, field) in enumerate(zip(sheet.titles, found, strict=True)):
            with st.container(width=220, gap="xxsmall"):
                chosen.append(
                    st.selectbox(
                        ui.esc(title) or f"Column {at + 1}",
                        [*names],
                        index=[*names].index(field),
                        format_func=names.__getitem__,
                        key=f"import-column-{st.query_params.get('file')}-{what}-{at}",
                    )
                )
                st.markdown(ui.quiet(ui.esc(_example(sheet, at))))
    return chosen


def _example(sheet: Sheet, at: int) -> str:
    """Return the first cell of a column that is not empty."""
    cells = (row.cells[at] for row in sheet.rows if at < len(row.cells) and row.cells[at].strip())
    text = next(cells, "")
    return text if len(text) <= _EXAMPLE else f"{text[: _EXAMPLE - 1]}…"


def draw_check(
    form: ui.Form, actor: Actor, what: What, name: str, sheet: Sheet, chosen: list[str]
) -> None:
    """Draw `Check`, which plans the import and opens the plan, unless nothing would change."""
    missing = columns.list_missing(what, chosen)
    twice = {FIELDS[what][field].title for field in chosen if field and chosen.count(field) > 1}
    reason = form.field(
        st.text_input,
        "reason",
        "Reason",
        hint="Owners of organizations that change can see this.",
        max_chars=500,
        width=480,
    )
    form.reserve_footer()
    problems = [f"Match a column to {' and '.join(missing)}."] if missing else []
    problems += [f"Match only one column to {field}." for field in sorted(twice)]
    st.markdown(ui.quiet(ui.esc(" ".join(problems))))
    if st.button("Check", type="primary", key="import-check", disabled=bool(problems)):
        with st.spinner("Checking every row"):
            run = form.prepare(partial(_propose, actor, what, name, sheet, chosen), reason=reason)
        if run is not None:
            st.query_params["run"] = str(run.id)
            st.rerun()


def _propose(
    actor: Actor, what: What, name: str, sheet: Sheet, chosen: list[str], *, reason: str
) -> Run | None:
    with db.read() as session:
        plan = planning.plan(session, actor, what, sheet, chosen, file=name)
    if len(plan.having(Outcome.UNCHANGED)) == len(plan.rows):
        st.markdown("Nothing to import: every row is unchanged.")
        return None
    upload_id = parameters.find_row_id(st.query_params.get("file", ""))
    return ui.change(imports.propose, actor, plan, reason=reason, upload_id=upload_id)
