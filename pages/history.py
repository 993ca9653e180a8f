"""History: every change of an organization, who made it, and why."""

import streamlit as st

from core import activity, db
from core.permissions import Action
from pages import ui
from pages.ui import cards, changes

actor, org, rights = ui.open_page("History", Action.VIEW_HISTORY)

cards.page_head(org, "History")
kind = changes.draw_filter()

with db.read() as session:
    found = activity.table(
        session, actor, org_id=org.id, event=kind, before_id=changes.asked_before()
    )

changes.draw_changes(found, key="history")
changes.draw_older(found, activity.PAGE)
st.markdown(ui.quiet("Nothing here can be edited or deleted, by anybody."))
