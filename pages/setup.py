"""Set up Orgdesk: whoever reads the server's log makes the first administrator."""

import streamlit as st

from core.access.permissions import NOBODY
from core.accounts import accounts, registration
from core.database import db
from pages import ui
from pages.ui import authentication

ui.open_public_page("Set up Orgdesk")

with db.read() as session:
    is_open = registration.is_setup_open(session)

st.title("Set up Orgdesk", anchor=False)
if not is_open:
    st.markdown("Orgdesk is set up already.")
    st.page_link("home.py", label="Go to the start", icon=":material/arrow_forward:")
    st.stop()

st.markdown("Nobody is here yet. You become the administrator.")
with ui.form("setup", border=True) as form:
    code = form.field(
        st.text_input,
        "code",
        "Setup code",
        autocomplete="off",
        hint="It stands in the log of the server.",
    )
    name = form.field(st.text_input, "name", "Name", autocomplete="name")
    email = form.field(
        st.text_input, "email", "Email", icon=":material/mail:", autocomplete="email"
    )
    password = form.new_password("password", "Password")
    pressed = form.submit("Set up Orgdesk", width="stretch")

if pressed and (new := form.prepare(accounts.prepare_account, name, email, password)):
    administrator = form.change(registration.set_up, NOBODY, code, new)
    if administrator is not None:
        authentication.enter(administrator.id, page="/")
