"""Access Control: the members and invitations of an organization, and the table of roles."""

import streamlit as st

from core.access import roles
from core.access.permissions import Action, find_impersonation, find_role
from core.database import db
from core.members import members, ownership
from core.models import Role
from pages import ui
from pages.parts.members import invitations, ownership_offers, people, summary
from pages.ui import authentication, elements

actor, org, rights = ui.open_page("Access Control", Action.VIEW)
may_see_invited = Action.VIEW_INVITATIONS in rights
may_invite = authentication.is_allowed(rights, Action.INVITE)
may_edit = authentication.is_allowed(rights, Action.CHANGE_ROLES)

with db.read() as session:
    numbers = members.summary(session, actor, org.id)
    joined = members.joined_by_month(session, actor, org.id)
    grantable = members.list_grantable_roles(session, actor, org.id) if may_invite else []
    offers = ownership.list_offers(session, actor, org.id)
    own_role = find_role(session, actor, org.id)
    impersonation = find_impersonation(session, actor, org.id)
owns = may_edit and own_role is Role.OWNER and impersonation is None


def draw_actions() -> None:
    summary.draw_limit_button(rights)
    icon = ":material/person_add:"
    if grantable and st.button("Invite user", key="invite-user", type="primary", icon=icon):
        ui.open_dialog("invite")


def draw_users() -> None:
    labels = {"active": f"Active Users {org.member_count:,}"}
    if may_see_invited:
        labels |= {"invited": f"Invited Users {numbers['pending']:,}", "former": "Former Users"}
    with elements.row(key="members-filter"):
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
            placeholder="Email" if view == "invited" else "Name or email",
            label_visibility="collapsed",
            key=f"members-search-{view}",
        )
        role = people.role_filter() if may_see_invited and view == "active" else None
    if view == "active":
        people.draw_active(actor, org, search, role, may_edit=may_edit, owns=owns)
    elif view == "invited":
        invitations.draw(actor, org, grantable, search)
    else:
        people.draw_former(actor, org, grantable, search)


def draw_roles() -> None:
    table = roles.table()
    ticks = table.replace({True: "✓", False: ""})
    text = st.column_config.TextColumn
    columns = {name: text(name, width=110, alignment="center") for name in ticks.columns[1:]}
    columns["permission"] = text("Permission", width="large")
    st.dataframe(ticks, hide_index=True, height="content", column_config=columns, key="roles-table")
    st.markdown(ui.quiet("Nobody gives a role above the own. Only owners change roles."))


elements.page_header(org, "Access Control", actions=draw_actions)
ownership_offers.draw_offers(actor, org, offers)
summary.draw(org, rights, numbers, joined)
users_tab, roles_tab = st.tabs(["Users", "Roles"])
with users_tab:
    draw_users()
with roles_tab:
    draw_roles()
invitations.draw_invite_dialog(actor, org, grantable)
summary.draw_limit_dialog(actor, org)
ownership_offers.draw_dialogs(actor, org, own_role)
