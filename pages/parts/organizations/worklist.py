"""The way through a list from the pages of an organization that was opened from it."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import streamlit as st

from core.access.permissions import Action, Actor
from core.database import db
from core.models import Organization
from core.organizations import worklist
from core.organizations.filters import Filters
from core.organizations.queries import MAX_COUNTED
from core.organizations.worklist import (
    MAX_NUMBER,
    OWN,
    Displayed,
    Neighbor,
    Neighbors,
    Others,
    Position,
)
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


def displayed_list(page: str, public_ids: Sequence[str] = ()) -> str:
    """Return the parameter `list` of an organization on a page whose list has no filters.

    It has the list as it is displayed, and the choices in the address of the page.
    """
    return Displayed(page, st.query_params.to_dict(), public_ids).to_query()


def displayed_query(page: str, public_ids: Sequence[str] = ()) -> str:
    """Return what the addresses of organizations end with there."""
    return f"&list={quote(displayed_list(page, public_ids), safe='')}"


def draw(actor: Actor) -> None:
    """Draw Previous and Next if the address has a list that the organization was opened from."""
    query = st.query_params.get("list", "")
    here = find_current(actor) if query else None
    if here is None:
        return
    sees_all = Action.VIEW_ALL in here.rights
    displayed = _read_displayed(query)
    opened = worklist.read(query, st.query_params.get("at", "")) if displayed is None else None
    if displayed is not None and (sees_all or displayed.page == OWN):
        with db.read() as session:
            found = worklist.displayed_neighbors(session, actor, displayed, here.org.public_id)
        _draw(found, here.org.public_id, displayed.address)
    elif opened is not None and sees_all:
        _draw_filtered(actor, here.org, *opened)


def _read_displayed(query: str) -> Displayed | None:
    try:
        return Displayed.from_query(query)
    except ValueError:
        return None


def _draw_filtered(actor: Actor, org: Organization, filters: Filters, position: Position) -> None:
    with db.read() as session:
        found = worklist.neighbors(session, actor, filters, position, org.id)
        others = worklist.list_others(session, actor, filters)
    if others.is_due:
        ui.change(worklist.visit, actor, filters)
    _draw(found, org.public_id, _list_address(filters, found), _describe_others(others))


def _draw(found: Neighbors, here: str, address: str, others: str = "") -> None:
    _worklist(
        key="worklist",
        data={
            "here": here,
            "previous": _describe(found.previous),
            "next": _describe(found.next),
            "number": _number(found),
            "others": others,
            "list": address,
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
