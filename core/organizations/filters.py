"""The filters and the order of the organizations table, and their form in a web address."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import parse_qs, urlencode

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from core.base import parameters
from core.models import Organization, Stage

T = TypeVar("T")

PAGE_SIZES: Final = (25, 50, 100)
DEFAULT_SIZE: Final = 50
UNASSIGNED: Final = 0
"""The `rep_id` of a filter for organizations without a sales rep."""
_MAX_QUERY_FIELDS: Final = 50


class Sort(StrEnum):
    """The orders of the table; an index serves each of them."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"
    MEMBERS = "members"
    STAGE_TIME = "time in stage"
    ACTIVE = "last active"


class Order(NamedTuple):
    """The column to sort by; rows with equal values are sorted by id in the same direction."""

    column: InstrumentedAttribute[Any]
    descending: bool


ORDERS: Final = {
    Sort.NEWEST: Order(Organization.id, True),
    Sort.OLDEST: Order(Organization.id, False),
    Sort.NAME: Order(Organization.name_key, False),
    Sort.MEMBERS: Order(Organization.member_count, True),
    Sort.STAGE_TIME: Order(Organization.stage_entered_at, False),
    Sort.ACTIVE: Order(Organization.last_active_at, True),
}


class Members(StrEnum):
    """Ranges of the number of members."""

    ONE = "1"
    HANDFUL = "2-10"
    DOZENS = "11-50"
    MANY = "51-200"
    MOST = "201+"


MEMBER_RANGES: Final = {
    Members.ONE: (0, 1),
    Members.HANDFUL: (2, 10),
    Members.DOZENS: (11, 50),
    Members.MANY: (51, 200),
    Members.MOST: (201, 2**31 - 1),
}
"""The smallest and the largest number of members; organizations without any are in the first."""

LARGE_RANGES: Final = (Members.DOZENS, Members.MANY, Members.MOST)
"""The ranges covered by the partial index `core.models.organizations.IS_LARGE`."""


class Activity(StrEnum):
    """How long ago a member of the organization last used Orgdesk."""

    ACTIVE = "active"
    RECENT = "recent"
    FADING = "fading"
    QUIET = "quiet"


ACTIVITY_DAYS: Final = {
    Activity.ACTIVE: (0, 7),
    Activity.RECENT: (7, 30),
    Activity.FADING: (30, 90),
    Activity.QUIET: (90, None),
}
"""Days ago: at least the first number, and fewer than the second if there is one."""


class Profile(StrEnum):
    """Whether every field of the profile that counts is filled in."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"


def _page_size(rows: str) -> int:
    return next((size for size in PAGE_SIZES if str(size) == rows), DEFAULT_SIZE)


@dataclass(frozen=True)
class Filters:
    """What the table searches for, in which order, and how many rows a page has.

    `created_from` and `created_to` are dates in UTC, both inclusive. `rep_id` can be `UNASSIGNED`.
    """

    words: str = ""
    stages: tuple[Stage, ...] = ()
    rep_id: int | None = None
    sort: Sort = Sort.NEWEST
    size: int = DEFAULT_SIZE
    created_from: date | None = None
    created_to: date | None = None
    members: Members | None = None
    profile: Profile | None = None
    activity: Activity | None = None
    is_deleted: bool = False

    @classmethod
    def from_query(cls, query: str) -> "Filters":
        """Return the filters in the query of a web address.

        Raises `ValueError` if a value is not valid: a wrong filter must never select everything.
        """
        fields = parse_qs(query, max_num_fields=_MAX_QUERY_FIELDS)

        def one(name: str, parse: Callable[[str], T]) -> T | None:
            return parse(fields[name][-1]) if name in fields else None

        return cls(
            words=one("q", str) or "",
            stages=tuple(Stage(stage) for stage in fields.get("stage", ())),
            rep_id=one("rep", parse_rep_id),
            sort=one("sort", Sort) or cls.sort,
            created_from=one("from", parameters.day),
            created_to=one("to", parameters.day),
            members=one("members", Members),
            profile=one("profile", Profile),
            activity=one("activity", Activity),
            is_deleted=one("deleted", str) == "true",
            size=one("rows", _page_size) or cls.size,
        )

    def to_query(self) -> str:
        """Return the query of a web address for these filters; empty if there are none."""
        fields = {
            "q": self.words,
            "stage": [str(stage) for stage in self.stages],
            "rep": None if self.rep_id is None else str(self.rep_id),
            "from": self.created_from,
            "to": self.created_to,
            "members": self.members,
            "profile": self.profile,
            "activity": self.activity,
            "deleted": "true" if self.is_deleted else None,
            "sort": self.sort if self.sort is not Filters.sort else None,
        }
        return urlencode({name: value for name, value in fields.items() if value}, doseq=True)

    @property
    def is_empty(self) -> bool:
        """Return whether everything matches that is not deleted."""
        return not (self.is_narrowed or self.has_words)

    @property
    def has_words(self) -> bool:
        """Return whether there is a full-text search."""
        return bool(self.words.strip())

    @property
    def is_dated(self) -> bool:
        """Return whether a filter limits the date of creation.

        One by activity does, too, unless it is `ACTIVE`: an organization that has not been used
        for a week is older than that.
        """
        return (
            self.created_from is not None
            or self.created_to is not None
            or self.activity not in {None, Activity.ACTIVE}
        )

    @property
    def is_large(self) -> bool:
        """Return whether only large organizations match, which have a covering index."""
        return self.members in LARGE_RANGES

    @property
    def is_staged(self) -> bool:
        """Return whether an index that starts with the stage or the sales rep can be used."""
        return (bool(self.stages) or self.rep_id is not None) and not self.is_deleted

    @property
    def is_narrowed(self) -> bool:
        """Return whether any filter is set."""
        return bool(self.stages) or self.rep_id is not None or not self.is_narrowed_by_stage_only

    @property
    def is_narrowed_by_stage_only(self) -> bool:
        """Return whether no filter other than stage and sales rep is set."""
        return not (
            self.is_dated or self.members or self.profile or self.activity or self.is_deleted
        )

    @property
    def order(self) -> Order:
        """Return the column to sort by.

        With a filter by date the newest and the oldest are sorted by `created_at` instead of id,
        since the scan of that index can start and end at the dates.
        """
        order = ORDERS[self.sort]
        if self.is_dated and not self.has_words and order.column is Organization.id:
            return Order(Organization.created_at, order.descending)
        return order


def has_rep(column: ColumnElement[int | None], rep_id: int) -> ColumnElement[bool]:
    """Return the condition that a column has this sales rep, or none if it is `UNASSIGNED`."""
    return column.is_(None) if rep_id == UNASSIGNED else column == rep_id


def parse_rep_id(text: str) -> int:
    """Return the sales rep of a web address, or `UNASSIGNED`; raises `ValueError`."""
    return UNASSIGNED if text == str(UNASSIGNED) else parameters.row_id(text)
