"""Selections of organizations: the rows that match filters, and numbers counted beside each row.

A condition on an indexed column is left bare if the database should use that index, and wrapped in
`orm.unindexed` if not: without statistics SQLite would often choose the wrong one.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Label,
    Select,
    Subquery,
    and_,
    bindparam,
    func,
    inspect,
    literal,
    literal_column,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from core.access.permissions import Action, Actor, access_staff
from core.base import clock
from core.database import search
from core.database.db import capped_count, count_up_to
from core.models import Invitation, Organization, organizations, orm
from core.models.orm import UtcDateTime
from core.organizations.filters import (
    ACTIVITY_DAYS,
    MEMBER_RANGES,
    Activity,
    Filters,
    Order,
    Profile,
    has_rep,
)

MAX_COUNTED: Final = 1_000
"""Matching rows are counted, and search results sorted, up to this number."""
MAX_SORTED: Final = 5_000
"""Up to this number SQLite sorts the rows of one filter rather than scanning an index for them."""
MAX_SORTED_LARGE: Final = 50_000
"""The same for large organizations, which have a covering index."""


def authorize(session: Session, actor: Actor, filters: Filters) -> None:
    """Raise `NotPermitted` unless the actor may see the organizations that the filters select."""
    access_staff(session, actor, Action.VIEW_ALL)
    if filters.is_deleted:
        access_staff(session, actor, Action.RESTORE)


class Matches(NamedTuple):
    """The parts of a SELECT of matching organizations: FROM, the id, the conditions of WHERE."""

    source: FromClause
    id: ColumnElement[int]
    where: list[ColumnElement[bool]]


def matches(session: Session, filters: Filters, *, scanned: Order | None = None) -> Matches:
    """Return the selection of the organizations that match the filters.

    Pass the order as `scanned` to read rows along its index: filters are then checked row by row,
    unless they limit that same index. Without it the index of the most selective filter is used.
    """
    conditions = _conditions(filters)
    if scanned is not None:
        conditions += [c for c in _implied_conditions(filters) if c.index is scanned.column]
    indexed = _conditions_on(conditions, scanned) if scanned else conditions
    if filters.has_words:
        indexed = []
    elif scanned is None and len({c.index for c in conditions}) > 1:
        _, column = _find_most_selective(session, filters)
        indexed = [c for c in conditions if column is None or c.index is column]
    where = [_is_live_or_deleted(filters), *(c.to_sql(is_indexed=c in indexed) for c in conditions)]
    if not filters.has_words:
        return Matches(_TABLE, Organization.id.expression, where)
    found = search.match_organizations(session, filters.words)
    if filters.stages and found.source is not _TABLE and _is_sqlite(session):
        where.insert(0, _is_in_index_of_stage(filters, found.id))
    return Matches(found.source, found.id, [found.is_found, *where])


def _is_in_index_of_stage(filters: Filters, org_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Return the condition that an organization has the stage and the sales rep.

    SQLite looks into their index, which is a quarter of the work of reading the row of each match:
    with a range of one id, as it would read the row for `id = …`.
    """
    row = aliased(_TABLE)
    of_rep = [has_rep(row.c.rep_id, filters.rep_id)] if filters.rep_id is not None else []
    its_entry = select(literal(1)).where(row.c.stage.in_(filters.stages), *of_rep)
    return its_entry.where(row.c.id.between(org_id, org_id)).exists()


def conditions_besides_stage(filters: Filters, scanned: Order) -> list[ColumnElement[bool]]:
    """Return the conditions other than stage and sales rep, for index scans within each stage."""
    conditions = [c for c in _conditions(filters) if c.index is not Organization.stage]
    indexed = _conditions_on(conditions, scanned)
    return [c.to_sql(is_indexed=c in indexed) for c in conditions]


def first_day(session: Session) -> date:
    """Return the UTC date on which the first organization was created, or today."""
    first = session.scalar(select(func.min(Organization.created_at)))
    return (first or clock.now()).date()


def count(session: Session, filters: Filters) -> int:
    """Return how many organizations match, counted up to `MAX_COUNTED` + 1."""
    source, _, where = matches(session, filters)
    return count_up_to(session, select(literal(1)).select_from(source).where(*where), MAX_COUNTED)


