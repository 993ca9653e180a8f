"""Invitations that wait for the answer of the person who is logged in."""

from collections.abc import Sequence

import streamlit as st

from core.access.permissions import Actor
from core.members import acceptance
from core.members.acceptance import WaitingInvitation
from pages import ui
from pages.parts.members.invitation_card import ACCEPT, draw_decline_dialog, open_decline
from pages.ui import badges, elements


def draw(actor: Actor, waiting: Sequence[WaitingInvitation]) -> None:
    """Draw each invitation with the buttons that answer it."""
    for invitation in waiting:
        _draw_invitation(actor, invitation)
    draw_decline_dialog(actor)


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
