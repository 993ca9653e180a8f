"""Worklists: the organizations before and after one of a list, and who else works on that list.

A row is remembered by its sort key and its id at the time when it was opened. So its neighbors are
exact even after it was changed so that it is elsewhere in the list, or in it no longer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.base import clock, parameters
from core.models import ListVisit, Organization, User
from core.organizations import organizations, public_ids, queries
from core.organizations.filters import ORDERS, Filters, Order, Sort
from core.organizations.queries import MAX_COUNTED
from core.organizations.table import find_beyond

MAX_NUMBER: Final = 100
"""Rows before one are counted up to this number in a list that is not counted itself."""
VISIT_TTL: Final = timedelta(minutes=5)
"""How long somebody who does nothing in a list still counts as working on it."""
VISIT_EVERY: Final = timedelta(minutes=1)
"""How often it is recorded that somebody works on a list."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MAX_MICROSECONDS: Final = 10**16
_MAX_KEY: Final = 400
MAX_DISPLAYED: Final = 200
"""Organizations of a list that is remembered as it was displayed."""
OWN: Final = "organizations"
"""The page that lists the organizations of which somebody is a member."""
PAGES: Final = (OWN, "board", "activity", "notes")
"""The pages with lists that `Filters` do not describe."""


class Position(NamedTuple):
    """Where a row was in a list: its sort key and its id."""

    key: Any
    id: int

    def to_text(self) -> str:
        """Return the position as it is in an address; `from_text` reads it again."""
        if isinstance(self.key, datetime):
            return f"{(self.key - _EPOCH) // _MICROSECOND}.{self.id}"
        return str(self.id) if self.key == self.id else f"{self.key}.{self.id}"

    @classmethod
    def from_text(cls, text: str, order: Order) -> "Position":
        """Return the position in an address, in a list of this order; raises `ValueError`."""
        key, _, row = text.rpartition(".")
        row_id = parameters.row_id(row)
        if order.column is Organization.id:
            return cls(row_id, row_id)
        if order.column is Organization.member_count:
            return cls(parameters.row_id(key or row) if key != "0" else 0, row_id)
        if order.column is not Organization.name_key:
            return cls(_EPOCH + _bounded(key) * _MICROSECOND, row_id)
        if len(key) > _MAX_KEY or not key.isprintable():
            raise ValueError("not a key")
        return cls(key, row_id)


class Neighbor(NamedTuple):
    """The next or the previous organization of a list; `at` is its `Position` as a text."""

    public_id: str
    name: str
    at: str


@dataclass(frozen=True)
class Neighbors:
    """What surrounds an organization in a list.

    `number` is that of its row, up to `MAX_NUMBER` + 1 if the list is longer than `MAX_COUNTED`, or
    None if it is no longer in the list. `total` and `sort` are those of `table.Page`.
    """

    previous: Neighbor | None
    next: Neighbor | None
    number: int | None
    total: int
    sort: Sort


@dataclass(frozen=True)
class Displayed:
    """A list that filters do not describe: organizations in the order in which a page had them.

    `query` is that of the page. The page `OWN` has no ids: it lists what a person is a member of.
    """

    page: str
    query: Mapping[str, str] = field(default_factory=dict)
    public_ids: Sequence[str] = ()

    @classmethod
    def from_query(cls, text: str) -> "Displayed":
        """Return the list that `to_query` has written into an address; raises `ValueError`."""
        query = dict(parse_qsl(text, max_num_fields=60))
        page, ids = query.pop("page", ""), query.pop("ids", "")
        listed = [f"{public_ids.PREFIX}{each}" for each in ids.split(".") if each]
        is_valid = all(public_ids.is_valid(each) for each in listed)
        if page not in PAGES or not is_valid or bool(listed) is (page == OWN):
            raise ValueError("not a list")
        return cls(page, query, listed[:MAX_DISPLAYED])

    def to_query(self) -> str:
        """Return the list as the value of a parameter of an address."""
        ids = [each.removeprefix(public_ids.PREFIX) for each in self.public_ids[:MAX_DISPLAYED]]
        listed = {"ids": ".".join(dict.fromkeys(ids))} if ids else {}
        return urlencode({"page": self.page} | dict(self.query) | listed)

    @property
    def address(self) -> str:
        """The address of the page with the list."""
        return f"/{self.page}?{urlencode(dict(self.query))}".rstrip("?")


class Others(NamedTuple):
    """The names of others who work on a list, and whether the actor's own visit is due."""

    names: Sequence[str]
    is_due: bool


def read(query: str, at: str) -> tuple[Filters, Position] | None:
    """Return the list and the position that an address names, or None if it names none."""
    if not query or not at:
        return None
    try:
        filters = Filters.from_query(query)
        return filters, Position.from_text(at, filters.order)
    except ValueError:
        return None


