"""Set up Orgdesk: create the first administrator with the code from the server log."""

import streamlit as st

from core.access.permissions import ANONYMOUS
from core.accounts import accounts, registration
from core.accounts.user_rows import NewAccount
from core.database import db
from pages import ui
from pages.ui import authentication

ui.open_public_page("Set up Orgdesk")

with db.read() as session:
    is_open = registration.is_setup_open(session)

st.title("Set up Orgdesk", anchor=False)
if not is_open:
    st.markdown("Orgdesk is already set up.")
    st.page_link("home.py", label="Go home", icon=":material/arrow_forward:")
    st.stop()

st.markdown("Create the first administrator.")
with ui.form("setup", border=True) as form:
    code = form.field(
        st.text_input,
        "code",
        "Setup code",
        autocomplete="off",
        hint="You'll find it in the server log.",
    )
    name = form.field(st.text_input, "name", "Name", autocomplete="name")
    email = form.field(
        st.text_input, "email", "Email", icon=":material/mail:", autocomplete="email"
    )
    password = form.new_password("password", "Password")
    pressed = form.submit("Set up Orgdesk", width="stretch")


def prepare() -> NewAccount:
    registration.verify_setup_code(code, origin=authentication.ip_address())
    return accounts.prepare_account(name, email, password)


if pressed and (new := form.prepare(prepare)):
    administrator = form.change(registration.set_up, ANONYMOUS, code, new)
    if administrator is not None:
        authentication.enter(administrator.id, page="/")
