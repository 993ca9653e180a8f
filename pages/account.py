"""User Settings: name, password, sessions, and the end of an account."""

import streamlit as st

from core import accounts, db, sessions
from core.clock import now
from core.settings import settings
from pages import ui
from pages.ui import cards, gate

actor = ui.open_person_page("User Settings")
here = gate.signed_in()
assert here is not None

with db.read() as session:
    mine = sessions.list_of(session, here.actor.user_id or 0)

st.title("User Settings", anchor=False)
with st.container(key="account", width=640):
    with cards.row(gap="small"):
        cards.face(actor.name, actor.user_id or 0, width=48)
        st.text(here.email)

    with ui.form("rename") as form:
        name = form.field(st.text_input, "name", "Name", value=actor.name, autocomplete="name")
        pressed = form.submit("Save name", kind="secondary")
    if pressed:
        form.save("Your name is saved.", accounts.rename, actor, name)

    st.subheader("Password", anchor=False)
    with ui.form("password") as form:
        old = form.field(
            st.text_input,
            "password",
            "Current password",
            type="password",
            autocomplete="current-password",
        )
        new = form.field(
            st.text_input,
            "new",
            "New password",
            type="password",
            autocomplete="new-password",
            hint=f"At least {settings().password_minimum} characters; unrelated words are fine. "
            "Saving it ends your other sessions.",
        )
        pressed = form.submit("Change password", kind="secondary")
    if pressed and form.prepare(gate.ask_password, actor, old):
        words = [actor.name, here.email]
        hashed = form.prepare(accounts.prepare_password, new, words=words)
        if hashed and form.change(accounts.change_password, actor, hashed):
            ui.tell("Your password is changed, and your other sessions have ended.")
            gate.enter(actor.user_id or 0)

    st.subheader("Sessions", anchor=False)
    for row in mine:
        with cards.row(key=f"session-{row.id}", gap="small"):
            is_this = row.id == here.session_id
            icon = (
                "phone_iphone" if "iPhone" in row.device or "Android" in row.device else "computer"
            )
            st.markdown(f":material/{icon}: {ui.esc(row.device)}", width=220)
            seen = "this one" if is_this else ui.ago(row.last_seen_at, now())
            st.markdown(ui.quiet(f"{ui.esc(row.place)} · {seen}"), width="stretch")
            if not is_this and st.button("End session", key=f"end-{row.id}", type="tertiary"):
                ui.save("The session has ended.", accounts.end_session, actor, row.id)
    if len(mine) > 1 and st.button("End all others", key="end-others"):
        told = "All your other sessions have ended."
        ui.save(told, accounts.end_other_sessions, actor, here.session_id)

    st.subheader("Delete account", anchor=False)
    st.markdown(
        "You leave every organization at once, and your name and address are forgotten. "
        "History keeps what you changed, without your name. This cannot be undone."
    )
    with ui.form("delete-account") as form:
        password = form.field(
            st.text_input,
            "password",
            "Your password",
            type="password",
            autocomplete="current-password",
        )
        pressed = form.submit("Delete account", kind="secondary")
    if (
        pressed
        and form.prepare(gate.ask_password, actor, password)
        and form.change(accounts.delete_account, actor)
    ):
        gate.log_out()
