"""The people of an organization: one page of them at a time, each with a menu."""

from typing import Final

import pandas as pd
import streamlit as st

from core import db, members
from core.models import Organization, Role
from core.permissions import Action, Actor, Rights
from pages import members_dialogs, members_ownership, ui
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
    """Draw how many there are and the pages, and return which one is asked for."""
    reachable = min(count, members.COUNTED) if shown[0] != "-" else count
    pages = -(-reachable // members.PER_PAGE)
    if pages < 2:
        return 1
    with cards.row(key="members-pages"):
        counted = ui.count(count, "person", "people")
        if count > reachable:
            counted = f"{members.COUNTED:,}+ people; more words find fewer"
        st.markdown(ui.quiet(counted), width="stretch")
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
            "face": config.ImageColumn("", width=36),
            "name": config.TextColumn("Name", width=180 if may_edit else 156),
            "email": config.TextColumn("Email", width=212 if may_edit else 180),
            "role": badges.role_column(),
            "two_factor": config.TextColumn("Two-factor", width=78),
            "last_seen_at": config.DatetimeColumn("Last seen", format="distance", width=108),
            "joined_at": config.DatetimeColumn("Joined", format="D MMM YYYY", width=98),
            "menu": menu.column(44 if may_edit else 100),
        },
        placeholder="never",
        row_height=36,
    )
    if chosen := menu.chosen():
        label, row = chosen
        if label == members_dialogs.EDIT_ROLES:
            members_dialogs.open_roles(row)
        else:
            name = "offer-ownership" if label == members_ownership.OFFER else "quick-view"
            ui.open_dialog(name, row)


def _dressed(people: pd.DataFrame, actor: Actor, *, may_edit: bool) -> pd.DataFrame:
    """Return the people as the table shows them: with faces, short names, and a menu each."""
    roles = people["role"] if may_edit else [None] * len(people)
    is_actor = people["user_id"] == actor.user_id
    shown = people.assign(
        face=[cards.face_url(*who) for who in people[["name", "user_id"]].to_numpy().tolist()],
        name=people["name"].map(lambda name: shortened(name, 24))
        + is_actor.map({True: " (you)", False: ""}),
        email=people["email"].map(lambda email: shortened(email, 31 if may_edit else 26)),
        menu=cells([_labels(role) for role in roles]),
    )
    if "role" in people:
        shown["role"] = people["role"].map(lambda role: [str(role)])
        shown["two_factor"] = people["two_factor"].map({True: "on", False: "off"})
    return shown


def _labels(role: Role | None) -> list[str]:
    """Return the menu of a row: who may not edit roles is shown none, and just looks."""
    labels = [f":material/visibility: {members_dialogs.QUICK_VIEW}"]
    if role is None:
        return labels
    if role != Role.OWNER:
        labels.append(f":material/key: {members_ownership.OFFER}")
    return [f":material/manage_accounts: {members_dialogs.EDIT_ROLES}", *labels]
