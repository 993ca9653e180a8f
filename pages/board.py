"""Onboarding board: requests and the organizations in each stage, as cards that can be moved."""

from functools import partial

import streamlit as st

from core.access.permissions import Action
from core.database import db
from core.onboarding import board, board_queries, onboarding
from pages import ui
from pages.parts.onboarding import board_acts, board_element, board_filters
from pages.parts.organizations import quick_view
from pages.parts.runs import progress
from pages.parts.staff import view_picker
from pages.ui import elements

actor, rights = ui.open_staff_page("Onboarding board", Action.VIEW_ALL)

with db.read() as session:
    reps, former_reps = onboarding.list_current_and_former_reps(session)

# Whose board, the search and the order are in the address, as is what the chips limit it to.
with elements.row(key="board-head"):
    st.title("Onboarding", anchor=False, width="content")
    ui.page_switch("Onboarding", "board", keeps=["rep"])
    with elements.row(key="board-filter"):
        chosen = board_filters.draw(reps | former_reps)
    view_picker.draw_views(actor, "board", rights, entry=board_filters.MY_BOARD)
query = board_queries.parse(actor, chosen)
with st.container(key="board-runs"):
    progress.draw(actor)

with db.read() as session:
    loaded = board.load(session, actor, query, board_acts.card_limits())
lists = board_acts.list_columns(loaded, query)
rows = board_acts.list_rows(lists)

board_element.draw(
    loaded,
    query,
    rights,
    reps,
    lists,
    refused=board_acts.refused(),
    focus=quick_view.last_seen(),
    on_ask=ui.callback(partial(board_acts.act, actor, query, rows)),
)
board_acts.draw_dialogs(actor, reps, rights)
quick_view.draw_quick_view(actor)
