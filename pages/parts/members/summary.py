"""The summary above the tables of Access Control, and the member limit."""

from typing import Any, Final

import pandas as pd
import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.base import clock
from core.members import members
from core.models import Organization, Role
from core.organizations import organizations
from pages import ui
from pages.ui import badges, elements

_HEIGHT: Final = 96
_ADVICE: Final = (
    ":material/info: There is one owner; two are advised. To make somebody else an owner, too, "
    "choose Edit roles in that person's row."
)


def draw(
    org: Organization, rights: Rights, numbers: "pd.Series[Any]", joined: "pd.Series[int]"
) -> None:
    """Draw the bar of roles, the numbers and the chart, with advice below them."""
    with st.container(border=True, key="members-summary", gap="xsmall"):
        grid = st.grid(2, min_column_width=280, gap="medium")
        with grid.cell(), st.container(gap="small"):
            with st.container(gap="xxsmall"):
                st.markdown(ui.quiet("People by role"))
                elements.bar({role: int(numbers[role]) for role in reversed(Role)})
            _draw_numbers(numbers)
        with grid.cell(), st.container(gap="xxsmall"):
            st.markdown(ui.quiet("Joined by month"))
            _draw_joined(joined)
        _draw_advice(org, rights, numbers)


def _draw_numbers(numbers: "pd.Series[Any]") -> None:
    last = numbers["last_joined"]
    facts = {"Last joined": ui.ago(last, clock.now()) if last is not None else "nobody yet"}
    if "pending" in numbers:
        facts["Pending invitations"] = f"{numbers['pending']:,}"
    if "without_two_factor" in numbers:
        many = int(numbers["without_two_factor"])
        counted = f"{members.MAX_COUNTED:,}+" if many > members.MAX_COUNTED else f"{many:,}"
        facts["Without two-factor"] = counted
    grid = st.grid(len(facts), min_column_width=110, gap=("xsmall", "small"))
    for label, value in facts.items():
        with grid.cell():
            st.metric(label, value)


def _draw_advice(org: Organization, rights: Rights, numbers: "pd.Series[Any]") -> None:
    if numbers["owner"] == 1 and Action.CHANGE_ROLES in rights:
        st.markdown(ui.quiet(_ADVICE))
    if org.member_limit is not None and Action.VIEW_INVITATIONS in rights:
        free = max(0, org.member_limit - org.member_count)
        places = ui.count(free, "place is", "places are")
        st.markdown(ui.quiet(f"At most {org.member_limit:,} members; {places} free."))


def _draw_joined(joined: "pd.Series[int]") -> None:
    """Draw a bar for each of the last twelve months."""
    if not joined.any():
        st.markdown(ui.quiet("Nobody in the last twelve months."))
        return
    rows = [{"month": f"{month:%b %Y}", "people": int(number)} for month, number in joined.items()]
    spec: dict[str, Any] = {
        "data": {"values": rows},
        "mark": {"type": "bar", "color": badges.FILLS[Role.OWNER], "cornerRadiusEnd": 2},
        "encoding": {
            "x": {
                "field": "month",
                "type": "ordinal",
                "sort": None,
                "title": None,
                "axis": {"labelExpr": "slice(datum.label, 0, 3)", "labelAngle": 0},
            },
            "y": {
                "field": "people",
                "type": "quantitative",
                "title": None,
                "axis": {"tickMinStep": 1, "tickCount": 3},
            },
            "tooltip": [
                {"field": "month", "title": "Month"},
                {"field": "people", "title": "Joined"},
            ],
        },
    }
    st.vega_lite_chart(spec=spec, height=_HEIGHT)


def draw_limit_button(rights: Rights) -> None:
    """Draw the button Member limit, for administrators."""
    icon = ":material/group_work:"
    if Action.LIMIT_MEMBERS in rights and st.button("Member limit", key="limit-open", icon=icon):
        ui.open_dialog("member-limit")


def draw_limit_dialog(actor: Actor, org: Organization) -> None:
    """Draw the dialog Member limit if it is open."""
    ui.draw_dialog("member-limit", "Member limit", _draw_limit_form, actor, org)


def _draw_limit_form(actor: Actor, org: Organization) -> None:
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
        notice = f"At most {limit:,} members from now on." if limit else "There is no limit now."
        number = None if limit is None else int(limit)
        form.save(notice, organizations.limit_members, actor, org.id, number)
