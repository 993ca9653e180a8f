"""The lists of saved views, with the number of new rows in each since the last visit."""

from typing import Any, Final

import pandas as pd
from sqlalchemy import Integer, Select, literal, or_, select, union_all
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access_staff
from core.base.errors import DomainError
from core.database.db import capped_count, frame
from core.models import DefaultView, Organization, SavedView, User, ViewVisit
from core.onboarding import board_queries
from core.onboarding.board_queries import Column
from core.organizations import queries
from core.organizations.filters import Filters, Order

MAX_NEW: Final = 99
"""Where counting new rows stops; `new` is one more when there are more."""
MAX_VIEWS: Final = 150
"""Views in a list."""


def table(session: Session, actor: Actor, page: str) -> pd.DataFrame:
    """Return the actor's views of a page by name, then the views shared by others.

    The columns are id, name, query, owner_id, owner, is_mine, is_shared, is_default, seen_at,
    last_org_id and new: the matching organizations created since the actor's last visit, or on the
    board those that entered their stage since; None where the actor has never opened the view.
    """
    access_staff(session, actor, Action.SAVE_VIEWS)
    views = frame(session, _views(actor, page))
    new = _count_new(session, actor, page, views)
    views["new"] = pd.Series([new.get(view_id) for view_id in views["id"]], dtype=object)
    return views


def _views(actor: Actor, page: str) -> Select[*tuple[Any, ...]]:
    is_mine = SavedView.owner_id == actor.user_id
    return (
        select(
            SavedView.id,
            SavedView.name,
            SavedView.query,
            SavedView.owner_id,
            User.name.label("owner"),
            is_mine.label("is_mine"),
            SavedView.is_shared,
            DefaultView.view_id.is_not(None).label("is_default"),
            ViewVisit.at.label("seen_at"),
            ViewVisit.last_org_id,
        )
        .join(User, User.id == SavedView.owner_id)
        .outerjoin(
            ViewVisit, (ViewVisit.view_id == SavedView.id) & (ViewVisit.user_id == actor.user_id)
        )
        .outerjoin(
            DefaultView,
            (DefaultView.view_id == SavedView.id) & (DefaultView.user_id == actor.user_id),
        )
        .where(SavedView.page == page, or_(is_mine, SavedView.is_shared))
        .order_by(is_mine.desc(), SavedView.name_key, SavedView.id)
        .limit(MAX_VIEWS)
    )


def _count_new(session: Session, actor: Actor, page: str, views: pd.DataFrame) -> dict[int, int]:
    """Return the number of new rows in each view that the actor has visited, with one query."""
    visited = list(views[views["seen_at"].notna()].itertuples())
    counts = []
    for view in visited:
        for rows in _new_rows(session, actor, page, view):
            new = capped_count(rows, MAX_NEW).label("new")
            counts.append(select(literal(view.id, Integer).label("id"), new))
    if not counts:
        return {}
    found: dict[int, int] = {}
    for view_id, number in session.execute(union_all(*counts)):
        found[view_id] = min(found.get(view_id, 0) + number, MAX_NEW + 1)
    return found


def _new_rows(
    session: Session, actor: Actor, page: str, view: Any
) -> list[Select[*tuple[Any, ...]]]:
    """Return queries for the new rows of a view; none if its query is no longer valid."""
    try:
        if page == "board":
            return _new_on_board(session, actor, view)
        query = Filters.from_query(view.query)
        queries.authorize(session, actor, query)
    except (ValueError, DomainError):
        return []
    newest = Order(Organization.id, descending=True)
    source, org_id, where = queries.matches(session, query, scanned=newest)
    return [select(literal(1)).select_from(source).where(*where, org_id > view.last_org_id)]


def _new_on_board(session: Session, actor: Actor, view: Any) -> list[Select[*tuple[Any, ...]]]:
    query = board_queries.parse(actor, view.query)
    new = []
    for column in query.columns:
        rows = board_queries.rows(session, query, column)
        is_request = column is Column.REQUESTED
        since = Organization.requested_at if is_request else Organization.stage_entered_at
        entered = since > view.seen_at.to_pydatetime()
        new.append(select(literal(1)).select_from(rows.source).where(*rows.where, entered))
    return new
