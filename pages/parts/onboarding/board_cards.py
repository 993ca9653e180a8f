"""The board: its columns, its cards with their actions and dialogs, and what is stuck."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Literal

import streamlit as st

from core.access.permissions import Action, Actor, Rights, access
from core.database import db
from core.models import Organization
from core.onboarding import onboarding, stages, working_days
from core.onboarding.board import MAX_CARDS, Board, Card, CardList
from core.onboarding.board_queries import Column
from core.onboarding.stages import FORWARD
from pages import ui
from pages.parts.onboarding import board_filters, forms
from pages.ui import badges, elements
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
_NAMES: Final = {Column.REQUESTED: "hands raised"}
_LONG: Final = 24
"""Characters that a card may have to cut."""
_ICONS: Final = {Column.REQUESTED: ":material/front_hand:"}
_EMPTY: Final = {
    Column.REQUESTED: "Nobody asks for onboarding now.",
    Column.ONBOARDING: "Flag organizations on the Organizations page.",
    Column.PREPRODUCTION: "Nothing has passed the gate of onboarding.",
    Column.PRODUCTION: "Nothing is live yet.",
}

_SNOOZES: Final = {"Tomorrow": 1, "In 3 days": 3, "In a week": 7, "In two weeks": 14}
_UNTIL: Final = "Until a day …"


def draw_columns(actor: Actor, shown: Board, rights: Rights) -> None:
    """Draw the columns side by side; on a phone one of them, chosen above."""
    columns = list(shown.columns)
    here = _choose_column(shown)
    with st.container(key="board-columns"):
        for place, column in zip(st.columns(len(columns), gap="small"), columns, strict=True):
            key = "board-here" if column is here else f"board-{column}"
            with place, st.container(key=key, gap="xsmall"):
                _draw_column(actor, column, shown.columns[column], rights)


def _choose_column(shown: Board) -> Column:
    """Draw the choice of a column, which is seen on a phone only."""
    columns = list(shown.columns)
    with st.container(key="board-choice"):
        chosen: Column = st.segmented_control(
            "Column",
            columns,
            default=Column.ONBOARDING,
            required=True,
            format_func=lambda column: f"{_name(column)} {_total(shown.columns[column])}",
            label_visibility="collapsed",
            key=f"board-column-{len(columns)}",
        )
    return chosen


def _draw_column(actor: Actor, column: Column, cards_shown: CardList, rights: Rights) -> None:
    if column is Column.REQUESTED:
        head = f":gray-badge[{_ICONS[column]} {_name(column)}]"
    else:
        head = badges.inline(column.stage)
    st.markdown(f"{head} **{_total(cards_shown)}**")
    for card in cards_shown.cards:
        _draw_card(actor, column, card, rights)
    if not cards_shown.cards:
        st.markdown(ui.quiet(_EMPTY[column]))
    elif cards_shown.rest and len(cards_shown.cards) < MAX_CARDS:
        st.button(
            "Show more",
            key=f"board-more-{column}",
            type="tertiary",
            icon=":material/expand_more:",
            on_click=board_filters.show_more,
            args=(column,),
        )
    elif cards_shown.rest:
        st.markdown(ui.quiet("Search or filter to see the others."))


def _draw_card(actor: Actor, column: Column, card: Card, rights: Rights) -> None:
    org = card.org
    with st.container(border=True, gap="xxsmall", key=f"card-{org.id}"):
        _draw_name(card)
        if column is Column.REQUESTED:
            st.markdown(f":small[{ui.esc(org.request_note or 'No note.')}]")
        elif org.next_step:
            whole = ui.esc(org.next_step) if len(org.next_step) > _LONG else None
            st.markdown(f":small[{ui.esc(org.next_step)}]", wrap=False, help=whole)
        with elements.row(wrap=False):
            st.markdown(_rep(card), width="stretch", wrap=False)
            if org.next_step_on is not None:
                is_late = org.next_step_on < working_days.today()
                due = f":material/event: {org.next_step_on:%-d %b}"
                st.markdown(f":small[:{'red' if is_late else 'gray'}[{due}]]", width="content")
        _draw_state(actor, column, card, rights)


def _draw_name(card: Card, *, width: Literal["stretch", "content"] = "stretch") -> None:
    """Draw the face and the name of an organization, which open its page of onboarding."""
    org = card.org
    avatar = elements.avatar_url(org.name, org.public_id, org.logo)
    st.page_link(
        "onboarding.py",
        label=f"![]({avatar}) **{ui.esc(org.name)}**",
        width=width,
        query_params={"org": org.public_id},
        help=ui.esc(org.name) if len(org.name) > _LONG else None,
    )


def _rep(card: Card) -> str:
    if card.rep is None or card.org.rep_id is None:
        return ui.quiet("no sales rep")
    return f"![]({elements.avatar_url(card.rep, card.org.rep_id)}) {ui.quiet(ui.esc(card.rep))}"


def _draw_state(actor: Actor, column: Column, card: Card, rights: Rights) -> None:
    """Draw how long it is here, what it lacks, and the menu of moves; refusals stand below."""
    moving = ui.fields(f"card-{card.org.id}")
    with elements.row(wrap=False):
        st.markdown(_state(column, card), width="stretch", help=_missing(card))
        chosen = None
        if Action.MOVE_STAGES in rights:
            options, key = _options(column, card, rights), f"card-menu-{card.org.id}"
            chosen = st.menu_button("Move", options, type="tertiary", key=key)
    moving.reserve_footer()
    if chosen is not None:
        _do(actor, card, chosen, moving)


def _state(column: Column, card: Card) -> str:
    if column is Column.REQUESTED and card.org.requested_at is not None:
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
    lacks = "".join(f"\n- {check.open_text}" for check in card.missing)
    return entered + (f"\n\nMissing for {FORWARD[card.org.stage]}:{lacks}" if lacks else "")


def _do(actor: Actor, card: Card, chosen: str, moving: Form) -> None:
    """Move a card on at once, or open the dialog about it that was chosen."""
    org = card.org
    for shown, to in FORWARD.items():
        if chosen == _NEXT.format(to):  # what was chosen was shown, whatever the card is by now
            told = f"{org.name} is in {to}."
            moving.save(told, onboarding.move, actor, org.id, to, from_stage=shown)
            return
    dialog = next(name for name, label in DIALOGS.items() if label == chosen)
    ui.open_dialog(f"card-{dialog}", org.id)


def _options(column: Column, card: Card, rights: Rights) -> list[str]:
    if column is Column.REQUESTED:
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


def _total(cards_shown: CardList) -> str:
    return f"{cards_shown.total:,}{'+' if cards_shown.is_capped else ''}"


def draw_stuck(actor: Actor, stuck: CardList, rights: Rights) -> None:
    """Draw the first of what is stuck; nothing when nothing is."""
    if not stuck.cards:
        return
    with st.container(border=True, gap="xxsmall", key="board-stuck"):
        many = f"{stuck.total:,}{'+' if stuck.is_capped else ''}"
        st.markdown(f":orange[:material/warning:] **{many} stuck**")
        for card in stuck.cards:
            _draw_stuck_row(actor, card, rights)
        if stuck.rest:
            st.markdown(ui.quiet("Choose Stuck above to see all of them."))


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
        "Snooze", [*_SNOOZES, _UNTIL], type="tertiary", key=f"stuck-snooze-{org.id}"
    )
    if chosen == _UNTIL:
        ui.open_dialog("card-snooze", org.id)
    elif chosen is not None:
        until = working_days.today() + timedelta(days=_SNOOZES[chosen])
        told = f"{org.name} is snoozed until {until:%-d %b}."
        ui.save(told, onboarding.snooze, actor, org.id, until=until)


def draw_dialogs(actor: Actor, reps: Mapping[int, str], rights: Rights) -> None:
    """Draw the dialog that is open, about the card that opened it."""
    if Action.MOVE_STAGES not in rights:
        return
    ui.draw_dialog("card-flag", "Flag for onboarding", _flag, actor, reps)
    ui.draw_dialog("card-plan", "Plan", _plan, actor, reps)
    ui.draw_dialog("card-snooze", "Snooze", _snooze, actor)
    ui.draw_dialog("card-withdraw", "Withdraw", _withdraw, actor)
    if Action.OVERRIDE_GATE in rights:
        ui.draw_dialog("card-override", "Override", _override, actor)


def _flag(actor: Actor, reps: Mapping[int, str], org_id: int) -> None:
    forms.flag(actor, _find(actor, org_id), reps)


def _plan(actor: Actor, reps: Mapping[int, str], org_id: int) -> None:
    forms.plan(actor, _find(actor, org_id), reps)


def _snooze(actor: Actor, org_id: int) -> None:
    forms.snooze(actor, _find(actor, org_id))


def _withdraw(actor: Actor, org_id: int) -> None:
    forms.withdraw(actor, _find(actor, org_id))


def _override(actor: Actor, org_id: int) -> None:
    org = _find(actor, org_id)
    with db.read() as session:
        checks = stages.list_checks(session, org)
    forms.override(actor, org, [check.open_text for check in checks if not check.is_met])


def _find(actor: Actor, org_id: int) -> Organization:
    with db.read() as session:
        return access(session, actor, org_id, Action.MOVE_STAGES)
