"""Onboarding board: who raised a hand, who is on the way, who is stuck, and the next move."""

import streamlit as st

from core import board, board_views, db, onboarding
from core.permissions import Action
from pages import board_cards, board_dialogs, board_stuck, board_view, ui
from pages.ui import cards, view_picker

actor, rights = ui.open_staff_page("Onboarding board", Action.VIEW_ALL)

with cards.row(key="board-head"):
    st.title("Onboarding board", anchor=False, width="stretch")
    st.page_link("charts.py", label="Charts", icon=":material/bar_chart:")
    view_picker.draw_views(actor, "board", rights)

with db.read() as session:
    reps = onboarding.list_reps(session)
query = board_view.ask(reps)
with db.read() as session:
    shown = board.show(session, actor, board_views.read(actor, query), board_view.shown_cards())

board_stuck.draw(actor, shown.stuck, rights)
board_cards.draw(actor, shown, rights)
board_dialogs.draw(actor, reps, rights)
