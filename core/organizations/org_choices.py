"""What there is to choose in the table of all organizations: filters, orders, sizes of a page."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy.orm import InstrumentedAttribute

from core.models import Organization, Stage

SIZES: Final = (25, 50, 100)
"""Rows of a page that are offered."""


class Sort(StrEnum):
    """The orders that are offered; each has an index to walk along."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"
    MEMBERS = "members"
    STAGE_TIME = "time in stage"
    ACTIVE = "last active"


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
    Sort.ACTIVE: Order(Organization.last_active_at, True),
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


LARGE: Final = (Members.DOZENS, Members.MANY, Members.MOST)
"""Steps of `core.models.organizations.IS_LARGE`."""


class Activity(StrEnum):
    """How long ago one of an organization's members last used Orgdesk."""

    ACTIVE = "active"
    RECENT = "recent"
    FADING = "fading"
    QUIET = "quiet"


TIERS: Final = {
    Activity.ACTIVE: (0, 7),
    Activity.RECENT: (7, 30),
    Activity.FADING: (30, 90),
    Activity.QUIET: (90, None),
}
"""Days ago: at least the first number, and fewer than the second where there is one."""


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
    activity: Activity | None = None
    is_deleted: bool = False

    @property
    def has_words(self) -> bool:
        """Return whether anything is searched for."""
        return bool(self.words.strip())

    @property
    def is_dated(self) -> bool:
        """Return whether only some days of creation are looked at; what fades is not new."""
        return (
            self.created_from is not None
            or self.created_to is not None
            or self.activity not in {None, Activity.ACTIVE}
        )

    @property
    def is_large(self) -> bool:
        """Return whether only large organizations are looked at, which have an index for all."""
        return self.members in LARGE

    @property
    def is_staged(self) -> bool:
        """Return whether it goes by stage or by sales rep, among what is not deleted."""
        return (bool(self.stages) or self.rep_id is not None) and not self.is_deleted

    @property
    def is_narrowed(self) -> bool:
        """Return whether a filter is set."""
        return bool(self.stages) or self.rep_id is not None or not self.is_narrowed_by_stage_only

    @property
    def is_narrowed_by_stage_only(self) -> bool:
        """Return whether no filter is set beside stage and sales rep, which have an index by id."""
        return not (
            self.is_dated or self.members or self.profile or self.activity or self.is_deleted
        )

    @property
    def order(self) -> Order:
        """Return what the rows go by; those of some days go by day, since that index has ends."""
        order = ORDERS[self.sort]
        if self.is_dated and not self.has_words and order.column is Organization.id:
            return Order(Organization.created_at, order.descending)
        return order
