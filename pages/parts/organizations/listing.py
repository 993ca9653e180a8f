"""The table of organizations: its columns, its pages, its actions, and what an empty one says."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import pandas as pd
import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.bulk_edit import fields
from core.database import db
from core.organizations import organizations, table
from core.organizations.filters import DEFAULT_SIZE, PAGE_SIZES, Filters
from core.organizations.queries import MAX_COUNTED
from core.organizations.table import Cursor, Direction, Page
from pages import ui
from pages.parts.organizations import bulk_edit, bulk_flag, worklist
from pages.parts.organizations.filter_bar import CURSOR, turn_to_first_page
from pages.parts.organizations.quick_view import Listed
from pages.ui.column import Column
from pages.ui.url_choices import choose

COLUMNS: Final = {
    "stage": ui.column.stage(sort="time in stage", width=128),
    "member_count": ui.column.number(
        "Members", width=84, sort="members", is_descending=True, prefix="Members "
    ),
    "owners": ui.column.number("Owners", width=76, phone="hide"),
    "pending": ui.column.number("Pending", width=80, phone="hide"),
    "profile": ui.column.meter("Profile", width=100, phone="hide"),
    "rep": ui.column.person("Sales rep", seed="rep_id", width=132),
    "last_active_at": ui.column.moment(
        "Active", width=108, sort="last active", is_descending=True, prefix="Active "
    ),
    "created_at": ui.column.moment(
        "Created",
        width=108,
        sort="newest",
        reverse="oldest",
        is_descending=True,
        phone="hide",
    ),
    "public_id": ui.column.text("ID", width=112, is_code=True, phone="hide"),
}
"""Columns that can be shown beside the name."""
_DEFAULT: Final = tuple(name for name in COLUMNS if name not in {"owners", "pending"})
_LOOK: Final = ui.Action("look", "Quick view", "right_panel_open", shows="icon")
_RESTORE: Final = ui.Action("restore", "Restore", "restore_from_trash", shows="button")


def draw_columns() -> list[str]:
    """Draw the choice of columns and of the page size; return the columns in their order."""
    popover = st.popover(
        "Columns",
        icon=":material/view_column:",
        type="tertiary",
        key="choose-columns",
        on_change="rerun",
    )
    if not (popover.open or "columns" in st.query_params):
        return list(_DEFAULT)
    with popover:
        chosen = st.multiselect(
            "Columns",
            [column.label for column in COLUMNS.values()],
            default=[COLUMNS[name].label for name in _DEFAULT],
            key="columns",
            bind="query-params",
        )
        _draw_page_size()
    return [name for name, column in COLUMNS.items() if column.label in chosen]


def _draw_page_size() -> None:
    choose(
        "organizations",
        st.segmented_control,
        "rows",
        "Rows per page",
        {size: str(size) for size in PAGE_SIZES},
        default=DEFAULT_SIZE,
        required=True,
        label_visibility="visible",
        on_change=turn_to_first_page,
    )


def columns(names: Sequence[str], filters: Filters) -> dict[str, Column]:
    """Return the columns of the table: the name, then those that were chosen."""
    rest = worklist.list_query(filters)
    name = ui.column.link(
        "Name", href="href", seed="public_id", logo="logo", sort="name", rest=rest
    )
    deleted = {"deleted_at": ui.column.moment("Deleted", width=112)} if filters.is_deleted else {}
    return {"name": name, **deleted, **{each: COLUMNS[each] for each in names}}


def with_links(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the column `href`, the address of each organization that is not deleted.

    The address has the position in the list; `worklist.list_query` is the rest of it.
    """
    listed = zip(rows["public_id"].tolist(), rows["deleted_at"], _positions(rows), strict=True)
    href = [
        f"/overview?org={public_id}{position}" if pd.isna(deleted_at) else None
        for public_id, deleted_at, position in listed
    ]
    links = pd.Series(href, index=rows.index, dtype=object)
    return rows.assign(href=links, rep_id=rows["rep_id"].astype("Int64"))


