"""How many members an organization may have: set by administrators of Orgdesk."""

import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.models import Organization
from core.organizations import organizations
from pages import ui


def draw_action(rights: Rights) -> None:
    """Draw the button for who may set the limit."""
    icon = ":material/group_work:"
    if Action.LIMIT_MEMBERS in rights and st.button("Member limit", key="limit-open", icon=icon):
        ui.open_dialog("member-limit")


def draw_dialog(actor: Actor, org: Organization) -> None:
    """Draw the dialog when it is open."""
    ui.draw_dialog("member-limit", "Member limit", _draw_form, actor, org)


def _draw_form(actor: Actor, org: Organization) -> None:
    st.markdown(
        f"**{ui.esc(org.name)}** has {ui.count(org.member_count, 'member')}. Whoever belongs to it "
        "stays, also above the limit; nobody else joins until there is room."
    )
    with ui.form("limit") as form:
        limit = form.field(
            st.number_input,
            "limit",
            "At most so many members",
            value=org.member_limit,
            step=1,
            placeholder="No limit",
            hint="Leave it empty for no limit.",
        )
        pressed = form.submit("Save")
    if pressed:
        told = f"At most {limit:,} members from now on." if limit else "There is no limit now."
        number = None if limit is None else int(limit)
        form.save(told, organizations.limit_members, actor, org.id, number)
