"""Forgot password: request a link by email."""

import streamlit as st

from core.access.permissions import ANONYMOUS
from core.accounts import password_reset
from core.base import clock
from pages import ui
from pages.ui import authentication

ui.open_public_page("Forgot password")

if sent := ui.saved_notice("forgotten"):
    st.title("Check your email", anchor=False)
    st.markdown(sent)
    st.markdown("The link expires in 20 minutes. No email? Check spam, or request a new link.")
else:
    st.title("Forgot password", anchor=False)
    with ui.form("forgotten", border=True) as form:
        email = form.field(
            st.text_input,
            "email",
            "Email",
            icon=":material/mail:",
            autocomplete="email",
            hint="We'll email you a link to choose a new password.",
        )
        pressed = form.submit("Send link", width="stretch")
    if pressed:
        notice = "If this address has an account, a link is on its way."
        origin = authentication.ip_address()
        with clock.in_steps():
            form.save(notice, password_reset.request_link, ANONYMOUS, email, origin=origin)

with st.container(horizontal=True, vertical_alignment="center", key="forgotten-links"):
    st.page_link("home.py", label="Back to log in")
    if sent:
        st.space("stretch")
        ui.reset_button("forgotten", "Request a new link")
