"""People: all accounts, for administrators."""

import streamlit as st

from core.access.permissions import Action
from core.accounts import administration
from core.database import db
from core.members import ownership
from pages import ui
from pages.parts.accounts import people
from pages.parts.members import ownerless
from pages.parts.organizations import hand_over
from pages.parts.runs import progress

actor, rights = ui.open_staff_page("People", Action.MANAGE_PEOPLE)

st.title("People", anchor=False)
with st.container(key="people-runs"):
    progress.draw(actor)
above = st.container()
search, staff_only = people.draw_filter()
cursor = people.read_cursor()

with db.read() as session:
    page = administration.table(session, actor, text=search, staff_only=staff_only, **cursor)
    without_owner = ownership.ownerless_table(session, actor)

with above:
    ownerless.draw(actor, without_owner)
people.draw_table(page)

ui.draw_dialog("person", "Account", people.draw_person, actor, width="medium")
hand_over.draw_dialog(actor)
ui.draw_dialog("reset-two-factor", "Reset two-factor", people.draw_two_factor_reset, actor)
