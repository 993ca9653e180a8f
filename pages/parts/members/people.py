"""The tables Active Users and Former Users of Access Control, with a menu in each row."""

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.database import db
from core.members import members
from core.models import Organization, Role
from pages import ui
from pages.parts.members import dialogs, ownership_offers
from pages.parts.members.dialogs import Row
from pages.ui import authentication, badges, elements, tables
from pages.ui.tables import RowMenu, menu_cells, truncate

REINSTATE: Final = "Reinstate"
_ACTIVE_COLUMNS: Final = (
    *("avatar", "name", "email", "role", "two_factor", "last_seen_at", "joined_at", "menu"),
)


def role_filter() -> Role | None:
    """Draw the filter by role and return the role chosen."""
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


def draw_active(
    actor: Actor, org: Organization, search: str, role: Role | None, *, may_edit: bool, owns: bool
) -> None:
    """Draw one page of members, and the dialog opened from a row's menu.

    `may_edit` adds Edit roles to the menus, and `owns` adds Offer ownership.
    """
    with db.read() as session:
        count = members.count(session, actor, org.id, search=search, role=role)
    table, page = st.container(key="members-table"), _page_number(count, search, role)
    with db.read() as session:
        people = members.table(session, actor, org.id, search=search, role=role, page=page)
    with table:
        if people.empty:
            elements.empty_state(
                "search_off", "Nobody found", "Try a part of the name, or another role."
            )
        else:
            _draw_active_table(people, actor, may_edit=may_edit, owns=owns)
    dialogs.draw(actor, org)


def _page_number(count: int, search: str, role: Role | None) -> int:
    """Draw the count and the pagination, and return the page chosen."""
    reachable = min(count, members.MAX_COUNTED) if search.strip() else count
    pages = -(-reachable // members.PER_PAGE)
    if pages < 2:
        return 1
    with elements.row(key="members-pages"):
        counted = ui.count(count, "person", "people")
        if count > reachable:
            counted = f"{members.MAX_COUNTED:,}+ people; more words find fewer"
        st.markdown(ui.quiet(counted), width="stretch")
        return st.pagination(pages, key=f"members-page-{count}-{search}-{role}")


def _draw_active_table(people: pd.DataFrame, actor: Actor, *, may_edit: bool, owns: bool) -> None:
    menu = RowMenu("members-menu", people, "user_id")
    order = [
        column for column in _ACTIVE_COLUMNS if column in people or column in {"avatar", "menu"}
    ]
    config = st.column_config
    st.dataframe(
        tables.to_arrow(
            people, order, **_display_values(people, actor, may_edit=may_edit, owns=owns)
        ),
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
            name = "offer-ownership" if label == ownership_offers.OFFER else "quick-view"
            ui.open_dialog(name, row)


def _display_values(
    people: pd.DataFrame, actor: Actor, *, may_edit: bool, owns: bool
) -> dict[str, Sequence[Any]]:
    """Return the columns that differ from the data: pictures, truncated texts and menus."""
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
        "menu": [_active_menu(role, owns=owns) for role in roles],
    }


def _active_menu(role: Role | None, *, owns: bool) -> list[str]:
    """Return the menu of a member; `role` is None where roles cannot be edited."""
    labels = [f":material/visibility: {dialogs.QUICK_VIEW}"]
    if role is None:
        return labels
    if owns and role != Role.OWNER:
        labels.append(f":material/key: {ownership_offers.OFFER}")
    return [f":material/manage_accounts: {dialogs.EDIT_ROLES}", *labels]


def draw_former(actor: Actor, org: Organization, grantable: list[Role], search: str) -> None:
    """Draw former members, and reinstate the one chosen from a row's menu."""
    with db.read() as session:
        former = members.former_table(session, actor, org.id, search=search)
    if former.empty:
        head = "Nobody found" if search else "Nobody left in the last 90 days"
        elements.empty_state("history", head, "Who is removed stands here and can be reinstated.")
        return
    menu = RowMenu("former-menu", former, "user_id")
    with st.container(key="former-table"):
        _draw_former_table(former, menu, grantable)
    st.markdown(ui.quiet("With the role from before. Who left alone is invited again instead."))
    if chosen := menu.chosen():
        row = chosen[1]
        if row["role"] == Role.OWNER:
            ui.open_dialog("reinstate", row)
        else:
            notice = f"{row['name']} belongs to {org.name} again."
            ui.save(notice, members.reinstate, actor, org.id, int(row["user_id"]))
    ui.draw_dialog("reinstate", REINSTATE, _draw_reinstate_owner, actor, org)


def _draw_former_table(former: pd.DataFrame, menu: RowMenu, grantable: list[Role]) -> None:
    config = st.column_config
    rows: list[Row] = [{str(k): v for k, v in row.items()} for row in former.to_dict("records")]
    st.dataframe(
        former.assign(
            avatar=[elements.avatar_url(row["name"], row["user_id"]) for row in rows],
            name=former["name"].map(lambda name: truncate(name, 20)),
            email=former["email"].map(lambda email: truncate(email, 22)),
            role=menu_cells([[str(row["role"])] for row in rows]),
            how=[_how(row) for row in rows],
            menu=menu_cells([_former_menu(row, grantable) for row in rows]),
        ),
        hide_index=True,
        height="content",
        column_order=["avatar", "name", "email", "role", "how", "removed_at", "joined_at", "menu"],
        column_config={
            "avatar": config.ImageColumn("", width=36),
            "name": config.TextColumn("Name", width=130),
            "email": config.TextColumn("Email", width=158),
            "role": badges.role_column(),
            "how": config.TextColumn("How", width=132),
            "removed_at": config.DatetimeColumn("When", format="distance", width=114),
            "joined_at": config.DatetimeColumn("Joined", format="D MMM YYYY", width=92),
            "menu": menu.column(96),
        },
        row_height=36,
    )


def _how(row: Row) -> str:
    if row["has_left"]:
        return "left"
    return f"removed by {truncate(row['removed_by'], 24)}" if row["removed_by"] else "removed"


def _former_menu(row: Row, grantable: list[Role]) -> list[str]:
    """Return the menu of a former member: people who left, or had a higher role, have none."""
    is_within = row["role"] in grantable and not row["has_left"]
    return [f":material/person_add: {REINSTATE}"] if is_within else []


def _draw_reinstate_owner(actor: Actor, org: Organization, row: Row) -> None:
    """Draw the form that reinstates an owner, which takes the password."""
    dialogs.draw_person(row)
    st.markdown(f"{ui.esc(row['name'])} becomes an owner of **{ui.esc(org.name)}** again.")
    with ui.form("reinstate") as form:
        password = form.current_password()
        pressed = form.submit(REINSTATE)
    if pressed and form.prepare(authentication.verify_password, actor, password):
        notice = f"{row['name']} belongs to {org.name} again."
        form.save(notice, members.reinstate, actor, org.id, int(row["user_id"]))
