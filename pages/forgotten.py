"""Forgot password: one field, one mail."""

import streamlit as st

from core import resets
from core.permissions import NOBODY
from pages import ui

ui.open_stranger_page("Forgot password")

st.title("Forgot password", anchor=False)
if told := ui.saved("forgotten"):
    st.markdown(told)
else:
    with ui.form("forgotten", border=True) as form:
        email = form.field(
            st.text_input,
            "email",
            "Email",
            type="email",
            autocomplete="email",
            hint="We mail you a link with which you choose a new password.",
        )
        pressed = form.submit("Send link", width="stretch")
    if pressed:
        told = "If somebody has an account with this address, a link is on its way to it."
        form.save(told, resets.start, NOBODY, email)
st.page_link("home.py", label="Back to log in")
