"""People: every account, for administrators."""

import streamlit as st

from core import db, ownerless, people
from core.permissions import Action
from pages import people_ownerless, ui
from pages.ui import cards, people_forms

actor, rights = ui.open_staff_page("People", Action.MANAGE_PEOPLE)

st.title("People", anchor=False)
above = st.container()
search, only_staff = people_forms.draw_filter()
place = people_forms.find_place()

with db.read() as session:
    page = people.table(session, actor, search=search, staff_only=only_staff, **place)
    without_owner = ownerless.table(session, actor)

with above:
    people_ownerless.draw(actor, without_owner)
if page.rows.empty:
    cards.empty("person_search", "Nobody found", "Try the beginning of a name or an address.")
else:
    people_forms.draw_table(page.rows, key=f"people-{search}-{only_staff}-{place}")
with cards.row(key="people-foot"):
    st.markdown(ui.quiet(ui.count(len(page.rows), "person", "people")), width="stretch")
    people_forms.draw_turns(page)

ui.draw_dialog("person", "Account", people_forms.draw_person, actor, width="medium")
ui.draw_dialog("reset-two-factor", "Reset two-factor", people_forms.reset_two_factor, actor)
