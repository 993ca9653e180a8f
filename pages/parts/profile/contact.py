"""The dialog in which staff edit contact details, with a reason that owners read."""

import streamlit as st

from core.access.permissions import Actor
from core.models import Organization
from core.profile import profile
from pages import ui

_DIALOG = "contact"


def draw_button() -> None:
    """Draw the button that opens the dialog."""
    st.button(
        "Edit contact details",
        key="contact-open",
        icon=":material/edit:",
        on_click=ui.open_dialog,
        args=(_DIALOG,),
    )


def draw_dialog(actor: Actor, org: Organization) -> None:
    """Draw the dialog if it is open."""
    ui.draw_dialog(_DIALOG, "Edit contact details", _draw_form, actor, org, width="medium")


def _draw_form(actor: Actor, org: Organization) -> None:
    st.markdown("Owners will be emailed what you changed and why.")
    form = ui.EditForm("contact", profile.CONTACT_FIELDS, profile.form_texts(org))
    grid = st.grid(2, min_column_width=220, gap="small")
    for field in profile.CONTACT_FIELDS:
        with grid.cell():
            form.text(field)
    hint = "Shown to owners and kept in history."
    reason = form.field(st.text_input, "reason", "Reason", hint=hint)
    if form.submit_changes("Save"):
        notice = "Contact details saved. We emailed the owners."
        form.save_changes(notice, profile.save_contact_details, actor, org.id, reason=reason)
