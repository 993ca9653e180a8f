"""Contact data that staff changes for an organization, with a reason that its owners read."""

import streamlit as st

from core.access.permissions import Actor
from core.base.errors import Stale
from core.models import Organization
from core.profile import profile
from pages import ui

DIALOG = "contact"


def draw_button(org: Organization) -> None:
    """Draw what opens the dialog, with the values that stand there now."""
    texts = profile.form_texts(org)
    shown = {field: texts[field] for field in profile.CONTACT_FIELDS}
    st.button(
        "Edit contact data",
        key="contact-open",
        icon=":material/edit:",
        on_click=ui.open_dialog,
        args=(DIALOG, shown),
    )


def draw_dialog(actor: Actor, org: Organization) -> None:
    """Draw the dialog if it is open."""
    ui.draw_dialog(DIALOG, "Edit contact data", _edit, actor, org, width="medium")


def _edit(actor: Actor, org: Organization, shown: dict[str, str]) -> None:
    st.markdown("The owners get a mail with what you changed and why.")
    with ui.form("contact") as form:
        grid = st.grid(2, min_column_width=220, gap="small")
        typed = {}
        for field, label in profile.CONTACT_FIELDS.items():
            with grid.cell():
                typed[field] = form.field(st.text_input, field, label, value=shown[field])
        hint = "For the owners to read; it stands in history."
        reason = form.field(st.text_input, "reason", "Reason", hint=hint)
        pressed = form.submit("Save")
    if pressed:
        told = "The contact data is saved, and the owners are told."
        form.save(told, profile.save_contact_details, actor, org.id, shown, typed, reason=reason)
    if isinstance(form.error, Stale):
        _show_theirs(form.error, shown)


def _show_theirs(stale: Stale, shown: dict[str, str]) -> None:
    """Show what somebody else wrote meanwhile; whoever saves again decides for the own."""
    theirs = {field: str(value) for field, value in stale.theirs.items()}
    for field, value in theirs.items():
        label = profile.CONTACT_FIELDS[field]
        st.markdown(f"{label} is **{ui.esc(value) or '(empty)'}** now. Save again to replace it.")
    ui.open_dialog(DIALOG, shown | theirs)
