"""The member limit of an organization, and advice about its members."""

from typing import Any

import pandas as pd
import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.models import Organization
from core.organizations import organizations
from pages import ui


def draw_advice(org: Organization, rights: Rights, numbers: "pd.Series[Any]") -> None:
    """Draw what to know about the number of owners and of members."""
    if numbers["owner"] == 1 and Action.CHANGE_ROLES in rights:
        advice = ":material/info: Only one owner. We recommend at least two."
        st.markdown(ui.quiet(advice))
    if org.member_limit is not None and Action.VIEW_INVITATIONS in rights:
        free = max(0, org.member_limit - org.member_count)
        left = ui.count(free, "seat")
        st.markdown(ui.quiet(f"At most {org.member_limit:,} members; {left} left."))


def draw_button(rights: Rights) -> None:
    """Draw the button Member limit, for administrators."""
    icon = ":material/group_work:"
    if Action.LIMIT_MEMBERS in rights and st.button("Member limit", key="limit-open", icon=icon):
        ui.open_dialog("member-limit")


def draw_dialog(actor: Actor, org: Organization) -> None:
    """Draw the dialog Member limit if it is open."""
    ui.draw_dialog("member-limit", "Member limit", _draw_limit_form, actor, org)


def _draw_limit_form(actor: Actor, org: Organization) -> None:
    st.markdown(
        f"**{ui.esc(org.name)}** has {ui.count(org.member_count, 'member')}. Current members stay "
        "even above the limit; no one can join until there's room."
    )
    with ui.form("limit") as form:
        limit = form.field(
            st.number_input,
            "limit",
            "Member limit",
            value=org.member_limit,
            step=1,
            placeholder="No limit",
            hint="Leave empty for no limit.",
        )
        pressed = form.submit("Save")
    if pressed:
        notice = f"Member limit set to {limit:,}" if limit else "Member limit removed"
        number = None if limit is None else int(limit)
        form.save(notice, organizations.limit_members, actor, org.id, number)
