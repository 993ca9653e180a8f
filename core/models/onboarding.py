"""Moves between stages, and their counts."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.enums import Stage
from core.models.orm import NEVER_REUSE_IDS, Base, enum_type


class Move(Base):
    """A move of an organization from one stage to another; it is never altered."""

    __tablename__ = "moves"

    id: Mapped[int] = mapped_column(primary_key=True)
    org_id: Mapped[int] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    from_stage: Mapped[Stage] = mapped_column(enum_type(Stage, "from_stage"))
    to_stage: Mapped[Stage] = mapped_column(enum_type(Stage, "to_stage"))
    actor_id: Mapped[int | None]
    """Who made the move; no foreign key, as it outlives the account."""
    rep_id: Mapped[int | None]
    """The sales rep at that time."""
    days: Mapped[int]
    """Working days in the stage that was left."""
    is_override: Mapped[bool] = mapped_column(default=False)
    """Whether an administrator overrode failed checks."""
    missing: Mapped[str] = mapped_column(Text, default="")
    """The failed checks that were overridden, one per line."""
    reason: Mapped[str] = mapped_column(String(500), default="")

    __table_args__ = (
        Index("ix_moves_org_id_id", "org_id", "id"),
        Index("ix_moves_at", "at", "from_stage", "to_stage", "days", "rep_id"),
        Index("ix_moves_rep_id_at", "rep_id", "at", "from_stage", "to_stage", "days"),
        NEVER_REUSE_IDS,
    )


class MoveCount(Base):
    """The number of moves between two stages in a week, by sales rep.

    Sum up the rows: triggers insert one per move, and cleanup merges those with the same key.
    """

    __tablename__ = "move_counts"

    id: Mapped[int] = mapped_column(primary_key=True)
    week: Mapped[date]
    """Its Monday, in UTC."""
    from_stage: Mapped[Stage] = mapped_column(enum_type(Stage, "from_stage"))
    to_stage: Mapped[Stage] = mapped_column(enum_type(Stage, "to_stage"))
    rep_id: Mapped[int]
    """0 for moves without a sales rep."""
    number: Mapped[int]

    __table_args__ = (
        Index("ix_move_counts_week", "week", "rep_id", "from_stage", "to_stage", "number"),
    )


class StayCount(Base):
    """The number of organizations that left a stage in a week after a number of working days."""

    __tablename__ = "stay_counts"

    id: Mapped[int] = mapped_column(primary_key=True)
    rep_id: Mapped[int]
    """0 for stays without a sales rep, -1 for all stays together."""
    week: Mapped[date]
    """The Monday of the week in which the stage was left, in UTC."""
    stage: Mapped[Stage]
    days: Mapped[int]
    number: Mapped[int]

    __table_args__ = (Index("ix_stay_counts_rep_id", "rep_id", "week", "stage", "days", "number"),)


class StageCount(Base):
    """The number of organizations in a stage, by sales rep, without deleted ones.

    Sum up the rows, as those of `MoveCount`.
    """

    __tablename__ = "stage_counts"

    id: Mapped[int] = mapped_column(primary_key=True)
    stage: Mapped[Stage]
    rep_id: Mapped[int]
    """0 for organizations without a sales rep."""
    number: Mapped[int]

    __table_args__ = (Index("ix_stage_counts_stage", "stage", "rep_id", "number"),)


class CohortCount(Base):
    """The number of organizations that were last flagged in a week, by sales rep and present stage.

    Those whose flag was withdrawn or undone are counted as free; deleted ones are left out. Sum up
    the rows, as those of `MoveCount`.
    """

    __tablename__ = "cohort_counts"

    id: Mapped[int] = mapped_column(primary_key=True)
    week: Mapped[date]
    """The Monday of the week in which they were flagged, in UTC."""
    rep_id: Mapped[int]
    """0 for organizations without a sales rep."""
    stage: Mapped[Stage]
    number: Mapped[int]

    __table_args__ = (Index("ix_cohort_counts_week", "week", "rep_id", "stage", "number"),)
