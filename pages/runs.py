"""Runs: the bulk jobs of all staff, with what each refused, and their undo."""

import streamlit as st

from core.access.permissions import Action
from pages import ui
from pages.parts.runs import listing
from pages.ui import elements

actor, rights = ui.open_staff_page("Runs", Action.VIEW_ALL)

with elements.row():
    st.title("Activity", anchor=False, width="content")
    ui.page_switch("Activity", "runs")
listing.draw(actor)
listing.draw_dialogs(actor, rights)
