"""The search, filters and sort order of the board, kept in the address."""

from typing import Final
from urllib.parse import urlencode

import streamlit as st

from core.onboarding import board
from core.onboarding.board_queries import MINE, Column, Only, Sort
from pages.ui import elements
from pages.ui.url_choices import choose

_SORTS: Final = {
    Sort.LONGEST: "Longest in stage",
    Sort.DUE: "Next step due",
    Sort.NEWEST: "Newest in stage",
}
_ONLY: Final = {Only.STUCK: "Stuck", Only.DUE: "Due this week"}
_LIMITS: Final = "board cards"


def draw(reps: dict[int, str]) -> str:
    """Draw the search, the filters and the sort order, and return them as a query."""
    options = {MINE: "Mine"} | {str(rep_id): name for rep_id, name in reps.items()}
    with elements.row(key="board-filter"):
        words = elements.search_field("Name, ID or website", width=210)
        only = choose("board", st.pills, "only", "Only", _ONLY)
        st.space("stretch")
        rep = choose(
            *("board", st.selectbox, "rep", "Sales rep", options),
            index=None,
            placeholder="All sales reps",
            width=170,
        )
        sort = choose(
            *("board", st.selectbox, "sort", "Sort", _SORTS), default=Sort.LONGEST, width=190
        )
    chosen = {"q": words, "rep": rep, "only": only, "sort": sort}
    return urlencode({name: value for name, value in chosen.items() if value})


def card_limits() -> dict[Column, int]:
    """Return how many cards of each column to draw."""
    limits: dict[Column, int] = st.session_state.get(_LIMITS, {})
    return {column: limits.get(column, board.PAGE_SIZE) for column in Column}


def show_more(column: Column) -> None:
    """Draw more cards of a column from the next rerun on."""
    limits = card_limits()
    st.session_state[_LIMITS] = limits | {column: limits[column] + 2 * board.PAGE_SIZE}
