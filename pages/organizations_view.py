"""The view of all organizations: chosen on the page, kept in the address, so that a link has it."""

from collections.abc import Callable
from typing import Any, Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.models import Stage
from core.org_tables import Page, Place, Turn
from core.org_views import SIZES, Sort, View
from pages import ui
from pages.ui import badges

_PLACE: Final = "at"


def ask(reps: dict[int, str], filters: DeltaGenerator, turns: DeltaGenerator) -> View:
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
        sort = _ask(st.selectbox, "sort", "Sort", list(Sort), width=150)
    with turns:
        st.markdown(ui.quiet("Rows"), width="content")
        size = _ask(st.selectbox, "rows", "Rows", SIZES, index=1, width=75)
        st.space("stretch")
    return View(words, tuple(stages), rep_id, Sort(sort), size)


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
    """Draw a choice of the filter line; its key is what the address calls it."""
    return widget(
        label,
        *choices,
        key=key,
        placeholder=label,
        bind="query-params",
        label_visibility="collapsed",
        on_change=_to_start,
        **options,
    )


def _turn(place: Place) -> None:
    _to_start()
    if place.turn is not Turn.FIRST:
        st.query_params[_PLACE] = f"{place.turn}.{place.beside}".removesuffix(".")


def _to_start() -> None:
    st.query_params.pop(_PLACE, None)
