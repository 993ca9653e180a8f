"""The start: on to where this person has most to do."""

import streamlit as st

from core.access.permissions import Action, staff_rights
from core.database import db
from core.members import membership_rows
from pages import ui

actor = ui.open_person_page("Orgdesk")

with db.read() as session:
    is_staff = Action.VIEW_ALL in staff_rights(session, actor)
    mine = membership_rows.list_organizations(session, actor, most=2)

if is_staff or len(mine) > 1:
    st.switch_page("organizations.py")
elif mine:
    st.switch_page("overview.py", query_params={"org": mine[0].public_id})
else:
    st.switch_page("welcome.py")
