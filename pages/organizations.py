"""Organizations: a person's own, and for staff all of them."""

import streamlit as st

from core import db
from core.permissions import Action, staff_rights
from pages import organizations_all, organizations_create, organizations_mine, ui
from pages.ui import cards, view_picker

actor = ui.open_person_page("Organizations")

with db.read() as session:
    rights = staff_rights(session, actor)

with cards.row(key="organizations-head"):
    st.title("Organizations", anchor=False, width="stretch")
    if Action.SAVE_VIEWS in rights:
        view_picker.draw_views(actor, "organizations", rights)
    organizations_create.offer(actor)

if Action.VIEW_ALL in rights:
    organizations_all.draw(actor, rights)
else:
    organizations_mine.draw(actor)
