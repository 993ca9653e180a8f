"""The owner that an imported organization waits for: shown, and invited again or replaced."""

from typing import Final

import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.base import clock
from core.database import db
from core.imports import unclaimed
from core.models import Organization
from pages import ui

_DIALOG: Final = "invite-owner"


def draw_awaited_owner(actor: Actor, org: Organization, rights: Rights) -> None:
    """Draw that an organization has no owner yet, and who was invited; nothing for others."""
    if org.unclaimed_since is None:
        return
    invitation = None
    if Action.VIEW_INVITATIONS in rights:
        with db.read() as session:
            invitation = unclaimed.find_owner_invitation(session, actor, org.id)
    words = "No owner yet"
    if invitation is not None:
        words += (
            f": invitation sent {ui.ago(invitation.sent_at, clock.now())} to {invitation.email}"
        )
    st.markdown(ui.esc(words))
    if Action.IMPORT in rights:
        if st.button("Invite owner", icon=":material/person_add:", key="invite-owner"):
            ui.open_dialog(_DIALOG, invitation.email if invitation else "")
        ui.draw_dialog(_DIALOG, "Invite owner", _draw_dialog, actor, org)


def _draw_dialog(actor: Actor, org: Organization, address: str) -> None:
    with ui.form(_DIALOG) as form:
        email = form.field(
            st.text_input,
            "owner_email",
            "Email",
            value=address,
            type="email",
            hint="The first owner claims the organization. An earlier invitation stops working.",
        )
        pressed = form.submit("Invite")
    if pressed:
        form.save("Invitation sent", unclaimed.invite_owner, actor, org.id, email)
