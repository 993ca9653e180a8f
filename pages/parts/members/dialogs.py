"""The dialogs about one person: `Edit roles` and `Quick View`, with `Remove` and leave."""

from typing import Any, Final

import pandas as pd
import streamlit as st

from core.access import roles
from core.access.permissions import Actor
from core.base import clock
from core.database import db
from core.members import invitations, leaving, members
from core.models import Organization, Role
from pages import ui
from pages.ui import authentication, badges, elements

EDIT_ROLES: Final = "Edit roles"
QUICK_VIEW: Final = "Quick View"

_EDITING: Final = "editing roles"

Row = dict[str, Any]
"""One row of `members.table` or of `invitations.table`."""


def open_roles(row: Row) -> None:
    """Open `Edit roles` for a member or an invitation, without the form at first."""
    st.session_state.pop(_EDITING, None)
    ui.open_dialog("edit-roles", row)


def draw(actor: Actor, org: Organization) -> None:
    """Draw the dialog that is open, if any."""
    icon = ":material/manage_accounts:"
    ui.draw_dialog("edit-roles", EDIT_ROLES, _draw_roles, actor, org, width="medium", icon=icon)
    ui.draw_dialog("quick-view", QUICK_VIEW, _draw_quick_view, actor, org)


def _draw_roles(actor: Actor, org: Organization, row: Row) -> None:
    """Draw the current role and, once `Edit` is pressed, the form that changes it."""
    draw_person(row)
    old = Role(row["role"])
    with elements.row(key="current-role"):
        st.markdown(ui.quiet("Current role"), width="content")
        badges.badge(old)
        st.space("stretch")
        is_editing = bool(st.session_state.get(_EDITING))
        if not is_editing:
            edit = st.session_state.__setitem__
            st.button("Edit", key="edit-roles-edit", on_click=edit, args=(_EDITING, True))
    if is_editing:
        _draw_edit(actor, org, row, old)
    else:
        with st.expander("What this role may do", type="compact"):
            for action in roles.difference(old, old).kept:
                st.markdown(f":gray[:material/check: {roles.label(action)}]")


def _draw_edit(actor: Actor, org: Organization, row: Row, old: Role) -> None:
    """Draw the choice of roles, the change log and `Save`; a new owner takes the password."""
    with db.read() as session:
        grantable = members.list_grantable_roles(session, actor, org.id)
    form = ui.fields("edit-roles")
    chosen = form.field(
        st.selectbox, "role", "Role", options=grantable, index=grantable.index(old), format_func=str
    )
    new = Role(chosen)
    draw_change_log(old, new)
    makes_owner = new is Role.OWNER and old is not Role.OWNER
    password = form.current_password() if makes_owner else ""
    form.reserve_footer()
    with elements.row(horizontal_alignment="right"):
        draw_cancel("edit-roles")
        pressed = st.button("Save", key="edit-roles-save", type="primary", disabled=new is old)
    if pressed and (
        not makes_owner or form.prepare(authentication.verify_password, actor, password)
    ):
        _save_role(form, actor, org, row, new)


def _save_role(form: ui.Form, actor: Actor, org: Organization, row: Row, new: Role) -> None:
    """Save the role of a member or of an invitation."""
    if "user_id" in row:
        notice = f"{row['name']} is {new} now."
        form.save(notice, members.change_role, actor, org.id, int(row["user_id"]), new)
    else:
        notice = f"{row['email']} is invited as {new} now."
        form.save(notice, invitations.change_role, actor, org.id, int(row["id"]), new)


def draw_cancel(name: str) -> None:
    """Draw the button that closes a dialog without a change."""
    if st.button("Cancel", key=f"{name}-cancel"):
        ui.close_dialog()
        st.rerun()


def draw_change_log(old: Role, new: Role) -> None:
    """Draw how many permissions are gained and lost; `View Diff` lists them."""
    diff = roles.difference(old, new)
    with st.container(border=True, gap="xxsmall", key="change-log"):
        with elements.row():
            st.markdown("**Change log**", width="stretch")
            st.markdown(
                f":green-badge[{len(diff.gained)} gained] :red-badge[{len(diff.lost)} lost]"
                f" :gray-badge[{len(diff.kept)} kept]",
                width="content",
            )
        with st.expander("View Diff", type="compact", key="view-diff"):
            lines = [f":green[:material/add: {roles.label(it)}]" for it in diff.gained]
            lines += [f":red[:material/remove: {roles.label(it)}]" for it in diff.lost]
            lines += [f":gray[:material/check: {roles.label(it)}]" for it in diff.kept]
            for line in lines:
                st.markdown(line)


def _draw_quick_view(actor: Actor, org: Organization, row: Row) -> None:
    draw_person(row)
    facts = {"Joined": ui.exact(row["joined_at"])}
    if "role" in row:
        seen, now = row["last_seen_at"], clock.now()
        facts["Last seen"] = "never" if bool(pd.isna(seen)) else ui.ago(seen, now)
        facts["Two-factor"] = "on" if row["two_factor"] else "off"
        badges.badge(Role(row["role"]))
    grid = st.grid(len(facts), min_column_width=110, gap="small")
    for label, fact in facts.items():
        with grid.cell(), st.container(gap=None):
            st.markdown(ui.quiet(label))
            st.text(fact)
    if row["user_id"] == actor.user_id:
        _draw_leave(actor, org)
    else:
        _draw_remove(actor, org, row)


def _draw_leave(actor: Actor, org: Organization) -> None:
    with st.popover("Leave organization", icon=":material/logout:", key="leave"):
        st.markdown(
            f"You will not see {ui.esc(org.name)} any more until somebody invites you. "
            "The last owner cannot leave: offer the ownership to somebody first."
        )
        form = ui.fields("leave")
        form.reserve_footer()
        if st.button("Leave", key="leave-confirm", type="primary"):
            form.save(f"You left {org.name}.", leaving.leave, actor, org.id)


def _draw_remove(actor: Actor, org: Organization, row: Row) -> None:
    """Draw `Remove` if the member's role is not above the actor's own."""
    with db.read() as session:
        grantable = members.list_grantable_roles(session, actor, org.id)
    if row.get("role") not in grantable:
        return
    with st.popover("Remove", icon=":material/person_remove:", key="remove"):
        st.markdown(
            f"{ui.esc(row['name'])} loses access to {ui.esc(org.name)} at once, and hears of it "
            "by mail. Invitations that wait in this name are revoked."
        )
        form = ui.fields("remove")
        form.reserve_footer()
        if st.button("Remove", key="remove-confirm", type="primary"):
            notice = f"{row['name']} is removed."
            form.save(notice, members.remove, actor, org.id, int(row["user_id"]))


def draw_person(row: Row) -> None:
    """Draw the avatar, name and address of the person of a dialog."""
    name = row.get("name") or row["email"]
    with elements.row(gap="small", wrap=False):
        elements.avatar(name, int(row.get("user_id", 0)), width=40)
        with st.container(gap=None):
            if row.get("name"):
                st.markdown(f"**{ui.esc(name)}**")
            st.text(row["email"])
