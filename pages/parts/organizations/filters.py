"""The view of all organizations: chosen on the page, kept in the address, so that a link has it."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.access.permissions import Action, Rights
from core.models import Stage
from core.organizations.org_views import SIZES, Activity, Members, Profile, Sort, View
from core.organizations.table import Page, Place, Turn
from pages import ui
from pages.ui import badges, elements
from pages.ui.url_choices import choose

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
"""What can be shown beside the name, and what it is called."""
_AT_FIRST: Final = ("public_id", "stage", "member_count", "rep", "last_active_at", "created_at")
"""What fits beside the name on a small desktop."""

_PLACE: Final = "at"
_COLUMNS: Final = "columns"
_FILTERS: Final = "filters"
_LABEL: Final = "filters-label"
_REP: Final = "organizations-rep"
_BEHIND_THE_BUTTON: Final = (*("rep", "from", "to", "members", "activity", "profile", "deleted"),)
_ACTIVITY: Final = (
    "When one of its members last used Orgdesk. **Active**: in the last 7 days · **recent**: 7 to "
    "30 days ago · **fading**: 30 to 90 days ago · **quiet**: longer ago, or never since it began."
)


def ask(
    reps: dict[int, str], rights: Rights, filters: DeltaGenerator, turns: DeltaGenerator
) -> View:
    """Draw what narrows the table and cuts it into pages; every choice stands in the address."""
    with filters:
        hint = "Name, ID or website"
        words = _ask(st.text_input, "q", hint, type="search", live=True, width=210)
        stages = _ask_stages()
        st.space("stretch")
        more = _ask_more(reps, rights)
    with turns:
        st.markdown(ui.quiet("Rows"), width="content")
        size = _ask(st.selectbox, "rows", "Rows", SIZES, index=1, width=75)
        st.space("stretch")
    return View(words=words, stages=tuple(stages), size=size, **more)


def ask_sort() -> Sort:
    """Draw the choice of an order."""
    return Sort(_ask(st.selectbox, "sort", "Sort", list(Sort), icon=":material/sort:", width=160))


def ask_columns() -> list[str]:
    """Draw the choice of columns, and return those to be shown, in their own order."""
    place = st.popover(
        "Columns",
        icon=":material/view_column:",
        type="tertiary",
        key="choose-columns",
        on_change="rerun",
    )
    if not (place.open or _COLUMNS in st.query_params):
        return list(_AT_FIRST)
    with place:
        chosen = st.multiselect(
            "Beside the name",
            list(COLUMNS.values()),
            default=[COLUMNS[column] for column in _AT_FIRST],
            key=_COLUMNS,
            bind="query-params",
        )
    return [column for column, name in COLUMNS.items() if name in chosen]


def draw_turns(page: Page) -> None:
    """Draw the four ways to other pages; a page lies beside a row, which stands in the address."""
    shown = page.rows["public_id"].tolist() or [""]
    turns = (
        ("First", "first_page", Place(), page.has_before),
        ("Previous", "chevron_left", Place(Turn.BEFORE, shown[0]), page.has_before),
        ("Next", "chevron_right", Place(Turn.AFTER, shown[-1]), page.has_after),
        ("Last", "last_page", Place(Turn.LAST), page.has_after),
    )
    for label, icon, place, is_open in turns:
        st.button(
            label,
            icon=f":material/{icon}:",
            icon_position="right" if place.turn in {Turn.AFTER, Turn.LAST} else "left",
            type="tertiary",
            disabled=not is_open,
            key=f"organizations-{place.turn}",
            on_click=_turn,
            args=(place,),
        )


def find_place() -> Place:
    """Return the place in the address, the first page when it says nothing that makes sense."""
    turn, _, beside = st.query_params.get(_PLACE, "").partition(".")
    return Place(Turn(turn), beside) if turn in list(Turn) else Place()


def _ask_more(reps: dict[int, str], rights: Rights) -> dict[str, Any]:
    """Draw the filters that are needed less often, behind a button that says how many are set.

    They are there while the button is open, or one of them is set: a click on something else on
    the page is faster without them.
    """
    number = sum(name in st.query_params for name in _BEHIND_THE_BUTTON)
    if not st.session_state.get(_FILTERS):  # under another name it would close
        st.session_state[_LABEL] = f"Filters · {number}" if number else "Filters"
    label = st.session_state[_LABEL]
    place = st.popover(label, icon=":material/tune:", key=_FILTERS, on_change="rerun")
    if not (place.open or number):
        return {}
    with place:
        more: dict[str, Any] = {"rep_id": _ask_rep(reps)}
        with elements.row():
            more["created_from"] = _ask_day("from", "Created from")
            more["created_to"] = _ask_day("to", "Created to")
        more["members"] = _ask_one("members", "Members", list(Members))
        more["activity"] = _ask_one("activity", "Activity", list(Activity), help=_ACTIVITY)
        more["profile"] = _ask_one("profile", "Profile", list(Profile))
        if Action.RESTORE in rights:
            more["is_deleted"] = _ask(
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


def _ask_one(key: str, label: str, choices: Sequence[Any], **options: Any) -> Any:
    return _ask(
        *(st.selectbox, key, label, choices),
        index=None,
        placeholder="Any",
        label_visibility="visible",
        **options,
    )


def _ask_rep(reps: dict[int, str]) -> int | None:
    chosen = choose(
        *("organizations", st.selectbox, "rep", "Sales rep", reps),
        placeholder="Any",
        index=None,
        label_visibility="visible",
        on_change=_to_start,
    )
    return int(chosen) if chosen else None


def _ask_day(key: str, label: str) -> Any:
    shown = {"format": "YYYY-MM-DD", "label_visibility": "visible", "width": 130}
    return _ask(st.date_input, key, label, value=None, **shown)


def _ask_stages() -> tuple[Stage, ...]:
    """Draw the stages as pills, and keep the address: bound pills cannot read icons from it."""
    if "stages" not in st.session_state:
        asked = st.query_params.get_all("stage")
        st.session_state["stages"] = [stage for stage in Stage if stage in asked]
    chosen = st.pills(
        "Stage",
        list(Stage),
        selection_mode="multi",
        format_func=badges.label,
        wrap=False,
        key="stages",
        persist_state="session",
        label_visibility="collapsed",
        on_change=_to_start,
    )
    if chosen != st.query_params.get_all("stage"):
        st.query_params["stage"] = [str(stage) for stage in chosen]
    return tuple(chosen)


def _ask(widget: Callable[..., Any], key: str, label: str, *choices: Any, **options: Any) -> Any:
    """Draw a choice; its key is what the address calls it."""
    shown = {"label_visibility": "collapsed"}
    if widget in {st.text_input, st.selectbox}:
        shown["placeholder"] = label
    return widget(
        label, *choices, key=key, bind="query-params", on_change=_to_start, **shown | options
    )


def _turn(place: Place) -> None:
    _to_start()
    if place.turn is not Turn.FIRST:
        st.query_params[_PLACE] = f"{place.turn}.{place.beside}".removesuffix(".")


def _clear() -> None:
    """Take away what is set behind the button."""
    for name in _BEHIND_THE_BUTTON:
        key = _REP if name == "rep" else name
        st.session_state[key] = False if name == "deleted" else None
    _to_start()


def _to_start() -> None:
    st.query_params.pop(_PLACE, None)
