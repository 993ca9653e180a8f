"""Access Control: who belongs here, who is invited, what each role may."""

import streamlit as st

from core import clock, db, members, roles
from core.permissions import Action
from pages import members_active, members_invited, ui
from pages.ui import cards

actor, org, rights = ui.open_page("Access Control", Action.VIEW)
may_see_invited = Action.VIEW_INVITATIONS in rights

with db.read() as session:
    numbers = members.summary(session, actor, org.id)
    offered = members.list_roles_to_give(session, actor, org.id)


def draw_actions() -> None:
    icon = ":material/person_add:"
    if offered and st.button("Invite user", key="invite-user", type="primary", icon=icon):
        ui.open_dialog("invite")


def draw_summary() -> None:
    is_alone = numbers["owner"] == 1 and Action.CHANGE_ROLES in rights
    advice = "Two are safer. Make somebody else an owner, too." if is_alone else None
    shown: dict[str, str] = {
        "Owners": f"{numbers['owner']:,}",
        "Admins": f"{numbers['admin']:,}",
        "Members": f"{numbers['member']:,}",
    }
    if may_see_invited:
        shown["Pending invitations"] = f"{numbers['pending']:,}"
    shown["Last joined"] = ui.ago(numbers["last_joined"], clock.now())
    if may_see_invited:
        shown["Without two-factor"] = f"{numbers['without_two_factor']:,}"
    with st.container(border=True, key="members-summary"):
        grid = st.grid(len(shown), min_column_width=110, gap=("xsmall", "small"))
        for label, value in shown.items():
            with grid.cell():
                st.metric(label, value, help=advice if label == "Owners" else None)


def draw_users() -> None:
    people = int(numbers[["owner", "admin", "member"]].sum())
    labels = {"active": f"Active Users {people:,}"}
    if may_see_invited:
        labels["invited"] = f"Invited Users {numbers['pending']:,}"
    with cards.row(key="members-filter"):
        view = st.segmented_control(
            "Users",
            list(labels),
            default="active",
            required=True,
            format_func=lambda name: labels[name],
            label_visibility="collapsed",
            key="members-view",
        )
        st.space("stretch")
        search = st.text_input(
            "Search",
            type="search",
            live=True,
            width=240,
            placeholder="Name or email" if view == "active" else "Email",
            label_visibility="collapsed",
            key=f"members-search-{view}",
        )
        role = members_active.ask_role() if may_see_invited and view == "active" else None
    if view == "active":
        members_active.draw(actor, org, rights, search, role)
    else:
        members_invited.draw(actor, org, offered, search)


def draw_roles() -> None:
    table = roles.table()
    ticks = table.replace({True: "✓", False: ""})
    text = st.column_config.TextColumn
    columns = {name: text(name, width=110, alignment="center") for name in ticks.columns[1:]}
    columns["permission"] = text("Permission", width="large")
    st.dataframe(ticks, hide_index=True, height="content", column_config=columns, key="roles-table")
    st.markdown(ui.quiet("Nobody gives a role above the own. Only owners change roles."))


cards.page_head(org, "Access Control", actions=draw_actions)
draw_summary()
users_tab, roles_tab = st.tabs(["Users", "Roles"])
with users_tab:
    draw_users()
with roles_tab:
    draw_roles()
ui.draw_dialog(
    "invite",
    "Invite user",
    members_invited.draw_invite,
    actor,
    org,
    offered,
    width="medium",
    icon=":material/person_add:",
)
