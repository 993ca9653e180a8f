"""Create an account: name, address and password; the mailed link makes it usable."""

import streamlit as st

from core.access.permissions import NOBODY
from core.accounts import accounts, registration
from pages import ui
from pages.ui import authentication

ui.open_public_page("Create an account")

told = ui.saved_notice("sign-up")
if not registration.is_sign_up_open():
    st.title("Create an account", anchor=False)
    st.markdown("Nobody signs up here without an invitation. Ask an owner of your organization.")
    st.page_link("home.py", label="Back to log in")
elif told:
    st.title("Look into your mail", anchor=False)
    st.markdown(told)
    st.markdown("Nothing there after a few minutes? Look among the junk, or sign up again.")
    with st.container(horizontal=True, vertical_alignment="center", key="sign-up-links"):
        st.page_link("home.py", label="Back to log in")
        st.space("stretch")
        ui.reset_button("sign-up", "Sign up again")
else:
    st.title("Create an account", anchor=False)
    domains = " or ".join(registration.list_sign_up_domains())
    with ui.form("sign-up", border=True) as form:
        name = form.field(st.text_input, "name", "Name", autocomplete="name")
        email = form.field(
            st.text_input,
            "email",
            "Email",
            icon=":material/mail:",
            autocomplete="email",
            hint=f"An address at {ui.esc(domains)}." if domains else "",
        )
        password = form.new_password("password", "Password")
        pressed = form.submit("Create account", width="stretch")
    st.page_link("home.py", label="I have an account: log in")

    account = (name, email, password)
    if pressed and (
        new := form.prepare(accounts.prepare_account, *account, origin=authentication.ip_address())
    ):
        told = "We mailed you a link. Open it to confirm your address; it works for 24 hours."
        form.save(told, registration.sign_up, NOBODY, new)
