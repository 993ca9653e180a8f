"""Onboarding board: requests, organizations in each stage, and those that are stuck."""

import streamlit as st

from core.access.permissions import Action
from core.database import db
from core.onboarding import board, board_queries, onboarding
from core.onboarding.board_queries import BoardQuery
from pages import ui
from pages.parts.onboarding import board_cards, board_filters
from pages.parts.staff import view_picker
from pages.ui import elements

actor, rights = ui.open_staff_page("Onboarding board", Action.VIEW_ALL)

with elements.row(key="board-head"):
    st.title("Onboarding", anchor=False, width="content")
    ui.page_switch("Onboarding", "board")
    st.space("stretch")
    view_picker.draw_views(actor, "board", rights)

with db.read() as session:
    reps = onboarding.list_reps(session)
    reps_to_filter = onboarding.list_reps_to_filter(session)
query = board_queries.parse(actor, board_filters.draw(reps_to_filter))
with db.read() as session:
    loaded = board.load(session, actor, query, board_filters.card_limits())

board_cards.draw_stuck(actor, loaded.stuck, rights)
board_cards.draw_columns(loaded, rights, is_filtered=query != BoardQuery(sort=query.sort))
board_cards.draw_dialogs(actor, reps, rights)
