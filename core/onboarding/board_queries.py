"""The queries behind the board: its filters, and the first cards and the total of each column.

Every query reads along one index and stops early, however many organizations there are.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    case,
    func,
    inspect,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.access.permissions import Actor
from core.database import search
from core.database.db import capped_count
from core.models import Organization, Stage, StageCount, orm
from core.models.organizations import IS_READY
from core.onboarding import stuck, working_days
from core.organizations.filters import has_rep, parse_rep_id

MINE: Final = "mine"
"""The value of `rep` in an address that means the person who opens it."""
DUE_WITHIN: Final = timedelta(days=7)
"""How far ahead a next step counts as due."""
MAX_COUNTED: Final = 200
"""Where counting stops if no index has the total, and how many search results are sorted."""


class Column(StrEnum):
    """The columns of the board, in their order: onboarding requests, then the stages."""

    REQUESTED = "requested"
    ONBOARDING = "onboarding"
    PREPRODUCTION = "preproduction"
    PRODUCTION = "production"

    @property
    def stage(self) -> Stage:
        """Return the stage of the organizations in the column."""
        return Stage.FREE if self is Column.REQUESTED else Stage(self.value)


class Only(StrEnum):
    """The subsets that the board can be limited to: `ready` have no open check."""

    STUCK = "stuck"
    READY = "ready"
    DUE = "due"


class Sort(StrEnum):
    """The sort orders of cards."""

    LONGEST = "longest"
    DUE = "due"
    NEWEST = "newest"


@dataclass(frozen=True)
class BoardQuery:
    """The search, the filters and the sort order of the board."""

    words: str = ""
    rep_id: int | None = None
    only: Only | None = None
    sort: Sort = Sort.LONGEST

    @property
    def has_words(self) -> bool:
        """Return whether the query searches for words."""
        return bool(self.words.strip())

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return the columns that can have cards; only two stages have limits and due dates."""
        limited = (Column.ONBOARDING, Column.PREPRODUCTION)
        return limited if self.only is not None else tuple(Column)


def parse(actor: Actor, query: str) -> BoardQuery:
    """Return the query of an address for an actor; raises `ValueError` if it is not valid."""
    values = {name: values[-1] for name, values in parse_qs(query, max_num_fields=60).items()}
    rep = values.get("rep", "")
    return BoardQuery(
        words=values.get("q", ""),
        rep_id=actor.user_id if rep == MINE else parse_rep_id(rep) if rep else None,
        only=Only(values["only"]) if "only" in values else None,
        sort=Sort(values.get("sort", Sort.LONGEST)),
    )


@dataclass(frozen=True)
class Rows:
    """A selection of organizations: its tables, the column with their id, and its conditions."""

    source: FromClause
    id: ColumnElement[int]
    where: list[ColumnElement[bool]]


def rows(session: Session, query: BoardQuery, column: Column) -> Rows:
    """Return the selection of the organizations in a column."""
    table = inspect(Organization).local_table
    where = [*_in_column(query, column), Organization.deleted_at.is_(None), *_matches_only(query)]
    if not query.has_words:
        return Rows(table, Organization.id.expression, where)
    found = search.match_organizations(session, query.words)
    return Rows(found.source, found.id, [found.is_found, *where])


def first_cards(
    session: Session, query: BoardQuery, column: Column, limit: int, *, without_stuck: bool = False
) -> list[Select[*tuple[Any, ...]]]:
    """Return queries for the first `limit` cards of a column: column, rank, position, id, found.

    Rank and position give their order. `found` is the number of search results, up to
    `MAX_COUNTED` + 1; of these, stuck organizations come first.
    """
    if not query.has_words:
        scans = _scans(query, column)
        if without_stuck:
            scans = [scan._replace(where=[*scan.where, _is_stuck() == 0]) for scan in scans]
        return [_positioned_scan(column, scan, limit) for scan in scans]
    matching, key = rows(session, query, column), _sort_key(query, column)
    newest = (
        select(matching.id.label("id"), key.column.label("key"), _is_stuck().label("is_stuck"))
        .select_from(matching.source)
        .where(*matching.where)
        .order_by(matching.id.desc())
        .limit(MAX_COUNTED + 1)
        .subquery()
    )
    return [_positioned(column, 0, key, newest, newest.c.is_stuck.desc()).limit(limit)]


def _is_stuck() -> ColumnElement[int]:
    """Return 1 for stuck organizations, else 0; an expression that no index is chosen for."""
    return case((stuck.condition(), 1), else_=0)


def count(query: BoardQuery, column: Column, limit: int) -> ColumnElement[int]:
    """Return the number of organizations in a column, for a query without words.

    The number is exact unless `only` is set; then counting stops beyond `limit`.
    """
    if query.only is None and column is not Column.REQUESTED:
        return _count_in_stage(column.stage, query.rep_id)
    if query.only is None:  # two counts that each read an index only
        asked = orm.unindexed(Organization.requested_at).is_not(None)
        deleted: list[ColumnElement[bool]] = [Organization.deleted_at.is_not(None), asked]
        return _count_where(_in_column(query, column)) - _count_where(deleted)
    numbers = [capped_count(_select_scan(scan, limit), limit) for scan in _scans(query, column)]
    return sum(numbers[1:], start=numbers[0])


