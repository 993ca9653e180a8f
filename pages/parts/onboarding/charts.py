"""Drawing the onboarding charts, each with its table and a CSV file."""

from datetime import timedelta
from typing import Final

import pandas as pd
import streamlit as st

from core.base import clock, formulas
from core.onboarding.statistics import REACHED, Charts
from pages import ui
from pages.parts.onboarding import chart_specs
from pages.parts.onboarding.chart_specs import Spec
from pages.ui import badges, elements

_TITLES: Final = {
    "stage": "Stage",
    "entered": "Organizations",
    "conversion": "Conversion, %",
    "left": "Exits",
    "lower": "Lower quartile, working days",
    "median": "Median, working days",
    "upper": "Upper quartile, working days",
    "week": "Week of (UTC)",
    "moves": "Moves in",
    "back": "Moved back",
    "rep": "Sales rep",
}
"""Column titles of the tables and files."""
_MAX_REPS: Final = 15
_NO_BREAK_SPACE: Final = "\u00a0"
_EM_SPACE: Final = "\u2003"
_ORDER: Final = {str(stage): position for position, stage in enumerate(REACHED)}


def draw(data: Charts) -> None:
    """Draw the funnel and the days in stage side by side, then moves per week and by sales rep."""
    when = f"since {data.since:%-d %b %Y}" if data.since else "since the start"
    left, right = st.columns(2, gap="small")
    with left:
        _draw(
            "Funnel",
            f"organizations that entered onboarding {when}, and how far they have come",
            data.funnel,
            _funnel(data.funnel),
        )
    with right:
        _draw("Days in stage", "median and middle 50 %, on leaving", data.stays, _stays(data))
    _draw("Moves per week", _legend(), data.weeks, _weeks(data.weeks))
    table = data.reps.drop(columns="rep_id")
    _draw("Moves by sales rep", _legend(), table, _reps(data.reps))


def _draw(title: str, subtitle: str, table: pd.DataFrame, chart: tuple[Spec, pd.DataFrame]) -> None:
    spec, rows = chart
    name = title.lower().replace(" ", "-")
    with st.container(border=True, key=f"chart-{name}", gap="small"):
        with elements.row():
            st.markdown(f"**{title}** {ui.quiet(subtitle)}", width="stretch")
            _draw_table(title, name, table)
        st.vega_lite_chart(rows, spec, key=f"chart-drawn-{name}")


def _draw_table(title: str, name: str, table: pd.DataFrame) -> None:
    """Draw a popover with the table and the file, which are built when it is opened."""
    popover = st.popover(
        "Table",
        icon=":material/table_rows:",
        type="tertiary",
        key=f"table-{name}",
        on_change="rerun",
    )
    if not popover.open:
        return
    named = table.rename(columns=_TITLES)
    with popover:
        st.dataframe(named, hide_index=True, key=f"rows-{name}", alt=title)
        st.download_button(
            "Download CSV",
            formulas.csv_file(named),
            file_name=f"onboarding-{name}-{clock.now():%Y-%m-%d}.csv",
            mime="text/csv",
            icon=":material/download:",
            key=f"csv-{name}",
            on_click="ignore",
        )


def _legend() -> str:
    marks = [
        f':color[■]{{foreground="{badges.FILLS[stage]}"}}{_NO_BREAK_SPACE}{stage}'
        for stage in REACHED
    ]
    return _EM_SPACE.join(marks)


def _funnel(funnel: pd.DataFrame) -> tuple[Spec, pd.DataFrame]:
    shares = [f", {share:.0f} %" if pd.notna(share) else "" for share in funnel["conversion"]]
    numbers = zip(funnel["stage"], funnel["entered"], shares, strict=True)
    labels = [f"{stage}  {number:,}{share}" for stage, number, share in numbers]
    return chart_specs.funnel(), funnel.assign(label=labels, position=range(len(funnel)))


def _stays(data: Charts) -> tuple[Spec, pd.DataFrame]:
    stays = data.stays
    labels = [
        f"{stage}  {ui.count(round(median), 'day')}" if pd.notna(median) else f"{stage}  no data"
        for stage, median in zip(stays["stage"], stays["median"], strict=True)
    ]
    return chart_specs.stays(), stays.assign(label=labels, position=range(len(stays)))


def _weeks(weeks: pd.DataFrame) -> tuple[Spec, pd.DataFrame]:
    """Return every week from the first to the last, including weeks without moves."""
    if weeks.empty:
        return chart_specs.weeks(), weeks.assign(position=0)
    first, last = weeks["week"].min(), weeks["week"].max()
    number = (last - first).days // 7 + 1
    mondays = [first + index * timedelta(days=7) for index in range(number)]
    index = pd.MultiIndex.from_product([mondays, list(_ORDER)], names=["week", "stage"])
    filled = weeks.set_index(["week", "stage"])["moves"].reindex(index, fill_value=0).reset_index()
    filled["week"] = filled["week"].astype(str)
    return chart_specs.weeks(), filled.assign(position=filled["stage"].map(_ORDER))


def _reps(reps: pd.DataFrame) -> tuple[Spec, pd.DataFrame]:
    """Return the sales reps with the most moves."""
    sums = reps.groupby("rep_id")["moves"].sum().sort_values(ascending=False).head(_MAX_REPS)
    top = reps[reps["rep_id"].isin(sums.index)]
    labels = [
        f"{rep}  {sums[rep_id]:,}" for rep, rep_id in zip(top["rep"], top["rep_id"], strict=True)
    ]
    positions = {rep_id: position for position, rep_id in enumerate(sums.index)}
    rows = top.assign(
        label=labels, position=top["rep_id"].map(positions), order=top["stage"].map(_ORDER)
    )
    return chart_specs.reps(), rows
