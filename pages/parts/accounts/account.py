"""What people do about their own account: name, password, sessions, and its end."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import streamlit as st

from core.access.permissions import Actor
from core.accounts import accounts
from core.base.clock import now
from core.mail import digests
from core.members import leaving
from core.models import Session
from pages.ui import authentication, elements
from pages.ui.forms import form, save
from pages.ui.text import ago, esc, quiet

_ON_A_PHONE: Final = ("iPhone", "Android", "iPad")


def rename(actor: Actor) -> None:
    """Draw the person's name, and save another."""
    with form("rename") as drawn:
        name = drawn.field(
            st.text_input,
            "name",
            "Name",
            value=actor.name,
            autocomplete="name",
            hint="As others see you in organizations and invitations.",
        )
        pressed = drawn.submit("Save name", kind="secondary")
    if pressed:
        drawn.save("Your name is saved.", accounts.rename, actor, name)


def change_password(actor: Actor, words: Sequence[str], changed_at: datetime | None) -> None:
    """Ask for the old password and a new one; this session goes on, the others end."""
    with form("password") as drawn:
        old = drawn.current_password("Current password")
        also = "A new one ends your other sessions."
        new = drawn.new_password("new", "New password", also=also)
        pressed = drawn.submit("Change password", kind="secondary")
    if changed_at:
        st.markdown(quiet(f"Changed {ago(changed_at, now())}."))
    if pressed and drawn.prepare(authentication.verify_password, actor, old):
        hashed = drawn.prepare(accounts.prepare_password, new, words=words)
        if hashed and drawn.change(accounts.change_password, actor, hashed):
            authentication.enter(actor.user_id or 0, second_factor=True)


def choose_digests(actor: Actor, is_on: bool | None) -> None:
    """Draw the switch for mails about onboardings; nothing for who gets none anyway."""
    if is_on is None:
        return
    st.subheader("Mails", anchor=False)
    key = f"digests-{'on' if is_on else 'off'}"
    wanted = st.toggle("Digests about onboardings I carry", value=is_on, key=key)
    st.markdown(
        quiet(
            "At most one an hour: raised hands, checks that turned, and in the morning what is "
            "due or stuck."
        )
    )
    if wanted != is_on:
        told = "Digests come again." if wanted else "No digests come any more."
        save(told, digests.set_preference, actor, wanted=wanted)


def draw_sessions(actor: Actor, mine: Sequence[Session], here_id: int) -> None:
    """Draw where the person is signed in; every session but this one can be ended."""
    for row in mine:
        with elements.row(key=f"session-{row.id}", gap="small", wrap=False):
            _draw_session(actor, row, is_this=row.id == here_id)
    if len(mine) > 1 and st.button("End all others", key="end-others"):
        told = "All your other sessions have ended."
        save(told, accounts.end_other_sessions, actor, here_id)


def _draw_session(actor: Actor, row: Session, *, is_this: bool) -> None:
    is_phone = any(kind in row.device for kind in _ON_A_PHONE)
    st.markdown(f":gray[:material/{'smartphone' if is_phone else 'computer'}:]", width="content")
    with st.container(gap=None, width="stretch"):
        st.markdown(esc(row.device), wrap=False)
        st.markdown(quiet(f"{esc(row.ip_address)} · seen {ago(row.last_seen_at, now())}"))
    if is_this:
        st.badge("This session", color="gray")
    elif st.button("End session", key=f"end-{row.id}"):
        save("The session has ended.", accounts.end_session, actor, row.id)


def delete(actor: Actor) -> None:
    """Ask for the password, and delete the account."""
    st.markdown(
        "You leave every organization at once, and your name and address are forgotten. "
        "History keeps what you changed, without your name. This cannot be undone."
    )
    with form("delete-account") as drawn:
        password = drawn.current_password("Your password")
        pressed = drawn.submit("Delete account", kind="secondary")
    if (
        pressed
        and drawn.prepare(authentication.verify_password, actor, password)
        and drawn.change(leaving.delete_account, actor)
    ):
        authentication.log_out()
