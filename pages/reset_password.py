"""Choose a new password with a mailed link."""

from collections.abc import Sequence

import streamlit as st

from core.access.permissions import ANONYMOUS
from core.accounts import accounts, password_reset
from core.database import db
from pages import ui
from pages.ui import authentication, elements

ui.open_public_page("Choose a password")

token = authentication.fragment()
start = ui.fields("reset-link")


def find_words(token: str) -> Sequence[str]:
    with db.read() as session:
        return password_reset.list_guessable_words(session, token)


st.title("Choose a password", anchor=False)
if token is None:
    st.skeleton(height=180)
elif ui.saved_notice("reset"):
    st.markdown("Your password was changed, and you were logged out everywhere.")
    st.page_link("home.py", label="Log in", icon=":material/login:")
elif not token:
    elements.missing_link()
elif words := start.prepare(find_words, token):
    with ui.form("reset", border=True) as form:
        new = form.new_password("new", "New password")
        pressed = form.submit("Save password", width="stretch")
    if pressed and (hashed := form.prepare(accounts.prepare_password, new, words=words)):
        form.save("Password changed", password_reset.reset, ANONYMOUS, token, hashed)
else:
    with elements.row(key="reset-links"):
        st.page_link("forgot_password.py", label="Request a new link")
        st.space("stretch")
        st.page_link("home.py", label="Log in")
