"""All organizations, for staff: one filter line, the table, and a link that carries the view."""

from typing import Final

import streamlit as st

from core import db, onboarding, org_tables
from core.org_tables import Page
from core.org_views import FEW, View
from core.permissions import Action, Actor, Rights
from pages import organizations_dialogs, organizations_view, ui
from pages.ui import cards, tables

SHOWN: Final = (
    *("public_id", "stage", "member_count", "owners", "pending", "profile", "rep", "created_at"),
)


def draw(actor: Actor, rights: Rights) -> None:
    """Draw one page of the organizations that the address asks for."""
    with db.read() as session:
        reps = onboarding.list_reps(session)
    filters, line = cards.row(key="organizations-filter"), cards.row(key="organizations-line")
    place, turns = st.container(), cards.row(key="organizations-turns")
    view = organizations_view.ask(reps, filters, turns)
    with db.read() as session:
        page = org_tables.table(session, actor, view, organizations_view.find_place())

    with place:
        chosen = _draw_rows(page, selectable=Action.MOVE_STAGES in rights)
    with turns:
        organizations_view.draw_turns(page)
    with line:
        _draw_line(page, view, len(chosen))
        if chosen:
            organizations_dialogs.offer_flag(actor, chosen, reps)
        if Action.RESTORE in rights:
            st.space("stretch")
            organizations_dialogs.offer_restore(actor)


def _draw_line(page: Page, view: View, chosen: int) -> None:
    many = f"{FEW:,}+ organizations" if page.total > FEW else ui.count(page.total, "organization")
    words = f"**{chosen:,} selected** of {many}" if chosen else f"**{many}**"
    if page.sort is not view.sort:
        words += f" :small[:gray[newest first; type more to sort by {view.sort}]]"
    st.markdown(words, width="content")


def _draw_rows(page: Page, *, selectable: bool) -> list[int]:
    """Draw the table and return the ids of the rows that are selected."""
    if page.rows.empty:
        cards.empty(
            "search_off",
            "No organization fits",
            "Type less or take a filter away; the first one comes by Create New Organization.",
        )
        return []
    return tables.organizations(
        page.rows, key="organizations-all", columns=SHOWN, selectable=selectable
    )
