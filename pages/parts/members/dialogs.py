"""What can be done with people in the tables of Access Control, and the dialogs that do it."""

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

from core.access import roles
from core.access.permissions import Action, Actor, Rights
from core.base import clock
from core.database import db
from core.members import bulk, invitations, leaving, members
from core.members.bulk import Outcome
from core.members.members import Sort
from core.models import Organization, Role
from pages import ui
from pages.ui import authentication, badges, elements
from pages.ui.column import ROLES, Column

EDIT_ROLES: Final = "Edit roles"
QUICK_VIEW: Final = "Quick View"
ACTIONS: Final = (
    ui.Action("edit-roles", EDIT_ROLES, "manage_accounts"),
    ui.Action("quick-view", QUICK_VIEW, "visibility"),
    ui.Action("offer-ownership", "Offer ownership", "key"),
)
"""What can be done with a member; each action opens the dialog of that name."""

_LEAVE: Final = "Leave organization"
_EDITING: Final = "role to begin with"

Row = dict[str, Any]
"""One row of `members.table` or of `invitations.table`."""


def list_actions(people: pd.DataFrame, *, may_edit: bool, owns: bool) -> list[list[str]]:
    """Return for each member the names of the actions that are offered."""
    if not may_edit:
        return [["quick-view"]] * len(people)
    offer = ["offer-ownership"] if owns else []
    usual = ["edit-roles", "quick-view"]
    return [usual if role == Role.OWNER else usual + offer for role in people["role"]]


def columns(
    people: pd.DataFrame, sorts: Sequence[Sort], grantable: Sequence[Role]
) -> dict[str, Column]:
    """Return the columns of `people`; `grantable` are the roles that can be given in a row."""

    def ordered(sort: Sort, reverse: Sort) -> dict[str, Any]:
        return {"sort": sort, "reverse": reverse} if sort in sorts else {}

    by_role = ordered(Sort.ROLE, Sort.ROLE_REVERSED)
    role = role_column(grantable, **by_role) if grantable else ui.column.role(**by_role)
    last_seen: dict[str, Any] = {"width": 112, "empty": "Never", "is_descending": True}
    every = {
        "name": ui.column.link("Name", seed="user_id", note="you", sort="name", reverse="-name"),
        "email": ui.column.text("Email", is_whole=True),
        "role": role,
        "two_factor": ui.column.two_factor(),
        "last_seen_at": ui.column.moment(
            "Last seen", **last_seen, **ordered(Sort.SEEN, Sort.SEEN_REVERSED)
        ),
        "joined_at": ui.column.day("Joined", sort="joined", reverse="-joined"),
    }
    return {name: column for name, column in every.items() if name in people}


def role_column(grantable: Sequence[Role], **head: Any) -> Column:
    """Return the column of roles in which another one can be chosen, which opens `Edit roles`."""
    return ui.column.choice(
        "Role", ROLES, options=grantable, action="edit-roles", width=124, phone="end", **head
    )


def bulk_actions(rights: Rights) -> list[ui.Action]:
    """Return what a person can do with several members together."""
    if Action.VIEW_INVITATIONS not in rights:
        return []
    actions = [ui.Action("copy", "Copy addresses", "content_copy", copies="email")]
    if authentication.is_allowed(rights, Action.CHANGE_ROLES):
        actions.append(ui.Action("change-roles", "Change role", "manage_accounts", takes_all=True))
    if authentication.is_allowed(rights, Action.REMOVE_MEMBERS):
        actions.append(ui.Action("remove-members", "Remove", "person_remove", takes_all=True))
    return actions


def open_asked(asked: ui.Asked, chosen: Sequence[int]) -> None:
    """Open the dialog that was asked for, about one person or about those who are selected."""
    if asked.action == "edit-roles":
        open_roles(dict(asked.record), asked.value)
    elif asked.record:
        ui.open_dialog(asked.action, dict(asked.record))
    elif asked:
        ui.open_dialog(asked.action, list(chosen))


