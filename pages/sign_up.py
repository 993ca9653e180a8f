"""Create an account: name, address and password; the mailed link makes it usable."""

import streamlit as st

from core import accounts, sign_ups
from core.permissions import NOBODY
from core.settings import settings
from pages import ui

ui.open_stranger_page("Create an account")

minimum = settings().password_minimum

if told := ui.saved("sign-up"):
    st.title("Look into your mail", anchor=False)
    st.markdown(told)
    st.markdown("Nothing there after a few minutes? Look among the junk, or sign up again.")
    st.page_link("home.py", label="Log in", icon=":material/login:")
    st.stop()

st.title("Create an account", anchor=False)
with ui.form("sign-up", border=True) as form:
    name = form.field(st.text_input, "name", "Name", autocomplete="name")
    email = form.field(st.text_input, "email", "Email", type="email", autocomplete="email")
    password = form.field(
        st.text_input,
        "password",
        "Password",
        type="password",
        autocomplete="new-password",
        hint=f"At least {minimum} characters; four or five unrelated words are fine.",
    )
    pressed = form.submit("Create account", width="stretch")
st.page_link("home.py", label="I have an account: log in")

if pressed and (new := form.prepare(accounts.prepare_account, name, email, password)):
    told = "We sent you a link. Open it to confirm your address; it works for 24 hours."
    form.save(told, sign_ups.sign_up, NOBODY, new)
