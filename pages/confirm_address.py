"""Confirm the address of a new account with a mailed link and its password."""

import streamlit as st

from core.access.permissions import ANONYMOUS
from core.accounts import registration
from core.database import db
from pages import ui
from pages.ui import authentication, elements

ui.open_public_page("Confirm your address")

token = authentication.fragment()
start = ui.fields("prove-link")


def find_email(token: str) -> str:
    with db.read() as session:
        return registration.get_unconfirmed(session, token).email


st.title("Confirm your address", anchor=False)
if token is None:
    st.skeleton(height=220)
elif not token:
    elements.missing_link()
elif email := start.prepare(find_email, token):
    with ui.form("prove", border=True) as form:
        st.text(email)
        hint = "The one you chose when you signed up."
        password = form.current_password("Password", hint=hint)
        pressed = form.submit("Confirm address", width="stretch")
    st.page_link("forgot_password.py", label="Forgot password")
    if pressed and (chosen := form.prepare(registration.verify_password, token, password)):
        person = form.change(registration.confirm_address, ANONYMOUS, token, chosen)
        if person is not None:
            authentication.enter(person.id, page="/")
else:
    with st.container(horizontal=True, key="prove-links"):
        st.page_link("sign_up.py", label="Sign up again")
        st.space("stretch")
        st.page_link("home.py", label="Log in")
