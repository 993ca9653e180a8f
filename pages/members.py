"""Access Control: the people of an organization with their roles, its invitations, its roles."""

import streamlit as st

from core.access import roles
from core.access.permissions import Action, find_impersonation, find_role
from core.database import db
from core.members import members, ownership, statistics
from core.members.members import MAX_COUNTED, PER_PAGE, Filters
from core.models import Role
from pages import ui
from pages.parts.members import dialogs, former, invitations, member_limit, ownership_offers
from pages.parts.organizations import summary
from pages.ui import authentication, elements
from pages.ui.url_choices import choose

actor, org, rights = ui.open_page("Access Control", Action.VIEW)
sees_roles = Action.VIEW_INVITATIONS in rights
may_edit = authentication.is_allowed(rights, Action.CHANGE_ROLES)
may_invite = authentication.is_allowed(rights, Action.INVITE)
with db.read() as session:
    numbers = statistics.summary(session, actor, org.id)
    grantable = members.list_grantable_roles(session, actor, org.id) if may_invite else []
    offers = ownership.list_offers(session, actor, org.id)
    own_role = find_role(session, actor, org.id)
    owns = own_role is Role.OWNER and not find_impersonation(session, actor, org.id)
    sorts = members.list_sorts(session, actor, org.id)


def draw_buttons() -> None:
    member_limit.draw_button(rights)
    if grantable and st.button("Invite user", key="invite-user", type="primary"):
        ui.open_dialog("invite")


if grantable:
    invitations.open_from_link()
elements.page_header(org, "Access Control", actions=draw_buttons)
ownership_offers.draw_offers(actor, org, offers)
member_limit.draw_advice(org, rights, numbers)
tab = ui.tabs({"users": "Users", "roles": "Roles"}, key="members-tabs", label="Access Control")

view: str | None = tab
show: str | None = None
if tab == "users":
    shows = {str(role): f"{role.capitalize()}s {numbers[role]:,}" for role in reversed(Role)}
    views = {"active": f"Active Users {org.member_count:,}"}
    if sees_roles:
        views |= {"invited": f"Invited Users {numbers['pending']:,}", "former": "Former Users"}
        without = ui.capped(numbers["without_two_factor"], MAX_COUNTED)
        shows["off"] = f"Without two-factor {without}"
    with elements.row(key="members-filter"):
        view = choose(
            "members", st.segmented_control, "view", "Users", views, default="active", required=True
        )
        search = elements.search_field(
            "Name or email", width=220, key=f"members-search-{view}", on_change=ui.first_page
        )
        if view == "active" and sees_roles:
            show = choose("members", st.pills, "show", "Show", shows, on_change=ui.first_page)

if view == "active" and sees_roles:
    with db.read() as session:
        counts = statistics.count_by_role(session, actor, org.id)
        joined = statistics.joined_by_month(session, actor, org.id)
    by_role = (
        counts.set_index(["role", "two_factor"])["people"]
        .unstack(fill_value=0)
        .reindex(index=[*reversed(Role)], columns=[True, False], fill_value=0)
        .set_axis(["With two-factor", "Without"], axis="columns")
    )
    by_role["Total"] = by_role.sum(axis="columns")
    by_month = joined.rename(lambda month: f"{month:%b %Y}").to_frame("joined").T
    save = summary.save(actor, org_id=org.id)
    with st.container(key="members-summary"):
        left, right = st.columns([2, 3])
    with left:
        columns = {"role": ui.column.role()}
        ui.summary(by_role, "Members by role and two-factor", columns, has_total=True, save=save)
    with right:
        ui.summary(by_month, "Members joined by month", ui.column.towers(by_month), save=save)

if view == "active":
    page, sort = ui.page_number(), ui.sort_order(sorts)
    role = Role(show) if show in list(Role) else None
    filters = Filters(search, role, without_two_factor=show == "off")
    with db.read() as session:
        people = members.table(session, actor, org.id, filters, sort=sort, page=page)
        total = members.count(session, actor, org.id, filters)
    asked = ui.table(
        people.assign(you=(people["user_id"] == actor.user_id).map({True: "(you)", False: ""})),
        dialogs.columns(people, sorts, grantable if may_edit else ()),
        key="members",
        label="Active users",
        row_id="user_id",
        actions=dialogs.ACTIONS,
        allowed=dialogs.list_actions(people, may_edit=may_edit, owns=owns),
        row_action="quick-view",
        bulk=dialogs.bulk_actions(rights),
        sort=sort,
        paging=ui.numbered_pages(page, PER_PAGE, total, "person", "people", limit=MAX_COUNTED),
        scope=filters,
        empty=("No one found", "Try part of a name, or another role."),
        watched=[org.id],
    )
    with db.read() as session:
        matching = members.list_ids(session, actor, org.id, filters) if asked.is_all else ()
    dialogs.open_asked(asked, asked.chosen_of(matching))
elif view == "roles":
    columns = {"permission": ui.column.text("Permission")} | ui.column.ticks(Role)
    ui.summary(roles.table().set_index("permission"), "Permissions by role", columns)
    st.markdown(ui.quiet("You can't grant a role above your own. Only owners can change roles."))
else:
    (invitations if view == "invited" else former).draw(actor, org, grantable, search)

dialogs.draw(actor, org)
invitations.draw_invite_dialog(actor, org, grantable)
member_limit.draw_dialog(actor, org)
ownership_offers.draw_dialogs(actor, org, own_role)
