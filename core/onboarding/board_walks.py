"""The ways through the columns of the board: the first cards of each, along an index."""

from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Select, func, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.models import Organization, Stage, StageCount
from core.onboarding import board_queries, stuck, working_days
from core.onboarding.board_queries import BoardView, Column, Only, Sort

FEW: Final = 200
"""How far is counted what no index counts, and how many found by words are sorted at most."""


class _Key(NamedTuple):
    """What the rows of a walk go by, then by id in the same direction."""

    column: InstrumentedAttribute[Any]
    is_descending: bool = False


class _Walk(NamedTuple):
    """Rows in the order of an index; those of a higher rank come after all of a lower one."""

    rank: int
    key: _Key
    where: list[ColumnElement[bool]]


_LONGEST: Final = _Key(Organization.stage_entered_at)
_NEWEST: Final = _Key(Organization.stage_entered_at, is_descending=True)
_DUE: Final = _Key(Organization.next_step_on)
_WAITING: Final = _Key(Organization.requested_at)


def first(
    session: Session, view: BoardView, column: Column, most: int, *, shelf: str
) -> list[Select[*tuple[Any, ...]]]:
    """Return queries that find the first `most` of a column: shelf, rank, place, id, found.

    By rank and place they are in order; `shelf` is handed through. `found` is how many there are
    when words are searched for, no further than `FEW` + 1.
    """
    if not view.has_words:
        return [_taken(shelf, walk, most) for walk in _walks(view, column)]
    rows, key = board_queries.rows(session, view, column), _key(view, column)
    few = (
        select(rows.id.label("id"), key.column.label("key"))
        .select_from(rows.source)
        .where(*rows.where)
        .order_by(rows.id.desc())
        .limit(FEW + 1)
        .subquery()
    )
    return [_placed(shelf, 0, key, few).limit(most)]


def count(view: BoardView, column: Column, most: int) -> ColumnElement[int]:
    """Return the number of rows in a column of a view without words.

    Exact, unless the view is narrowed to what is late: then no further than to more than `most`.
    """
    if view.only is None and column is not Column.ASKED:
        return _number_standing(column.stage, view.rep_id)
    if view.only is None:  # by an index alone; the few that are deleted have one of their own
        gone = [Organization.deleted_at.is_not(None), *board_queries.veiled(view, column)]
        return _number(board_queries.standing(view, column)) - _number(gone)
    numbers = [
        select(func.count()).select_from(_steps(walk, most + 1).subquery()).scalar_subquery()
        for walk in _walks(view, column)
    ]
    return sum(numbers[1:], start=numbers[0])


def _number_standing(stage: Stage, rep_id: int | None) -> ColumnElement[int]:
    of_rep = [StageCount.rep_id == rep_id] if rep_id is not None else []
    counted = select(func.sum(StageCount.number)).where(StageCount.stage == stage, *of_rep)
    return func.coalesce(counted.scalar_subquery(), 0)


def _number(where: list[ColumnElement[bool]]) -> ColumnElement[int]:
    return select(func.count()).select_from(Organization).where(*where).scalar_subquery()


def _walks(view: BoardView, column: Column) -> list[_Walk]:
    """Return the ways through a column, each written so that only its own index serves it."""
    live = Organization.deleted_at.is_(None)
    standing = [*board_queries.standing(view, column), live]
    by_due = [*board_queries.veiled(view, column), live]
    due, today = Organization.next_step_on, working_days.today()
    if view.only is Only.STUCK:  # `stuck.condition`: too long here, or else overdue
        over = stuck.is_over_limit(column.stage, today)
        awake = or_(Organization.snoozed_until.is_(None), Organization.snoozed_until <= today)
        entered = func.coalesce(Organization.stage_entered_at, None)  # no index is to serve it
        late = [
            due.is_not(None),
            due < today,
            entered >= working_days.cutoff(stuck.limit(column.stage) or 0, today),
        ]
        return [
            _Walk(0, _LONGEST, [*standing, awake, over]),
            _Walk(1, _DUE, [*by_due, awake, *late]),
        ]
    if view.only is Only.DUE:
        return [_Walk(0, _DUE, [*by_due, *board_queries.narrowed(view)])]
    if _key(view, column) is _DUE:
        later = _Walk(1, _LONGEST, [*standing, due.is_(None)])
        return [_Walk(0, _DUE, [*by_due, due.is_not(None)]), later]
    return [_Walk(0, _key(view, column), standing)]


def _key(view: BoardView, column: Column) -> _Key:
    if column is Column.ASKED:
        return _WAITING
    if column is Column.PRODUCTION or view.sort is Sort.NEWEST:
        return _NEWEST
    return _DUE if view.sort is Sort.DUE else _LONGEST


def _taken(shelf: str, walk: _Walk, most: int) -> Select[*tuple[Any, ...]]:
    return _placed(shelf, walk.rank, walk.key, _steps(walk, most).subquery())


def _steps(walk: _Walk, most: int) -> Select[*tuple[Any, ...]]:
    """Return the first rows of a walk; with its order, so that PostgreSQL keeps to its index."""
    key = walk.key
    return (
        select(Organization.id.label("id"), key.column.label("key"))
        .where(*walk.where)
        .order_by(*_directed(key.column, Organization.id, key))
        .limit(most)
    )


def _placed(shelf: str, rank: int, key: _Key, few: FromClause) -> Select[*tuple[Any, ...]]:
    order = _directed(few.c.key, few.c.id, key)
    return select(
        literal(shelf).label("shelf"),
        literal(rank).label("rank"),
        func.row_number().over(order_by=order).label("place"),
        few.c.id.label("id"),
        func.count().over().label("found"),
    ).order_by(*order)


def _directed(value: Any, row_id: Any, key: _Key) -> list[ColumnElement[Any]]:
    if key.is_descending:
        return [value.desc(), row_id.desc()]
    return [value.asc(), row_id.asc()]
