"""The link to a saved view: open the view on its page."""

import streamlit as st

from core.access.permissions import Action
from core.base import parameters
from pages import ui
from pages.parts.staff import view_picker

actor, rights = ui.open_staff_page("Saved view", Action.SAVE_VIEWS)

view_id = parameters.find_row_id(st.query_params.get("id", ""))
if view_id is not None:
    view_picker.open_view(actor, view_id)
view_picker.open_without_view(st.query_params.get("all", "organizations"))
