"""The table Former Users of Access Control, and the dialog that reinstates a person."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from core.access.permissions import Actor
from core.database import db
from core.members import members
from core.models import Organization, Role
from pages import ui
from pages.parts.members import dialogs
from pages.parts.members.dialogs import Row
from pages.ui import authentication, badges

REINSTATE: Final = "Reinstate"


def draw(actor: Actor, org: Organization, grantable: Sequence[Role], search: str) -> None:
    """Draw former members, and the dialog that reinstates one of them."""
    with db.read() as session:
        former = members.former_table(session, actor, org.id, search=search)
    rows: list[Row] = [{str(k): v for k, v in row.items()} for row in former.to_dict("records")]
    nobody = "No one found" if search else "No one left in the last 90 days"
    asked = ui.table(
        former.assign(how=[_how(row) for row in rows]),
        {
            "name": ui.column.link("Name", seed="user_id"),
            "email": ui.column.text("Email", is_whole=True),
            "role": ui.column.role(),
            "how": ui.column.text("How", width=190),
            "removed_at": ui.column.moment("When", width=112, phone="hide"),
            "joined_at": ui.column.moment("Joined", shows="day", width=104, phone="hide"),
        },
        key="former",
        label="Former users",
        row_id="user_id",
        actions=[ui.Action("reinstate", REINSTATE, shows="button")],
        allowed=[["reinstate"] if _is_within(row, grantable) else [] for row in rows],
        empty=(nobody, "People you remove appear here for 90 days and can be reinstated."),
    )
    if not former.empty:
        st.markdown(
            ui.quiet(
                "Reinstated people get their old role back. Anyone who left needs a new invitation."
            )
        )
    if asked:
        ui.open_dialog("reinstate", dict(asked.record))
    ui.draw_dialog("reinstate", REINSTATE, _draw_reinstate, actor, org)


def _how(row: Row) -> str:
    if row["has_left"]:
        return "Left"
    return f"Removed by {row['removed_by']}" if row["removed_by"] else "Removed"


def _is_within(row: Row, grantable: Sequence[Role]) -> bool:
    """Return whether a person can be reinstated: not who left, or had a role above the actor's."""
    return row["role"] in grantable and not row["has_left"]


def _draw_reinstate(actor: Actor, org: Organization, row: Row) -> None:
    """Draw the form that reinstates a person; for an owner it takes the password."""
    dialogs.draw_person(row)
    role = Role(row["role"])
    st.markdown(
        f"{ui.esc(row['name'])} rejoins **{ui.esc(org.name)}** as {badges.inline(role)} and is "
        "notified by email."
    )
    with ui.form("reinstate") as form:
        password = form.current_password() if role is Role.OWNER else ""
        pressed = form.submit(REINSTATE)
    if pressed and (
        role is not Role.OWNER or form.prepare(authentication.verify_password, actor, password)
    ):
        form.save(
            f"{row['name']} reinstated", members.reinstate, actor, org.id, int(row["user_id"])
        )
