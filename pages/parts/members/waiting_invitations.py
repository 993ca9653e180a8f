"""Invitations that wait for the answer of the person who is logged in."""

import streamlit as st

from core.access.permissions import Actor
from core.database import db
from core.members import acceptance
from core.members.acceptance import WaitingInvitation
from pages import ui
from pages.parts.members.invitation_card import ACCEPT, draw_decline_dialog, open_decline
from pages.ui import badges, elements


def draw(actor: Actor) -> bool:
    """Draw each invitation with the buttons that answer it; return whether there are any."""
    with db.read() as session:
        waiting = acceptance.list_waiting(session, actor)
    for invitation in waiting:
        _draw_invitation(actor, invitation)
    draw_decline_dialog(actor)
    return bool(waiting)


def _draw_invitation(actor: Actor, invitation: WaitingInvitation) -> None:
    org, key = invitation.organization, f"waiting-{invitation.organization.public_id}"
    form = ui.fields(key)
    with st.container(border=True, key=key):
        with elements.row(gap="small"):
            elements.avatar(org.name, org.public_id, org.logo, width=32)
            st.markdown(
                f"**{ui.esc(invitation.inviter)}** invited you to join **{ui.esc(org.name)}** as "
                f"{badges.inline(invitation.role)}",
                width="stretch",
            )
            if st.button("Decline", key=f"{key}-decline", type="tertiary"):
                open_decline(invitation, invitation.token)
            accepted = st.button(ACCEPT, key=f"{key}-accept", type="primary")
        form.reserve_footer()
    joined = form.change(acceptance.accept, actor, invitation.token) if accepted else None
    if joined is not None:
        ui.show_notice(f"You joined {org.name}")
        st.switch_page("overview.py", query_params={"org": org.public_id})
