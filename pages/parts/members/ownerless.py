"""Organizations without an active owner: the list, and the dialog that assigns an owner."""

from typing import Final

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.database import db
from core.members import ownership
from pages import ui
from pages.ui import authentication

ASSIGN: Final = "Assign an owner"


def draw(actor: Actor, found: pd.DataFrame) -> None:
    """Draw the organizations if there are any: only an administrator can assign an owner."""
    if found.empty:
        return
    with st.container(border=True, key="ownerless", gap="xsmall"):
        count = ui.count(len(found), "organization", "organizations")
        st.markdown(f":orange[:material/warning:] **{count} without an active owner**")
        st.markdown(ui.quiet("All of their owners are disabled. Assign someone else in each row."))
        _draw_table(found)
    ui.draw_dialog("name-owner", ASSIGN, _draw_form, actor, width="medium")


def _draw_table(found: pd.DataFrame) -> None:
    asked = ui.table(
        found,
        {
            "name": ui.column.link("Name", seed="public_id", logo="logo"),
            "public_id": ui.column.text("Organization ID", is_code=True, width=120),
            "stage": ui.column.stage(),
            "member_count": ui.column.number("Members", width=90),
        },
        key="ownerless-table",
        label="Organizations without an active owner",
        actions=[ui.Action("assign", ASSIGN, shows="button")],
        row_action="assign",
        fills_window=False,
    )
    if asked.action == "assign":
        name = found.set_index("id")["name"][asked.row]
        ui.open_dialog("name-owner", (asked.row, str(name)))


def _draw_form(actor: Actor, organization: tuple[int, str]) -> None:
    org_id, name = organization
    with db.read() as session:
        candidates = ownership.list_owner_candidates(session, actor, org_id)
    st.markdown(
        f"This person becomes the owner of **{ui.esc(name)}** immediately and is notified "
        "by email. Disabled owners keep their role."
    )
    with ui.form("name-owner") as form:
        email = form.field(
            st.selectbox,
            "email",
            "New owner",
            options=candidates,
            index=None,
            placeholder="Choose a member or enter another email",
            accept_new_options=True,
            hint="Active members are listed. Anyone with an account can be assigned.",
        )
        reason = form.field(
            st.text_input, "reason", "Reason", hint="Kept in history and shown to the new owner."
        )
        password = form.current_password()
        pressed = form.submit("Assign owner")
    if pressed and form.prepare(authentication.verify_password, actor, password):
        notice = f"{email} is now the owner of {name}"
        form.save(notice, ownership.assign_owner, actor, org_id, email or "", reason=reason)
