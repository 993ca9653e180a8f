"""The saved views of a page, each with how many rows are new in it since one last looked."""

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
from core.organizations import filters, org_views
from core.organizations.org_views import Order

COUNTED: Final = 99
"""How far new rows are counted; `new` is one more when there are more."""
MOST: Final = 150
"""Views in a list."""


def table(session: Session, actor: Actor, page: str) -> pd.DataFrame:
    """Return one's own views of a page by name, then those that others share.

    Columns: id, name, query, owner_id, owner, is_mine, is_shared, is_default, seen_at,
    last_org_id, and new: of Organizations those created since the actor last looked, of the board
    those that came into their stage since, as they match now; None where the actor never looked.
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
        .limit(MOST)
    )


def _count_new(session: Session, actor: Actor, page: str, views: pd.DataFrame) -> dict[int, int]:
    """Return how many rows are new in each view that was looked at, in one query."""
    looked = list(views[views["seen_at"].notna()].itertuples())
    counts = []
    for view in looked:
        for rows in _new_rows(session, actor, page, view):
            new = capped_count(rows, COUNTED).label("new")
            counts.append(select(literal(view.id, Integer).label("id"), new))
    if not counts:
        return {}
    found: dict[int, int] = {}
    for view_id, number in session.execute(union_all(*counts)):
        found[view_id] = min(found.get(view_id, 0) + number, COUNTED + 1)
    return found


def _new_rows(
    session: Session, actor: Actor, page: str, view: Any
) -> list[Select[*tuple[Any, ...]]]:
    """Return queries for what is new in a view; none where it asks for what is gone."""
    try:
        if page == "board":
            return _new_on_board(session, actor, view)
        asked = filters.from_query(view.query)
        org_views.open_view(session, actor, asked)
    except (ValueError, DomainError):
        return []
    newest = Order(Organization.id, descending=True)
    source, org_id, where = org_views.matches(session, asked, along=newest)
    return [select(literal(1)).select_from(source).where(*where, org_id > view.last_org_id)]


def _new_on_board(session: Session, actor: Actor, view: Any) -> list[Select[*tuple[Any, ...]]]:
    asked = board_queries.parse(actor, view.query)
    new = []
    for column in asked.columns:
        rows = board_queries.rows(session, asked, column)
        asks = column is Column.REQUESTED
        since = Organization.requested_at if asks else Organization.stage_entered_at
        came = since > view.seen_at.to_pydatetime()
        new.append(select(literal(1)).select_from(rows.source).where(*rows.where, came))
    return new
