"""Drawing history: a table with a row for each change, its filter and its pages."""

from typing import Final

import pandas as pd
import streamlit as st

from core.audit.activity import OVERRIDDEN
from core.base import parameters
from pages import ui
from pages.ui.column import Style
from pages.ui.text import count, quiet

_MARKS: Final = {"override": Style("Override", "red", "gavel"), "": Style("", "")}
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
        "Filter",
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
    moment = ui.column.moment("When", width=112)
    exact = ui.column.moment("Date", shows="exact", width=150, phone="hide")
    columns = {
        "who": ui.column.person("Who", seed="who_id", width=150),
        **({} if is_short else {"at": moment}),
        **({"organization": ui.column.text("Organization")} if organizations else {}),
        "what": ui.column.text("What", width=150),
        "mark": ui.column.badge("Mark", _MARKS, width=104),
        "change": ui.column.text("Change"),
        "reason": ui.column.text("Reason", phone="hide"),
        **({"at": moment} if is_short else {"exact": exact}),
    }
    rows = _displayed(changes)
    left_out = {name for name in ("mark", "reason") if is_short or not rows[name].any()}
    ui.table(
        rows,
        {name: column for name, column in columns.items() if name not in left_out},
        key=key,
        label="Changes",
        row_id="number",
        fills_window=not is_short,
        empty=("No changes yet", "Every change is recorded here permanently."),
    )


def _displayed(changes: pd.DataFrame) -> pd.DataFrame:
    """Return changes as displayed, numbered: one entry can have several."""
    values = zip(changes["before"].tolist(), changes["after"].tolist(), strict=True)
    is_overridden = changes["what"].str.endswith(OVERRIDDEN)
    return changes.assign(
        number=range(len(changes)),
        exact=changes["at"],
        change=[f"{before} → {after}" if before or after else "" for before, after in values],
        mark=["override" if each else "" for each in is_overridden],
    )


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