def are_rows_read(filters: Filters) -> bool:
    """Return whether counting what matches reads the rows, as no index has all that is filtered."""
    indexes = {c.index for c in _conditions(filters)}
    return len(indexes) > 1 or Organization.id in indexes


def is_faster_sorted(session: Session, filters: Filters) -> bool:
    """Return whether sorting the rows of one filter is faster than an index scan in the order.

    A scan passes many rows for each that matches, and finds hardly any where filter and order are
    opposed, as with the largest organizations of those created today.
    """
    conditions = _conditions(filters)
    if filters.has_words or all(c.index is filters.order.column for c in conditions):
        return False
    number, _ = _find_most_selective(session, filters)
    return number <= MAX_SORTED or _are_large_faster_sorted(session, filters)


def _are_large_faster_sorted(session: Session, filters: Filters) -> bool:
    """Return whether only large organizations match, in an order that puts small ones first."""
    if not filters.is_large or filters.order.column in _MIXED_SIZES:
        return False
    size = [c for c in _conditions(filters) if c.index is Organization.member_count]
    return count_up_to(session, _select(size), MAX_SORTED_LARGE) <= MAX_SORTED_LARGE


def pending_column() -> Label[int]:
    """Return the column `pending`, the number of open invitations, for a query over organizations.

    For queries over very many rows see `pending_subquery`.
    """
    return (
        select(func.count())
        .select_from(Invitation)
        .where(Invitation.org_id == Organization.id, *is_open())
        .correlate(Organization)
        .scalar_subquery()
        .label("pending")
    )


