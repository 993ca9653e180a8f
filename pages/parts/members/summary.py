"""What an organization's people are made of: numbers, a bar of roles, who joined when."""

from typing import Any, Final

import pandas as pd
import streamlit as st

from core.access.permissions import Action, Rights
from core.base import clock
from core.members import members
from core.models import Organization, Role
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
    """Draw the bar, the numbers and the chart, and below them what is advised."""
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
        _draw_remarks(org, rights, numbers)


def _draw_numbers(numbers: "pd.Series[Any]") -> None:
    last = numbers["last_joined"]
    shown = {"Last joined": ui.ago(last, clock.now()) if last is not None else "nobody yet"}
    if "pending" in numbers:
        shown["Pending invitations"] = f"{numbers['pending']:,}"
    if "without_two_factor" in numbers:
        many = int(numbers["without_two_factor"])
        counted = f"{members.COUNTED:,}+" if many > members.COUNTED else f"{many:,}"
        shown["Without two-factor"] = counted
    grid = st.grid(len(shown), min_column_width=110, gap=("xsmall", "small"))
    for label, value in shown.items():
        with grid.cell():
            st.metric(label, value)


def _draw_remarks(org: Organization, rights: Rights, numbers: "pd.Series[Any]") -> None:
    if numbers["owner"] == 1 and Action.CHANGE_ROLES in rights:
        st.markdown(ui.quiet(_ADVICE))
    if org.member_limit is not None and Action.VIEW_INVITATIONS in rights:
        free = max(0, org.member_limit - org.member_count)
        places = ui.count(free, "place is", "places are")
        st.markdown(ui.quiet(f"At most {org.member_limit:,} members; {places} free."))


def _draw_joined(joined: "pd.Series[int]") -> None:
    """Draw a bar for each of the last twelve months; all their numbers are at hand."""
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
