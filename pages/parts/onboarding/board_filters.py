"""The search, the sales rep and the sort order of the board, kept in the address."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from core.onboarding.board_queries import MINE, Only, Sort
from core.organizations.filters import UNASSIGNED
from pages.ui import elements
from pages.ui.url_choices import choose, refuse

MY_BOARD: Final = f"rep={MINE}"
"""The query with which the sidebar opens the board."""
_SORTS: Final = {
    Sort.LONGEST: "Longest in stage",
    Sort.DUE: "Next step due",
    Sort.NEWEST: "Newest in stage",
}


def draw(reps: Mapping[int, str]) -> str:
    """Draw the search, the sales rep and the sort order, and return the query of the board."""
    options = {MINE: "Mine", str(UNASSIGNED): "Unassigned"}
    options |= {str(rep_id): name for rep_id, name in reps.items()}
    words = elements.search_field("Search name, ID or website", width=220)
    rep = choose(
        *("board", st.selectbox, "rep", "Sales rep", options),
        index=None,
        placeholder="All sales reps",
        width=170,
    )
    sort = choose("board", st.selectbox, "sort", "Sort", _SORTS, default=Sort.LONGEST, width=160)
    query = {"q": words, "rep": rep, "only": _read_only(), "sort": sort}
    return urlencode({name: value for name, value in query.items() if value})


def _read_only() -> str:
    """Return what the chips limit the board to, which are links on it."""
    only: str = st.query_params.get("only", "")
    if only and only not in list(Only):
        refuse("Filter", only)
    return only