def actions(filters: Filters, *, may_restore: bool) -> list[ui.Action]:
    """Return what can be done with a row."""
    if filters.is_deleted:
        return [_RESTORE] if may_restore else []
    return [_LOOK]


def bulk_actions(filters: Filters, rights: Rights) -> list[ui.Action]:
    """Return what can be done with the rows that are selected."""
    if filters.is_deleted:
        return []
    edit = [bulk_edit.ACTION] if fields.list_editable(rights) else []
    return [*edit, *([bulk_flag.ACTION] if Action.MOVE_STAGES in rights else [])]


def read_cursor() -> Cursor:
    """Return the location in the web address, or the first page if there is no valid one."""
    direction, _, public_id = st.query_params.get(CURSOR, "").partition(".")
    if direction not in list(Direction):
        return Cursor()
    return Cursor(Direction(direction), public_id)


def paging(page: Page, filters: Filters) -> ui.Paging:
    """Return how many rows match, and links to the other pages of the table."""
    ids = page.rows["public_id"].tolist() or [""]
    turns = (
        ui.Turn("First", {CURSOR: ""} if page.has_before else None),
        ui.Turn("← Previous", {CURSOR: f"before.{ids[0]}"} if page.has_before else None),
        ui.Turn("Next →", {CURSOR: f"after.{ids[-1]}"} if page.has_after else None),
        ui.Turn("Last", {CURSOR: "last"} if page.has_after else None),
    )
    is_capped = page.total > MAX_COUNTED
    total = ui.count(page.total, "organization", limit=MAX_COUNTED)
    words = f"{len(page.rows):,} of {total}"
    if page.sort is not filters.sort:
        words += f" · Sorted by newest. Narrow the search to sort by {filters.sort}."
    return ui.Paging(page.total, words, turns, is_capped=is_capped)


def turn(actor: Actor, filters: Filters, direction: Direction, public_id: str) -> list[Listed]:
    """Return the organizations on the page after or before one of them."""
    with db.read() as session:
        page = table.table(session, actor, filters, Cursor(direction, public_id))
    is_there = page.has_before if direction is Direction.AFTER else page.has_after
    return list_rows(page, filters) if is_there else []


def list_rows(page: Page, filters: Filters) -> list[Listed]:
    """Return what the quick view needs of each row of a page."""
    rest = worklist.list_query(replace(filters, sort=page.sort))
    ids, public_ids = page.rows["id"].tolist(), page.rows["public_id"].tolist()
    rows = zip(ids, public_ids, _positions(page.rows), strict=True)
    return [Listed(org_id, public_id, position + rest) for org_id, public_id, position in rows]


def _positions(rows: pd.DataFrame) -> list[str]:
    keys = zip(rows["key"].tolist(), rows["id"].tolist(), strict=True)
    return [worklist.position_query(*key) for key in keys]


def draw_restore(actor: Actor, row: Mapping[str, Any]) -> None:
    """Draw the form that restores a deleted organization, a row of the table."""
    st.markdown(
        f"**{ui.esc(row['name'])}** becomes available again to all of its members who still have "
        "an account."
    )
    with ui.form("restore") as form:
        pressed = form.submit("Restore")
    if pressed:
        form.save(f"{row['name']} restored", organizations.restore, actor, int(row["id"]))


def describe_nothing(filters: Filters) -> tuple[str, str]:
    """Return what an empty table says: why it is empty, and what to do next."""
    if filters.is_empty:
        return "No organizations yet", "Create the first one."
    if replace(filters, is_deleted=False).is_empty:
        return "No deleted organizations", "Deleted organizations can be restored for 30 days."
    if filters.is_narrowed:
        return "No organizations match", "Change the search or clear the filters."
    return "No organizations match", "Search for the beginning of a name, an ID or a website."
