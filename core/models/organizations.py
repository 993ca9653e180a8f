"""Organizations and their logos, and how complete a profile is, for one row and in SQL."""

from datetime import date, datetime
from enum import Enum
from typing import Final

from sqlalchemy import ColumnElement, ForeignKey, Index, String, Text, and_, case, or_, text
from sqlalchemy.orm import Mapped, mapped_column

from core.base import clock
from core.models.enums import Stage
from core.models.orm import (
    NEVER_REUSE_IDS,
    UNRECORDED,
    Audited,
    Base,
    partial_index,
    sorted_by_bytes,
)

PROFILE_COLUMNS: Final = ("logo", "alert_email", "overview", "sales_email", "phone", "website")
"""What counts towards a complete profile; X is left out, as not every company is there."""
IS_LARGE: Final = "member_count > 10"
"""Condition of an index: large organizations are few, and are filtered and sorted on their own."""
IS_READY: Final = (
    "(stage = 'onboarding' AND alert_email IS NOT NULL AND overview IS NOT NULL"
    " AND sales_email IS NOT NULL AND phone IS NOT NULL AND website IS NOT NULL"
    " OR stage = 'preproduction' AND owner_count >= 2 AND unprotected_owner_count = 0"
    " AND logo IS NOT NULL)"
)
"""Condition of two indexes: every check of the next stage is met, as `core.onboarding.stages` says.

Queries repeat it word for word, which is how SQLite recognizes a partial index.
"""
_SORTED_BY = "stage rep_id created_at last_active_at stage_entered_at name_key deleted_at".split()
_COUNTED_BY = ("stage", "member_count", "created_at", "owner_count", "admin_count")
_REP_STAGE = ("rep_id", "stage")
_NARROWED_BY = ("member_count", "created_at")
_LIVE_ENTERED = ("deleted_at", "stage_entered_at", "id")
_HAS_STEP = "next_step_on IS NOT NULL"
_IS_COMPLETE = " AND ".join(f"{column} IS NOT NULL" for column in PROFILE_COLUMNS)
_IS_INCOMPLETE = " OR ".join(f"{column} IS NULL" for column in PROFILE_COLUMNS)


def _now() -> datetime:
    return clock.now()


