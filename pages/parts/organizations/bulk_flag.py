"""Bulk flagging for onboarding: the dialogs that start it, and the progress of its bulk_flag."""

from collections.abc import Mapping, Sequence
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

_REFRESH_SECONDS: Final = 2.0
_NONE, _RUNNING = "runs-none", "runs-going"


def draw_flag_selected(actor: Actor, org_ids: Sequence[int], reps: Mapping[int, str]) -> None:
    """Draw the button and the dialog that flag the selected organizations."""
    st.button(
        "Flag for onboarding",
        icon=":material/flag:",
        key="flag-organizations",
        on_click=ui.open_dialog,
        args=("flag",),
    )
    ui.draw_dialog("flag", "Flag for onboarding", _flag, actor, org_ids, reps)


def draw_flag_all(actor: Actor, filters: Filters, reps: Mapping[int, str]) -> None:
    """Draw the button and the dialog that flag all organizations that match."""
    st.button(
        "Flag all that match",
        icon=":material/flag:",
        type="tertiary",
        key="flag-all-organizations",
        on_click=ui.open_dialog,
        args=("flag-all",),
    )
    ui.draw_dialog("flag-all", "Flag all that match", _flag_all, actor, filters, reps)


def _flag(actor: Actor, org_ids: Sequence[int], reps: Mapping[int, str]) -> None:
    st.markdown(f"{ui.count(len(org_ids), 'organization')} selected, to go into onboarding.")
    with ui.form("flag") as form:
        plan = plan_fields(form, actor.user_id, reps)
        note = note_field(form)
        pressed = form.submit("Flag for onboarding")
    if pressed:
        flagged = form.change(onboarding.flag, actor, org_ids, plan, note=note)
        if flagged is not None:
            _show_result(flagged)


def _show_result(flagged: FlagResult) -> None:
    """Close the dialog if all were flagged; otherwise list the others with the reason."""
    message = (
        ui.count(len(flagged.flagged), "organization is", "organizations are") + " in onboarding."
    )
    if not flagged.refused:
        ui.close_dialog()
        ui.show_notice(message)
        st.rerun()
    st.markdown(f"{message} Not flagged:")
    for _, name, why in flagged.refused:
        st.markdown(f"**{ui.esc(name)}**  \n{ui.quiet(ui.esc(why))}")


def _flag_all(actor: Actor, filters: Filters, reps: Mapping[int, str]) -> None:
    with db.read() as session:
        matching = bulk_flag.count(session, actor, filters)
    if matching.all > bulk_flag.MAX_ORGANIZATIONS:
        st.markdown(
            f"More than **{bulk_flag.MAX_ORGANIZATIONS:,} organizations** match. "
            "Narrow the table by a filter first; so many are not flagged in one go."
        )
        return
    if not matching.free:
        st.markdown("None of them is free, and only free organizations can be flagged.")
        return
    match = ui.count(matching.all, "organization matches", "organizations match")
    is_all = matching.free == matching.all
    free = "All of them are free" if is_all else f"{matching.free:,} of them are free"
    st.markdown(
        f"**{match}.** {free} and go to onboarding; what cannot is listed with the reason. "
        "It goes on while you do something else, and can be cancelled."
    )
    with ui.form("flag-all") as form:
        plan = plan_fields(form, actor.user_id, reps)
        note = note_field(form)
        pressed = form.submit(f"Flag {ui.count(matching.free, 'organization')}")
    if pressed:
        _forget_none()
        message = "Flagging has begun."
        form.save(message, bulk_flag.start, actor, filters, plan, note=note, expected=matching.all)


def _forget_none() -> None:
    """Look for runs again, since one is about to start."""
    st.session_state.pop(_NONE, None)


def draw_progress(actor: Actor, reps: Mapping[int, str]) -> None:
    """Draw the runs in progress and those just ended; if there are none, check once a session."""
    if st.session_state.get(_NONE):
        return
    draw = _draw_repeatedly if st.session_state.get(_RUNNING) else _draw_once
    draw(actor, reps)


def _draw_runs(actor: Actor, reps: Mapping[int, str]) -> None:
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
                _draw_running(actor, run, reps)
            else:
                _draw_ended(actor, run)


_draw_once = ui.fragment(_draw_runs)
_draw_repeatedly = ui.fragment(_draw_runs, every=_REFRESH_SECONDS)


def _draw_running(actor: Actor, run: Run, reps: Mapping[int, str]) -> None:
    seen = run.done + run.refused
    whose = "" if run.actor_id == actor.user_id else f" for {reps.get(run.actor_id, 'somebody')}"
    words = f"Flagging {ui.count(run.total, 'organization')}{ui.esc(whose)}"
    with elements.row():
        st.markdown(
            f"**{words}** {ui.quiet(_format_progress(run))}",
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


def _format_progress(run: Run) -> str:
    refused = f", {run.refused:,} could not be" if run.refused else ""
    return f"{run.done:,} flagged{refused}"


def _failures_csv(actor: Actor, run_id: int) -> bytes:
    with db.read() as session:
        return bulk_flag.refusals_csv(session, actor, run_id)
