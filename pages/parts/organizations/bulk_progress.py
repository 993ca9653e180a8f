"""Runs over many organizations: how far each has come, how it ended, and what it could not do."""

from collections.abc import Mapping
from functools import partial
from typing import Final

import streamlit as st

from core.access.permissions import Actor
from core.database import db
from core.models import Run
from core.onboarding import bulk_flag
from pages import ui
from pages.ui import elements

LOOKS_EVERY: Final = 2.0
"""Seconds after which the page looks how far a run has come."""
_NONE, _GOING = "runs-none", "runs-going"


def expect() -> None:
    """Look for runs from now on: one is about to begin."""
    st.session_state.pop(_NONE, None)


def draw(actor: Actor, reps: Mapping[int, str]) -> None:
    """Draw the runs that go on or have just ended; where there are none, look once a session."""
    if st.session_state.get(_NONE):
        return
    look = _look_again if st.session_state.get(_GOING) else _look_once
    look(actor, reps)


def _look(actor: Actor, reps: Mapping[int, str]) -> None:
    with db.read() as session:
        found = bulk_flag.list_open(session, actor)
    st.session_state[_NONE] = not found
    was_going = st.session_state.get(_GOING, False)
    st.session_state[_GOING] = any(run.ended_at is None for run in found)
    if was_going != st.session_state[_GOING]:
        st.rerun(scope="app")
    for run in found:
        with st.container(border=True, gap="xsmall", key=f"run-{run.id}"):
            if run.ended_at is None:
                _draw_going(actor, run, reps)
            else:
                _draw_ended(actor, run)


_look_once = ui.fragment(_look)
_look_again = ui.fragment(_look, every=LOOKS_EVERY)


def _draw_going(actor: Actor, run: Run, reps: Mapping[int, str]) -> None:
    seen = run.done + run.refused
    whose = "" if run.actor_id == actor.user_id else f" for {reps.get(run.actor_id, 'somebody')}"
    words = f"Flagging {ui.count(run.total, 'organization')}{ui.esc(whose)}"
    with elements.row():
        st.markdown(
            f"**{words}** {ui.quiet(_so_far(run))}",
            width="stretch",
        )
        if st.button("Cancel", icon=":material/close:", type="tertiary", key=f"cancel-{run.id}"):
            ui.save("Cancelled; what was flagged stays so.", bulk_flag.cancel, actor, run.id)
    st.progress(min(1.0, seen / max(1, run.total)))


def _draw_ended(actor: Actor, run: Run) -> None:
    done = ui.count(run.done, "organization is", "organizations are")
    left = f" {run.refused:,} could not be flagged." if run.refused else ""
    why = f" {ui.esc(run.ended_because)}" if run.ended_because else ""
    icon = ":orange[:material/error:]" if run.ended_because else ":green[:material/check_circle:]"
    with elements.row():
        st.markdown(f"{icon} {done} in onboarding.{left}{why}", width="stretch")
        if run.refused:
            st.download_button(
                "Download the list",
                partial(_refused, actor, run.id),
                file_name=f"not-flagged-{run.id}.csv",
                mime="text/csv",
                on_click="ignore",
                icon=":material/download:",
                type="tertiary",
                key=f"refused-{run.id}",
            )
        if st.button("Dismiss", icon=":material/close:", type="tertiary", key=f"dismiss-{run.id}"):
            ui.change(bulk_flag.dismiss, actor, run.id)
            st.rerun()


def _so_far(run: Run) -> str:
    refused = f", {run.refused:,} could not be" if run.refused else ""
    return f"{run.done:,} flagged{refused}"


def _refused(actor: Actor, run_id: int) -> bytes:
    with db.read() as session:
        return bulk_flag.refusals_csv(session, actor, run_id)
