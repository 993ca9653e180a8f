"""Which of all organizations a view of the table is about; a link to the table carries a view."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, FromClause, func, inspect, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core import finding
from core.models import Organization, Stage

T = TypeVar("T")

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


@dataclass(frozen=True)
class View:
    """What is looked for, and in which order."""

    words: str = ""
    stages: tuple[Stage, ...] = ()
    rep_id: int | None = None
    sort: Sort = Sort.NEWEST
    size: int = 50

    @property
    def has_words(self) -> bool:
        """Return whether anything is searched for."""
        return bool(self.words.strip())

    @property
    def is_narrowed(self) -> bool:
        """Return whether a filter is set."""
        return bool(self.stages) or self.rep_id is not None


class Matches(NamedTuple):
    """Rows of organizations: where they are, what their id is called there, which of them."""

    source: FromClause
    id: ColumnElement[int]
    where: list[ColumnElement[bool]]


def matches(session: Session, view: View, *, met_on_the_way: bool = False) -> Matches:
    """Return the rows that a view is about.

    `met_on_the_way` says that another order is walked, and filters are looked at row by row: else
    SQLite, which keeps no statistics here, goes by a filter's index and sorts all that it finds.
    """
    veiled = met_on_the_way or view.has_words
    where: list[ColumnElement[bool]] = [Organization.deleted_at.is_(None)]
    if view.stages:
        where.append(_column(session, Organization.stage, veiled=veiled).in_(view.stages))
    if view.rep_id is not None:
        where.append(_column(session, Organization.rep_id, veiled=veiled) == view.rep_id)
    if not view.has_words:
        return Matches(inspect(Organization).local_table, Organization.id.expression, where)
    hits = finding.find(session, view.words)
    return Matches(hits.source, hits.id, [hits.is_found, *where])


def count(session: Session, view: View) -> int:
    """Return how many rows a view is about, counted no further than `FEW` + 1."""
    source, _, where = matches(session, view)
    few = select(literal(1)).select_from(source).where(*where).limit(FEW + 1)
    return session.scalar(select(func.count()).select_from(few.subquery())) or 0


def _column(
    session: Session, column: InstrumentedAttribute[T], *, veiled: bool
) -> ColumnElement[T]:
    """Return a column to filter by; veiled, SQLite takes none of its indexes for it."""
    if veiled and session.get_bind().dialect.name == "sqlite":
        return func.coalesce(column, None)
    return column.expression
