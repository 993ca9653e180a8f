"""Drawing the board: its columns, the cards with their menus and dialogs, and the stuck list."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Literal

import streamlit as st

from core.access.permissions import Action, Actor, Rights, access
from core.database import db
from core.models import Organization, Stage
from core.onboarding import onboarding, stages, working_days
from core.onboarding.board import MAX_CARDS, Board, Card, CardList
from core.onboarding.board_queries import Column
from core.onboarding.stages import FORWARD
from pages import ui
from pages.parts.onboarding import board_filters, forms
from pages.ui import badges, elements

_MOVE_LABEL: Final = ":material/arrow_forward: Move to {}"
DIALOGS: Final = {
    "flag": ":material/flag: Flag for onboarding",
    "override": ":material/gavel: Override",
    "plan": ":material/edit_calendar: Plan",
    "snooze": ":material/snooze: Snooze",
    "withdraw": ":material/undo: Withdraw",
}
"""The dialogs about a card, with their labels in its menu."""
_COLUMN_LABELS: Final = {Column.REQUESTED: "Requests"}
_MAX_UNCUT: Final = 24
"""Characters that fit on a card; longer texts have a tooltip."""
_REQUEST_ICON: Final = ":material/front_hand:"
_EMPTY: Final = {
    Column.REQUESTED: "No open requests",
    Column.ONBOARDING: "Nothing in onboarding. Flag organizations to start.",
    Column.PREPRODUCTION: "Nothing in preproduction yet",
    Column.PRODUCTION: "Nothing in production yet",
}
_SNOOZE_DAYS: Final = {"Tomorrow": 1, "In 3 days": 3, "In a week": 7, "In two weeks": 14}
_PICK_DATE: Final = "Pick a date …"


def draw_columns(board: Board, rights: Rights, *, is_filtered: bool) -> None:
    """Draw the columns side by side, or on a phone the selected one.

    With `is_filtered`, an empty column says that nothing matches.
    """
    columns = list(board.columns)
    selected = _select_column(board)
    with st.container(key="board-columns"):
        for cell, column in zip(st.columns(len(columns), gap="small"), columns, strict=True):
            key = "board-here" if column is selected else f"board-{column}"
            with cell, st.container(key=key, gap="xsmall"):
                _draw_column(column, board.columns[column], rights, is_filtered=is_filtered)


def _select_column(board: Board) -> Column:
    """Draw the selection of a column, which only phones display."""
    columns = list(board.columns)
    with st.container(key="board-choice"):
        chosen: Column = st.segmented_control(
            "Column",
            columns,
            default=Column.ONBOARDING,
            required=True,
            format_func=lambda column: f"{_label(column)} {_total(board.columns[column])}",
            label_visibility="collapsed",
            key=f"board-column-{len(columns)}",
        )
    return chosen


def _draw_column(
    column: Column, column_cards: CardList, rights: Rights, *, is_filtered: bool
) -> None:
    if column is Column.REQUESTED:
        heading = f":gray-badge[{_REQUEST_ICON} {_label(column)}]"
    else:
        heading = badges.inline(column.stage)
    st.markdown(f"{heading} **{_total(column_cards)}**")
    for card in column_cards.cards:
        _draw_card(column, card, rights)
    if not column_cards.cards:
        st.markdown(ui.quiet("No matches" if is_filtered else _EMPTY[column]))
    elif column_cards.rest and len(column_cards.cards) < MAX_CARDS:
        st.button(
            "Show more",
            key=f"board-more-{column}",
            type="tertiary",
            icon=":material/expand_more:",
            on_click=board_filters.show_more,
            args=(column,),
        )
    elif column_cards.rest:
        st.markdown(ui.quiet("Search or filter to see the rest."))


def _draw_card(column: Column, card: Card, rights: Rights) -> None:
    org = card.org
    with st.container(border=True, gap="xxsmall", key=f"card-{org.id}"):
        _draw_name(card)
        if column is Column.REQUESTED:
            st.markdown(f":small[{ui.esc(org.request_note or 'No note.')}]")
        elif org.next_step:
            tooltip = ui.esc(org.next_step) if len(org.next_step) > _MAX_UNCUT else None
            st.markdown(f":small[{ui.esc(org.next_step)}]", wrap=False, help=tooltip)
        with elements.row(wrap=False):
            st.markdown(_rep(card), width="stretch", wrap=False)
            if org.next_step_on is not None:
                is_overdue = org.next_step_on < working_days.today()
                due = f":material/event: {org.next_step_on:%-d %b}"
                st.markdown(f":small[:{'red' if is_overdue else 'gray'}[{due}]]", width="content")
        _draw_state(column, card, rights)


def _draw_name(card: Card, *, width: Literal["stretch", "content"] = "stretch") -> None:
    """Draw the avatar and the name of an organization as a link to its Onboarding page."""
    org = card.org
    avatar = elements.avatar_url(org.name, org.public_id, org.logo)
    st.page_link(
        "onboarding.py",
        label=f"![]({avatar}) **{ui.esc(org.name)}**",
        width=width,
        query_params={"org": org.public_id},
        help=ui.esc(org.name) if len(org.name) > _MAX_UNCUT else None,
    )


def _rep(card: Card) -> str:
    if card.rep is None or card.org.rep_id is None:
        return ui.quiet("Unassigned")
    return f"![]({elements.avatar_url(card.rep, card.org.rep_id)}) {ui.quiet(ui.esc(card.rep))}"


def _draw_state(column: Column, card: Card, rights: Rights) -> None:
    """Draw the days in the stage, the open checks and the menu."""
    with elements.row(wrap=False):
        st.markdown(_state(column, card), width="stretch", help=_tooltip(card))
        chosen = None
        if Action.MOVE_STAGES in rights:
            options, key = _menu_options(column, card, rights), f"card-menu-{card.org.id}"
            chosen = st.menu_button("Actions", options, type="tertiary", key=key)
    if chosen is not None:
        _open_dialog(card, chosen)


def _state(column: Column, card: Card) -> str:
    if column is Column.REQUESTED and card.org.requested_at is not None:
        days = working_days.since(card.org.requested_at)
        return f":small[:gray[Waiting {ui.count(days, 'day')}]]"
    days, color = card.days, "orange" if card.why_stuck else "gray"
    open_checks = f"  :orange[:material/error: {len(card.missing)}]" if card.missing else ""
    return f":small[:{color}[{ui.count(days, 'day')}]{open_checks}]"


def _tooltip(card: Card) -> str:
    """Return the tooltip of a card: since when it is in its stage, and its open checks."""
    entered = (
        f"In {card.org.stage} since {ui.day(card.org.stage_entered_at)}; days are working days."
    )
    missing = "".join(f"\n- {check.open_text}" for check in card.missing)
    return entered + (f"\n\nMissing for {FORWARD[card.org.stage]}:{missing}" if missing else "")


def _open_dialog(card: Card, chosen: str) -> None:
    """Open the dialog that was chosen in the menu of a card."""
    org = card.org
    for from_stage, to_stage in FORWARD.items():
        # The label tells which stage the person saw; the card may have moved since.
        if chosen == _MOVE_LABEL.format(to_stage):
            ui.open_dialog("card-move", (org.id, from_stage))
            return
    dialog = next(name for name, label in DIALOGS.items() if label == chosen)
    ui.open_dialog(f"card-{dialog}", org.id)


def _menu_options(column: Column, card: Card, rights: Rights) -> list[str]:
    if column is Column.REQUESTED:
        return [DIALOGS["flag"]]
    to_stage = FORWARD.get(card.org.stage)
    options = [_MOVE_LABEL.format(to_stage)] if to_stage else []
    if card.missing and Action.OVERRIDE_GATE in rights:
        options.append(DIALOGS["override"])
    if column is not Column.PRODUCTION:
        options += [DIALOGS["plan"], DIALOGS["snooze"]]
    return [*options, DIALOGS["withdraw"]]


def _label(column: Column) -> str:
    return _COLUMN_LABELS.get(column, str(column))


def _total(column_cards: CardList) -> str:
    return f"{column_cards.total:,}{'+' if column_cards.is_capped else ''}"


def draw_stuck(actor: Actor, stuck: CardList, rights: Rights) -> None:
    """Draw the first organizations that are stuck, if there are any."""
    if not stuck.cards:
        return
    with st.container(border=True, gap="xxsmall", key="board-stuck"):
        st.markdown(f":orange[:material/warning:] **{_total(stuck)} stuck**")
        for card in stuck.cards:
            _draw_stuck_row(actor, card, rights)
        if stuck.rest:
            st.markdown(ui.quiet("Select Stuck above to see all of them."))


def _draw_stuck_row(actor: Actor, card: Card, rights: Rights) -> None:
    org = card.org
    with elements.row(wrap=False, key=f"stuck-{org.id}"):
        _draw_name(card, width="content")
        why = "; ".join(card.why_stuck)
        step = f": {org.next_step}" if org.next_step and "due" in why else ""
        st.markdown(ui.quiet(ui.esc(why + step)), width="stretch", wrap=False)
        if Action.MOVE_STAGES in rights:
            _draw_snooze_menu(actor, card)


def _draw_snooze_menu(actor: Actor, card: Card) -> None:
    org = card.org
    chosen = st.menu_button(
        "Snooze", [*_SNOOZE_DAYS, _PICK_DATE], type="tertiary", key=f"stuck-snooze-{org.id}"
    )
    if chosen == _PICK_DATE:
        ui.open_dialog("card-snooze", org.id)
    elif chosen is not None:
        until = working_days.today() + timedelta(days=_SNOOZE_DAYS[chosen])
        notice = f"{org.name} snoozed until {until:%-d %b}"
        ui.save(notice, onboarding.snooze, actor, org.id, until=until)


def draw_dialogs(actor: Actor, reps: Mapping[int, str], rights: Rights) -> None:
    """Draw the open dialog, for the card that opened it."""
    if Action.MOVE_STAGES not in rights:
        return
    ui.draw_dialog("card-move", "Move to the next stage", _move, actor)
    ui.draw_dialog("card-flag", "Flag for onboarding", _flag, actor, reps)
    ui.draw_dialog("card-plan", "Plan", _plan, actor, reps)
    ui.draw_dialog("card-snooze", "Snooze", _snooze, actor)
    ui.draw_dialog("card-withdraw", "Withdraw", _withdraw, actor)
    if Action.OVERRIDE_GATE in rights:
        ui.draw_dialog("card-override", "Override", _override, actor)


def _move(actor: Actor, about: tuple[int, Stage]) -> None:
    org_id, from_stage = about
    forms.move(actor, _get(actor, org_id), from_stage)


def _flag(actor: Actor, reps: Mapping[int, str], org_id: int) -> None:
    forms.flag(actor, _get(actor, org_id), reps)


def _plan(actor: Actor, reps: Mapping[int, str], org_id: int) -> None:
    forms.plan(actor, _get(actor, org_id), reps)


def _snooze(actor: Actor, org_id: int) -> None:
    forms.snooze(actor, _get(actor, org_id))


def _withdraw(actor: Actor, org_id: int) -> None:
    forms.withdraw(actor, _get(actor, org_id))


def _override(actor: Actor, org_id: int) -> None:
    org = _get(actor, org_id)
    with db.read() as session:
        checks = stages.list_checks(session, org)
    forms.override(actor, org, [check.open_text for check in checks if not check.is_met])


def _get(actor: Actor, org_id: int) -> Organization:
    with db.read() as session:
        return access(session, actor, org_id, Action.MOVE_STAGES)