def open_roles(row: Row, chosen: str = "") -> None:
    """Open `Edit roles` for a member or an invitation; `chosen` is the new role, if it is known."""
    ui.open_dialog("edit-roles", row)
    st.session_state[_EDITING] = Role(chosen) if chosen else None


def draw(actor: Actor, org: Organization) -> None:
    """Draw the dialog that is open, if any."""
    icon = ":material/manage_accounts:"
    ui.draw_dialog("edit-roles", EDIT_ROLES, _draw_roles, actor, org, width="medium", icon=icon)
    ui.draw_dialog("quick-view", QUICK_VIEW, _draw_quick_view, actor, org)
    ui.draw_dialog("leave", _LEAVE, _draw_leave, actor, org)
    ui.draw_dialog("remove", "Remove", _draw_remove, actor, org)
    ui.draw_dialog("change-roles", "Change role", _draw_change_roles, actor, org, icon=icon)
    ui.draw_dialog("remove-members", "Remove", _draw_remove_members, actor, org)
    ui.draw_dialog("members-refused", "Not everything was changed", _draw_refused)


def _draw_change_roles(actor: Actor, org: Organization, user_ids: Sequence[int]) -> None:
    """Draw the form that changes the role of several members; new owners take the password."""
    with db.read() as session:
        grantable = members.list_grantable_roles(session, actor, org.id)
    st.markdown(f"**{ui.count(len(user_ids), 'person', 'people')}** selected")
    form = ui.fields("change-roles")
    new = Role(
        form.field(st.selectbox, "role", "Role", options=grantable, format_func=str.capitalize)
    )
    reason = _reason_field(form)
    password = form.current_password() if new is Role.OWNER else ""
    if form.buttons("Change role") and (
        new is not Role.OWNER or form.prepare(authentication.verify_password, actor, password)
    ):
        outcome = form.change(bulk.change_roles, actor, org.id, user_ids, new, reason=reason)
        _finish(form, outcome, f"Role changed to {new} for")


def _draw_remove_members(actor: Actor, org: Organization, user_ids: Sequence[int]) -> None:
    """Draw the question before several members are removed."""
    people = ui.count(len(user_ids), "person loses", "people lose")
    st.markdown(
        f"**{people}** access to {ui.esc(org.name)} immediately and are notified by email. You "
        "can reinstate them for 90 days."
    )
    form = ui.fields("remove-members")
    reason = _reason_field(form)
    if form.buttons("Remove"):
        outcome = form.change(bulk.remove, actor, org.id, user_ids, reason=reason)
        _finish(form, outcome, "Removed")


def _reason_field(form: ui.Form) -> str:
    """Draw the field for the reason of a change that concerns someone else."""
    hint = "Optional. Emailed to them and the owners, and kept in history."
    reason: str = form.field(st.text_input, "reason", "Reason", hint=hint)
    return reason


def _finish(form: ui.Form, outcome: Outcome | None, done: str) -> None:
    """Show what was done, and whom it was refused for; nothing if all of it was refused."""
    if outcome is None:
        return
    form.reset()
    ui.close_dialog()
    ui.clear_selection("members")
    if outcome.done:
        ui.show_notice(f"{done} {ui.count(outcome.done, 'person', 'people')}")
    if outcome.refused:
        ui.open_dialog("members-refused", outcome.refused)
    st.rerun()


def _draw_refused(refused: Sequence[tuple[str, str]]) -> None:
    for name, reason in refused:
        st.markdown(f"**{ui.esc(name)}**  \n{ui.esc(reason)}")


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
            st.button("Edit", key="edit-roles-edit", on_click=edit, args=(_EDITING, old))
    if is_editing:
        _draw_edit(actor, org, row, old)
    else:
        with st.expander("What this role can do", type="compact"):
            draw_permissions(old)