def neighbors(
    session: Session, actor: Actor, filters: Filters, position: Position, org_id: int
) -> Neighbors:
    """Return what is before and after a position, which an organization was opened at."""
    queries.authorize(session, actor, filters)
    after = find_beyond(session, filters, position, 1)
    limit = MAX_COUNTED if after.total <= MAX_COUNTED else MAX_NUMBER
    before = find_beyond(session, filters, position, limit, is_forward=False, total=after.total)
    ids = (*before.ids[:1], *after.ids)
    found = _find_neighbors(session, ids, replace(filters, sort=after.sort).order)
    return Neighbors(
        previous=found.get(before.ids[0]) if before.ids else None,
        next=found.get(after.ids[0]) if after.ids else None,
        number=len(before.ids) + 1 if _is_listed(session, filters, org_id) else None,
        total=after.total,
        sort=after.sort,
    )


def displayed_neighbors(
    session: Session, actor: Actor, displayed: Displayed, public_id: str
) -> Neighbors:
    """Return what is before and after an organization in a list as it was displayed.

    Organizations that were deleted since are passed over, and all that the actor may not see.
    """
    own = displayed.page == OWN
    order, found = (_own if own else _still_there)(session, actor, displayed)
    at = order.index(public_id) if public_id in order else len(order)
    before = [found[each] for each in order[:at] if each in found]
    after = [found[each] for each in order[at + 1 :] if each in found]
    is_listed = public_id in found
    return Neighbors(
        previous=before[-1] if before and at < len(order) else None,
        next=after[0] if after else None,
        number=len(before) + 1 if is_listed else None,
        total=len(found),
        sort=Sort.NAME if own else Sort.NEWEST,
    )


def _own(
    session: Session, actor: Actor, displayed: Displayed
) -> tuple[Sequence[str], Mapping[str, Neighbor]]:
    """Return the actor's organizations, in their order, and those that the words find."""
    mine = organizations.list_mine(session, actor)
    found = organizations.search_mine(mine, displayed.query.get("q", ""))
    pairs = zip(found["public_id"].tolist(), found["name"].tolist(), strict=True)
    return mine["public_id"].tolist(), {each: Neighbor(each, name, "") for each, name in pairs}


def _still_there(
    session: Session, actor: Actor, displayed: Displayed
) -> tuple[Sequence[str], Mapping[str, Neighbor]]:
    queries.authorize(session, actor, Filters())
    rows = session.execute(
        select(Organization.public_id, Organization.name).where(
            Organization.public_id.in_(displayed.public_ids), Organization.deleted_at.is_(None)
        )
    )
    return displayed.public_ids, {each: Neighbor(each, name, "") for each, name in rows}


def list_others(session: Session, actor: Actor, filters: Filters) -> Others:
    """Return who else has worked on a list within `VISIT_TTL`, latest first."""
    queries.authorize(session, actor, filters)
    visits = session.execute(
        select(User.id, User.name, ListVisit.at)
        .join(User, User.id == ListVisit.user_id)
        .where(ListVisit.list == _digest(filters), ListVisit.at > clock.now() - VISIT_TTL)
        .order_by(ListVisit.at.desc(), User.id)
    ).all()
    since = clock.now() - VISIT_EVERY
    is_due = not any(user_id == actor.user_id and at > since for user_id, _, at in visits)
    return Others([name for user_id, name, _ in visits if user_id != actor.user_id], is_due)


def visit(session: Session, actor: Actor, filters: Filters) -> ListVisit:
    """Record that the actor works on a list now."""
    queries.authorize(session, actor, filters)
    row = ListVisit(list=_digest(filters), user_id=actor.user_id, at=clock.now())
    return session.merge(row)


def _find_neighbors(session: Session, ids: Sequence[int], order: Order) -> Mapping[int, Neighbor]:
    rows = session.execute(
        select(
            Organization.id, Organization.public_id, Organization.name, order.column.label("key")
        ).where(Organization.id.in_(ids))
    )
    return {
        row_id: Neighbor(public_id, name, Position(key, row_id).to_text())
        for row_id, public_id, name, key in rows
    }


def _is_listed(session: Session, filters: Filters, org_id: int) -> bool:
    """Return whether an organization matches filters; all are checked on its row."""
    matches = queries.matches(session, filters, scanned=ORDERS[Sort.NEWEST])
    its_row = select(literal(1)).select_from(matches.source).where(matches.id == org_id)
    return session.scalar(its_row.where(*matches.where)) is not None


def _digest(filters: Filters) -> str:
    """Return what identifies a list, in whichever order it is read."""
    return sha256(replace(filters, sort=Sort.NEWEST).to_query().encode()).hexdigest()


def _bounded(number: str) -> int:
    value = int(number)
    if not 0 <= value < _MAX_MICROSECONDS:
        raise ValueError("not a moment")
    return value
