"""Where the link in the mail to a new account leads: a button confirms the address."""

import streamlit as st

from core import db, sign_ups
from core.permissions import NOBODY
from pages import ui
from pages.ui import gate

ui.open_stranger_page("Confirm your address")

token = gate.fragment()
form = ui.fields("prove")


def find_email(token: str) -> str:
    with db.read() as session:
        return sign_ups.find_waiting(session, token).email


st.title("Confirm your address", anchor=False)
if token is None:
    st.skeleton(height=120)
elif ui.saved("prove"):
    st.markdown("Your address is confirmed. Log in with the password that you chose.")
    st.page_link("home.py", label="Log in", icon=":material/login:")
else:
    form.foot()
    if email := form.prepare(find_email, token):
        st.markdown("This address is to belong to your account:")
        st.text(email)
        if st.button("Confirm address", key="prove-submit", type="primary", width="stretch"):
            form.save("Your address is confirmed.", sign_ups.prove, NOBODY, token)
    else:
        st.page_link("sign_up.py", label="Sign up again")
