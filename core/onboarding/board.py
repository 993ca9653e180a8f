"""The board: organizations in onboarding as cards in columns, and those that are stuck."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access_staff
from core.models import Organization, User
from core.onboarding import board_queries, stages, stuck, working_days
from core.onboarding.board_queries import MAX_COUNTED, BoardQuery, Column, Only
from core.onboarding.stages import Check

PAGE_SIZE: Final = 8
"""Cards of a column at first."""
MAX_CARDS: Final = 120
"""Cards of one column."""
MAX_STUCK: Final = 5
"""Organizations in the list of those that are stuck."""


@dataclass(frozen=True)
class Card:
    """An organization on the board; `days` are working days in its stage."""

    org: Organization
    rep: str | None
    days: int
    missing: Sequence[Check]
    why_stuck: Sequence[str]


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
    """The columns of a board, and the first organizations that are stuck."""

    columns: Mapping[Column, CardList]
    stuck: CardList


def load(
    session: Session, actor: Actor, query: BoardQuery, limits: Mapping[Column, int] | None = None
) -> Board:
    """Return the board for a query, with up to `limits` cards in each column; staff only.

    The number of SQL queries is constant. With words or with `only`, counting stops beyond
    `MAX_COUNTED`. The list of stuck organizations follows the query's sales rep alone.
    """
    access_staff(session, actor, Action.VIEW_ALL)
    limits = {
        column: min((limits or {}).get(column, PAGE_SIZE), MAX_CARDS) for column in query.columns
    }
    stuck_query = BoardQuery(rep_id=query.rep_id, only=Only.STUCK)
    lists = [_List(query, column, limits[column], column) for column in query.columns]
    lists += [_List(stuck_query, column, MAX_STUCK, _STUCK) for column in stuck_query.columns]

    found = _find(session, lists)
    totals = _count(session, lists, found)
    cards = _cards(session, {org_id for ids in found.values() for org_id in ids})
    is_capped = query.has_words or query.only is not None
    columns = {
        column: _card_list(
            found[column][: limits[column]], totals[column], cards, is_capped=is_capped
        )
        for column in query.columns
    }
    first = found[_STUCK][:MAX_STUCK]
    return Board(columns, _card_list(first, totals[_STUCK], cards, is_capped=True))


_STUCK: Final = "stuck"


class _List(NamedTuple):
    """The first cards of a column, and the label of the list that they are for."""

    query: BoardQuery
    column: Column
    limit: int
    label: str


class _Ids(list[int]):
    """Ids in their order, and the number of search results."""

    found = 0


def _find(session: Session, lists: Sequence[_List]) -> dict[str, _Ids]:
    """Return the ids of the first cards of each list, by label."""
    queries = [
        first.subquery()
        for query, column, limit, label in lists
        for first in board_queries.first_cards(session, query, column, limit, label=label)
    ]
    rows = session.execute(union_all(*(select(query) for query in queries))).all()
    ids = {part.label: _Ids() for part in lists}
    for label, _, _, org_id, found in sorted(rows):
        ids[label].append(org_id)
        ids[label].found = found
    return ids


def _count(session: Session, lists: Sequence[_List], ids: Mapping[str, _Ids]) -> dict[str, int]:
    """Return the total of each list, by label."""
    totals = {part.label: ids[part.label].found if part.query.has_words else 0 for part in lists}
    counted = [part for part in lists if not part.query.has_words]
    numbers = session.execute(
        select(*(board_queries.count(query, column, MAX_COUNTED) for query, column, *_ in counted))
    ).one()
    for part, number in zip(counted, numbers, strict=True):
        totals[part.label] += number
    return totals


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
            days=working_days.since(org.stage_entered_at),
            missing=[check for check in checks[org.id] if not check.is_met],
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
