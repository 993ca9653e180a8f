"""Invitation: the page that an invitation's link opens, to accept or decline."""

import streamlit as st

from core.access.permissions import ANONYMOUS
from core.database import db
from core.members import acceptance
from core.members.acceptance import OpenInvitation
from pages import ui
from pages.parts.members import invitation_card
from pages.ui import authentication, elements

ui.open_public_page("Invitation")
actor = authentication.actor() or ANONYMOUS
token = authentication.fragment()
form = ui.fields("invitation")


def get_invitation(token: str) -> OpenInvitation:
    with db.read() as session:
        return acceptance.get_invitation(session, actor, token)


head = st.empty()
if token is None:
    st.skeleton(height=200)
elif not token:
    head.title("Your invitation", anchor=False)
    elements.missing_link()
elif st.session_state.get(invitation_card.DECLINED) == token:
    st.title("You declined the invitation", anchor=False)
    st.markdown("The person who invited you can see this. You can close this page.")
elif st.session_state.get(invitation_card.LOGS_IN) == token and actor is ANONYMOUS:
    authentication.sign_in()
elif invitation := form.prepare(get_invitation, token):
    with st.container(width=440, key="invitation-card"):
        invitation_card.draw_head(invitation)
        if invitation.is_for_actor:
            invitation_card.draw_answer(invitation, actor, token)
        elif actor is not ANONYMOUS:
            invitation_card.draw_switch_account(invitation, actor)
        elif invitation.has_account:
            invitation_card.draw_log_in(invitation, token)
        elif invitation.proves_address:
            invitation_card.draw_sign_up(invitation, token)
        else:
            invitation_card.draw_sign_up_first(invitation, token)
    invitation_card.draw_decline_dialog(actor)
else:
    head.title("This invitation link is not valid", anchor=False)
    st.page_link("home.py", label="Go home", icon=":material/arrow_back:")