def is_open() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for invitations that can still be accepted."""
    return (_IS_PENDING, Invitation.expires_at > _NOW)


def pending_subquery() -> Subquery:
    """Return org_id and `number` of open invitations, counted in one pass.

    The newest organization comes first: then PostgreSQL need not sort them again.
    """
    org_id, number = Invitation.org_id, func.count().label("number")
    counted = select(org_id.label("org_id"), number).where(*is_open()).group_by(org_id)
    return counted.order_by(org_id.desc()).subquery()


def _now() -> datetime:
    return clock.now()


_NOW: Final = bindparam("counted_at", callable_=_now, type_=UtcDateTime(), unique=True)
"""The moment at which a statement is executed, not the one at which it was built."""
_IS_PENDING: Final[ColumnElement[bool]] = literal_column("invitations.status = 'pending'")
"""Literally the condition of the partial index, so that both engines use it."""
_TABLE: Final = inspect(Organization).local_table
_IS_LARGE: Final[ColumnElement[bool]] = literal_column(f"organizations.{organizations.IS_LARGE}")
_MIXED_SIZES: Final = (Organization.id, Organization.created_at, Organization.member_count)
"""Orders in which a scan meets large organizations soon enough."""


class _Condition(NamedTuple):
    """A condition on the first column of an index, and the column that the index is sorted by."""

    column: InstrumentedAttribute[Any]
    index: InstrumentedAttribute[Any]
    on: Callable[[ColumnElement[Any]], ColumnElement[bool]]

    def to_sql(self, *, is_indexed: bool = True) -> ColumnElement[bool]:
        """Return the condition; `is_indexed` says whether the database may use its index."""
        return self.on(self.column.expression if is_indexed else orm.unindexed(self.column))


class _Selective(NamedTuple):
    """An index, and the number of rows that it leaves."""

    number: int
    column: InstrumentedAttribute[Any] | None


def _conditions(filters: Filters) -> list[_Condition]:
    return [*_stage_and_rep(filters), *_times(filters), *_contents(filters)]


def _stage_and_rep(filters: Filters) -> Iterator[_Condition]:
    if filters.stages:
        stages = filters.stages
        yield _Condition(Organization.stage, Organization.stage, lambda c: c.in_(stages))
    if filters.rep_id is not None:
        rep_id = filters.rep_id
        yield _Condition(Organization.rep_id, Organization.stage, lambda c: has_rep(c, rep_id))


def _times(filters: Filters) -> Iterator[_Condition]:
    created, active = Organization.created_at, Organization.last_active_at
    if filters.created_from is not None:
        start = _midnight(filters.created_from)
        yield _Condition(created, created, lambda c: c >= start)
    if filters.created_to is not None:
        end = _midnight(filters.created_to) + timedelta(days=1)
        yield _Condition(created, created, lambda c: c < end)
    after, until = _activity_range(filters.activity)
    if after is not None:
        yield _Condition(active, active, lambda c: c > after)
    if until is not None:
        yield _Condition(active, active, lambda c: c <= until)


def _contents(filters: Filters) -> Iterator[_Condition]:
    if filters.members is not None:
        (low, high), members = MEMBER_RANGES[filters.members], Organization.member_count
        large = [_IS_LARGE] if filters.is_large else []  # literally, to use its partial index
        yield _Condition(members, members, lambda c: and_(c >= low, c <= high, *large))
    if filters.profile is not None:
        is_whole = filters.profile is Profile.COMPLETE
        is_matching = organizations.is_complete if is_whole else organizations.is_incomplete
        yield _Condition(Organization.logo, Organization.id, is_matching)


def _implied_conditions(filters: Filters) -> Iterator[_Condition]:
    """Yield conditions on other columns that follow: nothing happens to a row before its creation.

    They end an index scan early: an organization created this week entered no stage before.
    """
    if filters.created_from is not None:
        start = _midnight(filters.created_from)
        for column in (Organization.stage_entered_at, Organization.last_active_at):
            yield _Condition(column, column, lambda c: c >= start)
    until = _activity_range(filters.activity)[1]
    if until is not None:
        yield _Condition(Organization.created_at, Organization.created_at, lambda c: c <= until)


def _activity_range(activity: Activity | None) -> tuple[datetime | None, datetime | None]:
    """Return the moments after which, and until which, a member was last active."""
    if activity is None:
        return None, None
    low, high = ACTIVITY_DAYS[activity]
    now = clock.now()
    after = None if high is None else now - timedelta(days=high)
    return after, now - timedelta(days=low) if low else None


def _is_live_or_deleted(filters: Filters) -> ColumnElement[bool]:
    deleted_at = Organization.deleted_at
    is_deleted = and_(deleted_at.is_not(None), Organization.merged_into.is_(None))
    return is_deleted if filters.is_deleted else deleted_at.is_(None)


def _conditions_on(conditions: Sequence[_Condition], order: Order) -> list[_Condition]:
    return [c for c in conditions if c.index is order.column]


def _find_most_selective(session: Session, filters: Filters) -> _Selective:
    """Return the index that leaves the fewest rows, asked once in a transaction of one rerun.

    Rows are counted up to `MAX_SORTED` + 1. PostgreSQL has statistics and chooses itself: for it
    that number is returned, and no index.
    """
    if not _is_sqlite(session):
        return _Selective(MAX_SORTED + 1, None)
    known: dict[Filters, _Selective] = session.info.setdefault("most selective", {})
    if filters not in known:
        known[filters] = _count_by_index(session, filters)
    return known[filters]


def _count_by_index(session: Session, filters: Filters) -> _Selective:
    """Count the rows that each index leaves.

    No index knows the whole profile, and to count those rows means to read them: it is asked only
    if there is no other filter.
    """
    conditions = _conditions(filters)
    indexes = {c.index for c in conditions}
    asked = [*(indexes - {Organization.id} or indexes)]
    groups = ([c for c in conditions if c.index is index] for index in asked)
    counts = (capped_count(_select(group), MAX_SORTED) for group in groups)
    numbers = session.execute(select(*counts)).one()
    found = [_Selective(number, index) for number, index in zip(numbers, asked, strict=True)]
    # Of equals: its index has sizes and dates, too, and one sales rep has few organizations.
    best = Organization.stage if filters.is_staged else Organization.member_count
    return min(found, key=lambda each: (each.number, each.column is not best))


def _select(conditions: Sequence[_Condition]) -> Select[*tuple[Any, ...]]:
    where = (c.to_sql() for c in conditions)
    return select(literal(1)).select_from(_TABLE).where(*where)


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
