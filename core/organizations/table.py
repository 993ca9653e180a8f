"""The table of all organizations: filtered, sorted and paginated by key at a constant cost.

A page starts at a row, never at a number of rows, and scans an index from there (keyset
pagination). Filters that leave few rows are sorted instead; those that leave many are met soon
enough by the scan.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Any, Final, NamedTuple

import pandas as pd
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    bindparam,
    func,
    literal,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from core.access.permissions import Actor
from core.database.db import frame
from core.models import Organization, Stage, User, organizations
from core.organizations import queries
from core.organizations.filters import PAGE_SIZES, Filters, Order, Sort, has_rep
from core.organizations.queries import MAX_COUNTED, MAX_SORTED_LARGE, Matches

_INDEXED_BY_STAGE: Final = {Organization.id, Organization.stage_entered_at}
"""Columns with an index within each stage, and within each stage of a sales rep."""


class Direction(StrEnum):
    """Which page: the first, the last, or the one after or before a row."""

    FIRST = "first"
    AFTER = "after"
    BEFORE = "before"
    LAST = "last"


class Cursor(NamedTuple):
    """The location of a page; `public_id` is the Organization ID of the row it adjoins."""

    direction: Direction = Direction.FIRST
    public_id: str = ""


FIRST: Final = Cursor()


@dataclass(frozen=True)
class Page:
    """The rows of one page, and whether there are pages before and after it.

    Columns of `rows`: id, public_id, name, logo, stage, member_count, owners, pending, profile (in
    percent), rep, rep_id, last_active_at, created_at, deleted_at, key (what they are sorted by).
    `total` is counted up to
    `MAX_COUNTED` + 1. `sort` is the order in effect: newest first if a search matches too many
    rows for another.
    """

    rows: pd.DataFrame
    total: int
    sort: Sort
    has_before: bool
    has_after: bool


class _Keyset(NamedTuple):
    """An order, the key and the id of the row to start beyond, and how many rows to return."""

    order: Order
    start: tuple[Any, int] | None
    limit: int

    def reversed(self, *, is_reversed: bool) -> "_Keyset":
        """Return the keyset, or the one in the opposite direction."""
        is_descending = self.order.descending is not is_reversed
        return self._replace(order=self.order._replace(descending=is_descending))


class _Found(NamedTuple):
    """The number of matching rows, up to `MAX_COUNTED` + 1, and the ids of one page.

    `ids` is None where more match: results of a search are then scanned newest first.
    """

    total: int
    ids: list[int] | None


class Beyond(NamedTuple):
    """The ids of rows beyond a row, nearest first, and what a `Page` says of the whole list."""

    ids: list[int]
    total: int
    sort: Sort


def table(session: Session, actor: Actor, filters: Filters, cursor: Cursor = FIRST) -> Page:
    """Return one page of the organizations that match the filters; staff only."""
    queries.authorize(session, actor, filters)
    size = min(filters.size, max(PAGE_SIZES))
    start = _find_start(session, filters.order, cursor)
    is_forward = cursor.direction in {Direction.FIRST, Direction.AFTER}
    found = find_beyond(session, filters, start, size + 1, is_forward=is_forward)
    filters = replace(filters, sort=found.sort)
    rows = frame(session, _rows_query(filters.order), {"ids": found.ids})
    has_more = len(rows) > size
    if start is not None and not has_more and (rows.empty or not is_forward):
        return table(session, actor, filters)  # the first page is always a full one
    return Page(
        rows=(rows.head(size) if is_forward else rows.tail(size)).reset_index(drop=True),
        total=found.total,
        sort=found.sort,
        has_before=start is not None if is_forward else has_more,
        has_after=has_more if is_forward else start is not None,
    )


def find_beyond(
    session: Session,
    filters: Filters,
    start: tuple[Any, int] | None,
    limit: int,
    *,
    is_forward: bool = True,
    total: int | None = None,
) -> Beyond:
    """Return the rows of a list after the key and the id of one, or before them.

    The row itself need not match any more. Without a `start` they are those at the end of the list.
    Pass the `total` if it is known already.
    """
    keyset = _Keyset(filters.order, start, limit).reversed(is_reversed=not is_forward)
    find = _count_and_sort if filters.has_words else _find
    total, ids = find(session, filters, keyset, total)
    if ids is None:
        filters = replace(filters, sort=Sort.NEWEST)
        start = start and (start[1], start[1])
        keyset = _Keyset(filters.order, start, limit).reversed(is_reversed=not is_forward)
        ids = _scan(session, filters, keyset)
    return Beyond(ids, total, filters.sort)


def _find_start(session: Session, order: Order, cursor: Cursor) -> tuple[Any, int] | None:
    """Return the key and the id of the row beside the page; None if there is none."""
    if cursor.direction in {Direction.FIRST, Direction.LAST}:
        return None
    row = session.execute(
        select(order.column.label("key"), Organization.id).where(
            Organization.public_id == cursor.public_id
        )
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def _count_and_sort(
    session: Session, filters: Filters, keyset: _Keyset, total: int | None
) -> _Found:
    """Count, sort and cut what matches in one query, where finding it costs the most."""
    if total is not None and total > MAX_COUNTED:
        return _Found(total, None)
    matches = queries.matches(session, filters)
    some = (
        select(matches.id.label("id"), keyset.order.column.label("key"))
        .select_from(matches.source)
        .where(*matches.where)
        .limit(MAX_COUNTED + 1)
        .cte("some")
    )
    counted = select(func.count().label("total")).select_from(some).subquery()
    page = _sorted_page(some, keyset).subquery()
    both = select(counted.c.total, page.c.id).select_from(counted.outerjoin(page, true()))
    rows = session.execute(both).all()
    ids = [row.id for row in rows if row.id is not None]
    return _Found(rows[0].total, ids if rows[0].total <= MAX_COUNTED else None)


def _find(session: Session, filters: Filters, keyset: _Keyset, total: int | None) -> _Found:
    """Count and find the rows of filters without a search, in the cheapest way for them."""
    if total is None and queries.are_rows_read(filters):
        total, ids = _count_and_sort(session, filters, keyset, None)
        if ids is not None:
            return _Found(total, ids)
    total = queries.count(session, filters) if total is None else total
    if not filters.is_narrowed:
        return _Found(total, _scan(session, filters, keyset))
    is_staged = keyset.order.column in _INDEXED_BY_STAGE and filters.is_staged
    if is_staged and filters.is_narrowed_by_stage_only:
        return _Found(total, _scan_by_stage(session, filters, keyset))
    if total <= MAX_COUNTED or queries.is_faster_sorted(session, filters):
        return _Found(total, _sort(session, filters, keyset))
    scan = _scan_by_stage if is_staged else _scan
    return _Found(total, scan(session, filters, keyset))


def _sort(session: Session, filters: Filters, keyset: _Keyset) -> list[int]:
    """Return the ids of a page by sorting all rows that match."""
    matches = queries.matches(session, filters)
    some = (
        select(matches.id.label("id"), keyset.order.column.label("key"))
        .select_from(matches.source)
        .where(*matches.where)
        .limit(MAX_SORTED_LARGE)
        .subquery()
    )
    return list(session.scalars(_sorted_page(some, keyset)))


def _scan(session: Session, filters: Filters, keyset: _Keyset) -> list[int]:
    """Return the ids of a page by scanning the index of the order."""
    matches = queries.matches(session, filters, scanned=filters.order)
    return [row.id for row in session.execute(_index_scan(matches, keyset))]


def _scan_by_stage(session: Session, filters: Filters, keyset: _Keyset) -> list[int]:
    """Return the ids of a page by scanning an index within each stage, and merging the results."""
    scans = [_index_scan(matches, keyset) for matches in _match_each_stage(filters, keyset)]
    return [row.id for row in session.execute(_merged(scans, keyset))]


def _match_each_stage(filters: Filters, keyset: _Keyset) -> list[Matches]:
    rows = Organization.__table__
    where: list[ColumnElement[bool]] = [Organization.deleted_at.is_(None)]
    if filters.rep_id is not None:
        where.append(has_rep(Organization.rep_id.expression, filters.rep_id))
    where += queries.conditions_besides_stage(filters, keyset.order)
    return [
        Matches(rows, Organization.id.expression, [Organization.stage == stage, *where])
        for stage in filters.stages or tuple(Stage)
    ]


def _index_scan(matches: Matches, keyset: _Keyset) -> Select[*tuple[Any, ...]]:
    """Select the next ids and keys: rows with the same key as the start first, then those beyond.

    In one query SQLite would read all rows of that key from the first one, and most organizations
    are equally small. Of two limits on one index it uses the first, so ours comes first.
    """
    column, is_descending = keyset.order
    if keyset.start is None or column is Organization.id:
        return _range_scan(matches, keyset)
    key, row_id = keyset.start
    is_beyond = operator.lt if is_descending else operator.gt
    ties = [column == key, is_beyond(matches.id, row_id)]
    scans = [
        _range_scan(matches._replace(where=[*where, *matches.where]), keyset._replace(start=None))
        for where in (ties, [is_beyond(column, key)])
    ]
    return _merged(scans, keyset)


def _range_scan(matches: Matches, keyset: _Keyset) -> Select[*tuple[Any, ...]]:
    by_id = keyset.order.column is Organization.id
    keys = [matches.id] if by_id else [keyset.order.column.expression, matches.id]
    return (
        select(matches.id.label("id"), keyset.order.column.label("key"))
        .select_from(matches.source)
        .where(*_is_beyond_start(keys, keyset), *matches.where)
        .order_by(*_order_by(keys, keyset.order))
        .limit(keyset.limit)
    )


def _sorted_page(some: FromClause, keyset: _Keyset) -> Select[int]:
    """Select the ids of a page among rows that have an `id` and a `key`."""
    keys = [some.c.key, some.c.id]
    return (
        select(some.c.id)
        .where(*_is_beyond_start(keys, keyset))
        .order_by(*_order_by(keys, keyset.order))
        .limit(keyset.limit)
    )


def _merged(scans: Sequence[Select[*tuple[Any, ...]]], keyset: _Keyset) -> Select[*tuple[Any, ...]]:
    """Select the first rows of several scans, each of which is as long as the page."""
    parts = [scan.subquery() for scan in scans]
    rows = union_all(*(select(part.c.id, part.c.key) for part in parts)).subquery()
    order_by = _order_by([rows.c.key, rows.c.id], keyset.order)
    return select(rows.c.id, rows.c.key).order_by(*order_by).limit(keyset.limit)


def _is_beyond_start(
    keys: Sequence[ColumnElement[Any]], keyset: _Keyset
) -> list[ColumnElement[bool]]:
    if keyset.start is None:
        return []
    values = keyset.start[-len(keys) :]
    literals = [literal(value, key.type) for key, value in zip(keys, values, strict=True)]
    row, start = (tuple_(*keys), tuple_(*literals)) if len(keys) > 1 else (keys[0], literals[0])
    return [row < start if keyset.order.descending else row > start]


def _order_by(keys: Sequence[ColumnElement[Any]], order: Order) -> list[ColumnElement[Any]]:
    return [key.desc() if order.descending else key.asc() for key in keys]


@cache
def _rows_query(order: Order) -> Select[*tuple[Any, ...]]:
    """Return the query for the columns of the rows `ids`; one for all filters."""
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
            Organization.owner_count.label("owners"),
            queries.pending_column(),
            organizations.completeness_column().label("profile"),
            rep.name.label("rep"),
            Organization.rep_id,
            Organization.last_active_at,
            Organization.created_at,
            Organization.deleted_at,
            order.column.label("key"),
        )
        .outerjoin(rep, rep.id == Organization.rep_id)
        .where(Organization.id.in_(bindparam("ids", expanding=True)))
        .order_by(*_order_by(keys, order))
    )
