"""Activity: the changes in all organizations, for staff."""

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
event = changes.draw_filter()

with db.read() as session:
    found = activity.table(session, actor, event=event, before_id=changes.find_cursor())

changes.draw_changes(found, key="activity", organizations=True)
