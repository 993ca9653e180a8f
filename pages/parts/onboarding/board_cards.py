"""The columns of the board and their cards: what each organization is at, and its next move."""

from typing import Final, Literal

import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.onboarding import onboarding, working_days
from core.onboarding.board import MOST, Board, Card, Shelf
from core.onboarding.board_queries import Column
from core.onboarding.gates import FORWARD
from pages import ui
from pages.parts.onboarding import board_filters
from pages.ui import badges, cards
from pages.ui.forms import Form

_NEXT: Final = ":material/arrow_forward: Move to {}"
DIALOGS: Final = {
    "flag": ":material/flag: Flag for onboarding",
    "override": ":material/gavel: Override",
    "plan": ":material/edit_calendar: Plan",
    "snooze": ":material/snooze: Snooze",
    "withdraw": ":material/undo: Withdraw",
}
"""What opens a dialog about a card, and what it is called in the menu."""
_NAMES: Final = {Column.ASKED: "hands raised"}
_LONG: Final = 24
"""Characters that a card may have to cut."""
_ICONS: Final = {Column.ASKED: ":material/front_hand:"}
_EMPTY: Final = {
    Column.ASKED: "Nobody asks for onboarding now.",
    Column.ONBOARDING: "Flag organizations on the Organizations page.",
    Column.PREPRODUCTION: "Nothing has passed the gate of onboarding.",
    Column.PRODUCTION: "Nothing is live yet.",
}


def draw(actor: Actor, shown: Board, rights: Rights) -> None:
    """Draw the columns side by side; on a phone one of them, chosen above."""
    columns = list(shown.shelves)
    here = _choose_column(shown)
    with st.container(key="board-columns"):
        for place, column in zip(st.columns(len(columns), gap="small"), columns, strict=True):
            key = "board-here" if column is here else f"board-{column}"
            with place, st.container(key=key, gap="xsmall"):
                _draw_shelf(actor, column, shown.shelves[column], rights)


def _choose_column(shown: Board) -> Column:
    """Draw the choice of a column, which is seen on a phone only."""
    columns = list(shown.shelves)
    with st.container(key="board-choice"):
        chosen: Column = st.segmented_control(
            "Column",
            columns,
            default=Column.ONBOARDING,
            required=True,
            format_func=lambda column: f"{_name(column)} {_total(shown.shelves[column])}",
            label_visibility="collapsed",
            key=f"board-column-{len(columns)}",
        )
    return chosen


def _draw_shelf(actor: Actor, column: Column, shelf: Shelf, rights: Rights) -> None:
    if column is Column.ASKED:
        head = f":gray-badge[{_ICONS[column]} {_name(column)}]"
    else:
        head = badges.inline(column.stage)
    st.markdown(f"{head} **{_total(shelf)}**")
    for card in shelf.cards:
        _draw_card(actor, column, card, rights)
    if not shelf.cards:
        st.markdown(ui.quiet(_EMPTY[column]))
    elif shelf.rest and len(shelf.cards) < MOST:
        st.button(
            "Show more",
            key=f"board-more-{column}",
            type="tertiary",
            icon=":material/expand_more:",
            on_click=board_filters.show_more,
            args=(column,),
        )
    elif shelf.rest:
        st.markdown(ui.quiet("Search or filter to see the others."))


def _draw_card(actor: Actor, column: Column, card: Card, rights: Rights) -> None:
    org = card.org
    with st.container(border=True, gap="xxsmall", key=f"card-{org.id}"):
        draw_name(card)
        if column is Column.ASKED:
            st.markdown(f":small[{ui.esc(org.request_note or 'No note.')}]")
        elif org.next_step:
            whole = ui.esc(org.next_step) if len(org.next_step) > _LONG else None
            st.markdown(f":small[{ui.esc(org.next_step)}]", wrap=False, help=whole)
        with cards.row(wrap=False):
            st.markdown(_rep(card), width="stretch", wrap=False)
            if org.next_step_on is not None:
                is_late = org.next_step_on < working_days.today()
                due = f":material/event: {org.next_step_on:%-d %b}"
                st.markdown(f":small[:{'red' if is_late else 'gray'}[{due}]]", width="content")
        _draw_state(actor, column, card, rights)


