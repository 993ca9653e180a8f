"""People: every account, for administrators."""

import streamlit as st

from core import db, people
from core.permissions import Action
from pages import ui
from pages.ui import cards, people_forms

actor, rights = ui.open_staff_page("People", Action.MANAGE_PEOPLE)

st.title("People", anchor=False)
with cards.row():
    search = st.text_input(
        "Search",
        type="search",
        live=True,
        placeholder="Name or email",
        width=280,
        label_visibility="collapsed",
        key="q",
        bind="query-params",
    )
    only_staff = st.toggle("Staff only", key="staff", bind="query-params")
    st.space("stretch")
    page = st.number_input(
        "Page", 1, 10_000, width=130, label_visibility="collapsed", key="page", bind="query-params"
    )

with db.read() as session:
    found = people.table(session, actor, search=search, staff_only=only_staff, page=page)

shown = found.head(people.PER_PAGE)
if shown.empty:
    cards.empty("person_search", "Nobody found", "Try another name or address.")
else:
    people_forms.draw_table(shown, key=f"people-{search}-{only_staff}-{page}")
    more = len(found) > len(shown)
    st.markdown(ui.quiet(f"{len(shown)} people, page {page}{', more follow' if more else ''}"))

ui.draw_dialog("person", "Account", people_forms.draw_person, actor)
