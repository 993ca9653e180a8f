"""All organizations, for staff: filters, the table, and the actions on its rows."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.database import db
from core.onboarding import onboarding
from core.organizations import organizations, queries, table
from core.organizations.filters import Filters
from core.organizations.queries import MAX_COUNTED
from core.organizations.table import Page
from pages import ui
from pages.parts.organizations import bulk_flag, download, filter_bar, summary
from pages.ui import tables
from pages.ui.elements import empty_state, row


def draw(actor: Actor, rights: Rights) -> None:
    """Draw the page of the table that the web address asks for."""
    with db.read() as session:
        reps = onboarding.list_reps(session)
        reps_to_filter = onboarding.list_reps_to_filter(session)
        first_day = queries.first_day(session)
    with st.container(key="organizations-runs"):  # always drawn: elements that move lose clicks
        if Action.MOVE_STAGES in rights:
            bulk_flag.draw_progress(actor, reps)
    filter_row, line = row(key="organizations-filter"), row(key="organizations-line")
    progress, rows_area = st.container(), st.container(key="organizations-table")
    pagination = row(key="organizations-turns")
    filters = filter_bar.draw_filters(reps_to_filter, first_day, rights, filter_row, pagination)
    with line:
        summary_line, actions = row(width="content"), row(width="content")
        st.space("stretch")
        filters = replace(filters, sort=filter_bar.draw_sort())
        columns = filter_bar.draw_columns()
        downloads = st.container(width="content")
    with db.read() as session:
        page = table.table(session, actor, filters, filter_bar.read_cursor())

    with pagination:
        filter_bar.draw_pagination(page)
    total = _count(actor, filters, page)
    with downloads:
        download.draw_menu(filters, total)
    with progress:
        download.draw_progress(actor, total)
    with rows_area:
        chosen = _draw_rows(page, filters, columns, may_choose=_may_choose(filters, rights))
    with summary_line:
        _draw_line(page, filters, total, len(chosen))
    with actions:
        _draw_actions(actor, page, filters, chosen, reps, rights)
    if not page.rows.empty:
        summary.draw(actor, filters)


def _draw_actions(
    actor: Actor,
    page: Page,
    filters: Filters,
    chosen: Sequence[int],
    reps: dict[int, str],
    rights: Rights,
) -> None:
    if chosen and filters.is_deleted:
        _draw_restore(actor, page.rows, chosen)
    elif chosen:
        bulk_flag.draw_flag_selected(actor, chosen, reps)
    if page.total and Action.MOVE_STAGES in rights and not filters.is_deleted:
        bulk_flag.draw_flag_all(actor, filters, reps)


def _draw_restore(actor: Actor, rows: pd.DataFrame, org_ids: Sequence[int]) -> None:
    names = dict(zip(rows["id"], rows["name"], strict=True))
    pressed = st.button(
        "Restore",
        icon=":material/restore_from_trash:",
        key="restore-organization",
        disabled=len(org_ids) > 1,
        help="Everybody in it comes back, too." if len(org_ids) == 1 else "One at a time.",
    )
    if pressed:
        message = f"{names[org_ids[0]]} is restored."
        ui.save(message, organizations.restore, actor, org_ids[0])


def _count(actor: Actor, filters: Filters, page: Page) -> int:
    """Return the total of the page, or if that is capped and the summary has counted, its total."""
    counted = summary.count(actor, filters) if page.total > MAX_COUNTED else None
    return counted or page.total


def _may_choose(filters: Filters, rights: Rights) -> bool:
    return (Action.RESTORE if filters.is_deleted else Action.MOVE_STAGES) in rights


def _draw_line(page: Page, filters: Filters, total: int, chosen: int) -> None:
    is_capped = total == MAX_COUNTED + 1
    many = f"{MAX_COUNTED:,}+ organizations" if is_capped else ui.count(total, "organization")
    words = f"**{chosen:,} selected** of {many}" if chosen else f"**{many}**"
    if page.sort is not filters.sort:
        words += f" :small[:gray[newest first; type more to sort by {filters.sort}]]"
    st.markdown(words, width="content")


def _draw_rows(
    page: Page, filters: Filters, columns: Sequence[str], *, may_choose: bool
) -> list[int]:
    """Draw the table and return the ids of the rows that are selected."""
    if page.rows.empty:
        _draw_nothing(filters)
        return []
    return tables.organizations(
        page.rows,
        key="organizations-all",
        columns=["deleted_at", *columns] if filters.is_deleted else columns,
        selectable=may_choose,
        opens=not filters.is_deleted,
    )


def _draw_nothing(filters: Filters) -> None:
    if filters == Filters(is_deleted=True, sort=filters.sort, size=filters.size):
        head, what_next = "Nothing is deleted", "What is deleted can be restored here for 30 days."
    else:
        head = "No organization fits"
        what_next = (
            "Type less or take a filter away; the first one comes by Create New Organization."
        )
    empty_state("search_off", head, what_next)
