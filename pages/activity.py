"""Activity: what happened in all organizations, in sentences, for staff."""

import streamlit as st

from core.access.permissions import Action
from core.audit import activity
from core.database import db
from pages import ui
from pages.parts.staff import changes
from pages.ui import elements

actor, rights = ui.open_staff_page("Activity", Action.VIEW_ALL)

with elements.row():
    st.title("Activity", anchor=False, width="content")
    ui.page_switch("Activity", "activity")
filters = changes.draw_filters("activity", "/download/history.csv", organizations=True)

with db.read() as session:
    found = activity.table(session, actor, filters, before_id=changes.find_cursor())
    since = activity.find_searchable_since(session, filters)

changes.draw_entries(actor, found, filters, since, key="activity")
