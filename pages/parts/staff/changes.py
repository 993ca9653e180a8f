"""Drawing history: its entries as sentences, its filter and its pages."""

from typing import Final

import pandas as pd
import streamlit as st

from core.audit.activity import PAGE_SIZE
from core.base import parameters
from pages import ui

EVENT_FILTERS: Final = {
    "": "Everything",
    "profile": "Profile",
    "member": "Members",
    "invitation": "Invitations",
    "stage": "Stage",
}
"""The first part of an event, with its label in the filter."""
_PROFILE: Final = ("profile", "Profile")
_MEMBERS: Final = ("members", "Access Control")
_ONBOARDING: Final = ("onboarding", "Onboarding")
_PLACES: Final = {
    **dict.fromkeys(("profile", "logo", "alert_email", "alerts"), _PROFILE),
    **dict.fromkeys(("member", "invitation", "ownership"), _MEMBERS),
    **dict.fromkeys(("stage", "onboarding", "note"), _ONBOARDING),
}
"""The page where the thing that an event is about can be seen, by the first part of the event."""


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
        on_change=_turn_to_newest,
    )
    return event or ""


def draw_changes(
    entries: pd.DataFrame, *, key: str, organizations: bool = False, is_short: bool = False
) -> None:
    """Draw entries of history as sentences.

    `organizations` names the organization of each; `is_short` fits them into half a page.
    """
    ui.timeline(
        _placed(entries) if organizations else _placed(entries).drop(columns="organization"),
        key=key,
        label="Changes",
        paging=None if is_short else _paging(entries),
        empty=("No changes yet", "Every change is recorded here permanently."),
        is_short=is_short,
    )


def _placed(entries: pd.DataFrame) -> pd.DataFrame:
    """Return entries with the page where each thing can be seen, and its name."""
    places = [_PLACES.get(event.partition(".")[0], ("", "")) for event in entries["event"]]
    pages = zip(places, entries["public_id"], strict=True)
    return entries.assign(
        place=[name for _, name in places],
        href=[f"/{page}?org={org}" if page and org else "" for (page, _), org in pages],
    )


def _paging(entries: pd.DataFrame) -> ui.Paging:
    """Return the links to the newest and to older entries; the address has a cursor, `before`."""
    newest = {"before": ""} if "before" in st.query_params else None
    older = {"before": str(entries["id"].min())} if len(entries) == PAGE_SIZE else None
    turns = (ui.Turn("Newest", newest), ui.Turn("Older →", older)) if newest or older else ()
    return ui.Paging(len(entries), "Entries can't be edited or deleted.", turns)


def find_cursor() -> int | None:
    """Return the id that the entries of the page come before, from the address."""
    return parameters.find_row_id(st.query_params.get("before", ""))


def _turn_to_newest() -> None:
    st.query_params.pop("before", None)
