"""All organizations, for staff: one filter line, the table, and a link that carries the view."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.database import db
from core.onboarding import onboarding
from core.organizations import table
from core.organizations.org_views import FEW, View
from core.organizations.table import Page
from pages import ui
from pages.parts.organizations import bulk_progress, download, filters, flag, restore, summary
from pages.ui import tables
from pages.ui.elements import empty_state, row


def draw(actor: Actor, rights: Rights) -> None:
    """Draw one page of the organizations that the address asks for."""
    with db.read() as session:
        reps = onboarding.list_reps(session)
    with st.container(key="organizations-runs"):  # always there: what moves forgets a click
        if Action.MOVE_STAGES in rights:
            bulk_progress.draw(actor, reps)
    filter_row, line = row(key="organizations-filter"), row(key="organizations-line")
    progress, place = st.container(), st.container(key="organizations-table")
    turns = row(key="organizations-turns")
    view = filters.ask(reps, rights, filter_row, turns)
    with line:
        said, actions = row(width="content"), row(width="content")
        st.space("stretch")
        view = replace(view, sort=filters.ask_sort())
        columns = filters.ask_columns()
        downloads = st.container(width="content")
    with db.read() as session:
        page = table.table(session, actor, view, filters.find_place())

    with turns:
        filters.draw_turns(page)
    total = _count(actor, view, page)
    with downloads:
        download.offer(view, total)
    with progress:
        download.draw_progress(actor, total)
    with place:
        chosen = _draw_rows(page, view, columns, may_choose=_may_choose(view, rights))
    with said:
        _draw_line(page, view, total, len(chosen))
    with actions:
        if chosen and view.is_deleted:
            restore.offer_restore(actor, page.rows, chosen)
        elif chosen:
            flag.offer_selected(actor, chosen, reps)
        if page.total and Action.MOVE_STAGES in rights and not view.is_deleted:
            flag.offer_all(actor, view, reps)
    if not page.rows.empty:
        summary.draw(actor, view)


def _count(actor: Actor, view: View, page: Page) -> int:
    """Return how many there are: what the page knows, or of many what the summary has counted."""
    counted = summary.count(actor, view) if page.total > FEW else None
    return counted or page.total


def _may_choose(view: View, rights: Rights) -> bool:
    return (Action.RESTORE if view.is_deleted else Action.MOVE_STAGES) in rights


def _draw_line(page: Page, view: View, total: int, chosen: int) -> None:
    is_capped = total == FEW + 1
    many = f"{FEW:,}+ organizations" if is_capped else ui.count(total, "organization")
    words = f"**{chosen:,} selected** of {many}" if chosen else f"**{many}**"
    if page.sort is not view.sort:
        words += f" :small[:gray[newest first; type more to sort by {view.sort}]]"
    st.markdown(words, width="content")


def _draw_rows(page: Page, view: View, columns: Sequence[str], *, may_choose: bool) -> list[int]:
    """Draw the table and return the ids of the rows that are selected."""
    if page.rows.empty:
        _draw_nothing(view)
        return []
    return tables.organizations(
        page.rows,
        key="organizations-all",
        columns=["deleted_at", *columns] if view.is_deleted else columns,
        selectable=may_choose,
        opens=not view.is_deleted,
    )


def _draw_nothing(view: View) -> None:
    if view == View(is_deleted=True, sort=view.sort, size=view.size):
        head, what_next = "Nothing is deleted", "What is deleted can be restored here for 30 days."
    else:
        head = "No organization fits"
        what_next = (
            "Type less or take a filter away; the first one comes by Create New Organization."
        )
    empty_state("search_off", head, what_next)
