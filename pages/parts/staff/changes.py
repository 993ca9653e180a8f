"""Drawing history: a table with a row for each change, its filter and its pages."""

from typing import Any

import pandas as pd
import streamlit as st

from core.audit.activity import OVERRIDDEN
from core.base import parameters
from pages.ui import tables
from pages.ui.elements import avatar_url, empty_state
from pages.ui.text import count, quiet

EVENT_FILTERS = {
    "": "Everything",
    "profile": "Profile",
    "member": "Members",
    "invitation": "Invitations",
    "stage": "Stage",
}
"""The first part of an event, with its label in the filter."""


def draw_filter() -> str:
    """Draw the filter, kept in the address, and return the first part of the events to list."""
    event = st.segmented_control(
        "What to see",
        list(EVENT_FILTERS),
        format_func=EVENT_FILTERS.__getitem__,
        default="",
        required=True,
        label_visibility="collapsed",
        key="kind",
        bind="query-params",
    )
    return event or ""


def draw_changes(
    changes: pd.DataFrame, *, key: str, organizations: bool = False, is_short: bool = False
) -> None:
    """Draw changes as a table.

    `organizations` adds a column with the organization, `is_short` fits it into half a page.
    """
    if changes.empty:
        empty_state("history", "Nothing here yet", "Every change will stand here, for good.")
        return
    people = zip(changes["who"].tolist(), changes["who_id"].tolist(), strict=True)
    values = zip(changes["before"].tolist(), changes["after"].tolist(), strict=True)
    overridden = [what.endswith(OVERRIDDEN) for what in changes["what"].tolist()]
    middle = ["organization"] if organizations else []
    reason = ["reason"] if any(changes["reason"].tolist()) and not is_short else []
    marked = ["mark"] if any(overridden) else []
    first, last = (["who"], ["at"]) if is_short else (["who", "at"], ["exact"])
    order = ["avatar", *first, *middle, "what", *marked, "change", *reason, *last]
    rows = tables.to_arrow(
        changes.assign(exact=changes["at"]),
        order,
        avatar=[avatar_url(who, 0 if pd.isna(who_id) else int(who_id)) for who, who_id in people],
        change=[f"{before} → {after}" if before or after else "" for before, after in values],
        mark=[["override"] if mark else [] for mark in overridden],
    )
    st.dataframe(
        rows,
        key=key,
        hide_index=True,
        row_height=36,
        height="content",
        column_order=order,
        column_config=_columns(is_short=is_short),
        placeholder="",
    )


def _columns(*, is_short: bool) -> dict[str, Any]:
    column = st.column_config
    return {
        "avatar": column.ImageColumn("", width=36),
        "who": column.TextColumn("Who", width=100 if is_short else 124),
        "organization": column.TextColumn("Organization", width=210),
        "what": column.TextColumn("What", width=125 if is_short else 180),
        "mark": column.MultiselectColumn("Mark", options=["override"], color=["red"], width=84),
        "change": column.TextColumn("Before and after", width=114 if is_short else 212),
        "reason": column.TextColumn("Why", width=180),
        "at": column.DatetimeColumn("When", format="distance", width=114),
        "exact": column.DatetimeColumn("At", format="D MMM YYYY, HH:mm", width=150),
    }


def draw_older(changes: pd.DataFrame, page_size: int) -> None:
    """Draw the paging buttons; the address has the cursor as `before`."""
    entries = changes["id"].unique()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(quiet(count(len(entries), "change")), width="stretch")
        if "before" in st.query_params and st.button("Newest", icon=":material/first_page:"):
            del st.query_params["before"]
            st.rerun()
        older = st.button(
            "Older", icon=":material/chevron_right:", disabled=len(entries) < page_size, key="older"
        )
    if older:
        st.query_params["before"] = str(entries.min())
        st.rerun()


def find_cursor() -> int | None:
    """Return the id that the entries of the page come before, from the address."""
    return parameters.find_row_id(st.query_params.get("before", ""))
