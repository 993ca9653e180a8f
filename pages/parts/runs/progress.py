"""The progress of runs: those of the actor that are going, and those that are over."""

from functools import partial
from typing import Any, Final

import streamlit as st

from core.access.permissions import Actor
from core.database import db
from core.models import Run, RunStatus
from core.ops import run_types
from core.runs import items, runs
from pages import ui
from pages.parts.runs import undo
from pages.ui import elements

_REFRESH_SECONDS: Final = 2.0
_NONE, _GOING, _DRAWN = "runs-none", "runs-going", "runs-drawn"


def expect_new() -> None:
    """Look for runs again, since one is about to start."""
    st.session_state.pop(_NONE, None)


def last_drawn() -> tuple[tuple[int, RunStatus], ...]:
    """Return the runs of the actor that were last drawn, each with its status."""
    drawn: tuple[tuple[int, RunStatus], ...] = st.session_state.get(_DRAWN, ())
    return drawn


def draw(actor: Actor) -> None:
    """Draw the runs of the actor until they are dismissed; if there are none, look once.

    A run that is over can be undone: draw the dialog for it as well.
    """
    if st.session_state.get(_NONE):
        return
    drawn = _draw_repeatedly if st.session_state.get(_GOING) else _draw_once
    drawn(actor)
    undo.draw_dialog(actor)


def _draw_runs(actor: Actor) -> None:
    with db.read() as session:
        found = runs.list_open(session, actor)
        names = runs.list_names(session, found)
        undoing = runs.list_undoing(session, [run.id for run in found])
    st.session_state[_NONE] = not found
    st.session_state[_DRAWN] = tuple((run.id, run.status) for run in found)
    was_going = st.session_state.get(_GOING, False)
    st.session_state[_GOING] = any(run.status is RunStatus.GOING for run in found)
    if was_going != st.session_state[_GOING]:
        st.rerun(scope="app")
    for run in found:
        with st.container(border=True, gap="xsmall", key=f"run-{run.id}"):
            if run.status is RunStatus.GOING:
                whose = "" if run.actor_id == actor.user_id else names.get(run.actor_id, "")
                _draw_going(actor, run, whose)
            else:
                _draw_over(actor, run, undoing.get(run.id))


_draw_once = ui.fragment(_draw_runs)
_draw_repeatedly = ui.fragment(_draw_runs, every=_REFRESH_SECONDS)


def _draw_going(actor: Actor, run: Run, whose: str) -> None:
    title = run_types.title_of(run) + (f" for {whose}" if whose else "")
    with elements.row():
        st.markdown(f"**{ui.esc(title)}** {ui.quiet(describe_progress(run))}", width="stretch")
        if st.button("Cancel", icon=":material/close:", type="tertiary", key=f"cancel-{run.id}"):
            ui.save("Cancelled. What was changed so far stays.", runs.cancel, actor, run.id)
    st.progress(min(1.0, (run.done + run.refused + run.skipped) / max(1, run.total)))


def _draw_over(actor: Actor, run: Run, undone_by: int | None) -> None:
    is_early = run.status is not RunStatus.ENDED
    icon = ":orange[:material/error:]" if is_early else ":green[:material/check_circle:]"
    why = f" {ui.esc(run.ended_because)}" if run.ended_because else ""
    st.markdown(f"{icon} **{ui.esc(run_types.title_of(run))}** {describe_progress(run)}.{why}")
    with elements.row():  # below, so that a second click on Cancel does not dismiss the result
        undo.draw_button(run, undone_by)
        if is_early and not undone_by:
            _draw_resume(actor, run)
        draw_refused(actor, run.id, run.refused)
        if st.button("Dismiss", icon=":material/close:", type="tertiary", key=f"dismiss-{run.id}"):
            ui.change(runs.dismiss, actor, run.id)
            st.rerun()


def _draw_resume(actor: Actor, run: Run) -> None:
    icon = ":material/play_arrow:"
    if st.button("Resume", icon=icon, type="tertiary", key=f"resume-{run.id}"):
        ui.save("Resumed", runs.resume, actor, run.id)


def draw_refused(actor: Actor, run_id: int, refused: int) -> None:
    """Draw the button that downloads what a run refused, if it refused anything."""
    if refused:
        st.download_button(
            f"Download refused rows ({refused:,})",
            partial(_refusals_csv, actor, run_id),
            file_name=f"refused-{run_id}.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            type="tertiary",
            key=f"refused-{run_id}",
        )


def describe_progress(run: Any) -> str:
    """Return how far a run is, or a row of their list: `812 of 1,234 organizations, 12 refused`."""
    parts = [f"{run.done:,} of {ui.count(run.total, run_types.noun(run.kind))}"]
    parts += [f"{run.refused:,} refused"] if run.refused else []
    parts += [f"{run.skipped:,} skipped"] if run.skipped else []
    return ", ".join(parts)


def _refusals_csv(actor: Actor, run_id: int) -> bytes:
    with db.read() as session:
        return items.refusals_csv(session, actor, run_id)