def draw_name(card: Card, *, width: Literal["stretch", "content"] = "stretch") -> None:
    """Draw the face and the name of an organization, which open its page of onboarding."""
    org = card.org
    st.page_link(
        "onboarding.py",
        label=f"![]({cards.face_url(org.name, org.public_id, org.logo)}) **{ui.esc(org.name)}**",
        width=width,
        query_params={"org": org.public_id},
        help=ui.esc(org.name) if len(org.name) > _LONG else None,
    )


def _rep(card: Card) -> str:
    if card.rep is None or card.org.rep_id is None:
        return ui.quiet("no sales rep")
    return f"![]({cards.face_url(card.rep, card.org.rep_id)}) {ui.quiet(ui.esc(card.rep))}"


def _draw_state(actor: Actor, column: Column, card: Card, rights: Rights) -> None:
    """Draw how long it is here, what it lacks, and the menu of moves; refusals stand below."""
    moving = ui.fields(f"card-{card.org.id}")
    with cards.row(wrap=False):
        st.markdown(_state(column, card), width="stretch", help=_missing(card))
        chosen = None
        if Action.MOVE_STAGES in rights:
            options, key = _options(column, card, rights), f"card-menu-{card.org.id}"
            chosen = st.menu_button("Move", options, type="tertiary", key=key)
    moving.foot()
    if chosen is not None:
        _do(actor, card, chosen, moving)


def _state(column: Column, card: Card) -> str:
    if column is Column.ASKED and card.org.requested_at is not None:
        days, color = working_days.since(card.org.requested_at), "gray"
        return f":small[:gray[waits {ui.count(days, 'day')}]]"
    days, color = card.days, "orange" if card.why_stuck else "gray"
    lacks = f"  :orange[:material/error: {len(card.missing)}]" if card.missing else ""
    return f":small[:{color}[{ui.count(days, 'day')}]{lacks}]"


def _missing(card: Card) -> str:
    """Return what can be read at the card: that days are working days, and what is missing."""
    entered = (
        f"In {card.org.stage} since {ui.day(card.org.stage_entered_at)}; days are working days."
    )
    lacks = "".join(f"\n- {check.lack}" for check in card.missing)
    return entered + (f"\n\nMissing for {FORWARD[card.org.stage]}:{lacks}" if lacks else "")


def _do(actor: Actor, card: Card, chosen: str, moving: Form) -> None:
    """Move a card on at once, or open the dialog about it that was chosen."""
    org = card.org
    for shown, to in FORWARD.items():
        if chosen == _NEXT.format(to):  # what was chosen was shown, whatever the card is by now
            told = f"{org.name} is in {to}."
            moving.save(told, onboarding.move, actor, org.id, to, shown=shown)
            return
    dialog = next(name for name, label in DIALOGS.items() if label == chosen)
    ui.open_dialog(f"card-{dialog}", org.id)


def _options(column: Column, card: Card, rights: Rights) -> list[str]:
    if column is Column.ASKED:
        return [DIALOGS["flag"]]
    to = FORWARD.get(card.org.stage)
    options = [_NEXT.format(to)] if to else []
    if card.missing and Action.OVERRIDE_GATE in rights:
        options.append(DIALOGS["override"])
    if column is not Column.PRODUCTION:
        options += [DIALOGS["plan"], DIALOGS["snooze"]]
    return [*options, DIALOGS["withdraw"]]


def _name(column: Column) -> str:
    return _NAMES.get(column, str(column))


def _total(shelf: Shelf) -> str:
    return f"{shelf.total:,}{'+' if shelf.is_capped else ''}"
