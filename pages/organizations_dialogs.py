"""What staff do with organizations in dialogs: flag some, restore a deleted one."""

from collections.abc import Sequence

import streamlit as st

from core import db, onboarding, organizations
from core.onboarding import Flagged
from core.permissions import Actor
from pages import ui
from pages.ui import tables
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


def offer_restore(actor: Actor) -> None:
    """Draw the way to deleted organizations, and the dialog in which one is restored."""
    st.button(
        "Deleted",
        icon=":material/restore_from_trash:",
        type="tertiary",
        key="deleted-organizations",
        on_click=ui.open_dialog,
        args=("restore",),
    )
    ui.draw_dialog("restore", "Deleted organizations", _restore, actor, width="large")


def _restore(actor: Actor) -> None:
    with db.read() as session:
        rows = organizations.list_deleted(session, actor)
    if rows.empty:
        st.markdown("Nothing was deleted in the last 30 days.")
        return
    st.markdown(ui.quiet("Each can be restored for 30 days, with everybody in it."))
    chosen = tables.choose_organization(
        rows, key="organizations-deleted", columns=("public_id", "stage", "deleted_at")
    )
    names = dict(zip(rows["id"], rows["name"], strict=True))
    pressed = st.button("Restore", type="primary", key="restore-save", disabled=chosen is None)
    if pressed and chosen is not None:
        ui.save(f"{names[chosen]} is restored.", organizations.restore, actor, chosen)
