"""Bulk flagging for onboarding: the dialogs that start it, and the progress of its runs."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import streamlit as st

from core.access.permissions import Actor
from core.database import db
from core.models import Run
from core.onboarding import bulk_flag, onboarding
from core.onboarding.onboarding import FlagResult
from core.organizations.filters import Filters
from pages import ui
from pages.parts.onboarding.forms import note_field, plan_fields
from pages.ui import elements

ACTIONS: Final = (ui.Action("flag", "Flag for onboarding", "flag", takes_all=True),)
"""What the table of organizations can do with the rows that are selected."""
_REFRESH_SECONDS: Final = 2.0
_NONE, _RUNNING = "runs-none", "runs-going"


def draw_dialogs(actor: Actor, filters: Filters) -> None:
    """Draw the open dialog: `flag` is about the ids that are selected, `flag-all` about all."""
    ui.draw_dialog("flag", "Flag for onboarding", _flag, actor)
    ui.draw_dialog("flag-all", "Flag all matching", _flag_all, actor, filters)


def _flag(actor: Actor, org_ids: Sequence[int]) -> None:
    st.markdown(f"{ui.count(len(org_ids), 'organization')} selected")
    with ui.form("flag") as form:
        plan = plan_fields(form, actor.user_id, _list_reps())
        note = note_field(form)
        pressed = form.submit("Flag for onboarding")
    if pressed:
        flagged = form.change(onboarding.flag, actor, org_ids, plan, note=note)
        if flagged is not None:
            _show_result(flagged)


def _show_result(flagged: FlagResult) -> None:
    """Close the dialog if all were flagged; otherwise list the others with the reason."""
    ui.clear_selection("organizations")
    message = f"{ui.count(len(flagged.flagged), 'organization')} moved to onboarding"
    if not flagged.refused:
        ui.close_dialog()
        ui.show_notice(message)
        st.rerun()
    st.markdown(f"{message}. Not flagged:")
    for _, name, why in flagged.refused:
        st.markdown(f"**{ui.esc(name)}**  \n{ui.quiet(ui.esc(why))}")


def _flag_all(actor: Actor, filters: Filters, _selected: Sequence[int]) -> None:
    with db.read() as session:
        matching = bulk_flag.count(session, actor, filters)
    if matching.all > bulk_flag.MAX_ORGANIZATIONS:
        st.markdown(
            f"More than **{bulk_flag.MAX_ORGANIZATIONS:,} organizations** match. "
            "Narrow the list with a filter first."
        )
        return
    if not matching.free:
        st.markdown("Only free organizations can be flagged, and none of these is free.")
        return
    match = ui.count(matching.all, "organization matches", "organizations match")
    is_all = matching.free == matching.all
    one = matching.free == 1
    free = f"{'All' if is_all else f'{matching.free:,}'} of them {'is' if one else 'are'} free"
    st.markdown(
        f"**{match}.** {free}. Any that can't be flagged are listed with a reason. You can leave "
        "this page or cancel anytime."
    )
    with ui.form("flag-all") as form:
        plan = plan_fields(form, actor.user_id, _list_reps())
        note = note_field(form)
        pressed = form.submit(f"Flag {ui.count(matching.free, 'organization')}")
    if pressed:
        _forget_none()
        ui.clear_selection("organizations")
        message = "Flagging started"
        form.save(message, bulk_flag.start, actor, filters, plan, note=note, expected=matching.all)


def _forget_none() -> None:
    """Look for runs again, since one is about to start."""
    st.session_state.pop(_NONE, None)


def draw_progress(actor: Actor) -> None:
    """Draw the runs in progress and those just ended; if there are none, check once a session."""
    if st.session_state.get(_NONE):
        return
    draw = _draw_repeatedly if st.session_state.get(_RUNNING) else _draw_once
    draw(actor)


def _draw_runs(actor: Actor) -> None:
    with db.read() as session:
        found = bulk_flag.list_open(session, actor)
    st.session_state[_NONE] = not found
    was_running = st.session_state.get(_RUNNING, False)
    st.session_state[_RUNNING] = any(run.ended_at is None for run in found)
    if was_running != st.session_state[_RUNNING]:
        st.rerun(scope="app")
    for run in found:
        with st.container(border=True, gap="xsmall", key=f"run-{run.id}"):
            if run.ended_at is None:
                _draw_running(actor, run)
            else:
                _draw_ended(actor, run)


_draw_once = ui.fragment(_draw_runs)
_draw_repeatedly = ui.fragment(_draw_runs, every=_REFRESH_SECONDS)


def _draw_running(actor: Actor, run: Run) -> None:
    seen = run.done + run.refused
    is_own = run.actor_id == actor.user_id
    whose = "" if is_own else f" for {_list_reps().get(run.actor_id, 'a colleague')}"
    words = f"Flagging {ui.count(run.total, 'organization')}{ui.esc(whose)}"
    with elements.row():
        st.markdown(
            f"**{words}** {ui.quiet(_format_progress(run))}",
            width="stretch",
        )
        if st.button("Cancel", icon=":material/close:", type="tertiary", key=f"cancel-{run.id}"):
            notice = "Flagging cancelled. Organizations flagged so far stay in onboarding."
            ui.save(notice, bulk_flag.cancel, actor, run.id)
    st.progress(min(1.0, seen / max(1, run.total)))


def _draw_ended(actor: Actor, run: Run) -> None:
    done = ui.count(run.done, "organization")
    left = f" {run.refused:,} couldn't be flagged." if run.refused else ""
    why = f" {ui.esc(run.ended_because)}" if run.ended_because else ""
    icon = ":orange[:material/error:]" if run.ended_because else ":green[:material/check_circle:]"
    st.markdown(f"{icon} {done} moved to onboarding.{left}{why}")
    with elements.row():  # below, so that a second click on Cancel does not dismiss the result
        if run.refused:
            st.download_button(
                "Download failures",
                partial(_failures_csv, actor, run.id),
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


def _list_reps() -> dict[int, str]:
    with db.read() as session:
        return onboarding.list_reps(session)


def _format_progress(run: Run) -> str:
    refused = f", {run.refused:,} not" if run.refused else ""
    return f"{run.done:,} flagged{refused}"


def _failures_csv(actor: Actor, run_id: int) -> bytes:
    with db.read() as session:
        return bulk_flag.refusals_csv(session, actor, run_id)
