"""The dialog in which staff edit contact details, with a reason that owners read."""

import streamlit as st

from core.access.permissions import Actor
from core.base.errors import Stale
from core.models import Organization
from core.profile import profile
from pages import ui

DIALOG = "contact"


def draw_button(org: Organization) -> None:
    """Draw the button that opens the dialog with the current values."""
    texts = profile.form_texts(org)
    original = {field: texts[field] for field in profile.CONTACT_FIELDS}
    st.button(
        "Edit contact data",
        key="contact-open",
        icon=":material/edit:",
        on_click=ui.open_dialog,
        args=(DIALOG, original),
    )


def draw_dialog(actor: Actor, org: Organization) -> None:
    """Draw the dialog if it is open."""
    ui.draw_dialog(DIALOG, "Edit contact data", _draw_form, actor, org, width="medium")


def _draw_form(actor: Actor, org: Organization, original: dict[str, str]) -> None:
    st.markdown("The owners get a mail with what you changed and why.")
    with ui.form("contact") as form:
        grid = st.grid(2, min_column_width=220, gap="small")
        edited = {}
        for field, label in profile.CONTACT_FIELDS.items():
            with grid.cell():
                edited[field] = form.field(st.text_input, field, label, value=original[field])
        hint = "For the owners to read; it stands in history."
        reason = form.field(st.text_input, "reason", "Reason", hint=hint)
        pressed = form.submit("Save")
    if pressed:
        notice = "The contact data is saved, and the owners are told."
        form.save(
            notice, profile.save_contact_details, actor, org.id, original, edited, reason=reason
        )
    if isinstance(form.error, Stale):
        _draw_conflicts(form.error, original)


def _draw_conflicts(stale: Stale, original: dict[str, str]) -> None:
    """Draw what someone else saved meanwhile; saving again replaces it."""
    theirs = {field: str(value) for field, value in stale.theirs.items()}
    for field, value in theirs.items():
        label = profile.CONTACT_FIELDS[field]
        st.markdown(f"{label} is **{ui.esc(value) or '(empty)'}** now. Save again to replace it.")
    ui.open_dialog(DIALOG, original | theirs)
