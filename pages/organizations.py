"""Organizations: a person's own, and for staff all of them."""

import streamlit as st

from core.access.permissions import Action, staff_rights
from core.database import db
from pages import ui
from pages.parts.organizations import all, create, mine
from pages.parts.staff import view_picker
from pages.ui import elements

actor = ui.open_signed_in_page("Organizations")

with db.read() as session:
    rights = staff_rights(session, actor)

with elements.row(key="organizations-head"):
    st.title("Organizations", anchor=False, width="stretch")
    if Action.SAVE_VIEWS in rights:
        view_picker.draw_views(actor, "organizations", rights)
    create.draw_create(actor)

if Action.VIEW_ALL in rights:
    all.draw(actor, rights)
else:
    mine.draw(actor)
