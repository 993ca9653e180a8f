"""The table over all organizations: find, narrow, sort, and turn pages at a constant cost.

A page begins at a row, never at a number, and walks an index from there. What is narrowed to few
rows is gathered and sorted; what is narrowed to many is met soon enough on the walk.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Any, Final, NamedTuple

import pandas as pd
from sqlalchemy import Select, bindparam, func, select, true
from sqlalchemy.orm import Session, aliased

from core.access.permissions import Actor
from core.database.db import frame
from core.models import Organization, User, organizations
from core.organizations import org_views, queries
from core.organizations.org_views import FEW, SIZES, Order, Sort, View
from core.organizations.org_walks import (
    STAGED,
    Walk,
    along,
    cut,
    directed,
    gathered,
    merged,
    stages,
)


class Turn(StrEnum):
    """Where a page lies: at one end, or beside a row that was shown."""

    FIRST = "first"
    AFTER = "after"
    BEFORE = "before"
    LAST = "last"


class Place(NamedTuple):
    """A page's place; `beside` is the Organization ID of the row that it lies beside."""

    turn: Turn = Turn.FIRST
    beside: str = ""


FIRST: Final = Place()


@dataclass(frozen=True)
class Page:
    """The rows of one page, and what is around it.

    Columns of `rows`: id, public_id, name, logo, stage, member_count, owners, pending, profile (in
    percent), rep, last_active_at, created_at, deleted_at. `total` counts no further than `FEW` + 1.
    `sort` is the order in effect: newest first when words match too many rows for another.
    """

    rows: pd.DataFrame
    total: int
    sort: Sort
    has_before: bool
    has_after: bool


class _Found(NamedTuple):
    """How many rows there are, no further than `FEW` + 1, and the ids of a walk through them.

    Words that fit more have no ids yet: they are walked newest first.
    """

    total: int
    ids: list[int] | None


def table(session: Session, actor: Actor, view: View, place: Place = FIRST) -> Page:
    """Return one page of the organizations that a view is about; staff only."""
    org_views.open_view(session, actor, view)
    size = min(view.size, max(SIZES))
    start = _find_start(session, view.order, place)
    forwards = place.turn in {Turn.FIRST, Turn.AFTER}
    walk = Walk(view.order, start, size + 1).turned(around=not forwards)
    found = (_sift if view.has_words else _find)(session, view, walk)
    if found.ids is None:
        view = replace(view, sort=Sort.NEWEST)
        start = start and (start[1], start[1])
        walk = Walk(view.order, start, size + 1).turned(around=not forwards)
        found = found._replace(ids=_walked(session, view, walk))
    rows = frame(session, _shown(view.order), {"ids": found.ids})
    has_more = len(rows) > size
    if start is not None and not has_more and (rows.empty or not forwards):
        return table(session, actor, view)  # a first page is a full one
    return Page(
        rows=(rows.head(size) if forwards else rows.tail(size)).reset_index(drop=True),
        total=found.total,
        sort=view.sort,
        has_before=start is not None if forwards else has_more,
        has_after=has_more if forwards else start is not None,
    )


def _find_start(session: Session, order: Order, place: Place) -> tuple[Any, int] | None:
    if place.turn in {Turn.FIRST, Turn.LAST}:
        return None
    row = session.execute(
        select(order.column.label("key"), Organization.id).where(
            Organization.public_id == place.beside
        )
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def _sift(session: Session, view: View, walk: Walk) -> _Found:
    """Return what words find: counted, sorted and cut in one look, since the look is what costs."""
    found = org_views.matches(session, view)
    few = (
        select(found.id.label("id"), walk.by.column.label("key"))
        .select_from(found.source)
        .where(*found.where)
        .limit(FEW + 1)
        .cte("few")
    )
    counted = select(func.count().label("total")).select_from(few).subquery()
    page = cut(few, walk).subquery()
    both = select(counted.c.total, page.c.id).select_from(counted.outerjoin(page, true()))
    rows = session.execute(both).all()
    ids = [row.id for row in rows if row.id is not None]
    return _Found(rows[0].total, ids if rows[0].total <= FEW else None)


def _find(session: Session, view: View, walk: Walk) -> _Found:
    """Return what a view without words finds, in the way that is cheapest for it."""
    total = org_views.count(session, view)
    if not view.is_narrowed:
        return _Found(total, _walked(session, view, walk))
    is_staged = walk.by.column in STAGED and view.is_staged
    if is_staged and view.is_narrowed_by_stage_only:
        return _Found(total, _walked_by_stage(session, view, walk))
    if total <= FEW or org_views.is_better_gathered(session, view):
        few = gathered(org_views.matches(session, view), walk)
        return _Found(total, list(session.scalars(few)))
    way = _walked_by_stage if is_staged else _walked
    return _Found(total, way(session, view, walk))


def _walked_by_stage(session: Session, view: View, walk: Walk) -> list[int]:
    parts = [along(part, walk) for part in stages(view, walk)]
    return [row.id for row in session.execute(merged(parts, walk))]


def _walked(session: Session, view: View, walk: Walk) -> list[int]:
    matches = org_views.matches(session, view, along=view.order)
    return [row.id for row in session.execute(along(matches, walk))]


@cache
def _shown(order: Order) -> Select[*tuple[Any, ...]]:
    """Return the query for what the table shows of `ids`, in its order; one for all views."""
    rep = aliased(User)
    keys = [order.column.expression, Organization.id.expression]
    return (
        select(
            Organization.id,
            Organization.public_id,
            Organization.name,
            Organization.logo,
            Organization.stage,
            Organization.member_count,
            queries.owners(),
            queries.pending(),
            organizations.completeness_column().label("profile"),
            rep.name.label("rep"),
            Organization.last_active_at,
            Organization.created_at,
            Organization.deleted_at,
        )
        .outerjoin(rep, rep.id == Organization.rep_id)
        .where(Organization.id.in_(bindparam("ids", expanding=True)))
        .order_by(*directed(keys, Walk(order, None, 0)))
    )
