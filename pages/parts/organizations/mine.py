"""A person's own organizations: at most 400, so all of them on one page."""

from typing import Final

import streamlit as st

from core.access.permissions import Actor
from core.base import tokenizer
from core.database import db
from core.organizations import organizations
from pages import ui
from pages.ui import elements, tables

MIN_FOR_SEARCH: Final = 10
"""Above this number of organizations there is a search field."""
COLUMNS: Final = (
    *("public_id", "role", "stage", "member_count", "owners", "pending", "created_at"),
)


def draw(actor: Actor) -> None:
    """Draw the table, with a search field if it is long."""
    with db.read() as session:
        rows = organizations.list_mine(session, actor)
    if rows.empty:
        elements.empty_state(
            "domain_add",
            "You do not belong to an organization yet",
            "Create one, or open the invitation link that was mailed to you.",
        )
        return
    if len(rows) > MIN_FOR_SEARCH:
        search = elements.search_field("Name or ID")
        texts = rows[["name", "public_id"]].itertuples(index=False)
        rows = rows[[tokenizer.matches(search, *each) for each in texts]].reset_index(drop=True)
    st.markdown(ui.quiet(ui.count(len(rows), "organization")))
    if rows.empty:
        elements.empty_state("search_off", "None of yours is called so", "Try a part of the name.")
    else:
        tables.organizations(rows, key="organizations-mine", columns=COLUMNS)
