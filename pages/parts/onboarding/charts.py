"""The four charts of onboarding, each with its table and its file a click away."""

from datetime import timedelta
from typing import Final

import pandas as pd
import streamlit as st

from core.base import formulas
from core.onboarding.statistics import REACHED, Charts
from pages import ui
from pages.parts.onboarding import chart_specs
from pages.parts.onboarding.chart_specs import Spec
from pages.ui import badges, elements

_TITLES: Final = {
    "stage": "Stage",
    "entered": "Entered",
    "conversion": "Of the stage before, %",
    "left": "Left it",
    "lower": "Lower quartile, working days",
    "median": "Median, working days",
    "upper": "Upper quartile, working days",
    "week": "Week from",
    "moves": "Moves into it",
    "back": "Withdrawn from it",
    "rep": "Sales rep",
}
"""What the columns of the tables and files are called."""
_MOST_REPS: Final = 15
_UNBROKEN: Final = "\u00a0"
_APART: Final = "\u2003"
_ORDER: Final = {str(stage): place for place, stage in enumerate(REACHED)}


def draw(shown: Charts) -> None:
    """Draw the charts: funnel and time side by side, then weeks, then sales reps."""
    when = f"since {shown.since:%-d %b %Y}" if shown.since else "since the beginning"
    left, right = st.columns(2, gap="small")
    with left:
        _draw("Funnel", f"moves into each stage {when}", shown.funnel, _funnel(shown.funnel))
    with right:
        _draw("Days in stage", "median and middle half, on leaving", shown.stays, _stays(shown))
    _draw("Moves per week", _legend(), shown.weeks, _weeks(shown.weeks))
    table = shown.reps.drop(columns="rep_id")
    _draw("Moves by sales rep", _legend(), table, _reps(shown.reps))


def _draw(head: str, told: str, table: pd.DataFrame, chart: tuple[Spec, pd.DataFrame]) -> None:
    spec, rows = chart
    name = head.lower().replace(" ", "-")
    with st.container(border=True, key=f"chart-{name}", gap="small"):
        with elements.row():
            st.markdown(f"**{head}** {ui.quiet(told)}", width="stretch")
            _offer_table(head, name, table)
        st.vega_lite_chart(rows, spec, key=f"chart-drawn-{name}")


def _offer_table(head: str, name: str, table: pd.DataFrame) -> None:
    """Draw the way to the table and to the file; both are made when somebody looks."""
    place = st.popover(
        "Table",
        icon=":material/table_rows:",
        type="tertiary",
        key=f"table-{name}",
        on_change="rerun",
    )
    if not place.open:
        return
    named = table.rename(columns=_TITLES)
    with place:
        st.dataframe(named, hide_index=True, key=f"rows-{name}", alt=head)
        st.download_button(
            "Download CSV",
            named.map(formulas.harmless).to_csv(index=False),
            file_name=f"onboarding-{name}.csv",
            mime="text/csv",
            icon=":material/download:",
            key=f"csv-{name}",
            on_click="ignore",
        )


def _legend() -> str:
    marks = [
        f':color[■]{{foreground="{badges.FILLS[stage]}"}}{_UNBROKEN}{stage}' for stage in REACHED
    ]
    return _APART.join(marks)


def _funnel(funnel: pd.DataFrame) -> tuple[Spec, pd.DataFrame]:
    shares = [f", {share:.0f} %" if pd.notna(share) else "" for share in funnel["conversion"]]
    numbers = zip(funnel["stage"], funnel["entered"], shares, strict=True)
    labels = [f"{stage}  {number:,}{share}" for stage, number, share in numbers]
    return chart_specs.funnel(), funnel.assign(label=labels, place=range(len(funnel)))


def _stays(shown: Charts) -> tuple[Spec, pd.DataFrame]:
    stays = shown.stays
    labels = [
        f"{stage}  {ui.count(round(median), 'day')}" if pd.notna(median) else f"{stage}  none left"
        for stage, median in zip(stays["stage"], stays["median"], strict=True)
    ]
    return chart_specs.stays(), stays.assign(label=labels, place=range(len(stays)))


def _weeks(weeks: pd.DataFrame) -> tuple[Spec, pd.DataFrame]:
    """Return all weeks from the first to the last, those without a move too."""
    if weeks.empty:
        return chart_specs.weeks(), weeks.assign(place=0)
    first, last = weeks["week"].min(), weeks["week"].max()
    number = (last - first).days // 7 + 1
    mondays = [first + place * timedelta(days=7) for place in range(number)]
    whole = pd.MultiIndex.from_product([mondays, list(_ORDER)], names=["week", "stage"])
    filled = weeks.set_index(["week", "stage"])["moves"].reindex(whole, fill_value=0).reset_index()
    filled["week"] = filled["week"].astype(str)
    return chart_specs.weeks(), filled.assign(place=filled["stage"].map(_ORDER))


def _reps(reps: pd.DataFrame) -> tuple[Spec, pd.DataFrame]:
    """Return the sales reps with the most moves."""
    sums = reps.groupby("rep_id")["moves"].sum().sort_values(ascending=False).head(_MOST_REPS)
    most = reps[reps["rep_id"].isin(sums.index)]
    labels = [
        f"{rep}  {sums[rep_id]:,}" for rep, rep_id in zip(most["rep"], most["rep_id"], strict=True)
    ]
    places = {rep_id: place for place, rep_id in enumerate(sums.index)}
    rows = most.assign(
        label=labels, place=most["rep_id"].map(places), order=most["stage"].map(_ORDER)
    )
    return chart_specs.reps(), rows
