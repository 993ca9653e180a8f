"""Organizations without an active owner: the list, and the dialog that assigns an owner."""

from typing import Final

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.database import db
from core.members import ownership
from core.models import Stage
from pages import ui
from pages.ui import authentication, badges, elements
from pages.ui.tables import RowMenu, menu_cells

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
    menu, config = RowMenu("ownerless-menu", found, "id"), st.column_config
    logos = found["logo"].astype(object).where(found["logo"].notna(), None)
    avatars = zip(found["name"], found["public_id"], logos, strict=True)
    st.dataframe(
        found.assign(
            avatar=[elements.avatar_url(*each) for each in avatars],
            stage=menu_cells([[str(stage)] for stage in found["stage"]]),
            menu=menu_cells([[f":material/key: {ASSIGN}"]] * len(found)),
        ),
        hide_index=True,
        height="content",
        row_height=36,
        column_order=["avatar", "name", "public_id", "stage", "member_count", "menu"],
        column_config={
            "avatar": config.ImageColumn("", width=36),
            "name": config.TextColumn("Name", width=300),
            "public_id": config.TextColumn("Organization ID", width=120),
            "stage": config.MultiselectColumn(
                "Stage", options=list(Stage), color=badges.STAGE_COLORS, width=110
            ),
            "member_count": config.NumberColumn("Members", width=80, format="localized"),
            "menu": menu.column(130),
        },
        alt="Organizations without an active owner",
    )
    if chosen := menu.chosen():
        ui.open_dialog("name-owner", (int(chosen[1]["id"]), str(chosen[1]["name"])))


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
