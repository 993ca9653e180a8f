"""Organizations whose owners are all disabled: an administrator names somebody else."""

from typing import Final

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.database import db
from core.members import ownership
from core.models import Stage
from pages import ui
from pages.ui import badges, elements
from pages.ui.tables import RowMenu, menu_cells

NAME: Final = "Name an owner"


def draw(actor: Actor, found: pd.DataFrame) -> None:
    """Draw them, if there are any, above everything else: nobody but the reader can mend it."""
    if found.empty:
        return
    with st.container(border=True, key="ownerless", gap="xsmall"):
        head = ui.count(len(found), "organization has", "organizations have")
        st.markdown(f":orange[:material/warning:] **{head} no owner who can sign in**")
        st.markdown(ui.quiet("All their owners are disabled. Name somebody else in each row."))
        _draw_table(found)
    ui.draw_dialog("name-owner", NAME, _draw_form, actor, width="medium")


def _draw_table(found: pd.DataFrame) -> None:
    menu, config = RowMenu("ownerless-menu", found, "id"), st.column_config
    logos = found["logo"].astype(object).where(found["logo"].notna(), None)
    faces = zip(found["name"], found["public_id"], logos, strict=True)
    st.dataframe(
        found.assign(
            avatar=[elements.avatar_url(*each) for each in faces],
            stage=menu_cells([[str(stage)] for stage in found["stage"]]),
            menu=menu_cells([[f":material/key: {NAME}"]] * len(found)),
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
        alt="Organizations without an owner who can sign in",
    )
    if chosen := menu.chosen():
        ui.open_dialog("name-owner", (int(chosen[1]["id"]), str(chosen[1]["name"])))


def _draw_form(actor: Actor, about: tuple[int, str]) -> None:
    org_id, name = about
    with db.read() as session:
        heirs = ownership.list_owner_candidates(session, actor, org_id)
    st.markdown(
        f"Who is named owns **{ui.esc(name)}** at once and hears of it by mail. The owners who are "
        "disabled stay what they are."
    )
    with ui.form("name-owner") as form:
        email = form.field(
            st.selectbox,
            "email",
            "New owner",
            options=heirs,
            index=None,
            placeholder="Choose a member, or type another address",
            accept_new_options=True,
            hint="Members who can sign in stand first; anybody with an account may be named.",
        )
        reason = form.field(
            st.text_input, "reason", "Reason", hint="Recorded, and shown to the new owner."
        )
        pressed = form.submit("Name owner")
    if pressed:
        notice = f"{email} owns {name} now."
        form.save(notice, ownership.assign_owner, actor, org_id, email or "", reason=reason)
