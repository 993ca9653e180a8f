"""People: every account, for administrators."""

import streamlit as st

from core import db, ownerless, people
from core.permissions import Action
from pages import people_ownerless, ui
from pages.ui import cards, people_forms

actor, rights = ui.open_staff_page("People", Action.MANAGE_PEOPLE)

st.title("People", anchor=False)
place = st.container()
search, only_staff, page = people_forms.draw_filter()

with db.read() as session:
    found = people.table(session, actor, search=search, staff_only=only_staff, page=page)
    without_owner = ownerless.table(session, actor)

with place:
    people_ownerless.draw(actor, without_owner)
shown = found.head(people.PER_PAGE)
if shown.empty:
    cards.empty("person_search", "Nobody found", "Try another name or address.")
else:
    people_forms.draw_table(shown, key=f"people-{search}-{only_staff}-{page}")
    more = ", older ones follow" if len(found) > len(shown) else ""
    counted = ui.count(len(shown), "person", "people")
    st.markdown(ui.quiet(f"{counted}, page {page}{more}"))

ui.draw_dialog("person", "Account", people_forms.draw_person, actor, width="medium")
ui.draw_dialog("reset-two-factor", "Reset two-factor", people_forms.reset_two_factor, actor)
