"""What is asked for on the board: each act opens a dialog or changes an organization."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any, Final

import streamlit as st

from core.access.permissions import Action, Actor, Rights, access
from core.database import db
from core.models import Organization, Stage
from core.onboarding import board, onboarding, stages, working_days
from core.onboarding.board import Board
from core.onboarding.board_queries import BoardQuery, Column
from core.onboarding.stages import FORWARD
from core.organizations.filters import Filters
from core.organizations.filters import Sort as TableSort
from core.runs.items import MAX_ITEMS, Selection
from pages import ui
from pages.parts.onboarding import board_element, forms
from pages.parts.onboarding.board_element import ListedColumn
from pages.parts.organizations import bulk_edit, quick_view, worklist

_LIMITS: Final = "board cards"
_REFUSED: Final = "board refused"
_DIALOGS: Final = ("flag", "override", "plan", "withdraw")


def act(actor: Actor, query: BoardQuery, rows: Sequence[quick_view.Listed]) -> None:
    """Do what was just asked for on the board; `rows` are its cards, for the quick view."""
    asked = board_element.asked()
    st.session_state.pop(_REFUSED, None)
    action, org_id = asked.get("action"), asked.get("id", 0)
    if action == "more":
        _show_more(str(asked.get("column")))
    elif action == "edit-all":
        _edit_all(actor, query, str(asked.get("column")))
    elif action == "look" and org_id in {row.id for row in rows}:
        quick_view.open_quick_view(org_id, rows)
    elif action in _DIALOGS:
        ui.open_dialog(f"card-{action}", org_id)
    elif action == "snooze-until":
        ui.open_dialog("card-snooze", org_id)
    elif action in _CHANGES:
        _CHANGES[action](actor, org_id, asked)


def list_columns(loaded: Board, query: BoardQuery) -> dict[Column, ListedColumn]:
    """Return each column as a list.

    It is the table of the stage as long as the cards are in its order, and else the cards.
    """
    return {
        column: _list_column(column, [card.org for card in cards.cards], query)
        for column, cards in loaded.columns.items()
    }


def _list_column(column: Column, orgs: Sequence[Organization], query: BoardQuery) -> ListedColumn:
    in_order = sorted(orgs, key=lambda org: (org.stage_entered_at, org.id))
    if column is Column.REQUESTED or query.only is not None or in_order != list(orgs):
        ids = [org.public_id for org in orgs]
        return ListedColumn(orgs, [""] * len(ids), worklist.displayed_query("board", ids))
    filters = Filters(query.words, (column.stage,), query.rep_id, TableSort.STAGE_TIME)
    positions = [worklist.position_query(org.stage_entered_at, org.id) for org in orgs]
    return ListedColumn(orgs, positions, worklist.list_query(filters))


def list_rows(columns: Mapping[Column, ListedColumn]) -> list[quick_view.Listed]:
    """Return the cards of all columns, for the quick view."""
    return [
        quick_view.Listed(org.id, org.public_id, position + listed.list_query)
        for listed in columns.values()
        for org, position in zip(listed.cards, listed.positions, strict=True)
    ]


def card_limits() -> dict[Column, int]:
    """Return how many cards of each column to draw."""
    limits: dict[Column, int] = st.session_state.get(_LIMITS, {})
    return {column: limits.get(column, board.PAGE_SIZE) for column in Column}


def refused() -> tuple[int, str] | None:
    """Return the card whose last act was refused, with the reason."""
    found: tuple[int, str] | None = st.session_state.get(_REFUSED)
    return found


def _show_more(column: str) -> None:
    """Draw more cards of a column from now on."""
    if column in list(Column):
        limits = card_limits()
        more = limits[Column(column)] + 2 * board.PAGE_SIZE
        st.session_state[_LIMITS] = limits | {Column(column): more}


def _edit_all(actor: Actor, query: BoardQuery, name: str) -> None:
    """Open the bulk edit of all organizations in a column, also of those without a card."""
    if name not in list(query.columns):
        return
    with db.read() as session:
        ids = board.list_ids(session, actor, query, Column(name), limit=MAX_ITEMS + 1)
    if ids:
        bulk_edit.open_for(Selection(tuple(ids)))


def _ask_to_move(actor: Actor, org_id: int, asked: Mapping[str, Any]) -> None:
    from_stage = _read_stage(asked)
    if from_stage is not None:
        ui.open_dialog("card-move", (_get(actor, org_id).id, from_stage))


def _drop(actor: Actor, org_id: int, asked: Mapping[str, Any]) -> None:
    """Move a card on from the stage that was displayed; ask before production, and when to flag."""
    org, from_stage = _get(actor, org_id), _read_stage(asked)
    if from_stage is None:
        return
    with db.read() as session:
        is_ready = all(check.is_met for check in stages.list_checks(session, org))
    if from_stage is Stage.FREE:
        ui.open_dialog("card-flag", org.id)
    elif from_stage is org.stage is Stage.PREPRODUCTION and is_ready:
        ui.open_dialog("card-move", (org.id, from_stage))
    else:
        to_stage = FORWARD[from_stage]
        notice = f"{org.name} moved to {to_stage}"
        _change(notice, onboarding.move, actor, org.id, to_stage, from_stage=from_stage)


def _read_stage(asked: Mapping[str, Any]) -> Stage | None:
    """Return the stage of the column that a card was in, as the person saw it."""
    column = asked.get("column")
    stage = Column(column).stage if column in list(Column) else None
    return stage if stage in FORWARD else None


def _edit(actor: Actor, org_id: int, asked: Mapping[str, Any]) -> None:
    rep_id, on = asked.get("rep_id"), _read_date(asked.get("next_step_on"))
    _change(
        *("Next step saved", onboarding.set_next_step, actor, org_id),
        rep_id=rep_id if isinstance(rep_id, int) else None,
        next_step=str(asked.get("next_step") or ""),
        next_step_on=on,
    )


def _snooze(actor: Actor, org_id: int, asked: Mapping[str, Any]) -> None:
    days = asked.get("days")
    if days in board_element.SNOOZES:
        until = working_days.today() + timedelta(days=days)
        notice = f"{_get(actor, org_id).name} snoozed until {until:%-d %b}"
        _change(notice, onboarding.snooze, actor, org_id, until=until)


def _wake(actor: Actor, org_id: int, _asked: Mapping[str, Any]) -> None:
    _change("Snooze ended", onboarding.snooze, actor, org_id, until=None)


_CHANGES: Final[dict[str, Callable[[Actor, int, Mapping[str, Any]], None]]] = {
    "move": _ask_to_move,
    "drop": _drop,
    "edit": _edit,
    "snooze": _snooze,
    "wake": _wake,
}


def _change(notice: str, use_case: Any, actor: Actor, org_id: int, *args: Any, **kw: Any) -> None:
    """Run a use case, and show a notice, or on the card why it was refused."""
    error = ui.attempt(use_case, actor, org_id, *args, **kw)
    if error is None:
        ui.show_notice(notice)
    else:
        st.session_state[_REFUSED] = (org_id, str(error))


def _read_date(text: Any) -> date | None:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return None


def draw_dialogs(actor: Actor, reps: Mapping[int, str], rights: Rights) -> None:
    """Draw the open dialog, for the card that opened it, or for all cards of a column."""
    bulk_edit.draw_dialog(actor, rights)
    if Action.MOVE_STAGES not in rights:
        return
    ui.draw_dialog("card-move", "Move to the next stage", _draw_move, actor)
    flag, plan = partial(_draw_flag, actor, reps), partial(_draw_plan, actor, reps)
    ui.draw_dialog("card-flag", "Flag for onboarding", flag)
    ui.draw_dialog("card-plan", "Plan", plan)
    ui.draw_dialog("card-snooze", "Snooze", _draw_snooze, actor)
    ui.draw_dialog("card-withdraw", "Withdraw", _draw_withdraw, actor)
    if Action.OVERRIDE_GATE in rights:
        ui.draw_dialog("card-override", "Override", _draw_override, actor)


def _draw_move(actor: Actor, about: tuple[int, Stage]) -> None:
    org_id, from_stage = about
    forms.move(actor, _get(actor, org_id), from_stage)


def _draw_flag(actor: Actor, reps: Mapping[int, str], org_id: int) -> None:
    forms.flag(actor, _get(actor, org_id), reps)


def _draw_plan(actor: Actor, reps: Mapping[int, str], org_id: int) -> None:
    forms.plan(actor, _get(actor, org_id), reps)


def _draw_snooze(actor: Actor, org_id: int) -> None:
    forms.snooze(actor, _get(actor, org_id))


def _draw_withdraw(actor: Actor, org_id: int) -> None:
    forms.withdraw(actor, _get(actor, org_id))


def _draw_override(actor: Actor, org_id: int) -> None:
    org = _get(actor, org_id)
    with db.read() as session:
        checks = stages.list_checks(session, org)
    forms.override(actor, org, [check.open_text for check in checks if not check.is_met])


def _get(actor: Actor, org_id: int) -> Organization:
    with db.read() as session:
        return access(session, actor, org_id, Action.MOVE_STAGES)
