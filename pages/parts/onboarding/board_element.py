"""The board as one element: what the browser gets of its columns and cards."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import streamlit as st

from core.access.permissions import Action, Rights
from core.base import avatars
from core.bulk_edit import fields
from core.models import Organization, Stage
from core.onboarding import stuck, working_days
from core.onboarding.board import MAX_CARDS, Board, Card, CardList
from core.onboarding.board_queries import MAX_COUNTED, BoardQuery, Column, Only
from core.onboarding.stages import FORWARD
from pages import ui
from pages.ui import badges, component
from pages.ui.table import has_letter_keys

KEY: Final = "board"
SNOOZES: Final = {1: "Tomorrow", 3: "In 3 days", 7: "In a week", 14: "In two weeks"}
"""For how many days a card can be snoozed by one click."""
_PICK_DATE: Final = (0, "Pick a date…")
CHIPS: Final = {Only.STUCK: "Stuck", Only.READY: "Ready to move", Only.DUE: "Due this week"}
_EMPTY: Final = {
    Column.REQUESTED: "No open requests",
    Column.ONBOARDING: "Nothing in onboarding. Flag organizations to start.",
    Column.PREPRODUCTION: "Nothing in preproduction yet",
    Column.PRODUCTION: "",
}
_REQUEST_COLOR, _REQUEST_ICON = "var(--st-gray-text-color)", "front_hand"

_Json = dict[str, Any]
_board = component.load("board")


class ListedColumn(NamedTuple):
    """A column as a list of organizations, for the way through it on their pages.

    The query of an organization's address is its position, if the list needs one, then the list.
    """

    cards: Sequence[Organization]
    positions: Sequence[str]
    list_query: str


def draw(
    board: Board,
    query: BoardQuery,
    rights: Rights,
    reps: Mapping[int, str],
    lists: Mapping[Column, ListedColumn],
    *,
    refused: tuple[int, str] | None,
    focus: int | None,
    on_ask: Callable[[], None],
) -> None:
    """Draw the board; `on_ask` is called when a person asks for something on it, see `asked`.

    `lists` has the way through each column. `refused` is a card with the reason why what was asked
    for it was not done, and `focus` a card to focus.
    """
    can_move = Action.MOVE_STAGES in rights
    cards = [card for each in board.columns.values() for card in each.cards]
    data = {
        "label": "Onboarding board",
        "chips": [_describe_chip(only, board, query) for only in Only],
        "columns": [
            _describe_column(column, board.columns[column], query, rights)
            | _describe_cards(column, board.columns[column], lists[column], rights)
            for column in board.columns
        ],
        "people": {card.org.rep_id: _describe_person(card) for card in cards if card.rep},
        "reps": list(reps.items()) if can_move else [],
        "snoozes": [[label, days] for days, label in (*SNOOZES.items(), _PICK_DATE)],
        "canMove": can_move,
        "canEditAll": bool(fields.list_editable(rights)),
        "hasLetterKeys": has_letter_keys(),
        "refused": {"id": refused[0], "text": refused[1]} if refused else None,
        "focus": focus,
    }
    _board(key=KEY, data=data, height="content", on_ask_change=on_ask)


def asked() -> _Json:
    """Return what the browser has just sent: an action, the id of its organization, and more."""
    sent = st.session_state.get(KEY, {}).get("ask")
    is_valid = isinstance(sent, dict) and isinstance(sent.get("action"), str)
    return sent if is_valid and isinstance(sent.get("id"), int) else {}


def _describe_chip(only: Only, board: Board, query: BoardQuery) -> _Json:
    number = board.subsets.get(only)
    return {
        "only": only,
        "label": CHIPS[only],
        "number": "" if number is None else ui.capped(number, MAX_COUNTED),
        "isOn": query.only is only,
    }


def _describe_column(column: Column, shown: CardList, query: BoardQuery, rights: Rights) -> _Json:
    is_request, is_rail = column is Column.REQUESTED, column is Column.PRODUCTION
    to_stage = FORWARD.get(column.stage)
    limit = None if is_request else stuck.limit(column.stage)
    number = sum(1 for card in shown.cards if card.why_stuck)
    is_filtered = query != BoardQuery(rep_id=query.rep_id, sort=query.sort)
    return {
        "key": column,
        "label": "Requests" if is_request else column.capitalize(),
        "color": _REQUEST_COLOR if is_request else badges.FILLS[column.stage],
        "icon": _REQUEST_ICON if is_request else badges.color_and_icon(column.stage)[1],
        "total": f"{shown.total:,}{'+' if shown.is_capped else ''}",
        "isRail": is_rail,
        "href": _list_address(column.stage, query) if is_rail else "",
        "limit": limit,
        "note": f"{number} stuck" if number and query.only is None else "",
        "empty": "No matches" if is_filtered else _EMPTY[column],
        "rest": f"Show more of {shown.total:,}" if shown.rest > 0 else "",
        "hasMore": len(shown.cards) < MAX_CARDS,
        "checks": len(shown.cards[0].checks) if shown.cards else 0,
        "hasPlan": limit is not None,
        "to": to_stage,
        "go": "flag" if is_request else "move",
        "asks": is_request or to_stage is Stage.PRODUCTION,
        "actions": _list_actions(column, rights),
    }


def _describe_cards(column: Column, shown: CardList, listed: ListedColumn, rights: Rights) -> _Json:
    """Return the cards of a column, and what their addresses end with after their positions."""
    names = [action["name"] for action in _list_actions(column, rights)]
    cards = [
        _describe_card(column, card, names, position)
        for card, position in zip(shown.cards, listed.positions, strict=True)
    ]
    return {"cards": [] if column is Column.PRODUCTION else cards, "listQuery": listed.list_query}


def _list_address(stage: Stage, query: BoardQuery) -> str:
    """Return the address of the organizations in a stage, of the same sales rep."""
    rep = {} if query.rep_id is None else {"rep": query.rep_id}
    return f"/organizations?{urlencode({'stage': stage} | rep)}"


def _list_actions(column: Column, rights: Rights) -> list[_Json]:
    """Return what the menu of a card can offer in a column."""
    if Action.MOVE_STAGES not in rights or column is Column.PRODUCTION:
        return []
    if column is Column.REQUESTED:
        return [_action("flag", "Flag for onboarding", "flag")]
    override = [_action("override", "Override", "gavel")]
    return [
        _action("move", f"Move to {FORWARD[column.stage]}", "arrow_forward"),
        *(override if Action.OVERRIDE_GATE in rights else ()),
        _action("edit", "Edit next step", "edit"),
        _action("plan", "Plan", "edit_calendar"),
        _action("snooze", "Snooze", "snooze"),
        _action("wake", "End snooze", "alarm"),
        _action("withdraw", "Withdraw", "undo"),
    ]


def _action(name: str, label: str, icon: str) -> _Json:
    return {"name": name, "label": label, "icon": icon}


def _describe_card(column: Column, card: Card, actions: list[str], position: str) -> _Json:
    """Return a card; what is empty is left out."""
    org, today = card.org, working_days.today()
    is_request, is_snoozed = column is Column.REQUESTED, stuck.is_snoozed(org, today)
    hidden = {"snooze" if is_snoozed else "wake", "" if card.missing else "override"}
    limit = stuck.limit(org.stage)
    days = f"Waiting {ui.count(card.days, 'day')}" if is_request else f"Day {card.days} of {limit}"
    due = org.next_step_on
    is_ready = bool(actions) and not card.missing
    described = {
        "id": org.id,
        "name": org.name,
        "href": f"/onboarding?org={org.public_id}{position}",
        "avatar": [f"/logos/{org.logo}-thumb.png"]
        if org.logo
        else avatars.describe(org.name, org.public_id),
        "quote": (org.request_note or "") if is_request else None,
        "next": org.next_step,
        "on": due.isoformat() if due else None,
        "due": f"{due:%-d %b}" if due else None,
        "isLate": True if due and due < today else None,
        "missing": [check.open_text for check in card.missing],
        "number": card.days,
        "days": days,
        "why": "; ".join(card.why_stuck) or None,
        "snoozed": f"until {org.snoozed_until:%-d %b}" if is_snoozed else None,
        "go": ("Flag" if is_request else "Move on") if is_ready else None,
        "rep": org.rep_id,
    }
    kept = {name: value for name, value in described.items() if value is not None and value != []}
    return kept | {"acts": [at for at, name in enumerate(actions) if name not in hidden]}


def _describe_person(card: Card) -> list[Any]:
    return [card.rep, avatars.describe(card.rep or "", card.org.rep_id or 0)]
