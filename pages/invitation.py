"""Where an invitation's link leads: who invites you to what, and your answer."""

import streamlit as st

from core import answers, db
from core.answers import Offer
from core.permissions import NOBODY
from pages import invitation_answers, ui
from pages.ui import gate

ui.open_stranger_page("Invitation")
actor = gate.actor() or NOBODY
token = gate.fragment()
form = ui.fields("invitation")


def find(token: str) -> Offer:
    with db.read() as session:
        return answers.find(session, actor, token)


head = st.empty()
if token is None:
    st.skeleton(height=200)
elif not token and actor is not NOBODY:
    st.switch_page("home.py")
elif st.session_state.get(invitation_answers.DECLINED) == token:
    st.title("You declined the invitation", anchor=False)
    st.markdown("Whoever invited you can see it. You may close this page.")
elif st.session_state.get(invitation_answers.LOGS_IN) == token and actor is NOBODY:
    gate.sign_in()
elif offer := form.prepare(find, token):
    with st.container(width=440, key="invitation-card"):
        invitation_answers.draw_offer(offer)
        if offer.is_for_actor:
            invitation_answers.ask(offer, actor, token)
        elif actor is not NOBODY:
            invitation_answers.send_away(offer, actor)
        elif offer.has_account:
            invitation_answers.ask_to_log_in(offer, token)
        elif offer.proves_address:
            invitation_answers.ask_to_join(offer, token)
        else:
            invitation_answers.ask_to_sign_up(offer, token)
else:
    head.title("This invitation does not work", anchor=False)
    st.page_link("home.py", label="Go to the start", icon=":material/arrow_back:")
