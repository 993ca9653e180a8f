"""The board: organizations in onboarding as cards in columns, stuck ones first."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access_staff
from core.models import Organization, User
from core.onboarding import board_queries, stages, stuck, working_days
from core.onboarding.board_queries import MAX_COUNTED, BoardQuery, Column, Only
from core.onboarding.stages import Check

PAGE_SIZE: Final = 20
"""Cards of a column at first."""
MAX_CARDS: Final = 120
"""Cards of one column."""


@dataclass(frozen=True)
class Card:
    """An organization on the board; `days` are working days in its stage, or since its request."""

    org: Organization
    rep: str | None
    days: int
    checks: Sequence[Check]
    why_stuck: Sequence[str]

    @property
    def missing(self) -> list[Check]:
        """Return the open checks of the gate to the next stage."""
        return [check for check in self.checks if not check.is_met]


@dataclass(frozen=True)
class CardList:
    """Cards in their order and the total; `is_capped` means that there are more than `total`."""

    cards: Sequence[Card] = ()
    total: int = 0
    is_capped: bool = False

    @property
    def rest(self) -> int:
        """Return the number of cards that are not in the list."""
        return self.total - len(self.cards)


@dataclass(frozen=True)
class Board:
    """The columns of a board, and how many organizations are in each subset of it."""

    columns: Mapping[Column, CardList]
    subsets: Mapping[Only, int] = field(default_factory=dict)
    """Of the sales rep's organizations, whatever the other filters; above `MAX_COUNTED` there are
    more. Empty while the board is searched."""


def load(
    session: Session, actor: Actor, query: BoardQuery, limits: Mapping[Column, int] | None = None
) -> Board:
    """Return the board for a query, with up to `limits` cards in each column; staff only.

    Stuck organizations come first in their column. The number of SQL queries is constant. With
    words or with `only`, counting stops beyond `MAX_COUNTED`.
    """
    access_staff(session, actor, Action.VIEW_ALL)
    limits = {
        column: min((limits or {}).get(column, PAGE_SIZE), MAX_CARDS) for column in query.columns
    }
    found = _find_stuck_first(session, query, limits)
    numbers = {} if query.has_words else _count(session, query)
    cards = _cards(session, {org_id for ids in found.values() for org_id in ids})
    columns = {}
    for column in query.columns:
        total = found[column].found if query.has_words else numbers[query.only, column]
        is_capped = query.has_words or query.only is not None
        columns[column] = _card_list(found[column], total, cards, is_capped=is_capped)
    subsets = {
        only: sum(number for (counted, _), number in numbers.items() if counted is only)
        for only in (Only if numbers else ())
    }
    return Board(columns, subsets)


def list_ids(
    session: Session, actor: Actor, query: BoardQuery, column: Column, *, limit: int
) -> list[int]:
    """Return the ids of all organizations in a column, in their order, up to a limit."""
    access_staff(session, actor, Action.VIEW_ALL)
    found = board_queries.rows(session, query, column)
    ids = select(found.id).select_from(found.source).where(*found.where)
    return list(session.scalars(ids.order_by(found.id).limit(limit)))


class _List(NamedTuple):
    """The first cards of a column."""

    query: BoardQuery
    column: Column
    limit: int
    without_stuck: bool = False


class _Ids(list[int]):
    """Ids in their order, and the number of search results."""

    found = 0


def _find_stuck_first(
    session: Session, query: BoardQuery, limits: Mapping[Column, int]
) -> Mapping[Column, _Ids]:
    """Return the ids of the first cards of each column.

    The rest of a column is read only up to the limit, so it skips no more stuck rows than that.
    """
    if query.has_words or query.only is not None:
        return _find(session, [_List(query, column, limits[column]) for column in query.columns])
    of_stuck = replace(query, only=Only.STUCK)
    ids = _find(session, [_List(of_stuck, column, limits[column]) for column in of_stuck.columns])
    open_places = {column: limits[column] - len(ids.get(column, ())) for column in query.columns}
    rest = _find(
        session, [_List(query, column, number, True) for column, number in open_places.items()]
    )
    for column, following in rest.items():
        ids.setdefault(column, _Ids()).extend(following)
    return ids


def _find(session: Session, lists: Sequence[_List]) -> dict[Column, _Ids]:
    """Return the ids of the first cards of each column."""
    queries = [
        first.subquery()
        for query, column, limit, without_stuck in lists
        for first in board_queries.first_cards(
            session, query, column, limit, without_stuck=without_stuck
        )
    ]
    rows = session.execute(union_all(*(select(query) for query in queries))).all()
    ids = {part.column: _Ids() for part in lists}
    limits = {part.column: part.limit for part in lists}
    for name, _, _, org_id, found in sorted(rows):
        column = Column(name)
        ids[column].found = found
        if len(ids[column]) < limits[column]:
            ids[column].append(org_id)
    return ids


def _count(session: Session, query: BoardQuery) -> dict[tuple[Only | None, Column], int]:
    """Return the totals of the columns, and those of each subset, in one query."""
    queries = [replace(query, only=only) for only in (None, *Only)]
    counted = [(each, column) for each in queries for column in each.columns]
    numbers = session.execute(
        select(*(board_queries.count(each, column, MAX_COUNTED) for each, column in counted))
    ).one()
    keys = [(each.only, column) for each, column in counted]
    return dict(zip(keys, numbers, strict=True))


def _cards(session: Session, org_ids: Collection[int]) -> dict[int, Card]:
    rows = session.execute(
        select(Organization, User.name)
        .outerjoin(User, User.id == Organization.rep_id)
        .where(Organization.id.in_(org_ids))
    ).all()
    checks = stages.checks_by_org(session, [org for org, _ in rows])
    return {
        org.id: Card(
            org=org,
            rep=rep,
            days=working_days.since(org.requested_at or org.stage_entered_at),
            checks=checks[org.id],
            why_stuck=stuck.reasons(org),
        )
        for org, rep in rows
    }


def _card_list(
    ids: Sequence[int], total: int, cards: Mapping[int, Card], *, is_capped: bool
) -> CardList:
    existing = [cards[org_id] for org_id in ids if org_id in cards]
    if is_capped and total > MAX_COUNTED:
        return CardList(existing, MAX_COUNTED, is_capped=True)
    return CardList(existing, total)