def _in_column(query: BoardQuery, column: Column) -> list[ColumnElement[bool]]:
    """Return the conditions of a column, each on an index; deleted organizations are included.

    Requests have no sales rep yet, so the filter by sales rep does not apply to them.
    """
    if column is Column.REQUESTED:  # cleared when the organization leaves the free stage
        return [Organization.requested_at.is_not(None)]
    where = [Organization.stage == column.stage]
    if query.rep_id is not None:
        where.append(has_rep(Organization.rep_id.expression, query.rep_id))
    return where


def _matches_only(query: BoardQuery) -> list[ColumnElement[bool]]:
    today = working_days.today()
    if query.only is Only.STUCK:
        return [stuck.condition(today)]
    if query.only is Only.READY:
        return [literal_column(IS_READY)]
    if query.only is Only.DUE:
        due = Organization.next_step_on
        return [due.is_not(None), due <= today + DUE_WITHIN]
    return []


def _count_in_stage(stage: Stage, rep_id: int | None) -> ColumnElement[int]:
    of_rep = [StageCount.rep_id == rep_id] if rep_id is not None else []
    total = select(func.sum(StageCount.number)).where(StageCount.stage == stage, *of_rep)
    return func.coalesce(total.scalar_subquery(), 0)


def _count_where(where: list[ColumnElement[bool]]) -> ColumnElement[int]:
    return select(func.count()).select_from(Organization).where(*where).scalar_subquery()


class _SortKey(NamedTuple):
    """The column that rows are sorted by, then by id in the same direction."""

    column: InstrumentedAttribute[Any]
    is_descending: bool = False


class _Scan(NamedTuple):
    """Rows in the order of one index; scans of a lower rank come first."""

    rank: int
    key: _SortKey
    where: list[ColumnElement[bool]]


_LONGEST: Final = _SortKey(Organization.stage_entered_at)
_NEWEST: Final = _SortKey(Organization.stage_entered_at, is_descending=True)
_DUE: Final = _SortKey(Organization.next_step_on)
_WAITING: Final = _SortKey(Organization.requested_at)


def _scans(query: BoardQuery, column: Column) -> list[_Scan]:
    """Return the scans that make up a column, each written so that only its index can serve it."""
    not_deleted = Organization.deleted_at.is_(None)
    in_column = [*_in_column(query, column), not_deleted]
    due = Organization.next_step_on
    if query.only is Only.STUCK:
        return _stuck_scans(column, in_column)
    if query.only is Only.DUE:
        return [_Scan(0, _DUE, [*in_column, *_matches_only(query)])]
    if query.only is Only.READY:
        key = _NEWEST if query.sort is Sort.NEWEST else _LONGEST
        return [_Scan(0, key, [*in_column, *_matches_only(query)])]
    if _sort_key(query, column) is _DUE:
        without_due = _Scan(1, _LONGEST, [*in_column, due.is_(None)])
        return [_Scan(0, _DUE, [*in_column, due.is_not(None)]), without_due]
    return [_Scan(0, _sort_key(query, column), in_column)]


def _stuck_scans(column: Column, in_column: list[ColumnElement[bool]]) -> list[_Scan]:
    """Return `stuck.condition` as two scans: over the limit of the stage, and otherwise overdue."""
    due, today = Organization.next_step_on, working_days.today()
    not_snoozed = or_(Organization.snoozed_until.is_(None), Organization.snoozed_until <= today)
    entered_at = func.coalesce(Organization.stage_entered_at, None)  # keeps its index unused
    overdue = [
        due.is_not(None),
        due < today,
        entered_at >= working_days.cutoff(stuck.limit(column.stage) or 0, today),
    ]
    over_limit = stuck.is_over_limit(column.stage, today)
    return [
        _Scan(0, _LONGEST, [*in_column, not_snoozed, over_limit]),
        _Scan(1, _DUE, [*in_column, not_snoozed, *overdue]),
    ]


def _sort_key(query: BoardQuery, column: Column) -> _SortKey:
    if column is Column.REQUESTED:
        return _WAITING
    if column is Column.PRODUCTION or query.sort is Sort.NEWEST:
        return _NEWEST
    return _DUE if query.sort is Sort.DUE else _LONGEST


def _positioned_scan(column: Column, scan: _Scan, limit: int) -> Select[*tuple[Any, ...]]:
    return _positioned(column, scan.rank, scan.key, _select_scan(scan, limit).subquery())


def _select_scan(scan: _Scan, limit: int) -> Select[*tuple[Any, ...]]:
    """Return the first rows of a scan; the order keeps PostgreSQL on the index."""
    key = scan.key
    return (
        select(Organization.id.label("id"), key.column.label("key"))
        .where(*scan.where)
        .order_by(*_order_by(key.column, Organization.id, key))
        .limit(limit)
    )


def _positioned(
    column: Column, rank: int, key: _SortKey, selected: FromClause, *first: ColumnElement[Any]
) -> Select[*tuple[Any, ...]]:
    order = [*first, *_order_by(selected.c.key, selected.c.id, key)]
    return select(
        literal(str(column)).label("column"),
        literal(rank).label("rank"),
        func.row_number().over(order_by=order).label("position"),
        selected.c.id.label("id"),
        func.count().over().label("found"),
    ).order_by(*order)


def _order_by(value: Any, row_id: Any, key: _SortKey) -> list[ColumnElement[Any]]:
    if key.is_descending:
        return [value.desc(), row_id.desc()]
    return [value.asc(), row_id.asc()]
