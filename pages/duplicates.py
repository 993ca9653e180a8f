"""Duplicates, for staff who can merge: pairs that may be one organization, or two side by side."""

import streamlit as st

from core.access.permissions import Action
from core.database import db
from core.duplicates import candidates
from core.duplicates.candidates import Position
from pages import ui
from pages.parts.duplicates import comparison, groups, pairs
from pages.parts.organizations import filter_bar
from pages.ui import elements

actor, rights = ui.open_staff_page("Duplicates", Action.MERGE)

if "compare" in st.query_params:
    # Two organizations side by side: merge them, or say that they are two.
    found = comparison.find(actor, st.query_params["compare"])
    with elements.row(key="compare-head"):
        st.title("Compare", anchor=False, width="stretch")
        st.page_link("duplicates.py", label="Duplicates", icon=":material/arrow_back:")
    comparison.draw(actor, found)
    st.stop()

with elements.row(key="organizations-head"):
    st.title("Organizations", anchor=False, width="content")
    filter_bar.draw_views("duplicates", rights)

# The pairs, the most likely first: one page of them, from the place on that the address names.
after = Position.from_text(st.query_params.get("after", ""))
with db.read() as session:
    page = candidates.table(session, actor, after)
    shared = candidates.list_groups(session, actor)
    is_matching = candidates.is_matching(session, actor)
if is_matching:
    st.markdown(ui.quiet("Some organizations are still being compared. Reload in a few minutes."))
asked = ui.table(
    pairs.with_links(page.rows),
    pairs.COLUMNS,
    key="duplicates",
    label="Duplicates",
    row_id="position",
    actions=[pairs.COMPARE, pairs.DISMISS],
    row_action="compare",
    paging=pairs.paging(page, after),
    empty=pairs.EMPTY,
    watched=[*page.rows["one_id"], *page.rows["other_id"]],
)
groups.draw(shared)

if asked.action == "compare":
    pairs.open_comparison(asked.record)
elif asked.action == "dismiss":
    both = int(asked.record["one_id"]), int(asked.record["other_id"])
    ui.save("Marked as not duplicates", candidates.dismiss, actor, *both)
