"""The undo of a run: the button, and the dialog that counts first."""

from typing import Final

import streamlit as st

from core.access.permissions import Actor
from core.changes import run_undo
from core.changes.run_undo import UndoPlan
from core.models import Run
from pages import ui

_PLAN: Final = "undo-run plan"
_NONE, _GOING = "runs-none", "runs-going"


def draw_button(run: Run, undone_by: int | None) -> None:
    """Draw `Undo this run` for a run that is over and changed something, or which run undid it."""
    if undone_by is not None:
        st.markdown(f":material/undo: Undone by run {undone_by}", width="content")
    elif run.done and run.ended_at is not None:
        icon = ":material/undo:"
        if st.button("Undo this run", icon=icon, type="tertiary", key=f"undo-{run.id}"):
            st.session_state.pop(_PLAN, None)
            ui.open_dialog("undo-run", run.id)
            st.rerun(scope="app")


def draw_dialog(actor: Actor) -> None:
    """Draw the dialog if it is open."""
    ui.draw_dialog("undo-run", "Undo this run?", _draw, actor)


def _draw(actor: Actor, run_id: int) -> None:
    reason = f"Undo of run {run_id}"
    plan: UndoPlan | None = st.session_state.get(_PLAN)
    if plan is None:
        plan = st.session_state[_PLAN] = ui.change(run_undo.propose, actor, run_id, reason=reason)
    st.markdown(f"**Will be put back ({plan.put_back:,})**")
    if plan.doubtful:
        st.markdown(f"**Changed since ({plan.doubtful:,})**  \n{ui.quiet(_explain(plan))}")
    for name, why in plan.refused:
        st.markdown(f"**{ui.esc(name)}**  \n{ui.quiet(ui.esc(why))}")
    with ui.form("undo-run") as form:
        hint = "Owners can see this."
        reason = form.field(st.text_input, "reason", "Reason", value=reason, hint=hint)
        pressed = form.submit(f"Undo {ui.count(plan.run.total, 'change')}")
    if pressed:
        st.session_state.pop(_NONE, None)
        shown = plan.run.total
        form.save("Undo started", run_undo.start, actor, run_id, reason=reason, shown=shown)


def _explain(plan: UndoPlan) -> str:
    """Return what happens with changes that others followed."""
    if plan.doubtful == len(plan.refused):
        return "Left as they are:"
    return "Each is checked. What was changed since is left as it is and listed with the reason."
