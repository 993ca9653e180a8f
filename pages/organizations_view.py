"""The view of all organizations: chosen on the page, kept in the address, so that a link has it."""

from collections.abc import Callable
from typing import Any, Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.models import Stage
from core.org_tables import Page, Place, Turn
from core.org_views import SIZES, Members, Profile, Sort, View
from core.permissions import Action, Rights
from pages import ui
from pages.ui import badges

COLUMNS: Final = {
    "public_id": "Organization ID",
    "stage": "Stage",
    "member_count": "Members",
    "owners": "Owners",
    "pending": "Pending",
    "profile": "Profile",
    "rep": "Sales rep",
    "created_at": "Created",
}
"""What can be shown beside the name, and what it is called."""

_PLACE: Final = "at"
_BEHIND_THE_BUTTON: Final = ("from", "to", "members", "profile", "deleted")


def ask(
    reps: dict[int, str], rights: Rights, filters: DeltaGenerator, turns: DeltaGenerator
) -> View:
    """Draw what narrows, sorts and cuts the table; every choice stands in the address."""
    with filters:
        hint = "Name, ID or website"
        words = _ask(st.text_input, "q", hint, type="search", live=True, width=210)
        stages = _ask_stages()
        st.space("stretch")
        rep_id = _ask(
            *(st.selectbox, "rep", "Sales rep", list(reps)),
            index=None,
            format_func=reps.get,
            width=150,
        )
        more = _ask_more(rights)
        sort = _ask(st.selectbox, "sort", "Sort", list(Sort), width=150)
    with turns:
        st.markdown(ui.quiet("Rows"), width="content")
        size = _ask(st.selectbox, "rows", "Rows", SIZES, index=1, width=75)
        st.space("stretch")
    return View(words, tuple(stages), rep_id, Sort(sort), size, **more)


def ask_columns() -> list[str]:
    """Draw the choice of columns, and return those to be shown, in their own order."""
    names = list(COLUMNS.values())
    with st.popover(
        "Columns", icon=":material/view_column:", type="tertiary", key="choose-columns"
    ):
        chosen = st.multiselect(
            "Beside the name", names, default=names, key="columns", bind="query-params"
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


def _ask_more(rights: Rights) -> dict[str, Any]:
    """Draw the filters that are needed less often, behind a button that says how many are set."""
    number = sum(name in st.query_params for name in _BEHIND_THE_BUTTON)
    seen: dict[str, Any] = {"label_visibility": "visible"}
    with st.popover(f"Filters · {number}" if number else "Filters", icon=":material/tune:"):
        more = {
            "created_from": _ask(st.date_input, "from", "Created from", value=None, **seen),
            "created_to": _ask(st.date_input, "to", "Created to", value=None, **seen),
            "members": _ask(st.selectbox, "members", "Members", list(Members), index=None, **seen),
            "profile": _ask(st.selectbox, "profile", "Profile", list(Profile), index=None, **seen),
        }
        if Action.RESTORE in rights:
            more["is_deleted"] = _ask(st.toggle, "deleted", "Only deleted ones", **seen)
    return more


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


def _to_start() -> None:
    st.query_params.pop(_PLACE, None)
