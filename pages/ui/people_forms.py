"""The table of accounts, and what an administrator does about one."""

from typing import Any

import pandas as pd
import streamlit as st

from core import db, people, resets
from core.clock import now
from core.models import Staff
from core.permissions import Actor
from pages.ui import cards
from pages.ui.dialogs import open_dialog
from pages.ui.forms import fields, save
from pages.ui.row_menus import RowMenu
from pages.ui.words import ago, esc, quiet

_NO_STAFF = "no staff role"


def draw_table(found: pd.DataFrame, *, key: str) -> None:
    """Draw accounts; a click on a name opens what may be done about it."""
    names = RowMenu("people", found, "user_id")
    rows = found.to_dict("records")
    shown = found.assign(
        face=[cards.face_url(row["name"], row["user_id"]) for row in rows],
        staff=pd.Series(
            [[str(row["staff"])] if row["staff"] else [] for row in rows], dtype=object
        ),
        state=[_state(row) for row in rows],
    )
    st.dataframe(
        shown,
        key=key,
        hide_index=True,
        row_height=36,
        height="content",
        column_order=[
            *("face", "name", "email", "staff", "state"),
            *("organizations", "last_seen_at", "created_at"),
        ],
        column_config={
            "face": st.column_config.ImageColumn("", width=36),
            "name": st.column_config.ButtonColumn(
                "Name",
                type="tertiary",
                alignment="left",
                width=200,
                key=names.key,
            ),
            "email": st.column_config.TextColumn("Email", width=280),
            "staff": st.column_config.MultiselectColumn(
                "Staff role", options=[str(staff) for staff in Staff], width=120
            ),
            "state": st.column_config.TextColumn("Account", width=130),
            "organizations": st.column_config.NumberColumn("Organizations", width=110),
            "last_seen_at": st.column_config.DatetimeColumn(
                "Last seen", format="distance", width=130
            ),
            "created_at": st.column_config.DatetimeColumn("Joined", format="D MMM YYYY", width=110),
        },
    )
    if chosen := names.chosen():
        open_dialog("person", int(chosen[1]["user_id"]))


def draw_person(actor: Actor, user_id: int) -> None:
    """Draw one account and what may be done about it."""
    with db.read() as session:
        person = people.get(session, actor, user_id)
    with cards.row(gap="small"):
        cards.face(person.name, person.id, width=40)
        with st.container(gap=None):
            st.markdown(f"**{esc(person.name)}**")
            st.text(person.email)
    seen = ago(person.last_seen_at, now()) if person.last_seen_at else "never"
    st.markdown(quiet(f"Last seen {seen}"))
    form = fields("person")
    staff = form.field(
        st.selectbox,
        "staff",
        "Staff role",
        options=[None, *Staff],
        index=[None, *Staff].index(person.staff),
        format_func=lambda role: role or _NO_STAFF,
    )
    form.foot()
    if st.button("Save", key="person-save", type="primary", disabled=staff is person.staff):
        told = f"{person.name} has {staff or _NO_STAFF} now."
        form.save(told, people.set_staff, actor, person.id, staff)
    with cards.row():
        if person.disabled_at is None:
            if st.button("Disable", key="person-disable"):
                told = f"{person.name} is disabled and signed out."
                form.save(told, people.disable, actor, person.id)
        elif st.button("Enable", key="person-enable"):
            form.save(f"{person.name} may log in again.", people.enable, actor, person.id)
        if st.button("End sessions", key="person-end-sessions"):
            save(f"{person.name} is signed out.", people.end_sessions, actor, person.id)
        if st.button("Send password link", key="person-reset"):
            save(f"A link is on its way to {person.name}.", resets.send, actor, person.id)


def _state(row: dict[Any, Any]) -> str:
    if pd.notna(row["disabled_at"]):
        return "disabled"
    return "active" if pd.notna(row["proven_at"]) else "not confirmed"
