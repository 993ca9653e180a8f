"""Forgot password: one field, one mail."""

import streamlit as st

from core.access.permissions import NOBODY
from core.accounts import password_reset
from pages import ui
from pages.ui import authentication

ui.open_public_page("Forgot password")

if sent := ui.saved_notice("forgotten"):
    st.title("Look into your mail", anchor=False)
    st.markdown(sent)
    st.markdown("The link works for 20 minutes. Nothing there? Look among the junk, or ask again.")
else:
    st.title("Forgot password", anchor=False)
    with ui.form("forgotten", border=True) as form:
        email = form.field(
            st.text_input,
            "email",
            "Email",
            icon=":material/mail:",
            autocomplete="email",
            hint="We mail you a link with which you choose a new password.",
        )
        pressed = form.submit("Send link", width="stretch")
    if pressed:
        told = "If somebody has an account with this address, a link is on its way to it."
        form.save(
            told, password_reset.request_link, NOBODY, email, origin=authentication.ip_address()
        )

with st.container(horizontal=True, vertical_alignment="center", key="forgotten-links"):
    st.page_link("home.py", label="Back to log in")
    if sent:
        st.space("stretch")
        ui.reset_button("forgotten", "Ask again")
