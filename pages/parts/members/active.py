"""The people of an organization: one page of them at a time, each with a menu."""

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.database import db
from core.members import members
from core.models import Organization, Role
from pages import ui
from pages.parts.members import dialogs, ownership
from pages.ui import badges, elements, tables
from pages.ui.tables import RowMenu, truncate

SHOWN: Final = (
    *("avatar", "name", "email", "role", "two_factor", "last_seen_at", "joined_at", "menu"),
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


def draw(
    actor: Actor, org: Organization, search: str, role: Role | None, *, may_edit: bool, owns: bool
) -> None:
    """Draw one page of people, and the dialog about the one who was chosen.

    Who may edit roles finds that in the menu; who `owns` the organization may offer that, too.
    """
    with db.read() as session:
        count = members.count(session, actor, org.id, search=search, role=role)
    place, page = st.container(key="members-table"), _ask_page(count, search, role)
    with db.read() as session:
        people = members.table(session, actor, org.id, search=search, role=role, page=page)
    with place:
        if people.empty:
            elements.empty_state(
                "search_off", "Nobody found", "Try a part of the name, or another role."
            )
        else:
            _draw_table(people, actor, may_edit=may_edit, owns=owns)
    dialogs.draw(actor, org)


def _ask_page(count: int, search: str, role: Role | None) -> int:
    """Draw how many there are and the pages, and return which one is asked for."""
    reachable = min(count, members.COUNTED) if search.strip() else count
    pages = -(-reachable // members.PER_PAGE)
    if pages < 2:
        return 1
    with elements.row(key="members-pages"):
        counted = ui.count(count, "person", "people")
        if count > reachable:
            counted = f"{members.COUNTED:,}+ people; more words find fewer"
        st.markdown(ui.quiet(counted), width="stretch")
        return st.pagination(pages, key=f"members-page-{count}-{search}-{role}")


def _draw_table(people: pd.DataFrame, actor: Actor, *, may_edit: bool, owns: bool) -> None:
    menu = RowMenu("members-menu", people, "user_id")
    order = [column for column in SHOWN if column in people or column in {"avatar", "menu"}]
    config = st.column_config
    st.dataframe(
        tables.to_arrow(people, order, **_dressed(people, actor, may_edit=may_edit, owns=owns)),
        hide_index=True,
        height="content",
        column_order=order,
        column_config={
            "avatar": config.ImageColumn("", width=36),
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
        if label == dialogs.EDIT_ROLES:
            dialogs.open_roles(row)
        else:
            name = "offer-ownership" if label == ownership.OFFER else "quick-view"
            ui.open_dialog(name, row)


def _dressed(
    people: pd.DataFrame, actor: Actor, *, may_edit: bool, owns: bool
) -> dict[str, Sequence[Any]]:
    """Return what the table shows in other words: faces, short names, and a menu each."""
    who = list(zip(people["name"].tolist(), people["user_id"].tolist(), strict=True))
    roles = people["role"].tolist() if may_edit else [None] * len(people)
    return {
        "avatar": [elements.avatar_url(*person) for person in who],
        "name": [
            truncate(name, 24) + (" (you)" if user_id == actor.user_id else "")
            for name, user_id in who
        ],
        "email": [truncate(each, 31 if may_edit else 26) for each in people["email"].tolist()],
        "role": tables.tags(people.get("role", ())),
        "two_factor": ["on" if is_on else "off" for is_on in people.get("two_factor", ())],
        "menu": [_labels(role, owns=owns) for role in roles],
    }


def _labels(role: Role | None, *, owns: bool) -> list[str]:
    """Return the menu of a row: who may not edit roles is shown none, and just looks."""
    labels = [f":material/visibility: {dialogs.QUICK_VIEW}"]
    if role is None:
        return labels
    if owns and role != Role.OWNER:
        labels.append(f":material/key: {ownership.OFFER}")
    return [f":material/manage_accounts: {dialogs.EDIT_ROLES}", *labels]
