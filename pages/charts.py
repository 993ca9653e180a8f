"""Onboarding charts: funnel, days in stage, moves per week and by sales rep."""

import streamlit as st

from core.access.permissions import Action
from core.database import db
from core.onboarding import onboarding, statistics
from core.onboarding.statistics import Period
from pages import ui
from pages.parts.onboarding import charts
from pages.ui import elements
from pages.ui.url_choices import choose

PERIODS = {
    Period.MONTH: "4 weeks",
    Period.QUARTER: "13 weeks",
    Period.HALF: "26 weeks",
    Period.YEAR: "1 year",
    Period.ALL: "All time",
}

actor, rights = ui.open_staff_page("Onboarding charts", Action.VIEW_ALL)

with db.read() as session:
    reps = {str(rep_id): name for rep_id, name in onboarding.list_reps_to_filter(session).items()}

with elements.row(key="charts-head"):
    st.title("Onboarding", anchor=False, width="content")
    ui.page_switch("Onboarding", "charts")
    st.space("stretch")
    rep = choose(
        *("charts", st.selectbox, "rep", "Sales rep", reps),
        index=None,
        placeholder="All sales reps",
        width=170,
    )
    weeks = choose(
        *("charts", st.segmented_control, "weeks", "Period", PERIODS),
        default=Period.QUARTER,
        required=True,
    )

with db.read() as session:
    data = statistics.load_charts(
        session, actor, Period(weeks or Period.QUARTER), rep_id=int(rep) if rep else None
    )

if data.is_empty:
    elements.empty_state(
        "query_stats",
        "No moves in this period",
        "Choose a longer period or all sales reps.",
    )
else:
    charts.draw(data)
