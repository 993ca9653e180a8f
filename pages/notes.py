"""Notes: search the notes of staff about all organizations."""

from functools import partial

import streamlit as st

from core.access.permissions import Action
from core.database import db
from core.staff import notes
from pages import ui
from pages.parts.organizations import quick_view, worklist
from pages.parts.staff.notes import count_to_load, draw_dialogs, draw_note, draw_older
from pages.ui import elements

actor, rights = ui.open_staff_page("Notes", Action.WRITE_NOTES)

with elements.row():
    st.title("Activity", anchor=False, width="content")
    ui.page_switch("Activity", "notes")
with elements.row():
    words = elements.search_field("Words in a note")
    whose = st.segmented_control(
        "Whose",
        ["All", "Mine"],
        default="All",
        required=True,
        label_visibility="collapsed",
        key="whose",
        bind="query-params",
    )

author_id = actor.user_id if whose == "Mine" else None
with db.read() as session:
    found = notes.list_all(session, actor, words, author_id=author_id, limit=count_to_load())

drawn = found[: count_to_load() - 1]
orgs = {note.org_id: note.public_id for note in drawn}
listed = worklist.displayed_list("notes", list(orgs.values()))
rest = worklist.displayed_query("notes", list(orgs.values()))
rows = [quick_view.Listed(org_id, public_id, rest) for org_id, public_id in orgs.items()]
for note in drawn:
    look = partial(quick_view.open_quick_view, note.org_id, rows)
    draw_note(actor, note, is_staff=True, names_organization=True, listed=listed, on_look=look)
if not found and words:
    elements.empty_state("search_off", "No matching notes", "Try another word.")
elif not found:
    elements.empty_state(
        "sticky_note_2", "No notes yet", "Write one on an organization's Onboarding page."
    )
elif len(found) > len(drawn):
    draw_older(len(drawn))
draw_dialogs(actor, drawn)
quick_view.draw_quick_view(actor)
