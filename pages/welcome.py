"""Welcome: the page of a person who has no organization yet."""

import streamlit as st

from core.access.permissions import staff_rights
from core.database import db
from core.members import membership_rows
from pages import ui
from pages.parts.members import waiting_invitations
from pages.parts.organizations import create
from pages.ui import elements

actor = ui.open_signed_in_page("Welcome")

with db.read() as session:
    is_staff = bool(staff_rights(session, actor))
    has_organization = bool(membership_rows.list_organizations(session, actor, limit=1))
if is_staff or has_organization:
    st.switch_page("home.py")

with st.container(horizontal_alignment="center"), st.container(width=520, key="welcome"):
    st.space("large")
    elements.large_icon("domain_add")
    st.title(f"Welcome, {ui.esc(actor.name)}", anchor=False)
    is_invited = waiting_invitations.draw(actor)
    st.markdown(
        "Accept your invitation, or create an organization of another name."
        if is_invited
        else "You don't have an organization yet. Create one and invite your team, or open the "
        "invitation link in your email."
    )
    with elements.row():
        create.draw_create(actor)
        if st.button("Browse connected solutions", key="welcome-solutions"):
            st.switch_page("solutions.py")
    st.markdown(
        ui.quiet(
            "Expecting an invitation? Ask an owner to send it to the address you signed up with."
        )
    )
