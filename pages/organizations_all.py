"""All organizations, for staff: one filter line, the table, and a link that carries the view."""

from collections.abc import Callable
from typing import Any, Final

import streamlit as st

from core import db, onboarding, org_tables
from core.models import Stage
from core.org_tables import Page, Place, Turn
from core.org_views import FEW, SIZES, Sort, View
from core.permissions import Action, Actor, Rights
from pages import organizations_dialogs, ui
from pages.ui import cards, tables

SHOWN: Final = (
    *("public_id", "stage", "member_count", "owners", "pending", "profile", "rep", "created_at"),
)
_PLACE: Final = "page"


def draw(actor: Actor, rights: Rights) -> None:
    """Draw one page of the organizations that the address asks for."""
    with db.read() as session:
        reps = onboarding.list_reps(session)
    view = _ask_view(reps)
    with db.read() as session:
        page = org_tables.table(session, actor, view, _place())

    line = cards.row(key="organizations-line")
    may_flag = Action.MOVE_STAGES in rights
    if page.rows.empty:
        cards.empty("search_off", "No organization fits", "Type less, or take a filter away.")
        chosen = []
    else:
        chosen = tables.organizations(
            page.rows, key="organizations-all", columns=SHOWN, selectable=may_flag
        )
        _draw_turns(page)
    with line:
        _draw_line(page, view, len(chosen))
        if chosen:
            organizations_dialogs.offer_flag(actor, chosen, reps)
        if Action.RESTORE in rights:
            st.space("stretch")
            organizations_dialogs.offer_restore(actor)


def _ask_view(reps: dict[int, str]) -> View:
    """Draw the filter line and return what it says; every choice stands in the address."""
    with cards.row(key="organizations-filter"):
        hint = "Name, ID or website"
        words = _ask(st.text_input, "q", hint, type="search", live=True, width=230)
        stages = _ask(st.pills, "stage", "Stage", list(Stage), selection_mode="multi", wrap=False)
        st.space("stretch")
        rep_id = _ask(
            st.selectbox,
            "rep",
            "Sales rep",
            list(reps),
            index=None,
            format_func=reps.get,
            width=150,
        )
        sort = _ask(st.selectbox, "sort", "Sort", list(Sort), icon=":material/sort:", width=180)
        size = _ask(st.selectbox, "rows", "Rows", SIZES, index=1, width=75)
    return View(words, tuple(stages), rep_id, Sort(sort), size)


def _ask(widget: Callable[..., Any], key: str, label: str, *choices: Any, **options: Any) -> Any:
    """Draw a choice of the filter line; its key is what the address calls it."""
    if widget is not st.pills:
        options["placeholder"] = label
    return widget(
        label,
        *choices,
        key=key,
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


def _draw_turns(page: Page) -> None:
    """Draw the four ways to other pages; a page lies beside a row, which stands in the address."""
    first, last = page.rows["public_id"].iloc[0], page.rows["public_id"].iloc[-1]
    turns = (
        ("First", "first_page", Place(), page.has_before),
        ("Previous", "chevron_left", Place(Turn.BEFORE, first), page.has_before),
        ("Next", "chevron_right", Place(Turn.AFTER, last), page.has_after),
        ("Last", "last_page", Place(Turn.LAST), page.has_after),
    )
    with cards.row(key="organizations-turns", horizontal_alignment="right"):
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
    st.query_params[_PLACE] = f"{place.turn}.{place.beside}" if place.beside else str(place.turn)


def _to_start() -> None:
    st.query_params.pop(_PLACE, None)
