"""What staff do with organizations in dialogs: flag some, restore a deleted one."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core import onboarding, organizations
from core.onboarding import Flagged
from core.permissions import Actor
from pages import ui
from pages.ui.onboarding_forms import plan_fields


def offer_flag(actor: Actor, org_ids: Sequence[int], reps: dict[int, str]) -> None:
    """Draw the action `Flag for onboarding` for selected organizations and its dialog."""
    st.button(
        "Flag for onboarding",
        icon=":material/flag:",
        key="flag-organizations",
        on_click=ui.open_dialog,
        args=("flag",),
    )
    ui.draw_dialog("flag", "Flag for onboarding", _flag, actor, org_ids, reps)


def _flag(actor: Actor, org_ids: Sequence[int], reps: dict[int, str]) -> None:
    st.markdown(ui.count(len(org_ids), "organization") + " go from free to onboarding.")
    with ui.form("flag") as form:
        plan = plan_fields(form, actor.user_id, reps)
        pressed = form.submit("Flag for onboarding")
    if pressed:
        flagged = form.change(onboarding.flag, actor, org_ids, plan)
        if flagged is not None:
            _tell_flagged(flagged)


def _tell_flagged(flagged: Flagged) -> None:
    """Close the dialog when all went through; else say which did not, and why."""
    told = ui.count(len(flagged.done), "organization is", "organizations are") + " in onboarding."
    if not flagged.refused:
        ui.close_dialog()
        ui.tell(told)
        st.rerun()
    st.markdown(f"{told} Not flagged:")
    for _, name, why in flagged.refused:
        st.markdown(f"**{ui.esc(name)}**  \n{ui.quiet(ui.esc(why))}")


def offer_restore(actor: Actor, rows: pd.DataFrame, org_ids: Sequence[int]) -> None:
    """Draw the action `Restore` for a deleted organization that is selected."""
    names = dict(zip(rows["id"], rows["name"], strict=True))
    pressed = st.button(
        "Restore",
        icon=":material/restore_from_trash:",
        key="restore-organization",
        disabled=len(org_ids) > 1,
        help="Everybody in it comes back, too." if len(org_ids) == 1 else "One at a time.",
    )
    if pressed:
        told = f"{names[org_ids[0]]} is restored."
        ui.save(told, organizations.restore, actor, org_ids[0])
