"""The table over all organizations: find, narrow, sort, and turn pages at a constant cost.

A page begins at a row, never at a number, and walks an index from there. What is narrowed to few
rows is gathered and sorted; what is narrowed to many is met soon enough on the walk.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Any, Final, NamedTuple

import pandas as pd
from sqlalchemy import ColumnElement, Select, bindparam, literal, select, tuple_, union_all
from sqlalchemy.orm import Session, aliased

from core import completeness, counts, org_views
from core.frames import frame
from core.models import Organization, Stage, User
from core.org_views import FEW, GATHERED, SIZES, Matches, Order, Sort, View
from core.permissions import Actor


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


class _Walk(NamedTuple):
    """A way through rows: by which order, from beyond which row, how far."""

    by: Order
    start: tuple[Any, int] | None
    steps: int


def table(session: Session, actor: Actor, view: View, place: Place = FIRST) -> Page:
    """Return one page of the organizations that a view is about; staff only."""
    org_views.open_view(session, actor, view)
    total = org_views.count(session, view)
    if view.has_words and total > FEW:
        view = replace(view, sort=Sort.NEWEST)
    size = min(view.size, max(SIZES))
    column, descending = view.order
    start = _find_start(session, view.order, place)
    forwards = place.turn in {Turn.FIRST, Turn.AFTER}

    walk = _Walk(Order(column, descending is forwards), start, size + 1)
    ids = [row.id for row in session.execute(_ids(session, view, walk, total))]
    rows = frame(session, _shown(view.order), {"ids": ids})
    has_more = len(rows) > size
    if start is not None and not has_more and (rows.empty or not forwards):
        return table(session, actor, view)  # a first page is a full one
    return Page(
        rows=(rows.head(size) if forwards else rows.tail(size)).reset_index(drop=True),
        total=total,
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


def _ids(session: Session, view: View, walk: _Walk, total: int) -> Select[*tuple[Any, ...]]:
    """Return a query for the ids of one page, in the way that is cheapest for this view."""
    if view.has_words or view.is_narrowed:
        is_by_id = walk.by.column is Organization.id and not view.has_words
        if is_by_id and view.is_narrowed_by_stage_only:
            return _merged([_steps(part, walk) for part in _stages(view)], walk)
        if total <= FEW or org_views.is_better_gathered(session, view):
            return _sorted(org_views.matches(session, view), walk)
    return _along(org_views.matches(session, view, along=view.order), walk)


def _along(matches: Matches, walk: _Walk) -> Select[*tuple[Any, ...]]:
    """Return the next ids along an index: what ties with the row it starts from, then what follows.

    SQLite would go through all ties from their first on; most organizations are equally small. And
    of two ends on one index it goes from the first that it reads, so a walk's own end stands first.
    """
    column, descending = walk.by
    if walk.start is None or column is Organization.id:
        return _steps(matches, walk)
    key, row_id = walk.start
    follows = operator.lt if descending else operator.gt
    ties = [column == key, follows(matches.id, row_id)]
    parts = [
        matches._replace(where=[*where, *matches.where]) for where in (ties, [follows(column, key)])
    ]
    return _merged([_steps(part, walk._replace(start=None)) for part in parts], walk)


def _steps(matches: Matches, walk: _Walk) -> Select[*tuple[Any, ...]]:
    """Return the next ids, and the keys that they are ordered by, in one walk."""
    by_id = walk.by.column is Organization.id
    keys = [matches.id] if by_id else [walk.by.column.expression, matches.id]
    return (
        select(matches.id.label("id"), walk.by.column.label("key"))
        .select_from(matches.source)
        .where(*_beyond(keys, walk), *matches.where)
        .order_by(*_directed(keys, walk))
        .limit(walk.steps)
    )


def _sorted(matches: Matches, walk: _Walk) -> Select[*tuple[Any, ...]]:
    """Return the next ids among few rows, gathered first and then sorted."""
    few = (
        select(matches.id.label("id"), walk.by.column.label("key"))
        .select_from(matches.source)
        .where(*matches.where)
        .limit(GATHERED)
        .subquery()
    )
    keys = [few.c.key, few.c.id]
    return (
        select(few.c.id)
        .where(*_beyond(keys, walk))
        .order_by(*_directed(keys, walk))
        .limit(walk.steps)
    )


def _merged(walks: Sequence[Select[*tuple[Any, ...]]], walk: _Walk) -> Select[*tuple[Any, ...]]:
    """Return the next ids of several walks: as many steps along each, then the first of them."""
    ends = [part.subquery() for part in walks]
    merged = union_all(*(select(end.c.id, end.c.key) for end in ends)).subquery()
    keys = [merged.c.key, merged.c.id]
    return select(merged.c.id).order_by(*_directed(keys, walk)).limit(walk.steps)


def _stages(view: View) -> list[Matches]:
    """Return the rows of a view without words stage by stage, each with an index by id."""
    rows = Organization.__table__
    live: list[ColumnElement[bool]] = [Organization.deleted_at.is_(None)]
    if view.rep_id is not None:
        live.append(Organization.rep_id == view.rep_id)
    return [
        Matches(rows, Organization.id.expression, [Organization.stage == stage, *live])
        for stage in view.stages or tuple(Stage)
    ]


def _beyond(keys: Sequence[ColumnElement[Any]], walk: _Walk) -> list[ColumnElement[bool]]:
    if walk.start is None:
        return []
    values = walk.start[-len(keys) :]
    there = [literal(value, key.type) for key, value in zip(keys, values, strict=True)]
    here, border = (tuple_(*keys), tuple_(*there)) if len(keys) > 1 else (keys[0], there[0])
    return [here < border if walk.by.descending else here > border]


def _directed(keys: Sequence[ColumnElement[Any]], walk: _Walk) -> list[ColumnElement[Any]]:
    return [key.desc() if walk.by.descending else key.asc() for key in keys]


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
            counts.owners(),
            counts.pending(),
            completeness.percent_column().label("profile"),
            rep.name.label("rep"),
            Organization.last_active_at,
            Organization.created_at,
            Organization.deleted_at,
        )
        .outerjoin(rep, rep.id == Organization.rep_id)
        .where(Organization.id.in_(bindparam("ids", expanding=True)))
        .order_by(*_directed(keys, _Walk(order, None, 0)))
    )
