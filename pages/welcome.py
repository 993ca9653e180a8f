"""Welcome: what somebody sees who belongs to no organization yet."""

import streamlit as st

from core.access.permissions import staff_rights
from core.database import db
from core.members import membership_rows
from pages import ui
from pages.parts.organizations import create
from pages.ui import elements

actor = ui.open_signed_in_page("Welcome")

with db.read() as session:
    is_staff = bool(staff_rights(session, actor))
    belongs_somewhere = bool(membership_rows.list_organizations(session, actor, limit=1))
if is_staff or belongs_somewhere:
    st.switch_page("home.py")

with st.container(horizontal_alignment="center"), st.container(width=520, key="welcome"):
    st.space("large")
    st.markdown("# :gray[:material/domain_add:]", anchors=False)
    st.title(f"Welcome, {ui.esc(actor.name)}", anchor=False)
    st.markdown(
        "You do not belong to an organization yet. Create one and invite your people, "
        "or open the invitation link that was mailed to you."
    )
    with elements.row():
        create.offer(actor)
        if st.button("Look at connected solutions", key="welcome-solutions"):
            st.switch_page("solutions.py")
    st.markdown(
        ui.quiet(
            "Waiting for an invitation? Ask an owner to send it to the address you signed up with."
        )
    )
