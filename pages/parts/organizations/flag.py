"""How sales flags many organizations at once: the selected ones, or all that match."""

from collections.abc import Mapping, Sequence

import streamlit as st

from core.access.permissions import Actor
from core.database import db
from core.onboarding import bulk_flag, onboarding
from core.onboarding.onboarding import FlagResult
from core.organizations.org_views import View
from pages import ui
from pages.parts.onboarding.forms import note_field, plan_fields
from pages.parts.organizations import bulk_progress


def offer_selected(actor: Actor, org_ids: Sequence[int], reps: Mapping[int, str]) -> None:
    """Draw the action `Flag for onboarding` for selected organizations and its dialog."""
    st.button(
        "Flag for onboarding",
        icon=":material/flag:",
        key="flag-organizations",
        on_click=ui.open_dialog,
        args=("flag",),
    )
    ui.draw_dialog("flag", "Flag for onboarding", _flag, actor, org_ids, reps)


def offer_all(actor: Actor, view: View, reps: Mapping[int, str]) -> None:
    """Draw the action that flags all organizations of a view, and its dialog."""
    st.button(
        "Flag all that match",
        icon=":material/flag:",
        type="tertiary",
        key="flag-all-organizations",
        on_click=ui.open_dialog,
        args=("flag-all",),
    )
    ui.draw_dialog("flag-all", "Flag all that match", _flag_all, actor, view, reps)


def _flag(actor: Actor, org_ids: Sequence[int], reps: Mapping[int, str]) -> None:
    st.markdown(f"{ui.count(len(org_ids), 'organization')} selected, to go into onboarding.")
    with ui.form("flag") as form:
        plan = plan_fields(form, actor.user_id, reps)
        note = note_field(form)
        pressed = form.submit("Flag for onboarding")
    if pressed:
        flagged = form.change(onboarding.flag, actor, org_ids, plan, note=note)
        if flagged is not None:
            _tell_flagged(flagged)


def _tell_flagged(flagged: FlagResult) -> None:
    """Close the dialog when all went through; else say which did not, and why."""
    told = (
        ui.count(len(flagged.flagged), "organization is", "organizations are") + " in onboarding."
    )
    if not flagged.refused:
        ui.close_dialog()
        ui.show_notice(told)
        st.rerun()
    st.markdown(f"{told} Not flagged:")
    for _, name, why in flagged.refused:
        st.markdown(f"**{ui.esc(name)}**  \n{ui.quiet(ui.esc(why))}")


def _flag_all(actor: Actor, view: View, reps: Mapping[int, str]) -> None:
    with db.read() as session:
        matching = bulk_flag.count(session, actor, view)
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
        bulk_progress.expect()
        told = "Flagging has begun."
        form.save(told, bulk_flag.start, actor, view, plan, note=note, expected=matching.all)
