"""Onboarding charts: how far organizations have come, how long it takes, and who moved them."""

import streamlit as st

from core.access.permissions import Action
from core.database import db
from core.models import Stage
from core.onboarding import onboarding, statistics
from core.onboarding.board_queries import MINE
from core.onboarding.statistics import REACHED, Period
from core.organizations.filters import Filters
from pages import ui
from pages.parts.organizations import summary
from pages.ui import badges, elements
from pages.ui.url_choices import choose

PERIODS = {
    Period.MONTH: "4 weeks",
    Period.QUARTER: "13 weeks",
    Period.HALF: "26 weeks",
    Period.YEAR: "1 year",
    Period.ALL: "All time",
}
BY_MONTH = (Period.YEAR, Period.ALL)
MAX_REPS = 15
STAGES = [str(stage) for stage in REACHED]
COLORS = {str(stage): badges.FILLS[stage] for stage in REACHED}
STEPS = {
    "onboarding": "Flagged",
    "preproduction": "Since in preproduction",
    "production": "Since in production",
}

actor, rights = ui.open_staff_page("Onboarding charts", Action.VIEW_ALL)

with db.read() as session:
    reps = {str(rep_id): name for rep_id, name in onboarding.list_reps_to_filter(session).items()}

with elements.row(key="charts-head"):
    st.title("Onboarding", anchor=False, width="content")
    ui.page_switch("Onboarding", "charts", keeps=["rep"])
    st.space("stretch")
    rep = choose(
        *("charts", st.selectbox, "rep", "Sales rep", {MINE: "Mine"} | reps),
        index=None,
        placeholder="All sales reps",
        width=170,
    )
    weeks = choose(
        *("charts", st.segmented_control, "weeks", "Period", PERIODS),
        default=Period.QUARTER,
        required=True,
    )
period = Period(weeks or Period.QUARTER)
rep_id = actor.user_id if rep == MINE else int(rep) if rep else None

with db.read() as session:
    data = statistics.load_charts(session, actor, period, rep_id=rep_id)
if data.is_empty:
    hint = "Choose a longer period or all sales reps."
    elements.empty_state("query_stats", "No moves in this period", hint)
    st.stop()

# The cohort: of those flagged in the period, how many have come further by now.
cohort = data.funnel.set_index("stage")[["entered"]].rename(index=STEPS).rename_axis("cohort")
cohort.columns = ["organizations"]
flagged = max(cohort["organizations"].iloc[0], 1)
cohort["share, %"] = (100 * cohort["organizations"] / flagged).round(1)

# Working days in each stage, on leaving it: quartiles, and a dot for every 2 % against the limit.
stays = data.stays.set_index("stage")
stays["over the limit, %"] = (100 * stays.pop("over") / stays["left"].clip(lower=1)).round(1)
stays = stays.rename(columns={"left": "moved out", "lower": "lower quartile"})
stays = stays.rename(columns={"upper": "upper quartile"})

# Moves forward by week or month, newest first, and by the sales rep of that time.
length = len("2026-11") if period in BY_MONTH else len("2026-11-23")
when = data.weeks["week"].astype(str).str[:length]
moves = data.weeks.pivot_table("moves", when, "stage", "sum", fill_value=0)
moves = moves.reindex(columns=STAGES, fill_value=0).sort_index(ascending=False)
back = data.weeks.groupby(when)["back"].sum()
moves = moves.assign(**{"moved back": back}).rename_axis("month" if period in BY_MONTH else "week")

who = data.reps["rep_id"].astype(str).map(reps).fillna(data.reps["rep"])
by_rep = data.reps.pivot_table("moves", who, "stage", "sum", fill_value=0)
by_rep = by_rep.reindex(columns=STAGES, fill_value=0).rename_axis("sales rep")
top = by_rep.sum(axis="columns").sort_values(ascending=False).head(MAX_REPS)

save = summary.save(actor, filters=Filters(rep_id=rep_id))
one_color = {"organizations": badges.FILLS[Stage.ONBOARDING]}
ui.summary(cohort, "Cohort of this period", bars=one_color, save=save)
columns = {name: ui.column.number(name.capitalize()) for name in stays.columns.drop("dots")}
columns["dots"] = ui.column.dots("Against the limit")
ui.summary(stays, "Working days in stage", columns, save=save)
ui.summary(moves, "Moves into each stage", bars=COLORS, has_total=True, save=save)
if not by_rep.empty:
    ui.summary(by_rep.loc[top.index], "Moves by sales rep", bars=COLORS, save=save)
