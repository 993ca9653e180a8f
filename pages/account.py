"""User Settings: name, password, two-factor, digests, sessions, activity, deleting the account."""

import streamlit as st

from core.accounts import accounts, sessions, two_factor
from core.audit import activity
from core.database import db
from core.mail import digests
from pages import ui
from pages.parts.accounts import account, two_factor_settings
from pages.ui import authentication, elements

actor = ui.open_signed_in_page("User Settings")
here = authentication.signed_in()
assert here is not None

with db.read() as session:
    own_sessions = sessions.list_live(session, here.actor.user_id or 0)
    changed_at = accounts.find_password_changed_at(session, actor)
    words = accounts.list_guessable_words(session, actor)
    gets_digests = digests.find_preference(session, actor)
    two_factor_state = two_factor.get_state(session, actor)
    changes = activity.of_account(session, actor, limit=account.MAX_ACTIVITY)

with st.container(key="account", width=680):
    with elements.row(gap="small", wrap=False):
        elements.avatar(actor.name, actor.user_id or 0, width=48)
        with st.container(gap=None, width="stretch"):
            st.title("User Settings", anchor=False)
            st.text(here.email, wrap=False)

    account.draw_name_form(actor)

    st.header("Password", anchor=False)
    account.draw_password_form(actor, words, changed_at)

    st.header("Two-factor", anchor=False)
    two_factor_settings.draw(actor, two_factor_state, here)

    account.draw_digest_switch(actor, gets_digests)
    account.draw_letter_keys_switch(actor, is_on=here.has_letter_keys)

    st.header("Sessions", anchor=False)
    account.draw_sessions(actor, own_sessions, here.session_id)

    st.header("Account activity", anchor=False)
    account.draw_activity(changes)

    st.header("Delete account", anchor=False)
    account.draw_delete_form(actor)

two_factor_settings.draw_dialogs(actor)
