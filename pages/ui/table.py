"""The table of every list: rows of a pandas frame with links, keys, selection and actions.

    asked = ui.table(
        people,                                  # a frame, one row for each row of the table
        {"name": ui.column.link("Name", seed="user_id"), "email": ui.column.text("Email")},
        key="people", label="Accounts", row_id="user_id",
        actions=[ui.Action("look", "Quick view", "visibility")], row_action="look",
        bulk=[ui.Action("remove", "Remove", "person_remove")], scope=(search, role),
        sort=st.query_params.get("sort", "name"),
        paging=ui.numbered_pages(page, 50, total, "person", "people"),
    )
    if asked.action == "look":
        ui.open_dialog("quick-view", asked.row)
    elif asked.action == "remove":
        ui.open_dialog("remove", asked.rows)     # and when it is done: ui.clear_selection("people")

Sorting and turning pages change the address (`sort`, and what the turns of `paging` say), so the
page reads them from `st.query_params` before it draws, and a link is a view. Everything else comes
back as `Asked`, in the one rerun after the click. A click on a row, and Space, ask for
`row_action`; Enter follows the link of the first column, or else asks for the same. Requests about
a row that is gone are ignored.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple, TypeVar

import pandas as pd
import streamlit as st

from core.base import clock, parameters
from pages.ui import authentication, component
from pages.ui.column import Column
from pages.ui.text import count

Order = TypeVar("Order", bound=StrEnum)

_table = component.load("table")
DOWNLOAD: Final = "download"
"""What the button of a summary asks for."""
_MAX_SELECTED: Final = 10_000


class Action(NamedTuple):
    """Something that can be done with a row, or with those that are selected."""

    name: str
    label: str
    icon: str = ""
    shows: Literal["menu", "icon", "button"] = "menu"
    """In a row: in its menu, as an icon on hover, or as a button."""
    takes_all: bool = False
    """Of selected rows: whether it can be done with everything that matches."""
    has_count: bool = False
    """Of selected rows: whether its label ends with their number, such as `Edit 12 selected`."""
    copies: str = ""
    """Of selected rows: the column that it copies, without asking the page for anything."""


class Turn(NamedTuple):
    """A link to another page of the list: what it changes in the address; None if there is none."""

    label: str
    change: Mapping[str, str] | None


@dataclass(frozen=True)
class Paging:
    """Which rows of the whole list these are, and the links to the others."""

    total: int
    """Rows on all pages."""
    text: str
    """Words below the table, such as `51–100 of 1,234 people`."""
    turns: Sequence[Turn] = ()
    is_capped: bool = False
    """Whether there are more rows than `total`, which is one more than was counted."""

    def describe_turns(self) -> list[dict[str, Any]]:
        """Return the links as the browser draws them."""
        return [
            {"label": label, "change": dict(change or {}), "isOn": change is not None}
            for label, change in self.turns
        ]


@dataclass(frozen=True)
class Asked:
    """What was just asked for: an action and the ids of its rows; false if nothing was."""

    action: str = ""
    rows: tuple[Any, ...] = ()
    value: str = ""
    """What was chosen in a list."""
    is_all: bool = False
    """Whether it concerns everything that matches, but not `rows`."""
    record: Mapping[str, Any] = field(default_factory=dict)
    """The row of the frame, for an action in a row."""

    def __bool__(self) -> bool:
        """Return whether something was asked for."""
        return bool(self.action)

    def chosen_of(self, matching: Iterable[Any]) -> list[Any]:
        """Return the ids that were chosen, of everything that matches: all but `rows`."""
        left_out = set(self.rows)
        return [row for row in matching if row not in left_out] if self.is_all else [*self.rows]

    @property
    def row(self) -> Any:
        """The id of the row that it concerns, or of the first one."""
        return self.rows[0] if self.rows else None


def numbered_pages(
    page: int, per_page: int, total: int, noun: str, plural: str = "", *, limit: int = 0
) -> Paging:
    """Return the paging of a list whose page number is `page` in the address.

    Rows are counted up to `limit`; a larger `total` says that there are more.
    """
    is_capped = bool(limit) and total > limit
    counted = count(total, noun, plural, limit=limit)
    if total <= per_page:
        return Paging(total, counted)
    first, last = (page - 1) * per_page, min(page * per_page, total)
    turns = page_turns(page, has_more=last < min(total, limit or total))
    return Paging(total, f"{first + 1:,}–{last:,} of {counted}", turns, is_capped)


def page_turns(page: int, *, has_more: bool) -> tuple[Turn, Turn]:
    """Return the links to the pages before and after the one whose number is in the address."""
    return (
        Turn("← Previous", {"page": str(page - 1) if page > 2 else ""} if page > 1 else None),
        Turn("Next →", {"page": str(page + 1)} if has_more else None),
    )


def first_page() -> None:
    """Go to the first page of a list whose filters have changed."""
    st.query_params.pop("page", None)


def page_number() -> int:
    """Return the page number in the address."""
    return parameters.find_row_id(st.query_params.get("page", "")) or 1


def table(
    frame: pd.DataFrame,
    columns: Mapping[Any, Column],
    *,
    key: str,
    label: str,
    row_id: str = "id",
    actions: Sequence[Action] = (),
    allowed: Sequence[Sequence[str]] | None = None,
    bulk: Sequence[Action] = (),
    row_action: str = "",
    sort: str = "",
    paging: Paging | None = None,
    scope: object = None,
    focus: Any = None,
    empty: tuple[str, str] = ("Nothing here yet", ""),
    fills_window: bool = True,
    summary: Mapping[str, Any] | None = None,
    watched: Sequence[int] = (),
) -> Asked:
    """Draw a table and return what was asked for in it; `label` names it for screen readers.

    Each row offers `actions`, or those whose names `allowed` has for it. `bulk` makes rows
    selectable, over all pages until `scope`, its filters, changes. `focus` is a row to focus.
    `summary` is for `pages.ui.summary`. If others change a `watched` organization, it says so.
    """
    data = {
        "columns": [column.head(str(name)) for name, column in columns.items()],
        "rows": _rows(frame, columns, row_id, actions, allowed),
        **_offered(actions=actions, bulk=bulk),
        "rowAction": row_action,
        "sort": sort,
        "fillsWindow": fills_window and summary is None,
        "summary": summary,
        **_lists(empty=filter(None, empty), watched=watched),
        **_paging(paging or Paging(len(frame), "")) | _state(key, label, scope, focus),
    }
    result: Any = _table(key=key, data=data, height="content", on_ask_change=component.ignore)
    in_rows = {row_action} | _names(actions) | _choices(columns)
    return _read(result.ask, frame, row_id, in_rows, {DOWNLOAD} if summary else _names(bulk))


def sort_order(orders: Iterable[Order]) -> Order:
    """Return the order in the address if it is one of `orders`, or else the first of them."""
    asked, offered = st.query_params.get("sort", ""), list(orders)
    return next((order for order in offered if order == asked), offered[0])


def clear_selection(key: str) -> None:
    """Take all rows of a table out of its selection, after something was done with them."""
    st.session_state[_cleared(key)] = st.session_state.get(_cleared(key), 0) + 1


def _cleared(key: str) -> str:
    return f"{key} selections cleared"


def has_letter_keys() -> bool:
    """Return whether single letters are keys for the person who is signed in."""
    here = authentication.signed_in()
    return here is None or here.has_letter_keys


def _state(key: str, label: str, scope: object, focus: Any) -> dict[str, Any]:
    return {
        "name": key,
        "label": label,
        "scope": repr(scope),
        "focus": focus,
        "cleared": st.session_state.get(_cleared(key), 0),
        "hasLetterKeys": has_letter_keys(),
        "now": int(clock.now().timestamp()),
    }


def _rows(
    frame: pd.DataFrame,
    columns: Mapping[Any, Column],
    row_id: str,
    actions: Sequence[Action],
    allowed: Sequence[Sequence[str]] | None,
) -> list[list[Any]]:
    """Return rows as arrays: the id, the cells, and the numbers of the actions that are allowed."""
    cells = [column.cells(frame, name) for name, column in columns.items()]
    if allowed is not None:
        numbers = {action.name: number for number, action in enumerate(actions)}
        cells.append([[numbers[name] for name in names] for names in allowed])
    return [list(row) for row in zip(frame[row_id].tolist(), *cells, strict=True)]


def _names(actions: Sequence[Action]) -> set[str]:
    return {action.name for action in actions}


def _choices(columns: Mapping[Any, Column]) -> set[str]:
    """Return the actions that lists in cells ask for."""
    return {column.more["action"] for column in columns.values() if "action" in column.more}


def _lists(**values: Iterable[Any]) -> dict[str, list[Any]]:
    return {name: list(those) for name, those in values.items()}


def _offered(**actions: Sequence[Action]) -> dict[str, Any]:
    return {place: [action._asdict() for action in those] for place, those in actions.items()}


def _paging(paging: Paging) -> dict[str, Any]:
    return {
        "total": paging.total,
        "isCapped": paging.is_capped,
        "range": paging.text,
        "turns": paging.describe_turns(),
    }


def _read(sent: Any, frame: pd.DataFrame, row_id: str, in_rows: Set[str], bulk: Set[str]) -> Asked:
    """Return what the browser has sent, if it is offered for a row of this page or a selection."""
    if not isinstance(sent, dict) or not isinstance(sent.get("action"), str):
        return Asked()
    action, rows, ids = sent["action"], sent.get("ids"), frame[row_id].tolist()
    if not isinstance(rows, list) or len(rows) > _MAX_SELECTED:
        return Asked()
    if any(type(row) is not type(ids[0]) for row in rows if ids):
        return Asked()
    if action in bulk:
        return Asked(action, tuple(rows), is_all=sent.get("isAll") is True)
    if action not in in_rows or len(rows) != 1 or rows[0] not in ids:
        return Asked()
    record = {str(key): each for key, each in frame.iloc[ids.index(rows[0])].items()}
    return Asked(action, tuple(rows), str(sent.get("value", "")), record=record)
