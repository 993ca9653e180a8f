"""The table of pairs that may be duplicates: its columns, its pages, its actions."""

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
import streamlit as st

from core.duplicates.candidates import MAX_COUNTED, Page, Position
from core.organizations.look_alikes import Reason
from pages import ui

REASONS: Final = {
    Reason.WEBSITE: "Same website",
    Reason.NAME: "Names read alike",
    Reason.PHONE: "Same phone",
    Reason.EMAIL: "Same email domain",
}
COMPARE: Final = ui.Action("compare", "Compare", shows="button")
DISMISS: Final = ui.Action("dismiss", "Not a duplicate", "close")
COLUMNS: Final = {
    "one_name": ui.column.link("Organization", href="href", seed="one_public_id", logo="one_logo"),
    "other_name": ui.column.organization(
        "Possible duplicate", seed="other_public_id", logo="other_logo", phone="whole"
    ),
    "reason": ui.column.text("Reason", width=270, phone="whole"),
    "score": ui.column.meter("Likely", width=96, phone="end"),
}
EMPTY: Final = (
    "No duplicates found",
    "Organizations with the same website, phone or email domain, or with names that read alike, "
    "are listed here.",
)


def with_links(rows: pd.DataFrame) -> pd.DataFrame:
    """Return pairs with the address of their comparison, and with their reasons in words."""
    words = [", ".join(REASONS[each] for each in reasons) for reasons in rows["reasons"]]
    return rows.assign(
        href="/duplicates?compare=" + _both(rows), reason=[each.capitalize() for each in words]
    )


def open_comparison(pair: Mapping[str, Any]) -> None:
    """Show the two organizations of a row side by side."""
    st.query_params.clear()
    st.query_params["compare"] = _both(pair)
    st.rerun()


def _both(pair: Any) -> Any:
    return pair["one_public_id"] + "." + pair["other_public_id"]


def paging(page: Page, after: Position | None) -> ui.Paging:
    """Return the links to the first page and to the next one, with the number of pairs."""
    turns = [
        ui.Turn("← First", {"after": ""} if after is not None else None),
        ui.Turn("Next →", {"after": str(page.next)} if page.next is not None else None),
    ]
    has_turns = any(turn.change is not None for turn in turns)
    text = ui.count(page.total, "pair", limit=MAX_COUNTED)
    is_capped = page.total > MAX_COUNTED
    return ui.Paging(page.total, text, turns if has_turns else (), is_capped)
