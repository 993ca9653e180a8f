"""The view of the board: chosen on the page, kept in the address, so that a link has it."""

from typing import Final
from urllib.parse import urlencode

import streamlit as st

from core.onboarding import board
from core.onboarding.board_queries import MINE, Column, Only, Sort
from pages.ui import elements
from pages.ui.url_choices import choose

_SORTS: Final = {
    Sort.LONGEST: "Longest here first",
    Sort.DUE: "Next step due first",
    Sort.NEWEST: "Newest here first",
}
_ONLY: Final = {Only.STUCK: "Stuck", Only.DUE: "Due"}
_SHOWN: Final = "board cards"


def ask(reps: dict[int, str]) -> str:
    """Draw what narrows and sorts the board, and return the query that asks for it."""
    whose = {MINE: "Mine"} | {str(rep_id): name for rep_id, name in reps.items()}
    with elements.row(key="board-filter"):
        words = elements.search_field("Name, ID or website", width=210)
        only = choose("board", st.pills, "only", "Only", _ONLY)
        st.space("stretch")
        rep = choose(
            *("board", st.selectbox, "rep", "Sales rep", whose),
            index=None,
            placeholder="Everybody",
            width=170,
        )
        sort = choose(
            *("board", st.selectbox, "sort", "Sort", _SORTS), default=Sort.LONGEST, width=190
        )
    asked = {"q": words, "rep": rep, "only": only, "sort": sort}
    return urlencode({name: value for name, value in asked.items() if value})


def shown_cards() -> dict[Column, int]:
    """Return how many cards of each column are to be shown."""
    shown: dict[Column, int] = st.session_state.get(_SHOWN, {})
    return {column: shown.get(column, board.PAGE_SIZE) for column in Column}


def show_more(column: Column) -> None:
    """Let a column show more cards from the next run on."""
    shown = shown_cards()
    st.session_state[_SHOWN] = shown | {column: shown[column] + 2 * board.PAGE_SIZE}
