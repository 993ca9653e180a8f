"""The board: who raised a hand, who is on the way to production, and who is stuck on it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access_staff
from core.models import Organization, User
from core.onboarding import board_walks, gates, stuck, working_days
from core.onboarding.board_queries import BoardView, Column, Only
from core.onboarding.board_walks import FEW
from core.onboarding.gates import Check

PAGE: Final = 8
"""Cards of a column at first, and how many more come by a click."""
MOST: Final = 120
"""Cards of one column at most; who wants to see others narrows the board."""
STUCK_SHOWN: Final = 5
"""Organizations in the list of what is stuck."""


@dataclass(frozen=True)
class Card:
    """One organization on the board; `days` are working days in its stage."""

    org: Organization
    rep: str | None
    days: int
    missing: Sequence[Check]
    why_stuck: Sequence[str]


@dataclass(frozen=True)
class Shelf:
    """Cards in their order, and how many there are in all: more than `total` where `is_capped`."""

    cards: Sequence[Card] = ()
    total: int = 0
    is_capped: bool = False

    @property
    def rest(self) -> int:
        """Return how many cards there are that are not shown."""
        return self.total - len(self.cards)


@dataclass(frozen=True)
class Board:
    """The columns of a view, and the first of what is stuck."""

    shelves: Mapping[Column, Shelf]
    stuck: Shelf


def show(
    session: Session, actor: Actor, view: BoardView, shown: Mapping[Column, int] | None = None
) -> Board:
    """Return the board as a view asks for it, with `shown` cards of each column; staff only.

    It takes the same few queries whatever there is. With words, or narrowed to what is late,
    nothing is counted further than `FEW`. What is stuck is that of the view's sales rep.
    """
    access_staff(session, actor, Action.VIEW_ALL)
    most = {column: min((shown or {}).get(column, PAGE), MOST) for column in view.columns}
    late = BoardView(rep_id=view.rep_id, only=Only.STUCK)
    wanted = [_Wanted(view, column, most[column], column) for column in view.columns]
    wanted += [_Wanted(late, column, STUCK_SHOWN, _STUCK) for column in late.columns]

    found = _find(session, wanted)
    totals = _count(session, wanted, found)
    cards = _cards(session, {org_id for ids in found.values() for org_id in ids})
    is_capped = view.has_words or view.only is not None
    shelves = {
        column: _shelf(found[column][: most[column]], totals[column], cards, is_capped=is_capped)
        for column in view.columns
    }
    first = found[_STUCK]
    return Board(shelves, _shelf(first[:STUCK_SHOWN], totals[_STUCK], cards, is_capped=True))


_STUCK: Final = "stuck"


class _Wanted(NamedTuple):
    """So many cards of a column, as a view has it, for a shelf."""

    view: BoardView
    column: Column
    most: int
    shelf: str


class _Ids(list[int]):
    """Ids in their order, and how many words have found in all."""

    number = 0


def _find(session: Session, wanted: Sequence[_Wanted]) -> dict[str, _Ids]:
    """Return the ids of the first cards of each shelf."""
    walks = [
        walk.subquery()
        for view, column, most, shelf in wanted
        for walk in board_walks.first(session, view, column, most, shelf=shelf)
    ]
    rows = session.execute(union_all(*(select(walk) for walk in walks))).all()
    found = {part.shelf: _Ids() for part in wanted}
    for shelf, _, _, org_id, number in sorted(rows):
        found[shelf].append(org_id)
        found[shelf].number = number
    return found


def _count(
    session: Session, wanted: Sequence[_Wanted], found: Mapping[str, _Ids]
) -> dict[str, int]:
    """Return how many cards there are for each shelf."""
    totals = {part.shelf: found[part.shelf].number if part.view.has_words else 0 for part in wanted}
    counted = [part for part in wanted if not part.view.has_words]
    numbers = session.execute(
        select(*(board_walks.count(view, column, FEW) for view, column, *_ in counted))
    ).one()
    for part, number in zip(counted, numbers, strict=True):
        totals[part.shelf] += number
    return totals


def _cards(session: Session, org_ids: Collection[int]) -> dict[int, Card]:
    rows = session.execute(
        select(Organization, User.name)
        .outerjoin(User, User.id == Organization.rep_id)
        .where(Organization.id.in_(org_ids))
    ).all()
    checks = gates.checks_of(session, [org for org, _ in rows])
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


def _shelf(ids: Sequence[int], total: int, cards: Mapping[int, Card], *, is_capped: bool) -> Shelf:
    shown = [cards[org_id] for org_id in ids if org_id in cards]  # if still there
    if is_capped and total > FEW:
        return Shelf(shown, FEW, is_capped=True)
    return Shelf(shown, total)
