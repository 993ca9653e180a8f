"""All organizations, for staff: one filter line, the table, and a link that carries the view."""

from collections.abc import Sequence

import streamlit as st

from core import db, onboarding, org_tables
from core.org_tables import Page
from core.org_views import FEW, View
from core.permissions import Action, Actor, Rights
from pages import (
    organizations_dialogs,
    organizations_download,
    organizations_summary,
    organizations_view,
    ui,
)
from pages.ui import cards, tables


def draw(actor: Actor, rights: Rights) -> None:
    """Draw one page of the organizations that the address asks for."""
    with db.read() as session:
        reps = onboarding.list_reps(session)
    filters, line = cards.row(key="organizations-filter"), cards.row(key="organizations-line")
    place, turns = st.container(), cards.row(key="organizations-turns")
    view = organizations_view.ask(reps, rights, filters, turns)
    with db.read() as session:
        page = org_tables.table(session, actor, view, organizations_view.find_place())

    with turns:
        organizations_view.draw_turns(page)
    total = organizations_summary.count(actor, view) or page.total
    with line:
        said, actions = cards.row(width="content"), cards.row(width="content")
        st.space("stretch")
        columns = organizations_view.ask_columns()
        organizations_download.offer(view, total)
        if Action.RESTORE in rights:
            organizations_dialogs.offer_restore(actor)
    with place:
        may_flag = Action.MOVE_STAGES in rights and not view.is_deleted
        chosen = _draw_rows(page, columns, selectable=may_flag)
    with said:
        _draw_line(page, view, total, len(chosen))
    with actions:
        if chosen:
            organizations_dialogs.offer_flag(actor, chosen, reps)
    organizations_summary.draw(actor, view)


def _draw_line(page: Page, view: View, total: int, chosen: int) -> None:
    is_capped = total == FEW + 1
    many = f"{FEW:,}+ organizations" if is_capped else ui.count(total, "organization")
    words = f"**{chosen:,} selected** of {many}" if chosen else f"**{many}**"
    if page.sort is not view.sort:
        words += f" :small[:gray[newest first; type more to sort by {view.sort}]]"
    st.markdown(words, width="content")


def _draw_rows(page: Page, columns: Sequence[str], *, selectable: bool) -> list[int]:
    """Draw the table and return the ids of the rows that are selected."""
    if page.rows.empty:
        cards.empty(
            "search_off",
            "No organization fits",
            "Type less or take a filter away; the first one comes by Create New Organization.",
        )
        return []
    return tables.organizations(
        page.rows, key="organizations-all", columns=columns, selectable=selectable
    )
