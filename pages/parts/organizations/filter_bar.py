"""Filters, order, columns and pagination of the organizations table, kept in the web address."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.access.permissions import Action, Rights
from core.base import clock, parameters
from core.models import Stage
from core.organizations.filters import PAGE_SIZES, Activity, Filters, Members, Profile, Sort
from core.organizations.table import Cursor, Direction, Page
from pages import ui
from pages.ui import badges, elements
from pages.ui.url_choices import choose, validate_address

COLUMNS: Final = {
    "public_id": "Organization ID",
    "stage": "Stage",
    "member_count": "Members",
    "owners": "Owners",
    "pending": "Pending",
    "profile": "Profile",
    "rep": "Sales rep",
    "last_active_at": "Active",
    "created_at": "Created",
}
"""Columns that can be shown beside the name, with their titles."""
_DEFAULT_COLUMNS: Final = (
    "public_id",
    "stage",
    "member_count",
    "rep",
    "last_active_at",
    "created_at",
)
"""Columns that fit beside the name on a small desktop."""

_CURSOR: Final = "at"
_COLUMNS: Final = "columns"
_FILTERS: Final = "filters"
_LABEL: Final = "filters-label"
_REP: Final = "organizations-rep"
_IN_POPOVER: Final = (*("rep", "from", "to", "members", "activity", "profile", "deleted"),)
_ACTIVITY: Final = (
    "When one of its members last used Orgdesk. **Active**: in the last 7 days · **recent**: 7 to "
    "30 days ago · **fading**: 30 to 90 days ago · **quiet**: longer ago, or never since it began."
)


def draw_filters(
    reps: dict[int, str],
    first_day: date,
    rights: Rights,
    filter_row: DeltaGenerator,
    pagination: DeltaGenerator,
) -> Filters:
    """Draw the filters and the page size; the web address keeps every choice."""
    validate_address(Filters.from_query)
    with filter_row:
        hint = "Name, ID or website"
        words = _field(st.text_input, "q", hint, type="search", live=True, width=210)
        stages = _stages()
        st.space("stretch")
        more = _more_filters(reps, first_day, rights)
    with pagination:
        st.markdown(ui.quiet("Rows"), width="content")
        size = _field(st.selectbox, "rows", "Rows", PAGE_SIZES, index=1, width=75)
        st.space("stretch")
    return Filters(words=words, stages=tuple(stages), size=size, **more)


def draw_sort() -> Sort:
    """Draw the field for the order and return it."""
    return Sort(_field(st.selectbox, "sort", "Sort", list(Sort), icon=":material/sort:", width=160))


def draw_columns() -> list[str]:
    """Draw the field for the columns, and return them in the order of the table."""
    popover = st.popover(
        "Columns",
        icon=":material/view_column:",
        type="tertiary",
        key="choose-columns",
        on_change="rerun",
    )
    if not (popover.open or _COLUMNS in st.query_params):
        return list(_DEFAULT_COLUMNS)
    with popover:
        chosen = st.multiselect(
            "Beside the name",
            list(COLUMNS.values()),
            default=[COLUMNS[column] for column in _DEFAULT_COLUMNS],
            key=_COLUMNS,
            bind="query-params",
        )
    return [column for column, name in COLUMNS.items() if name in chosen]


def draw_pagination(page: Page) -> None:
    """Draw the buttons to other pages; the web address names the row that a page adjoins."""
    public_ids = page.rows["public_id"].tolist() or [""]
    cursors = (
        ("First", "first_page", Cursor(), page.has_before),
        ("Previous", "chevron_left", Cursor(Direction.BEFORE, public_ids[0]), page.has_before),
        ("Next", "chevron_right", Cursor(Direction.AFTER, public_ids[-1]), page.has_after),
        ("Last", "last_page", Cursor(Direction.LAST), page.has_after),
    )
    for label, icon, cursor, is_available in cursors:
        st.button(
            label,
            icon=f":material/{icon}:",
            icon_position="right"
            if cursor.direction in {Direction.AFTER, Direction.LAST}
            else "left",
            type="tertiary",
            disabled=not is_available,
            key=f"organizations-{cursor.direction}",
            on_click=_go_to,
            args=(cursor,),
        )


def read_cursor() -> Cursor:
    """Return the location in the web address, or the first page if there is no valid one."""
    direction, _, public_id = st.query_params.get(_CURSOR, "").partition(".")
    if direction not in list(Direction):
        return Cursor()
    return Cursor(Direction(direction), public_id)


def _more_filters(reps: dict[int, str], first_day: date, rights: Rights) -> dict[str, Any]:
    """Draw the less common filters in a popover, whose button says how many are set.

    They are only drawn while it is open or one of them is set: that makes other clicks faster.
    """
    number = sum(name in st.query_params for name in _IN_POPOVER)
    if not st.session_state.get(_FILTERS):  # a new label would close it
        st.session_state[_LABEL] = f"Filters · {number}" if number else "Filters"
    label = st.session_state[_LABEL]
    popover = st.popover(label, icon=":material/tune:", key=_FILTERS, on_change="rerun")
    if not (popover.open or number):
        return {}
    with popover:
        more: dict[str, Any] = {"rep_id": _rep(reps)}
        with elements.row():
            more["created_from"] = _date("from", "Created from", first_day)
            more["created_to"] = _date("to", "Created to", first_day)
        more["members"] = _select("members", "Members", list(Members))
        more["activity"] = _select("activity", "Activity", list(Activity), help=_ACTIVITY)
        more["profile"] = _select("profile", "Profile", list(Profile))
        if Action.RESTORE in rights:
            more["is_deleted"] = _field(
                *(st.toggle, "deleted", "Only deleted ones"), label_visibility="visible"
            )
        st.button(
            "Take all filters away",
            type="tertiary",
            icon=":material/filter_alt_off:",
            key="clear-filters",
            disabled=not number,
            on_click=_clear,
        )
    return more


def _select(key: str, label: str, choices: Sequence[Any], **options: Any) -> Any:
    return _field(
        *(st.selectbox, key, label, choices),
        index=None,
        placeholder="Any",
        label_visibility="visible",
        **options,
    )


def _rep(reps: dict[int, str]) -> int | None:
    chosen = choose(
        *("organizations", st.selectbox, "rep", "Sales rep", reps),
        placeholder="Any",
        index=None,
        label_visibility="visible",
        on_change=_go_to_first,
    )
    return int(chosen) if chosen else None


def _date(key: str, label: str, first_day: date) -> Any:
    """Draw a date from the first organization until today; one in the address widens that."""
    requested = [parameters.day(day) for day in st.query_params.get_all(key)]
    return _field(
        *(st.date_input, key, label),
        value=None,
        min_value=min([first_day, *requested]),
        max_value=max([clock.now().date(), *requested]),
        format="YYYY-MM-DD",
        label_visibility="visible",
        width=130,
    )


def _stages() -> tuple[Stage, ...]:
    """Draw the stages as pills and update the address; bound pills cannot read icons from it."""
    if "stages" not in st.session_state:
        selected = st.query_params.get_all("stage")
        st.session_state["stages"] = [stage for stage in Stage if stage in selected]
    chosen = st.pills(
        "Stage",
        list(Stage),
        selection_mode="multi",
        format_func=badges.label,
        wrap=False,
        key="stages",
        persist_state="session",
        label_visibility="collapsed",
        on_change=_go_to_first,
    )
    if chosen != st.query_params.get_all("stage"):
        st.query_params["stage"] = [str(stage) for stage in chosen]
    return tuple(chosen)


def _field(widget: Callable[..., Any], key: str, label: str, *choices: Any, **options: Any) -> Any:
    """Draw a field that is bound to the query parameter of its key."""
    defaults = {"label_visibility": "collapsed"}
    if widget in {st.text_input, st.selectbox}:
        defaults["placeholder"] = label
    return widget(
        label, *choices, key=key, bind="query-params", on_change=_go_to_first, **defaults | options
    )


def _go_to(cursor: Cursor) -> None:
    _go_to_first()
    if cursor.direction is not Direction.FIRST:
        st.query_params[_CURSOR] = f"{cursor.direction}.{cursor.public_id}".removesuffix(".")


def _clear() -> None:
    """Clear the filters in the popover."""
    for name in _IN_POPOVER:
        key = _REP if name == "rep" else name
        st.session_state[key] = False if name == "deleted" else None
    _go_to_first()


def _go_to_first() -> None:
    st.query_params.pop(_CURSOR, None)