def _draw_edit(actor: Actor, org: Organization, row: Row, old: Role) -> None:
    """Draw the choice of roles, the change log and `Save`; a new owner takes the password."""
    with db.read() as session:
        grantable = members.list_grantable_roles(session, actor, org.id)
    form = ui.fields("edit-roles")
    chosen = form.field(
        st.selectbox,
        "role",
        "Role",
        options=grantable,
        index=grantable.index(st.session_state[_EDITING]),
        format_func=str.capitalize,
    )
    new = Role(chosen)
    draw_change_log(old, new)
    is_member = "user_id" in row
    reason = _reason_field(form) if is_member else ""
    makes_owner = new is Role.OWNER and old is not Role.OWNER
    password = form.current_password() if makes_owner else ""
    if form.buttons("Save", disabled=new is old) and (
        not makes_owner or form.prepare(authentication.verify_password, actor, password)
    ):
        _save_role(form, actor, org, row, new, reason)


def _save_role(
    form: ui.Form, actor: Actor, org: Organization, row: Row, new: Role, reason: str
) -> None:
    """Save the role of a member or of an invitation."""
    if "user_id" in row:
        notice, user_id = f"Role changed to {new}", int(row["user_id"])
        form.save(notice, members.change_role, actor, org.id, user_id, new, reason=reason)
    else:
        notice = f"Invited as {new}"
        form.save(notice, invitations.change_role, actor, org.id, int(row["id"]), new)


def draw_permissions(role: Role) -> None:
    """Draw what people with a role can do."""
    for action in roles.difference(role, role).kept:
        st.markdown(f":gray[:material/check: {roles.label(action)}]")


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
        facts["Last seen"] = "Never" if bool(pd.isna(seen)) else ui.ago(seen, now)
        facts["Two-factor"] = "On" if row["two_factor"] else "Off"
        badges.badge(Role(row["role"]))
    grid = st.grid(len(facts), min_column_width=110, gap="small")
    for label, fact in facts.items():
        with grid.cell(), st.container(gap=None):
            st.markdown(ui.quiet(label))
            st.text(fact)
    with db.read() as session:
        grantable = members.list_grantable_roles(session, actor, org.id)
    if row["user_id"] == actor.user_id:
        _draw_opener("leave", _LEAVE, "logout")
    elif row.get("role") in grantable:
        _draw_opener("remove", "Remove", "person_remove", row)


def _draw_opener(dialog: str, label: str, icon: str, row: Row | None = None) -> None:
    if st.button(label, key=dialog, icon=f":material/{icon}:"):
        ui.open_dialog(dialog, row)
        st.rerun()


def _draw_leave(actor: Actor, org: Organization) -> None:
    """Draw the question before a person leaves; the only owner cannot."""
    with db.read() as session:
        is_last_owner = leaving.is_last_owner(session, actor, org.id)
    if is_last_owner:
        st.markdown("You're the only owner. Offer ownership to someone else, then leave.")
        return
    st.markdown(f"You lose access to {ui.esc(org.name)} until you're invited again.")
    form = ui.fields("leave")
    pressed = form.buttons("Leave", key="leave-confirm")
    left = form.change(leaving.leave, actor, org.id) if pressed else None
    if left is not None:
        ui.close_dialog()
        ui.show_notice(f"You left {org.name}")
        st.switch_page("organizations.py")


def _draw_remove(actor: Actor, org: Organization, row: Row) -> None:
    """Draw the question before a member is removed."""
    st.markdown(
        f"{ui.esc(row['name'])} loses access to {ui.esc(org.name)} immediately and is notified "
        "by email. Invitations they have sent are revoked."
    )
    form = ui.fields("remove")
    reason = _reason_field(form)
    if form.buttons("Remove", key="remove-confirm"):
        notice, user_id = f"{row['name']} removed", int(row["user_id"])
        form.save(notice, members.remove, actor, org.id, user_id, reason=reason)


def draw_person(row: Row) -> None:
    """Draw the avatar, name and address of the person of a dialog."""
    name = row.get("name") or row["email"]
    with elements.row(gap="small", wrap=False):
        elements.avatar(name, int(row.get("user_id", 0)), width=40)
        with st.container(gap=None):
            if row.get("name"):
                st.markdown(f"**{ui.esc(name)}**")
            st.text(row["email"])
