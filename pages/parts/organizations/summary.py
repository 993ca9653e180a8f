"""The summary of the organizations that match, below the table: bars, charts, and tables.

The table never waits for it: background threads compute it, and the page polls for the result.
Filters that change again right away, as while typing, are never computed.
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

_POLL_SECONDS: Final = 0.4
CACHE_TTL: Final = timedelta(minutes=1)
_SUMMARY: Final = "organizations-summed-up"
_MONTHS: Final = 24
"""Months in the growth chart; the table has all of them."""
_HEIGHT: Final = 170
_FILL: Final = "#6d5fe8"
_NUMBER: Final = "organizations:Q"
_WHOLE_NUMBERS: Final = alt.Axis(title=None, tickMinStep=1, tickCount=4, format="~s")
_IN_ROW_ORDER: Final = alt.SortField("position")
_MONTH: Final = alt.Axis(labelOverlap=True)
_cache: Final[dict[Filters, "_Computation"]] = {}
"""Summaries of the last minute, shared by all who use the same filters."""
_threads = ThreadPoolExecutor(2, "summary")


class _Charts(NamedTuple):
    """The statistics, and the specifications of their Vega charts."""

    summary: Summary
    growth: dict[str, Any]
    sizes: dict[str, Any]
    activity: dict[str, Any]


@dataclass
class _Computation:
    """The summary for some filters; it is computed from the second poll on, after the page."""

    actor: Actor
    filters: Filters
    started_at: datetime = field(default_factory=clock.now)
    polls: int = 0
    charts: Future[_Charts] | None = None
    roles: Future[pd.DataFrame] | None = None

    def poll(self) -> bool:
        """Return whether everything is computed; start the computation if necessary."""
        self.polls += 1
        if self.charts is None and self.polls > 1:
            self.charts = _threads.submit(_compute_charts, self.actor, self.filters)
            self.roles = _threads.submit(_compute_roles, self.actor, self.filters)
        is_done = all(part is not None and part.done() for part in (self.charts, self.roles))
        if is_done and _cache.get(self.filters) is not self:
            _share(self)
        return is_done

    def is_recent(self) -> bool:
        """Return whether the numbers are recent enough to be shown."""
        return clock.now() - self.started_at < CACHE_TTL

    def cancel(self) -> None:
        """Cancel computations that have not started."""
        for part in (self.charts, self.roles):
            if part is not None:
                part.cancel()


def draw(actor: Actor, filters: Filters) -> None:
    """Draw the summary for the filters; until it is computed, poll for it."""
    computation = _find(actor, filters)
    st.markdown("#### Membership summary", anchors=False)
    computation.polls = 0
    if computation.charts is not None and computation.poll():
        _draw_all(computation)
    else:
        _draw_so_far(computation)


def count(actor: Actor, filters: Filters) -> int | None:
    """Return the number of organizations that match, or None if it is not computed yet."""
    charts = _result(_find(actor, filters).charts)
    return None if charts is None else charts.summary.organizations


def _find(actor: Actor, filters: Filters) -> _Computation:
    """Return the computation for the filters, whatever their order and page size."""
    filters = replace(filters, sort=Filters.sort, size=Filters.size)
    kept: _Computation | None = st.session_state.get(_SUMMARY)
    if kept is not None and kept.filters == filters and kept.is_recent():
        return kept
    if kept is not None and _cache.get(kept.filters) is not kept:
        kept.cancel()
    shared = _cache.get(filters)
    if shared is not None and shared.is_recent():
        st.session_state[_SUMMARY] = shared
        return shared
    fresh = st.session_state[_SUMMARY] = _Computation(actor, filters)
    return fresh


def _share(computation: _Computation) -> None:
    """Cache a result for others with the same filters; each page checks their rights first."""
    for filters, old in list(_cache.items()):
        if not old.is_recent():
            _cache.pop(filters, None)
    _cache[computation.filters] = computation


def _compute_charts(actor: Actor, filters: Filters) -> _Charts:
    with db.read() as session:
        summary = statistics.organizations(session, actor, filters)
    return _Charts(
        summary,
        _growth(summary.months.tail(_MONTHS)),
        _steps(summary.sizes),
        _steps(summary.activity),
    )


def _compute_roles(actor: Actor, filters: Filters) -> pd.DataFrame:
    with db.read() as session:
        return statistics.roles(session, actor, filters)


def _draw_and_poll(computation: _Computation) -> None:
    """Draw what is computed so far; rerun the whole page once everything is."""
    if computation.poll():
        st.rerun(scope="app")
    _draw_parts(computation)


def _draw_parts(computation: _Computation) -> None:
    charts, roles = _result(computation.charts), _result(computation.roles)
    with st.container(border=True, key="organizations-summary"):
        if st.session_state.get("as-tables") and charts is not None and roles is not None:
            _draw_tables(charts.summary, roles)
        else:
            _draw_bars(charts, roles)
            if charts is not None and charts.summary.organizations:
                _draw_charts(charts)
        if charts is not None and roles is not None:
            st.toggle("As tables", key="as-tables", persist_state="session")


def _draw_bars(charts: _Charts | None, roles: pd.DataFrame | None) -> None:
    grid = st.grid(2, min_column_width=300)
    with grid.cell():
        st.markdown(ui.quiet("Organizations by stage"))
        if charts is None:
            _draw_placeholder()
        else:
            stages = charts.summary.stages
            elements.bar(dict(zip(stages["stage"], stages["organizations"], strict=True)))
    with grid.cell():
        if roles is None:
            st.markdown(ui.quiet("Members by role"))
            _draw_placeholder()
        else:
            st.markdown(ui.quiet(f"{ui.count(int(roles['members'].sum()), 'member')} by role"))
            elements.bar(dict(zip(roles["role"], roles["members"], strict=True)))


def _draw_placeholder() -> None:
    st.markdown(ui.quiet(":material/hourglass_empty: Counting …"))


def _draw_charts(charts: _Charts) -> None:
    grid = st.grid(3, min_column_width=220)
    for title, spec in (
        ("New by month", charts.growth),
        ("By number of members", charts.sizes),
        ("By activity", charts.activity),
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
    """Return the chart of organizations created in each month."""
    rows = months.assign(month=months["month"].astype(str))
    return _bars(
        rows, alt.X("month:O", title=None, axis=_MONTH), alt.Y(_NUMBER, axis=_WHOLE_NUMBERS)
    )


def _steps(groups: pd.DataFrame) -> dict[str, Any]:
    """Return the chart of organizations by the first column, with the numbers in its labels."""
    numbers = groups["organizations"].map("{:,}".format)
    rows = groups.assign(step=groups[groups.columns[0]].astype(str) + " · " + numbers)
    rows = rows[["step", "organizations"]].assign(position=range(len(rows)))
    step = alt.Y("step:N", title=None, sort=_IN_ROW_ORDER, axis=alt.Axis(labelLimit=160))
    return _bars(rows, alt.X(_NUMBER, axis=None), step)


def _bars(rows: pd.DataFrame, x: alt.X, y: alt.Y) -> dict[str, Any]:
    chart = alt.Chart(rows).mark_bar(color=_FILL, cornerRadiusEnd=2).encode(x=x, y=y)
    spec: dict[str, Any] = chart.to_dict()
    return spec


def _result(part: Future[T] | None) -> T | None:
    """Return a result; None until it is computed, and if that failed."""
    if part is None or part.cancelled() or not part.done():
        return None
    error = part.exception()
    if error is not None:
        log.error("computing a summary failed", exc_info=error)
        return None
    return part.result()


_draw_all = ui.fragment(_draw_parts)
_draw_so_far = ui.fragment(_draw_and_poll, every=_POLL_SECONDS)
