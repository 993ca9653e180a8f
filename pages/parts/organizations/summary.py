"""What the filtered organizations are made of, drawn after the table: bars, charts, and as tables.

The table never waits for it: it is counted in a thread of its own while the page is looked at, and
shown as it comes. A view that is left at once, as while one types, is not counted at all.
"""

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar

import altair as alt
import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.base import clock
from core.database import db
from core.organizations import statistics
from core.organizations.filters import Filters
from core.organizations.statistics import Summary
from pages import ui
from pages.ui import elements

T = TypeVar("T")

log = logging.getLogger(__name__)

LOOKS_EVERY: Final = 0.4
"""Seconds after which the page looks whether the numbers are there."""
LASTS: Final = timedelta(minutes=1)
_KEPT: Final = "organizations-summed-up"
_MONTHS: Final = 24
"""Months that the chart of growth shows; the table has all."""
_HEIGHT: Final = 170
_FILL: Final = "#6d5fe8"
_NUMBER: Final = "organizations:Q"
_WHOLE: Final = alt.Axis(title=None, tickMinStep=1, tickCount=4, format="~s")
_BY_PLACE: Final = alt.SortField("place")
_MONTH: Final = alt.Axis(labelOverlap=True)
_counted: Final[dict[Filters, "_Sum"]] = {}
"""What has been counted in the last minute, for everybody who looks at the same filters."""
_threads = ThreadPoolExecutor(2, "summary")


class _Kinds(NamedTuple):
    """The numbers of organizations, and the charts made of them, as Vega has them."""

    summary: Summary
    growth: dict[str, Any]
    sizes: dict[str, Any]
    activity: dict[str, Any]


@dataclass
class _Sum:
    """What is counted for one view; nothing is before it is looked for on its own, after a page."""

    actor: Actor
    filters: Filters
    begun_at: datetime = field(default_factory=clock.now)
    looks: int = 0
    kinds: Future[_Kinds] | None = None
    roles: Future[pd.DataFrame] | None = None

    def look(self) -> bool:
        """Return whether all numbers are there, and let them be counted when they are not."""
        self.looks += 1
        if self.kinds is None and self.looks > 1:
            self.kinds = _threads.submit(_count_kinds, self.actor, self.filters)
            self.roles = _threads.submit(_count_roles, self.actor, self.filters)
        is_done = all(part is not None and part.done() for part in (self.kinds, self.roles))
        if is_done and _counted.get(self.filters) is not self:
            _share(self)
        return is_done

    def is_recent(self) -> bool:
        """Return whether it was counted lately enough to be shown."""
        return clock.now() - self.begun_at < LASTS

    def stop(self) -> None:
        """Count nothing that has not begun."""
        for part in (self.kinds, self.roles):
            if part is not None:
                part.cancel()


def draw(actor: Actor, filters: Filters) -> None:
    """Draw the summary of a view; where it is not there yet, look for it until it is."""
    summed = _find(actor, filters)
    st.markdown("#### Membership summary", anchors=False)
    summed.looks = 0
    if summed.kinds is not None and summed.look():
        _draw_all(summed)
    else:
        _draw_so_far(summed)


def count(actor: Actor, filters: Filters) -> int | None:
    """Return how many organizations a view is about, where they have been counted."""
    kinds = _result(_find(actor, filters).kinds)
    return None if kinds is None else kinds.summary.organizations


def _find(actor: Actor, filters: Filters) -> _Sum:
    """Return what is counted for a view, in whichever order and page by page."""
    filters = replace(filters, sort=Filters.sort, size=Filters.size)
    kept: _Sum | None = st.session_state.get(_KEPT)
    if kept is not None and kept.filters == filters and kept.is_recent():
        return kept
    if kept is not None and _counted.get(kept.filters) is not kept:
        kept.stop()
    shared = _counted.get(filters)
    if shared is not None and shared.is_recent():
        st.session_state[_KEPT] = shared
        return shared
    fresh = st.session_state[_KEPT] = _Sum(actor, filters)
    return fresh


def _share(summed: _Sum) -> None:
    """Let everybody who may see this filters, as its page has made sure, have what was counted."""
    for filters, old in list(_counted.items()):
        if not old.is_recent():
            _counted.pop(filters, None)
    _counted[summed.filters] = summed


def _count_kinds(actor: Actor, filters: Filters) -> _Kinds:
    with db.read() as session:
        summary = statistics.organizations(session, actor, filters)
    return _Kinds(
        summary,
        _growth(summary.months.tail(_MONTHS)),
        _steps(summary.sizes),
        _steps(summary.activity),
    )


