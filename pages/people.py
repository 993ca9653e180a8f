"""People: every account, for administrators."""

import streamlit as st

from core.access.permissions import Action
from core.accounts import administration
from core.database import db
from core.members import ownership
from pages import ui
from pages.parts.accounts import administration as administration_part
from pages.parts.members import ownerless
from pages.ui import elements

actor, rights = ui.open_staff_page("People", Action.MANAGE_PEOPLE)

st.title("People", anchor=False)
above = st.container()
search, only_staff = administration_part.draw_filter()
place = administration_part.find_place()

with db.read() as session:
    page = administration.table(session, actor, text=search, staff_only=only_staff, **place)
    without_owner = ownership.ownerless_table(session, actor)

with above:
    ownerless.draw(actor, without_owner)
if page.rows.empty:
    elements.empty_state(
        "person_search", "Nobody found", "Try the beginning of a name or an address."
    )
else:
    administration_part.draw_table(page.rows, key=f"people-{search}-{only_staff}-{place}")
with elements.row(key="people-foot"):
    st.markdown(ui.quiet(ui.count(len(page.rows), "person", "people")), width="stretch")
    administration_part.draw_turns(page)

ui.draw_dialog("person", "Account", administration_part.draw_person, actor, width="medium")
ui.draw_dialog("reset-two-factor", "Reset two-factor", administration_part.reset_two_factor, actor)
