"""All organizations, for staff: one filter line, the table, and a link that carries the view."""

from collections.abc import Callable
from typing import Any, Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import db, onboarding, org_tables
from core.models import Stage
from core.org_tables import Page, Place, Turn
from core.org_views import FEW, SIZES, Sort, View
from core.permissions import Action, Actor, Rights
from pages import organizations_dialogs, ui
from pages.ui import badges, cards, tables

SHOWN: Final = (
    *("public_id", "stage", "member_count", "owners", "pending", "profile", "rep", "created_at"),
)
_PLACE: Final = "at"


def draw(actor: Actor, rights: Rights) -> None:
    """Draw one page of the organizations that the address asks for."""
    with db.read() as session:
        reps = onboarding.list_reps(session)
    filters, line = cards.row(key="organizations-filter"), cards.row(key="organizations-line")
    place, turns = st.container(), cards.row(key="organizations-turns")
    view = _ask_view(reps, filters, turns)
    with db.read() as session:
        page = org_tables.table(session, actor, view, _place())

    with place:
        chosen = _draw_rows(page, selectable=Action.MOVE_STAGES in rights)
    with turns:
        _draw_turns(page)
    with line:
        _draw_line(page, view, len(chosen))
        if chosen:
            organizations_dialogs.offer_flag(actor, chosen, reps)
        if Action.RESTORE in rights:
            st.space("stretch")
            organizations_dialogs.offer_restore(actor)


def _ask_view(reps: dict[int, str], filters: DeltaGenerator, turns: DeltaGenerator) -> View:
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


def _draw_line(page: Page, view: View, chosen: int) -> None:
    many = f"{FEW:,}+ organizations" if page.total > FEW else ui.count(page.total, "organization")
    words = f"**{chosen:,} selected** of {many}" if chosen else f"**{many}**"
    if page.sort is not view.sort:
        words += f" :small[:gray[newest first; type more to sort by {view.sort}]]"
    st.markdown(words, width="content")


def _draw_rows(page: Page, *, selectable: bool) -> list[int]:
    """Draw the table and return the ids of the rows that are selected."""
    if page.rows.empty:
        cards.empty("search_off", "No organization fits", "Type less, or take a filter away.")
        return []
    return tables.organizations(
        page.rows, key="organizations-all", columns=SHOWN, selectable=selectable
    )


def _draw_turns(page: Page) -> None:
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


def _place() -> Place:
    """Return the place in the address, the first page when it says nothing that makes sense."""
    turn, _, beside = st.query_params.get(_PLACE, "").partition(".")
    return Place(Turn(turn), beside) if turn in list(Turn) else Place()


def _turn(place: Place) -> None:
    _to_start()
    if place.turn is not Turn.FIRST:
        st.query_params[_PLACE] = f"{place.turn}.{place.beside}".removesuffix(".")


def _to_start() -> None:
    st.query_params.pop(_PLACE, None)
