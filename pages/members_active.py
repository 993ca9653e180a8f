"""The people of an organization: one page of them at a time, each with a menu."""

from typing import Final

import pandas as pd
import streamlit as st

from core import db, members
from core.models import Organization, Role
from core.permissions import Action, Actor, Rights
from pages import members_dialogs, ui
from pages.ui import badges, cards
from pages.ui.row_menus import RowMenu, cells, shortened

SHOWN: Final = (
    *("face", "name", "email", "role", "two_factor", "last_seen_at", "joined_at", "menu"),
)


def ask_role() -> Role | None:
    """Draw the list that narrows the table to one role, and return that role."""
    return st.selectbox(
        "Role",
        list(Role),
        index=None,
        format_func=str,
        placeholder="All roles",
        width=130,
        label_visibility="collapsed",
        key="members-role",
    )


def draw(actor: Actor, org: Organization, rights: Rights, search: str, role: Role | None) -> None:
    """Draw one page of people, and the dialog about the one who was chosen."""
    with db.read() as session:
        count = members.count(session, actor, org.id, search=search, role=role)
    place, page = st.container(key="members-table"), _ask_page(count, f"{search}-{role}")
    with db.read() as session:
        people = members.table(session, actor, org.id, search=search, role=role, page=page)
    with place:
        if people.empty:
            cards.empty("search_off", "Nobody found", "Try a part of the name, or another role.")
        else:
            _draw_table(people, actor, may_edit=Action.CHANGE_ROLES in rights)
    members_dialogs.draw(actor, org)


def _ask_page(count: int, shown: str) -> int:
    pages = -(-count // members.PER_PAGE)
    if pages < 2:
        return 1
    with cards.row(key="members-pages"):
        st.markdown(ui.quiet(ui.count(count, "person", "people")), width="stretch")
        return st.pagination(pages, key=f"members-page-{count}-{shown}")


def _draw_table(people: pd.DataFrame, actor: Actor, *, may_edit: bool) -> None:
    menu = RowMenu("members-menu", people, "user_id")
    shown = _dressed(people, actor, may_edit=may_edit)
    config = st.column_config
    st.dataframe(
        shown,
        hide_index=True,
        height="content",
        column_order=[column for column in SHOWN if column in shown],
        column_config={
            "face": config.ImageColumn("", width=44),
            "name": config.TextColumn("Name", width=220),
            "email": config.TextColumn("Email", width=260),
            "role": badges.role_column(),
            "two_factor": config.TextColumn("Two-factor", width=90),
            "last_seen_at": config.DatetimeColumn("Last seen", format="distance", width=120),
            "joined_at": config.DatetimeColumn("Joined", format="D MMM YYYY", width=110),
            "menu": menu.column(),
        },
        placeholder="never",
        row_height=36,
    )
    if chosen := menu.chosen():
        label, row = chosen
        name = "edit-roles" if label == members_dialogs.EDIT_ROLES else "quick-view"
        ui.open_dialog(name, row)


def _dressed(people: pd.DataFrame, actor: Actor, *, may_edit: bool) -> pd.DataFrame:
    """Return the people as the table shows them: with faces, short names, and a menu each."""
    labels = [f":material/manage_accounts: {members_dialogs.EDIT_ROLES}"] if may_edit else []
    labels.append(f":material/visibility: {members_dialogs.QUICK_VIEW}")
    is_actor = people["user_id"] == actor.user_id
    shown = people.assign(
        face=[cards.face_url(*who) for who in people[["name", "user_id"]].to_numpy().tolist()],
        name=people["name"].map(lambda name: shortened(name, 28))
        + is_actor.map({True: " (you)", False: ""}),
        email=people["email"].map(shortened),
        menu=cells([labels] * len(people)),
    )
    if "role" in people:
        shown["role"] = people["role"].map(lambda role: [str(role)])
        shown["two_factor"] = people["two_factor"].map({True: "on", False: "off"})
    return shown
