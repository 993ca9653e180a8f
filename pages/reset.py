"""Where the link of a forgotten password leads: a new password, once."""

import streamlit as st

from core import accounts, db, resets
from core.permissions import NOBODY
from pages import ui
from pages.ui import gate

ui.open_stranger_page("Choose a password")

token = gate.fragment()
start = ui.fields("reset-link")


def find_words(token: str) -> list[str]:
    with db.read() as session:
        person = resets.find_person(session, token)
    return [person.name, person.email]


st.title("Choose a password", anchor=False)
if token is None:
    st.skeleton(height=120)
elif ui.saved("reset"):
    st.markdown("Your new password is saved, and every session was ended.")
    st.page_link("home.py", label="Log in", icon=":material/login:")
else:
    start.foot()
    if words := start.prepare(find_words, token):
        with ui.form("reset", border=True) as form:
            new = form.field(
                st.text_input,
                "new",
                "New password",
                type="password",
                autocomplete="new-password",
                hint="Four or five unrelated words are fine.",
            )
            pressed = form.submit("Save password", width="stretch")
        if pressed and (hashed := form.prepare(accounts.prepare_password, new, words=words)):
            form.save("Your new password is saved.", resets.reset, NOBODY, token, hashed)
    else:
        st.page_link("forgotten.py", label="Ask for a new link")
