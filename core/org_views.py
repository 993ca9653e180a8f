"""Which of all organizations a view of the table is about; a link to the table carries a view."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, FromClause, and_, func, inspect, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core import completeness, finding
from core.models import Organization, Stage
from core.permissions import Action, Actor, access_staff

FEW: Final = 1_000
"""How far matches are counted, and how many of them are sorted at most."""
SIZES: Final = (25, 50, 100)
"""Rows of a page that are offered."""


class Sort(StrEnum):
    """The orders that are offered; each has an index to walk along."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"
    MEMBERS = "members"
    STAGE_TIME = "time in stage"


class Order(NamedTuple):
    """What a sort goes by, then by id in the same direction."""

    column: InstrumentedAttribute[Any]
    descending: bool


ORDERS: Final = {
    Sort.NEWEST: Order(Organization.id, True),
    Sort.OLDEST: Order(Organization.id, False),
    Sort.NAME: Order(Organization.name_key, False),
    Sort.MEMBERS: Order(Organization.member_count, True),
    Sort.STAGE_TIME: Order(Organization.stage_entered_at, False),
}


class Members(StrEnum):
    """How many people an organization has, in steps."""

    ONE = "1"
    HANDFUL = "2-10"
    DOZENS = "11-50"
    MANY = "51-200"
    MOST = "201+"


STEPS: Final = {
    Members.ONE: (0, 1),
    Members.HANDFUL: (2, 10),
    Members.DOZENS: (11, 50),
    Members.MANY: (51, 200),
    Members.MOST: (201, 2**31 - 1),
}
"""The fewest and the most people of each step; who has nobody yet stands in the first."""


class Profile(StrEnum):
    """Whether all of a profile is there that counts."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True)
class View:
    """What is looked for, and in which order; days of creation are those of UTC."""

    words: str = ""
    stages: tuple[Stage, ...] = ()
    rep_id: int | None = None
    sort: Sort = Sort.NEWEST
    size: int = 50
    created_from: date | None = None
    created_to: date | None = None
    members: Members | None = None
    profile: Profile | None = None
    is_deleted: bool = False

    @property
    def has_words(self) -> bool:
        """Return whether anything is searched for."""
        return bool(self.words.strip())

    @property
    def is_dated(self) -> bool:
        """Return whether only some days of creation are looked at."""
        return self.created_from is not None or self.created_to is not None

    @property
    def is_narrowed(self) -> bool:
        """Return whether a filter is set."""
        return bool(self.stages) or self.rep_id is not None or not self.is_narrowed_by_stage_only

    @property
    def is_narrowed_by_stage_only(self) -> bool:
        """Return whether no filter is set beside stage and sales rep, which have an index by id."""
        return not (self.is_dated or self.members or self.profile or self.is_deleted)

    @property
    def order(self) -> Order:
        """Return what the rows go by; those of some days go by day, since that index has ends."""
        order = ORDERS[self.sort]
        if self.is_dated and not self.has_words and order.column is Organization.id:
            return Order(Organization.created_at, order.descending)
        return order


def open_view(session: Session, actor: Actor, view: View) -> None:
    """Raise `NotPermitted` unless the actor may see what the view is about; every use opens it."""
    access_staff(session, actor, Action.VIEW_ALL)
    if view.is_deleted:
        access_staff(session, actor, Action.RESTORE)


class Matches(NamedTuple):
    """Rows of organizations: where they are, what their id is called there, which of them."""

    source: FromClause
    id: ColumnElement[int]
    where: list[ColumnElement[bool]]


def matches(session: Session, view: View, *, along: Order | None = None) -> Matches:
    """Return the rows that a view is about.

    `along` says that this order is walked, and filters are looked at row by row unless they cut
    that very index: else SQLite, which keeps no statistics here, goes by the index of a filter
    and sorts all that it finds. Without it the narrowest filter's index is gone by.
    """
    filters = _filters(view)
    kept = [] if view.has_words else _cutting(filters, along) if along else filters
    if along is None and not view.has_words and len({f.index for f in filters}) > 1:
        kept = _narrowest(session, filters)
    where = [
        _live(view),
        *(f.narrow(f.column.expression if f in kept else _veiled(session, f)) for f in filters),
    ]
    if not view.has_words:
        return Matches(_ROWS, Organization.id.expression, where)
    hits = finding.find(session, view.words)
    return Matches(hits.source, hits.id, [hits.is_found, *where])


def count(session: Session, view: View) -> int:
    """Return how many rows a view is about, counted no further than `FEW` + 1."""
    source, _, where = matches(session, view)
    few = select(literal(1)).select_from(source).where(*where).limit(FEW + 1)
    return session.scalar(select(func.count()).select_from(few.subquery())) or 0


_ROWS: Final = inspect(Organization).local_table


class _Filter(NamedTuple):
    """A condition on the first column of an index, and the index: by what it puts the rows."""

    column: InstrumentedAttribute[Any]
    index: InstrumentedAttribute[Any]
    narrow: Callable[[ColumnElement[Any]], ColumnElement[bool]]


def _filters(view: View) -> list[_Filter]:
    made, filters = Organization.created_at, []
    if view.stages:
        stages = view.stages
        filters.append(_Filter(Organization.stage, Organization.stage, lambda c: c.in_(stages)))
    if view.rep_id is not None:
        rep_id = view.rep_id
        filters.append(_Filter(Organization.rep_id, Organization.stage, lambda c: c == rep_id))
    if view.created_from is not None:
        start = _midnight(view.created_from)
        filters.append(_Filter(made, made, lambda c: c >= start))
    if view.created_to is not None:
        end = _midnight(view.created_to) + timedelta(days=1)
        filters.append(_Filter(made, made, lambda c: c < end))
    if view.members is not None:
        (low, high), counted = STEPS[view.members], Organization.member_count
        filters.append(_Filter(counted, counted, lambda c: and_(c >= low, c <= high)))
    if view.profile is not None:
        is_whole = view.profile is Profile.COMPLETE
        narrow = completeness.is_complete if is_whole else completeness.is_incomplete
        filters.append(_Filter(Organization.logo, Organization.id, narrow))
    return filters


def _live(view: View) -> ColumnElement[bool]:
    deleted_at = Organization.deleted_at
    return deleted_at.is_not(None) if view.is_deleted else deleted_at.is_(None)


def _cutting(filters: Sequence[_Filter], along: Order) -> list[_Filter]:
    return [f for f in filters if f.index is along.column]


def _narrowest(session: Session, filters: list[_Filter]) -> list[_Filter]:
    """Return the filters that leave the fewest rows by one index; PostgreSQL knows by itself."""
    if session.get_bind().dialect.name != "sqlite":
        return filters
    groups = [[f for f in filters if f.index is index] for index in {f.index for f in filters}]
    few = [
        select(literal(1))
        .select_from(_ROWS)
        .where(*(f.narrow(f.column.expression) for f in group))
        .limit(FEW + 1)
        .subquery()
        for group in groups
    ]
    counted = (select(func.count()).select_from(rows).scalar_subquery() for rows in few)
    numbers = session.execute(select(*counted)).one()
    return groups[min(range(len(groups)), key=numbers.__getitem__)]


def _veiled(session: Session, veiled: _Filter) -> ColumnElement[Any]:
    """Return a filter's column so that SQLite takes none of its indexes for it."""
    if session.get_bind().dialect.name == "sqlite":
        return func.coalesce(veiled.column.expression, None)
    column: ColumnElement[Any] = veiled.column.expression
    return column


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
