"""What the charts look like: made by Altair once, drawn with other rows each time.

Colours are those of the stages, readable on light and on dark; numbers stand in axis labels, since
text marks stay black in the dark. A screen reader is told what a chart shows and where its table
is; the marks are hidden from it, since those of no rows would have no name.
"""

from functools import cache
from typing import Any, Final

import altair as alt

from core.onboarding.statistics import REACHED
from pages.ui import badges

_ROW: Final = 36
"""Pixels of a bar that lies, and the space around it."""
_SCALE: Final = alt.Scale(
    domain=[str(stage) for stage in REACHED], range=[badges.FILLS[stage] for stage in REACHED]
)
_COLOR: Final = alt.Color("stage:N", scale=_SCALE, legend=None)
_BY_PLACE: Final = alt.SortField("place")
_FIRST_LETTERS: Final = "utcFormat(toDate(datum.value), '%-d %b')"

Spec = dict[str, Any]


def _finished(chart: alt.Chart | alt.LayerChart | alt.FacetChart, description: str) -> Spec:
    told = f"{description}; Table beside it has the numbers."
    spec: Spec = chart.properties(description=told).configure_mark(aria=False).to_dict()
    spec.pop("data", None)
    return spec


def _labels() -> alt.Y:
    axis = alt.Axis(title=None, ticks=False, domain=False, labelLimit=220, labelPadding=8)
    return alt.Y("label:N", sort=_BY_PLACE, axis=axis)


@cache
def funnel() -> Spec:
    """Return a bar for each stage: rows of stage, entered, label, place."""
    chart = (
        alt.Chart(alt.NamedData("rows"), height=alt.Step(_ROW))
        .mark_bar(size=20, cornerRadius=2)
        .encode(
            x=alt.X("entered:Q", axis=None),
            y=_labels(),
            color=_COLOR,
            tooltip=[
                alt.Tooltip("stage:N", title="Stage"),
                alt.Tooltip("entered:Q", title="Entered", format=","),
                alt.Tooltip("conversion:Q", title="Of the stage before, %"),
            ],
        )
    )
    return _finished(chart, "Moves forward into each stage")


@cache
def stays() -> Spec:
    """Return the middle half of days in each stage and their median: rows of `Charts.stays`."""
    base = alt.Chart(alt.NamedData("rows"), height=alt.Step(_ROW)).encode(
        y=_labels(),
        color=_COLOR,
        tooltip=[
            alt.Tooltip("stage:N", title="Stage"),
            alt.Tooltip("median:Q", title="Median, working days"),
            alt.Tooltip("lower:Q", title="Lower quartile"),
            alt.Tooltip("upper:Q", title="Upper quartile"),
            alt.Tooltip("left:Q", title="Left it", format=","),
        ],
    )
    axis = alt.Axis(title="working days", tickCount=5, grid=True)
    half = base.mark_bar(size=18, opacity=0.45, cornerRadius=2).encode(
        x=alt.X("lower:Q", axis=axis, scale=alt.Scale(zero=True)), x2="upper:Q"
    )
    middle = base.mark_tick(size=24, thickness=3).encode(x="median:Q")
    return _finished(alt.layer(half, middle), "Median and quartiles of working days in each stage")


@cache
def weeks() -> Spec:
    """Return a pile of moves for each week: rows of week, stage, moves, place."""
    axis = alt.Axis(
        title=None, labelExpr=_FIRST_LETTERS, labelOverlap="greedy", labelAngle=0, ticks=False
    )
    chart = (
        alt.Chart(alt.NamedData("rows"), height=200)
        .mark_bar()
        .encode(
            x=alt.X("week:O", axis=axis, scale=alt.Scale(paddingInner=0.4)),
            y=alt.Y("sum(moves):Q", axis=alt.Axis(title=None, tickMinStep=1)),
            color=_COLOR,
            order=alt.Order("place:Q", sort="descending"),
            tooltip=[
                alt.Tooltip("week:O", title="Week from"),
                alt.Tooltip("stage:N", title="Into"),
                alt.Tooltip("moves:Q", title="Moves", format=","),
            ],
        )
    )
    return _finished(chart, "Moves forward in each week, by the stage they led to")


@cache
def reps() -> Spec:
    """Return a bar of moves for each sales rep: rows of rep, stage, moves, label, place."""
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
    return _finished(chart, "Moves forward by each sales rep, by the stage they led to")
