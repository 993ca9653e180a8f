"""Where an invitation's link leads: who invites you to what, and your answer."""

import streamlit as st

from core.access.permissions import NOBODY
from core.database import db
from core.members import acceptance
from core.members.acceptance import Offer
from pages import ui
from pages.parts.members import acceptance as acceptance_part
from pages.ui import authentication

ui.open_public_page("Invitation")
actor = authentication.actor() or NOBODY
token = authentication.fragment()
form = ui.fields("invitation")


def find(token: str) -> Offer:
    with db.read() as session:
        return acceptance.find(session, actor, token)


head = st.empty()
if token is None:
    st.skeleton(height=200)
elif not token and actor is not NOBODY:
    st.switch_page("home.py")
elif st.session_state.get(acceptance_part.DECLINED) == token:
    st.title("You declined the invitation", anchor=False)
    st.markdown("Whoever invited you can see it. You may close this page.")
elif st.session_state.get(acceptance_part.LOGS_IN) == token and actor is NOBODY:
    authentication.sign_in()
elif offer := form.prepare(find, token):
    with st.container(width=440, key="invitation-card"):
        acceptance_part.draw_offer(offer)
        if offer.is_for_actor:
            acceptance_part.ask(offer, actor, token)
        elif actor is not NOBODY:
            acceptance_part.send_away(offer, actor)
        elif offer.has_account:
            acceptance_part.ask_to_log_in(offer, token)
        elif offer.proves_address:
            acceptance_part.ask_to_join(offer, token)
        else:
            acceptance_part.ask_to_sign_up(offer, token)
else:
    head.title("This invitation does not work", anchor=False)
    st.page_link("home.py", label="Go to the start", icon=":material/arrow_back:")
