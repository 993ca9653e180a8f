"""Vega-Lite specifications of the charts, built by Altair once and drawn with the current rows.

Numbers are in axis labels because text marks stay black in dark mode. Screen readers get a
description that points to the table; the marks are hidden from them, since marks without rows would
have no name.
"""

from functools import cache
from typing import Any, Final

import altair as alt

from core.onboarding.statistics import REACHED
from pages.ui import badges

_ROW: Final = 36
"""Pixels of a horizontal bar with the space around it."""
_SCALE: Final = alt.Scale(
    domain=[str(stage) for stage in REACHED], range=[badges.FILLS[stage] for stage in REACHED]
)
_COLOR: Final = alt.Color("stage:N", scale=_SCALE, legend=None)
_BY_POSITION: Final = alt.SortField("position")
_DAY_AND_MONTH: Final = "utcFormat(toDate(datum.value), '%-d %b')"

Spec = dict[str, Any]


def _as_spec(chart: alt.Chart | alt.LayerChart | alt.FacetChart, description: str) -> Spec:
    alternative = f"{description}. The numbers are in the table."
    spec: Spec = chart.properties(description=alternative).configure_mark(aria=False).to_dict()
    spec.pop("data", None)
    return spec


def _labels() -> alt.Y:
    axis = alt.Axis(title=None, ticks=False, domain=False, labelLimit=220, labelPadding=8)
    return alt.Y("label:N", sort=_BY_POSITION, axis=axis)


@cache
def funnel() -> Spec:
    """Return bars of how many have reached each stage: stage, entered, label, position."""
    chart = (
        alt.Chart(alt.NamedData("rows"), height=alt.Step(_ROW))
        .mark_bar(size=20, cornerRadius=2)
        .encode(
            x=alt.X("entered:Q", axis=None),
            y=_labels(),
            color=_COLOR,
            tooltip=[
                alt.Tooltip("stage:N", title="Stage"),
                alt.Tooltip("entered:Q", title="Organizations", format=","),
                alt.Tooltip("conversion:Q", title="Conversion, %"),
            ],
        )
    )
    return _as_spec(chart, "Organizations that reached each stage")


@cache
def stays() -> Spec:
    """Return the quartiles of days in each stage; the rows are `Charts.stays` with labels."""
    base = alt.Chart(alt.NamedData("rows"), height=alt.Step(_ROW)).encode(
        y=_labels(),
        color=_COLOR,
        tooltip=[
            alt.Tooltip("stage:N", title="Stage"),
            alt.Tooltip("median:Q", title="Median, working days"),
            alt.Tooltip("lower:Q", title="Lower quartile"),
            alt.Tooltip("upper:Q", title="Upper quartile"),
            alt.Tooltip("left:Q", title="Exits", format=","),
        ],
    )
    axis = alt.Axis(title="working days", tickCount=5, grid=True)
    quartiles = base.mark_bar(size=18, opacity=0.45, cornerRadius=2).encode(
        x=alt.X("lower:Q", axis=axis, scale=alt.Scale(zero=True)), x2="upper:Q"
    )
    median = base.mark_tick(size=24, thickness=3).encode(x="median:Q")
    return _as_spec(
        alt.layer(quartiles, median), "Median and quartiles of working days in each stage"
    )


@cache
def weeks() -> Spec:
    """Return stacked bars of moves per week; the rows are week, stage, moves, position."""
    axis = alt.Axis(
        title=None, labelExpr=_DAY_AND_MONTH, labelOverlap="greedy", labelAngle=0, ticks=False
    )
    chart = (
        alt.Chart(alt.NamedData("rows"), height=200)
        .mark_bar()
        .encode(
            x=alt.X("week:O", axis=axis, scale=alt.Scale(paddingInner=0.4)),
            y=alt.Y("sum(moves):Q", axis=alt.Axis(title=None, tickMinStep=1)),
            color=_COLOR,
            order=alt.Order("position:Q", sort="descending"),
            tooltip=[
                alt.Tooltip("week:O", title="Week of"),
                alt.Tooltip("stage:N", title="Into"),
                alt.Tooltip("moves:Q", title="Moves", format=","),
            ],
        )
    )
    return _as_spec(chart, "Moves forward in each week, by the stage they led to")


@cache
def reps() -> Spec:
    """Return bars of moves per sales rep; the rows are rep, stage, moves, label, position."""
    chart = (
        alt.Chart(alt.NamedData("rows"), height=alt.Step(28))
        .mark_bar(size=16)
        .encode(
            x=alt.X("sum(moves):Q", axis=alt.Axis(title=None, tickMinStep=1, tickCount=6)),
            y=_labels(),
            color=_COLOR,
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("rep:N", title="Sales rep"),
                alt.Tooltip("stage:N", title="Into"),
                alt.Tooltip("moves:Q", title="Moves", format=","),
            ],
        )
    )
    return _as_spec(chart, "Moves forward by each sales rep, by the stage they led to")
