"""Activity: what happened in all organizations, in sentences, for staff."""

import streamlit as st

from core.access.permissions import Action
from core.audit import activity
from core.database import db
from pages import ui
from pages.parts.organizations import quick_view, worklist
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

# A button in a row opens the quick view, which walks through the organizations of this page.
listed = found.dropna(subset="public_id").drop_duplicates("public_id")
rest = worklist.displayed_query("activity", listed["public_id"].tolist())
seen = quick_view.last_seen()
looked = changes.draw_entries(actor, found, filters, since, key="activity", focus=seen, rest=rest)
if looked is not None:
    rows = zip(listed["org_id"].astype(int).tolist(), listed["public_id"].tolist(), strict=True)
    quick_view.open_quick_view(looked, [quick_view.Listed(*row, query=rest) for row in rows])
quick_view.draw_quick_view(actor)
