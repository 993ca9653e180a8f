"""Create an account: name, address and password, confirmed by a mailed link."""

import streamlit as st

from core.access.permissions import ANONYMOUS
from core.accounts import accounts, registration
from core.base import clock
from pages import ui
from pages.ui import authentication

ui.open_public_page("Create an account")

notice = ui.saved_notice("sign-up")
if not registration.is_sign_up_open():
    st.title("Create an account", anchor=False)
    st.markdown("Sign-up is by invitation only. Ask an owner of your organization.")
    st.page_link("home.py", label="Back to log in")
elif notice:
    st.title("Check your email", anchor=False)
    st.markdown(notice)
    st.markdown("No email after a few minutes? Check spam, or sign up again.")
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
            hint=f"Use an address at {ui.esc(domains)}." if domains else "",
        )
        password = form.new_password("password", "Password")
        pressed = form.submit("Create account", width="stretch")
    st.page_link("home.py", label="Already have an account? Log in")

    if pressed:
        account, origin = (name, email, password), authentication.ip_address()
        notice = "We emailed you a link to confirm your address. It expires in 24 hours."
        with clock.in_steps():
            if new := form.prepare(accounts.prepare_account, *account, origin=origin):
                form.save(notice, registration.sign_up, ANONYMOUS, new)
