"""The forms in the quick view: the next step of an onboarding, and a note."""

from collections.abc import Mapping

import streamlit as st

from core.access.permissions import Actor
from core.models import Organization
from core.onboarding import onboarding
from core.staff import notes
from pages import ui


def draw_next_step(actor: Actor, org: Organization, reps: Mapping[int, str]) -> None:
    """Draw the next step of an onboarding, its date and the sales rep, as a form."""
    ids: list[int | None] = [*reps] if org.rep_id in reps else [org.rep_id, *reps]
    with ui.form(f"quick-step-{org.id}") as form:
        next_step = form.field(st.text_input, "next_step", "Next step", value=org.next_step or "")
        left, right = st.columns(2, gap="small")
        with left:
            on = form.field(
                *(st.date_input, "next_step_on", "Next step due"),
                value=org.next_step_on,
                format="YYYY-MM-DD",
            )
        with right:
            rep_id = form.field(
                *(st.selectbox, "rep_id", "Sales rep"),
                options=ids,
                index=ids.index(org.rep_id),
                format_func=lambda each: reps.get(each or 0, "Keep as it is"),
            )
        pressed = form.submit("Save next step", kind="secondary", can_cancel=False)
    if not pressed:
        return
    values = {"rep_id": rep_id, "next_step": next_step, "next_step_on": on}
    saved = form.change(onboarding.set_next_step, actor, org.id, **values)
    if saved is not None:
        _finish(form, "Next step saved")


def draw_note(actor: Actor, org: Organization) -> None:
    """Draw the form for a note that only staff can read."""
    with ui.form(f"quick-note-{org.id}") as form:
        text = form.field(
            st.text_area, "text", "New note", placeholder="Write a note for staff", height=68
        )
        pressed = form.submit("Add note", kind="secondary", can_cancel=False)
    written = form.change(notes.write, actor, org.id, text) if pressed else None
    if written is not None:
        _finish(form, "Note added (staff only)")


def _finish(form: ui.Form, notice: str) -> None:
    form.reset()
    ui.show_notice(notice)
    st.rerun(scope="app")
