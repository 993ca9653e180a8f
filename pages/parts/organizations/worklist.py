"""The way through a list from the pages of an organization that was opened from it."""

from typing import Any
from urllib.parse import quote

import streamlit as st

from core.access.permissions import Action, Actor
from core.database import db
from core.organizations import worklist
from core.organizations.filters import Filters
from core.organizations.queries import MAX_COUNTED
from core.organizations.worklist import MAX_NUMBER, Neighbor, Neighbors, Others, Position
from pages import ui
from pages.ui import component
from pages.ui.open_page import find_current
from pages.ui.table import has_letter_keys

_worklist = component.load("worklist")


def list_query(filters: Filters) -> str:
    """Return what the addresses of a list's organizations end with, after their position in it."""
    return f"&list={quote(filters.to_query() or f'sort={filters.sort}', safe='')}"


def position_query(key: Any, org_id: int) -> str:
    """Return what the address of an organization has before that, for its sort key in the list."""
    return f"&at={quote(Position(key, org_id).to_text())}"


def draw(actor: Actor) -> None:
    """Draw Previous and Next if the address has a list and the position of the organization."""
    parameters = st.query_params
    opened = worklist.read(parameters.get("list", ""), parameters.get("at", ""))
    here = find_current(actor) if opened is not None else None
    if opened is None or here is None or Action.VIEW_ALL not in here.rights:
        return
    filters, position = opened
    with db.read() as session:
        found = worklist.neighbors(session, actor, filters, position, here.org.id)
        others = worklist.list_others(session, actor, filters)
    if others.is_due:
        ui.change(worklist.visit, actor, filters)
    _worklist(
        key="worklist",
        data={
            "previous": _describe(found.previous),
            "next": _describe(found.next),
            "number": _number(found),
            "others": _describe_others(others),
            "list": _list_address(filters, found),
            "hasLetterKeys": has_letter_keys(),
        },
    )


def _list_address(filters: Filters, found: Neighbors) -> str:
    """Return the address of the list: its first page, or one that starts at this organization."""
    query, before = filters.to_query(), found.previous
    is_on_first_page = found.number is not None and found.number <= filters.size
    if before is not None and not is_on_first_page:
        query = f"{query}&at=after.{before.public_id}"
    return f"/organizations?{query}".rstrip("?")


def _describe(neighbor: Neighbor | None) -> dict[str, Any] | None:
    return None if neighbor is None else neighbor._asdict()


def _number(found: Neighbors) -> str:
    if found.number is None:
        return "No longer in this list"
    limit = MAX_NUMBER if found.total > MAX_COUNTED else MAX_COUNTED
    return f"{ui.capped(found.number, limit)} of {ui.capped(found.total, MAX_COUNTED)}"


def _describe_others(others: Others) -> str:
    """Return who else works on the list; at most two of them by name."""
    names = list(others.names[:2])
    if more := len(others.names) - len(names):
        names.append(ui.count(more, "other"))
    who = " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
    return f"{who} {'is' if len(others.names) == 1 else 'are'} also on this list" if who else ""
