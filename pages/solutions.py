"""Connected solutions: a searchable card for every listed organization."""

import streamlit as st

from core.base import parameters
from core.database import db
from core.profile import directory
from pages import ui
from pages.parts.profile import company_card
from pages.ui import elements

actor = ui.open_signed_in_page("Connected solutions")


def reset_page() -> None:
    st.query_params.pop("before", None)


st.title("Connected solutions", anchor=False)
with elements.row(gap="small", key="solutions-filter"):
    text = elements.search_field(
        "Company, website or Organization ID", width=380, on_change=reset_page
    )
    counted = st.empty()

before = st.query_params.get("before", "")
with db.read() as session:
    last_seen = parameters.find_row_id(before)
    found = directory.search(session, actor, text, before=last_seen)
    count = directory.count(session, actor, text)
page = found.head(directory.CARDS_PER_PAGE)

counted.markdown(ui.quiet(ui.count(count, "organization", limit=directory.MAX_COUNTED)))

grid = st.grid("auto", min_column_width=280, gap="small", border=True, key="solutions-grid")
for card in page.to_dict("records"):
    avatar = elements.avatar_url(card["name"], card["public_id"], card["logo"])
    with grid.cell(), st.container(gap="small", key=f"card-{card['public_id']}"):
        company_card.draw(avatar, **{field: card[field] for field in company_card.FIELDS})

if page.empty and text:
    elements.empty_state("search_off", "No matches", "Try the beginning of a name or fewer words.")
elif page.empty:
    elements.empty_state(
        "hub",
        "No organizations listed yet",
        "Owners can turn on List in connected solutions in the Organization Profile.",
    )

with elements.row(key="solutions-pages", horizontal_alignment="right"):
    if before and st.button("First page", icon=":material/first_page:", key="solutions-first"):
        reset_page()
        st.rerun()
    if len(found) > len(page) and st.button("Next page", key="solutions-next"):
        st.query_params["before"] = str(page["id"].iloc[-1])
        st.rerun()