def _count_roles(actor: Actor, filters: Filters) -> pd.DataFrame:
    with db.read() as session:
        return statistics.roles(session, actor, filters)


def _look(summed: _Sum) -> None:
    """Draw what is there so far, and the whole page once it is all."""
    if summed.look():
        st.rerun(scope="app")
    _draw_parts(summed)


def _draw_parts(summed: _Sum) -> None:
    kinds, roles = _result(summed.kinds), _result(summed.roles)
    with st.container(border=True, key="organizations-summary"):
        if st.session_state.get("as-tables") and kinds is not None and roles is not None:
            _draw_tables(kinds.summary, roles)
        else:
            _draw_bars(kinds, roles)
            if kinds is not None and kinds.summary.organizations:
                _draw_charts(kinds)
        if kinds is not None and roles is not None:
            st.toggle("As tables", key="as-tables", persist_state="session")


def _draw_bars(kinds: _Kinds | None, roles: pd.DataFrame | None) -> None:
    grid = st.grid(2, min_column_width=300)
    with grid.cell():
        st.markdown(ui.quiet("Organizations by stage"))
        if kinds is None:
            _draw_wait()
        else:
            stages = kinds.summary.stages
            elements.bar(dict(zip(stages["stage"], stages["organizations"], strict=True)))
    with grid.cell():
        if roles is None:
            st.markdown(ui.quiet("Members by role"))
            _draw_wait()
        else:
            st.markdown(ui.quiet(f"{roles['members'].sum():,} members by role"))
            elements.bar(dict(zip(roles["role"], roles["members"], strict=True)))


def _draw_wait() -> None:
    st.markdown(ui.quiet(":material/hourglass_empty: Counting …"))


def _draw_charts(kinds: _Kinds) -> None:
    grid = st.grid(3, min_column_width=220)
    for title, spec in (
        ("New by month", kinds.growth),
        ("By number of members", kinds.sizes),
        ("By activity", kinds.activity),
    ):
        with grid.cell():
            st.markdown(ui.quiet(title))
            st.vega_lite_chart(spec=spec, height=_HEIGHT)


def _draw_tables(summary: Summary, roles: pd.DataFrame) -> None:
    grid = st.grid(3, min_column_width=220)
    months = summary.months.sort_values("month", ascending=False).astype({"month": str})
    for rows in (summary.stages, roles, months, summary.sizes, summary.activity):
        names = {name: str(name).replace("_", " ").capitalize() for name in rows.columns}
        with grid.cell():
            st.dataframe(
                rows.rename(columns=names | {"step": "Size", "tier": "Activity"}),
                hide_index=True,
                height=_HEIGHT,
            )


def _growth(months: pd.DataFrame) -> dict[str, Any]:
    """Return a chart of the organizations that began in each month."""
    rows = months.assign(month=months["month"].astype(str))
    return _bars(rows, alt.X("month:O", title=None, axis=_MONTH), alt.Y(_NUMBER, axis=_WHOLE))


def _steps(kinds: pd.DataFrame) -> dict[str, Any]:
    """Return a chart of how many organizations there are of each kind, with numbers beside it."""
    numbers = kinds["organizations"].map("{:,}".format)
    rows = kinds.assign(step=kinds[kinds.columns[0]].astype(str) + " · " + numbers)
    rows = rows[["step", "organizations"]].assign(place=range(len(rows)))
    step = alt.Y("step:N", title=None, sort=_BY_PLACE, axis=alt.Axis(labelLimit=160))
    return _bars(rows, alt.X(_NUMBER, axis=None), step)


def _bars(rows: pd.DataFrame, x: alt.X, y: alt.Y) -> dict[str, Any]:
    chart = alt.Chart(rows).mark_bar(color=_FILL, cornerRadiusEnd=2).encode(x=x, y=y)
    spec: dict[str, Any] = chart.to_dict()
    return spec


def _result(part: Future[T] | None) -> T | None:
    """Return what was counted; None while it is not, and when it could not be."""
    if part is None or part.cancelled() or not part.done():
        return None
    error = part.exception()
    if error is not None:
        log.error("a summary could not be counted", exc_info=error)
        return None
    return part.result()


_draw_all = ui.fragment(_draw_parts)
_draw_so_far = ui.fragment(_look, every=LOOKS_EVERY)