class Organization(Audited, Base):
    """A customer's organization."""

    __tablename__ = "organizations"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(16), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    name_key: Mapped[str] = mapped_column(sorted_by_bytes(400), info=UNRECORDED)
    search_text: Mapped[str] = mapped_column(Text, info=UNRECORDED)

    logo: Mapped[str | None] = mapped_column(ForeignKey("logos.digest"), index=True)
    alert_email: Mapped[str | None] = mapped_column(String(254))
    alert_email_new: Mapped[str | None] = mapped_column(String(254))
    alerts_off: Mapped[str | None] = mapped_column(String(100))
    """Alerts that are switched off: values of `Alert`, joined by `, `."""
    overview: Mapped[str | None] = mapped_column(Text)
    sales_email: Mapped[str | None] = mapped_column(String(254))
    phone: Mapped[str | None] = mapped_column(String(20))
    website: Mapped[str | None] = mapped_column(String(500))
    twitter: Mapped[str | None] = mapped_column(String(15))
    is_listed: Mapped[bool] = mapped_column(default=False)
    confirmed_at: Mapped[datetime | None]

    stage: Mapped[Stage] = mapped_column(default=Stage.FREE)
    stage_entered_at: Mapped[datetime]
    flagged_at: Mapped[datetime | None] = mapped_column(info=UNRECORDED)
    """When it was last flagged for onboarding; withdrawing or undoing that does not clear it.

    It only changes together with the stage: the triggers that count cohorts rely on this.
    """
    rep_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    target_on: Mapped[date | None]
    next_step: Mapped[str | None] = mapped_column(String(200))
    next_step_on: Mapped[date | None]
    """The last date on which the next step is on time."""
    snoozed_until: Mapped[date | None]
    """The first date on which it can count as stuck again."""
    requested_at: Mapped[datetime | None]
    request_note: Mapped[str | None] = mapped_column(Text)

    created_at: Mapped[datetime]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    deleted_at: Mapped[datetime | None]
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("organizations.id"))
    """The organization that this duplicate was merged into; until that is undone it is deleted."""
    unclaimed_since: Mapped[datetime | None]
    """When it was imported, until its first owner joins; None for all others, which have owners."""
    last_active_at: Mapped[datetime] = mapped_column(
        default=_now, server_default=text("'2000-01-01 00:00:00'"), info=UNRECORDED
    )
    """When a member was last active; at the earliest when it was created."""
    member_count: Mapped[int] = mapped_column(default=0, info=UNRECORDED)
    owner_count: Mapped[int] = mapped_column(default=0, server_default="0", info=UNRECORDED)
    admin_count: Mapped[int] = mapped_column(default=0, server_default="0", info=UNRECORDED)
    """How many members are owners, and how many admins; maintained by triggers."""
    unprotected_owner_count: Mapped[int] = mapped_column(
        default=0, server_default="0", info=UNRECORDED
    )
    """How many owners have not turned on two-factor; maintained by triggers."""
    member_limit: Mapped[int | None]
    """The maximum number of members, if an administrator set one."""
    version: Mapped[int] = mapped_column(default=0, info=UNRECORDED)

    __table_args__ = (
        Index("ix_organizations_stage_id", "stage", "id", "deleted_at"),
        Index("ix_organizations_name_key_id", "name_key", "id"),
        Index("ix_organizations_member_count_id", "member_count", "id", "deleted_at"),
        Index("ix_organizations_stage_entered_at_id", "stage_entered_at", "id"),
        Index("ix_organizations_created_at_id", "created_at", "id", "deleted_at"),
        Index("ix_organizations_last_active_at_id", "last_active_at", "id", "deleted_at"),
        Index("ix_organizations_memberships", *_COUNTED_BY, "deleted_at"),
        partial_index(IS_LARGE, "ix_organizations_large", "member_count", "id", *_SORTED_BY),
        partial_index(_IS_COMPLETE, "ix_organizations_is_complete", "id"),
        partial_index(_IS_INCOMPLETE, "ix_organizations_is_incomplete", "id"),
        Index("ix_organizations_rep_id_stage_id", *_REP_STAGE, "id", "deleted_at", *_NARROWED_BY),
        Index("ix_organizations_stage_entered", "stage", "stage_entered_at", "id"),
        Index("ix_organizations_rep_entered", "rep_id", "stage", "stage_entered_at", "id"),
        partial_index(_HAS_STEP, "ix_organizations_next_step_on", "next_step_on", "id"),
        partial_index(_HAS_STEP, "ix_organizations_stage_next", "stage", "next_step_on", "id"),
        partial_index(_HAS_STEP, "ix_organizations_rep_next", *_REP_STAGE, "next_step_on", "id"),
        partial_index(IS_READY, "ix_organizations_ready", "stage", *_LIVE_ENTERED),
        partial_index(IS_READY, "ix_organizations_rep_ready", *_REP_STAGE, *_LIVE_ENTERED),
        partial_index(
            "requested_at IS NOT NULL", "ix_organizations_requested_at_id", "requested_at", "id"
        ),
        partial_index("deleted_at IS NOT NULL", "ix_organizations_deleted_at", "deleted_at"),
        partial_index("merged_into IS NOT NULL", "ix_organizations_merged_into", "merged_into"),
        partial_index("unclaimed_since IS NOT NULL", "ix_organizations_unclaimed", "id"),
        partial_index("is_listed", "ix_organizations_is_listed", "id"),
        NEVER_REUSE_IDS,
    )


class State(Enum):
    """Whether an organization is in use, deleted, or merged; each with its conditions in SQL."""

    LIVE = (Organization.deleted_at.is_(None),)
    DELETED = (Organization.deleted_at.is_not(None), Organization.merged_into.is_(None))
    MERGED = (Organization.merged_into.is_not(None),)


def state_of(org: Organization) -> State:
    """Return the state of an organization."""
    if org.merged_into is not None:
        return State.MERGED
    return State.LIVE if org.deleted_at is None else State.DELETED


class Logo(Base):
    """A logo by the SHA-256 of its PNG; organizations can share one."""

    __tablename__ = "logos"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    png: Mapped[bytes]
    thumbnail: Mapped[bytes]
    created_at: Mapped[datetime]


def completeness(org: Organization) -> int:
    """Return how much of the profile is filled in, in percent."""
    filled = sum(getattr(org, column) is not None for column in PROFILE_COLUMNS)
    return 100 * filled // len(PROFILE_COLUMNS)


def completeness_column() -> ColumnElement[int]:
    """Return the expression of `completeness` for a query over organizations."""
    first, *others = (case((_column(name).is_not(None), 1), else_=0) for name in PROFILE_COLUMNS)
    return 100 * sum(others, start=first) // len(PROFILE_COLUMNS)


def is_complete(first: ColumnElement[str | None]) -> ColumnElement[bool]:
    """Return the condition that every profile column is filled in.

    `first` is the column of `PROFILE_COLUMNS[0]`, or an expression of it that keeps SQLite from
    using the index of complete profiles.
    """
    return and_(first.is_not(None), *(_column(name).is_not(None) for name in PROFILE_COLUMNS[1:]))


def is_incomplete(first: ColumnElement[str | None]) -> ColumnElement[bool]:
    """Return the condition that a profile column is empty, the opposite of `is_complete`."""
    return or_(first.is_(None), *(_column(name).is_(None) for name in PROFILE_COLUMNS[1:]))


def _column(name: str) -> ColumnElement[str | None]:
    column: ColumnElement[str | None] = getattr(Organization, name)
    return column
