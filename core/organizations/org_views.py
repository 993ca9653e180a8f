"""Which of all organizations a view of the table is about; a link to the table carries a view."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    inspect,
    literal,
    literal_column,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.access.permissions import Action, Actor, access_staff
from core.base import clock
from core.database import search
from core.database.db import capped_count, count_up_to
from core.models import Organization, organizations, orm
from core.organizations.org_choices import (
    ORDERS,
    SIZES,
    STEPS,
    TIERS,
    Activity,
    Members,
    Order,
    Profile,
    Sort,
    View,
)

__all__ = [
    "ORDERS",
    "SIZES",
    "STEPS",
    "TIERS",
    "Activity",
    "Members",
    "Order",
    "Profile",
    "Sort",
    "View",
]

FEW: Final = 1_000
"""How far matches are counted, and how many of them are sorted at most."""
GATHERED: Final = 5_000
"""How many rows of one filter are rather gathered and sorted than met on a walk; on SQLite."""
LARGE_GATHERED: Final = 50_000
"""How many large organizations are, whose index has all that is looked at."""


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
    if along is not None:
        filters += [implied for implied in _implied(view) if implied.index is along.column]
    kept = [] if view.has_words else _cutting(filters, along) if along else filters
    if along is None and not view.has_words and len({f.index for f in filters}) > 1:
        _, kept = _narrowest(session, filters)
    where = [
        _live(view),
        *(f.narrow(f.column.expression if f in kept else orm.veiled(f.column)) for f in filters),
    ]
    if not view.has_words:
        return Matches(_ROWS, Organization.id.expression, where)
    hits = search.find(session, view.words)
    return Matches(hits.source, hits.id, [hits.is_found, *where])


def beside_stage(view: View, along: Order) -> list[ColumnElement[bool]]:
    """Return the conditions beside stage and sales rep, for a walk within each stage."""
    filters = [f for f in _filters(view) if f.index is not Organization.stage]
    kept = _cutting(filters, along)
    return [f.narrow(f.column if f in kept else orm.veiled(f.column)) for f in filters]


def count(session: Session, view: View) -> int:
    """Return how many rows a view is about, counted no further than `FEW` + 1."""
    source, _, where = matches(session, view)
    return count_up_to(session, select(literal(1)).select_from(source).where(*where), FEW)


def is_better_gathered(session: Session, view: View) -> bool:
    """Return whether one filter leaves so few rows that a walk would be longer than to sort them.

    A walk meets one row in many, and hardly any where filter and order go against each other, as
    with the largest of those that began today.
    """
    filters = _filters(view)
    if view.has_words or all(f.index is view.order.column for f in filters):
        return False
    return _narrowest(session, filters)[0] <= GATHERED or _is_better_by_size(session, view)


def _is_better_by_size(session: Session, view: View) -> bool:
    """Return whether large organizations are sorted by something that small ones come first in."""
    if not view.is_large or view.order.column in _MIXED:
        return False
    size = [f for f in _filters(view) if f.index is Organization.member_count]
    return count_up_to(session, _narrowed(size), LARGE_GATHERED) <= LARGE_GATHERED


_ROWS: Final = inspect(Organization).local_table
_IS_LARGE: Final[ColumnElement[bool]] = literal_column(f"organizations.{organizations.IS_LARGE}")


_MIXED: Final = (Organization.id, Organization.created_at, Organization.member_count)
"""Orders in which large ones are met soon enough."""


class _Filter(NamedTuple):
    """A condition on the first column of an index, and the index: by what it puts the rows."""

    column: InstrumentedAttribute[Any]
    index: InstrumentedAttribute[Any]
    narrow: Callable[[ColumnElement[Any]], ColumnElement[bool]]


def _filters(view: View) -> list[_Filter]:
    return [*_by_progress(view), *_by_time(view), *_by_contents(view)]


def _by_progress(view: View) -> Iterator[_Filter]:
    if view.stages:
        stages = view.stages
        yield _Filter(Organization.stage, Organization.stage, lambda c: c.in_(stages))
    if view.rep_id is not None:
        rep_id = view.rep_id
        yield _Filter(Organization.rep_id, Organization.stage, lambda c: c == rep_id)


def _by_time(view: View) -> Iterator[_Filter]:
    made, active = Organization.created_at, Organization.last_active_at
    if view.created_from is not None:
        start = _midnight(view.created_from)
        yield _Filter(made, made, lambda c: c >= start)
    if view.created_to is not None:
        end = _midnight(view.created_to) + timedelta(days=1)
        yield _Filter(made, made, lambda c: c < end)
    after, until = _when(view.activity)
    if after is not None:
        yield _Filter(active, active, lambda c: c > after)
    if until is not None:
        yield _Filter(active, active, lambda c: c <= until)


def _by_contents(view: View) -> Iterator[_Filter]:
    if view.members is not None:
        (low, high), counted = STEPS[view.members], Organization.member_count
        large = [_IS_LARGE] if view.is_large else []  # word for word, so that its index is found
        yield _Filter(counted, counted, lambda c: and_(c >= low, c <= high, *large))
    if view.profile is not None:
        is_whole = view.profile is Profile.COMPLETE
        narrow = organizations.is_complete if is_whole else organizations.is_incomplete
        yield _Filter(Organization.logo, Organization.id, narrow)


def _implied(view: View) -> Iterator[_Filter]:
    """Yield what follows from the filters, since nothing happens before an organization is made.

    On a walk it cuts off where nothing can fit: what was made this week entered no stage before.
    """
    if view.created_from is not None:
        start = _midnight(view.created_from)
        for column in (Organization.stage_entered_at, Organization.last_active_at):
            yield _Filter(column, column, lambda c: c >= start)
    until = _when(view.activity)[1]
    if until is not None:
        yield _Filter(Organization.created_at, Organization.created_at, lambda c: c <= until)


def _when(activity: Activity | None) -> tuple[datetime | None, datetime | None]:
    """Return after which moment, and until which, those of this tier were last active."""
    if activity is None:
        return None, None
    low, high = TIERS[activity]
    now = clock.now()
    after = None if high is None else now - timedelta(days=high)
    return after, now - timedelta(days=low) if low else None


def _live(view: View) -> ColumnElement[bool]:
    deleted_at = Organization.deleted_at
    return deleted_at.is_not(None) if view.is_deleted else deleted_at.is_(None)


def _cutting(filters: Sequence[_Filter], along: Order) -> list[_Filter]:
    return [f for f in filters if f.index is along.column]


def _narrowest(session: Session, filters: list[_Filter]) -> tuple[int, list[_Filter]]:
    """Return how few rows the filters leave by one index, up to `GATHERED` + 1, and those filters.

    PostgreSQL has statistics and is not asked: all of them, as if they left many.
    """
    if session.get_bind().dialect.name != "sqlite":
        return GATHERED + 1, filters
    groups = [[f for f in filters if f.index is index] for index in {f.index for f in filters}]
    counted = (capped_count(_narrowed(group), GATHERED) for group in groups)
    numbers = session.execute(select(*counted)).one()
    return min(zip(numbers, groups, strict=True), key=_costs)


def _costs(group: tuple[int, list[_Filter]]) -> tuple[int, bool]:
    """Return the order in which indexes are gone by: of equal ones that which has all in it."""
    number, (first, *_) = group
    return number, first.index is not Organization.member_count


def _narrowed(filters: Sequence[_Filter]) -> Select[*tuple[Any, ...]]:
    where = (f.narrow(f.column.expression) for f in filters)
    return select(literal(1)).select_from(_ROWS).where(*where)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
