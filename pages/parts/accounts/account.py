"""The sections of User Settings: name, password, digests, sessions, activity and deletion."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.accounts import accounts
from core.base.clock import now
from core.mail import digests
from core.members import leaving
from core.models import Session
from pages import ui
from pages.ui import authentication
from pages.ui.dialogs import draw_dialog, open_dialog
from pages.ui.forms import form, save
from pages.ui.text import ago, esc, quiet

MAX_ACTIVITY: Final = 20
"""Entries listed by `draw_activity`."""

_END_SESSION: Final = "End session"
_END_OTHERS: Final = "End all others"


def draw_name_form(actor: Actor) -> None:
    """Draw the form for the name."""
    with form("rename") as drawn:
        name = drawn.field(
            st.text_input,
            "name",
            "Name",
            value=actor.name,
            autocomplete="name",
            hint="Shown to others in organizations and invitations.",
        )
        pressed = drawn.submit("Save name", kind="secondary")
    if pressed:
        drawn.save("Name saved", accounts.rename, actor, name)


def draw_password_form(actor: Actor, words: Sequence[str], changed_at: datetime | None) -> None:
    """Draw the form for a new password, which ends all other sessions."""
    with form("password") as drawn:
        old = drawn.current_password("Current password")
        also = "Changing it logs you out everywhere else."
        new = drawn.new_password("new", "New password", also=also)
        pressed = drawn.submit("Change password", kind="secondary")
    if changed_at:
        st.markdown(quiet(f"Changed {ago(changed_at, now())}."))
    if pressed and drawn.prepare(authentication.verify_password, actor, old):
        hashed = drawn.prepare(accounts.prepare_password, new, words=words)
        if hashed and drawn.change(accounts.change_password, actor, hashed):
            authentication.enter(actor.user_id or 0, second_factor=True)


def draw_digest_switch(actor: Actor, is_on: bool | None) -> None:
    """Draw the switch for digests of onboardings, for people who get any."""
    if is_on is None:
        return
    st.header("Emails", anchor=False)
    key = f"digests-{'on' if is_on else 'off'}"
    wanted = st.toggle("Digest of my onboardings", value=is_on, key=key)
    st.markdown(
        quiet(
            "At most one email an hour: onboarding requests, checks that changed, and each "
            "morning what is due or stuck."
        )
    )
    if wanted != is_on:
        notice = "Digest emails turned on" if wanted else "Digest emails turned off"
        save(notice, digests.set_preference, actor, wanted=wanted)


def draw_letter_keys_switch(actor: Actor, *, is_on: bool) -> None:
    """Draw the switch for keys that are single letters."""
    st.header("Keyboard", anchor=False)
    key = f"letter-keys-{'on' if is_on else 'off'}"
    wanted = st.toggle("Single-letter keys", value=is_on, key=key)
    st.markdown(quiet("J, K, X and ? in tables. Arrow keys, Enter and Space work either way."))
    if wanted != is_on:
        notice = f"Single-letter keys turned {'on' if wanted else 'off'}"
        save(notice, accounts.set_letter_keys, actor, wanted=wanted)


def draw_sessions(actor: Actor, rows: Sequence[Session], current_id: int) -> None:
    """Draw the person's sessions, with buttons and dialogs to end all but the current one."""
    own = pd.DataFrame(
        {
            "id": row.id,
            "device": row.device,
            "note": "(this session)" if row.id == current_id else "",
            "ip_address": row.ip_address,
            "last_seen_at": row.last_seen_at,
        }
        for row in rows
    )
    asked = ui.table(
        own,
        {
            "device": ui.column.link("Device", note="note"),
            "ip_address": ui.column.text("IP address", width=150),
            "last_seen_at": ui.column.moment("Last seen", width=130),
        },
        key="sessions",
        label="Sessions",
        actions=[ui.Action("end", _END_SESSION, shows="button")],
        allowed=[[] if row.id == current_id else ["end"] for row in rows],
        fills_window=False,
    )
    if asked.action == "end":
        open_dialog("end-session", next(row for row in rows if row.id == asked.row))
    if len(rows) > 1 and st.button(_END_OTHERS, key="end-others"):
        open_dialog("end-others", current_id)
    draw_dialog("end-session", _END_SESSION, _draw_end_session, actor)
    draw_dialog("end-others", _END_OTHERS, _draw_end_others, actor)


def _draw_end_session(actor: Actor, row: Session) -> None:
    st.markdown(f"**{esc(row.device)}** at {esc(row.ip_address)} is logged out immediately.")
    with form("end-session") as drawn:
        password = drawn.current_password()
        pressed = drawn.submit(_END_SESSION)
    if pressed and drawn.prepare(authentication.verify_password, actor, password):
        drawn.save("Session ended", accounts.end_session, actor, row.id)


def _draw_end_others(actor: Actor, current_id: int) -> None:
    st.markdown("You're logged out everywhere except in this browser.")
    with form("end-other-sessions") as drawn:
        password = drawn.current_password()
        pressed = drawn.submit(_END_OTHERS)
    if pressed and drawn.prepare(authentication.verify_password, actor, password):
        drawn.save("Other sessions ended", accounts.end_other_sessions, actor, current_id)


def draw_activity(changes: pd.DataFrame) -> None:
    """Draw what happened to the account lately, with who did it and why."""
    ui.timeline(changes, key="account-activity", label="Account activity")


def draw_delete_form(actor: Actor) -> None:
    """Draw the form that deletes the account."""
    st.markdown(
        "You'll leave all organizations, and your name and email are erased. "
        "History keeps your changes without your name. This can't be undone."
    )
    with form("delete-account") as drawn:
        password = drawn.current_password()
        pressed = drawn.submit("Delete account", kind="secondary")
    if (
        pressed
        and drawn.prepare(authentication.verify_password, actor, password)
        and drawn.change(leaving.delete_account, actor)
    ):
        authentication.log_out()
