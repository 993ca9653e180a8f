"""Organizations, for staff: all of them in a table, or the memberships in those that match."""

from dataclasses import replace
from functools import partial

import streamlit as st

from core.access.permissions import Action, staff_rights
from core.database import db
from core.organizations import statistics, table
from core.organizations.filters import Sort
from core.organizations.statistics import COUNTED
from pages import ui
from pages.parts.members import waiting_invitations
from pages.parts.organizations import (
    bulk_edit,
    bulk_flag,
    create,
    download,
    filter_bar,
    hand_over,
    listing,
    quick_view,
    summary,
)
from pages.parts.runs import progress
from pages.parts.staff import view_picker
from pages.ui import elements

actor = ui.open_signed_in_page("Organizations")
with db.read() as session:
    rights = staff_rights(session, actor)
if Action.VIEW_ALL not in rights:
    ui.run_instead("my_organizations.py")
is_summary = st.query_params.get("view") == "memberships"

# The head: the two views of this page, saved views, and the form for a new organization.
with elements.row(key="organizations-head"):
    st.title("Organizations", anchor=False, width="content")
    filter_bar.draw_views("memberships" if is_summary else "list", rights)
    st.space("stretch")
    view_picker.draw_views(actor, "organizations", rights)
    if Action.IMPORT in rights:
        st.page_link("imports.py", label="Import", icon=":material/upload:")
    create.draw_create(actor)
waiting_invitations.draw(actor)
with st.container(key="organizations-runs"):
    progress.draw(actor)

# The filters. All of them are in the address, so every link is a view and Back restores it.
stages = st.container()
with elements.row(key="organizations-filter"):
    words = elements.search_field(
        "Search name, ID or website", width=260, on_change=filter_bar.turn_to_first_page
    )
    filter_bar.draw_filters(rights)
    st.space("stretch")
    columns = [] if is_summary else listing.draw_columns()
    downloads = elements.row(width="content")
filters = filter_bar.read_filters(words)
filter_bar.draw_chips(filters)
with db.read() as session:
    are_stored = statistics.is_stored(filters)
    counts = statistics.count_by_stage(session, actor, filters) if are_stored else None
with stages:
    filter_bar.draw_stages(filters, counts)

if is_summary:
    # The memberships in what matches: one query, pivoted by pandas, as tables with their bars.
    with db.read() as session:
        groups = statistics.memberships(session, actor, filters)
    by_stage = groups.groupby("stage", observed=False)[COUNTED].sum()
    by_size = groups.pivot_table("organizations", "size", "stage", "sum", observed=False)
    by_size = by_size.rename(index=filter_bar.SIZES)
    by_month = groups.groupby(groups["month"].astype(str))[["organizations"]].sum()
    by_month["running total"] = by_month["organizations"].cumsum()

    save = summary.save(actor, filters=filters)
    ui.summary(by_stage, "Memberships by stage", bars=summary.PEOPLE, has_total=True, save=save)
    title = "Organizations by size and stage"
    ui.summary(by_size, title, bars=summary.STAGES, has_total=True, save=save)
    ui.summary(by_month[::-1], "Created by month", bars=summary.MONTHS, save=save)
else:
    # The table: one page of what matches, from the row on that the address names.
    with db.read() as session:
        page = table.table(session, actor, filters, listing.read_cursor())
    asked = ui.table(
        listing.with_links(page.rows),
        listing.columns(columns, replace(filters, sort=page.sort)),
        key="organizations",
        label="Organizations",
        actions=listing.actions(filters, may_restore=Action.RESTORE in rights),
        bulk=listing.bulk_actions(filters, rights),
        row_action="" if filters.is_deleted else "look",
        focus=quick_view.last_seen(),
        sort=page.sort,
        paging=listing.paging(page, filters),
        scope=replace(filters, sort=Sort.NEWEST),
        empty=listing.describe_nothing(filters),
        watched=page.rows["id"].tolist(),
    )
    with downloads:
        hand_over.draw_button(filters, rights)
        download.draw_menu(filters, page.total, columns)
    download.draw_progress(actor, page.total)

    # What was asked for in the table: each opens a dialog, which saves.
    if asked.action == "look":
        quick_view.open_quick_view(asked.row, listing.list_rows(page, filters))
    elif asked.action == "flag":
        bulk_flag.open_dialog(asked, filters)
    elif asked.action == "edit":
        bulk_edit.open_dialog(asked, filters)
    elif asked.action == "restore":
        ui.open_dialog("restore", dict(asked.record))
    quick_view.draw_quick_view(actor, partial(listing.turn, actor, filters))
    bulk_flag.draw_dialogs(actor)
    bulk_edit.draw_dialog(actor, rights)
    hand_over.draw_dialog(actor)
    ui.draw_dialog("restore", "Restore organization", listing.draw_restore, actor)
