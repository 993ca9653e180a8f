"""Home: redirects to the page where this person has most to do."""

import streamlit as st

from core.access.permissions import Action, staff_rights
from core.database import db
from core.members import membership_rows
from pages import ui

actor = ui.open_signed_in_page("Orgdesk")

with db.read() as session:
    is_staff = Action.VIEW_ALL in staff_rights(session, actor)
    memberships = membership_rows.list_organizations(session, actor, limit=2)

if is_staff or len(memberships) > 1:
    st.switch_page("organizations.py")
elif memberships:
    st.switch_page("overview.py", query_params={"org": memberships[0].public_id})
else:
    st.switch_page("welcome.py")
