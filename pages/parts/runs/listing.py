"""The list of runs, and the dialog about one of them."""

from typing import Any, Final

import pandas as pd
import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.base import parameters
from core.database import db
from core.models import Run, RunStatus
from core.ops import run_types
from core.runs import items, runs
from pages import ui
from pages.parts.runs import progress, undo
from pages.ui.column import Style

_REFRESH_SECONDS: Final = 2.0
_MAX_REFUSED: Final = 50
"""Refused rows that the dialog shows; the file has all of them."""
_GOING: Final = "runs-listed-going"
_STATES: Final = {
    "going": Style("Running", "blue", "progress_activity"),
    "ended": Style("Done", "green", "check_circle"),
    "cancelled": Style("Cancelled", "gray", "cancel"),
    "failed": Style("Failed", "red", "error"),
    "undone": Style("Undone", "gray", "undo"),
}
_COLUMNS: Final = {
    "what": ui.column.text("What"),
    "id": ui.column.number("Run", width=64, phone="hide"),
    "who": ui.column.person("By", seed="who_id", width=150),
    "state": ui.column.badge("Status", _STATES, width=120),
    "progress": ui.column.text("Progress", width=220),
    "reason": ui.column.text("Reason", phone="hide"),
    "started_at": ui.column.moment("Started", width=112),
}


def draw(actor: Actor) -> None:
    """Draw the list of runs; it redraws itself while one of them is going."""
    drawn = _draw_repeatedly if st.session_state.get(_GOING) else _draw_once
    drawn(actor)


def _draw_list(actor: Actor) -> None:
    before_id = parameters.find_row_id(st.query_params.get("before", ""))
    with db.read() as session:
        found = runs.table(session, actor, before_id=before_id)
    was_going = st.session_state.get(_GOING, False)
    st.session_state[_GOING] = bool((found["status"] == RunStatus.GOING).any())
    if was_going != st.session_state[_GOING]:
        st.rerun(scope="app")
    asked = ui.table(
        _displayed(found),
        _COLUMNS,
        key="runs",
        label="Runs",
        actions=[ui.Action("look", "Details", "right_panel_open", shows="icon")],
        row_action="look",
        paging=_paging(found, before_id),
        empty=("No runs yet", "Bulk edits and other changes of many organizations appear here."),
    )
    if asked.action == "look":
        ui.open_dialog("run", int(asked.row))
        st.rerun(scope="app")


_draw_once = ui.fragment(_draw_list)
_draw_repeatedly = ui.fragment(_draw_list, every=_REFRESH_SECONDS)


def _displayed(found: pd.DataFrame) -> pd.DataFrame:
    titles = [run_types.title(*each) for each in zip(found["kind"], found["params"], strict=True)]
    states = found["status"].astype(str).where(found["undone_by"].isna(), "undone")
    texts = [progress.describe_progress(run) for run in found.itertuples()]
    return found.assign(what=titles, state=states, progress=texts)


def _paging(found: pd.DataFrame, before_id: int | None) -> ui.Paging:
    oldest = str(found["id"].min()) if len(found) == runs.PAGE_SIZE else None
    turns = [
        ui.Turn("Newest", {"before": ""} if before_id else None),
        ui.Turn("Older →", {"before": oldest} if oldest else None),
    ]
    return ui.Paging(len(found), ui.count(len(found), "run"), turns)


def draw_dialogs(actor: Actor, rights: Rights) -> None:
    """Draw the dialog about a run, if it is open."""
    ui.draw_dialog("run", "Run", _draw_run, actor, rights, position="right")
    undo.draw_dialog(actor)


def _draw_run(actor: Actor, rights: Rights, run_id: int) -> None:
    with db.read() as session:
        run = runs.get(session, actor, run_id)
        names = runs.list_names(session, [run])
        undoing = runs.find_undoing(session, run_id)
        refused = items.list_refusals(session, actor, run_id)
    st.markdown(f"**{ui.esc(run_types.title_of(run))}**")
    facts = {
        "Run": str(run.id),
        "By": names.get(run.actor_id, "A deleted account"),
        "Reason": run.reason,
        "Progress": progress.describe_progress(run),
        "Started": ui.exact(run.started_at) if run.started_at else "",
        "Ended": ui.exact(run.ended_at) if run.ended_at else "",
        "Stopped": run.ended_because,
    }
    for label, text in facts.items():
        if text:
            st.markdown(f"{ui.quiet(label)}  \n{ui.esc(text)}")
    undo.draw_button(run, undoing)
    may_stop = run.actor_id == actor.user_id or Action.OVERRIDE_GATE in rights
    if may_stop:
        _draw_stop(actor, run, is_undone=undoing is not None)
    _draw_refused(actor, run, refused)


def _draw_stop(actor: Actor, run: Run, *, is_undone: bool) -> None:
    can_resume = run.status in {RunStatus.CANCELLED, RunStatus.FAILED} and not is_undone
    is_going = run.status is RunStatus.GOING
    if is_going and st.button("Cancel", icon=":material/close:", key="run-cancel"):
        ui.save("Cancelled. What was changed so far stays.", runs.cancel, actor, run.id)
    if can_resume and st.button("Resume", icon=":material/play_arrow:", key="run-resume"):
        ui.save("Resumed", runs.resume, actor, run.id)


def _draw_refused(actor: Actor, run: Run, refused: pd.DataFrame) -> None:
    if refused.empty:
        return
    st.markdown(f"**Refused ({len(refused):,})**")
    progress.draw_refused(actor, run.id, len(refused))
    shown: list[Any] = list(refused.head(_MAX_REFUSED).itertuples())
    for row in shown:
        st.markdown(f"**{ui.esc(row.name)}**  \n{ui.quiet(ui.esc(row.why))}")
    if len(refused) > len(shown):
        st.markdown(ui.quiet(f"The file has {len(refused) - len(shown):,} more."))
