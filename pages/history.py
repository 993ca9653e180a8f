"""History of an organization: every change, with who made it and why."""

import streamlit as st

from core.access.permissions import Action
from core.audit import activity
from core.database import db
from pages import ui
from pages.parts.staff import changes
from pages.ui import elements

actor, org, rights = ui.open_page("History", Action.VIEW_HISTORY)

elements.page_header(org, "History")
with elements.row():
    event = changes.draw_filter()
    st.space("stretch")
    st.link_button(
        "Download receipt",
        elements.absolute_url(f"/download/history/{org.public_id}.json"),
        icon=":material/download:",
        type="tertiary",
        help="The whole history as a signed file, which proves later what it says today.",
    )

with db.read() as session:
    found = activity.table(
        session, actor, org_id=org.id, event=event, before_id=changes.find_cursor()
    )

changes.draw_changes(found, key="history")
