"""User Settings: name, password, sessions, and the end of an account."""

import streamlit as st

from core import accounts, db, digests, sessions, two_factor
from pages import ui
from pages.ui import account_forms, cards, gate, two_factor_forms

actor = ui.open_person_page("User Settings")
here = gate.signed_in()
assert here is not None

with db.read() as session:
    mine = sessions.list_of(session, here.actor.user_id or 0)
    changed_at = accounts.find_password_change(session, actor)
    words = accounts.find_words(session, actor)
    gets_digests = digests.choice(session, actor)
    second = two_factor.state(session, actor)

with st.container(key="account", width=680):
    with cards.row(gap="small", wrap=False):
        cards.face(actor.name, actor.user_id or 0, width=48)
        with st.container(gap=None, width="stretch"):
            st.title("User Settings", anchor=False)
            st.text(here.email, wrap=False)

    account_forms.rename(actor)

    st.subheader("Password", anchor=False)
    account_forms.change_password(actor, words, changed_at)

    st.subheader("Two-factor", anchor=False)
    two_factor_forms.draw(actor, second, here)

    account_forms.choose_digests(actor, gets_digests)

    st.subheader("Sessions", anchor=False)
    account_forms.draw_sessions(actor, mine, here.session_id)

    st.subheader("Delete account", anchor=False)
    account_forms.delete(actor)

two_factor_forms.draw_dialogs(actor)
