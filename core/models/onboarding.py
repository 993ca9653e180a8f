"""Moves between stages, their counts, and bulk jobs."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.enums import Stage
from core.models.orm import UNIQUE_FOREVER, Base, index_where, one_of


class Move(Base):
    """One move of an organization from a stage to another, as it was made; it is never altered."""

    __tablename__ = "moves"

    id: Mapped[int] = mapped_column(primary_key=True)
    org_id: Mapped[int] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    from_stage: Mapped[Stage] = mapped_column(one_of(Stage, "from_stage"))
    to_stage: Mapped[Stage] = mapped_column(one_of(Stage, "to_stage"))
    actor_id: Mapped[int | None]
    """Who moved it; like in history it outlives the account."""
    rep_id: Mapped[int | None]
    """The sales rep who carried it at that moment."""
    days: Mapped[int]
    """Working days spent in the stage that was left."""
    is_override: Mapped[bool] = mapped_column(default=False)
    """Whether an administrator let it through a gate whose checks had failed."""
    missing: Mapped[str] = mapped_column(Text, default="")
    """The checks that had failed when it was let through, a line for each."""
    reason: Mapped[str] = mapped_column(String(500), default="")

    __table_args__ = (
        Index("ix_moves_org_id_id", "org_id", "id"),
        Index("ix_moves_at", "at", "from_stage", "to_stage", "days", "rep_id"),
        Index("ix_moves_rep_id_at", "rep_id", "at", "from_stage", "to_stage", "days"),
        UNIQUE_FOREVER,
    )


class Run(Base):
    """What is done to all organizations of a view in the background, and how far it has come."""

    __tablename__ = "runs"

    id: Mapped[int] = mapped_column(primary_key=True)
    actor_id: Mapped[int]
    view: Mapped[str] = mapped_column(Text)
    """The view as the query of an address."""
    options: Mapped[dict[str, Any]]
    """What the form said: rep, days, next step, note."""
    total: Mapped[int]
    """How many matched when it began."""
    last_id: Mapped[int]
    """The newest organization when it began; later ones are left alone."""
    cursor: Mapped[int] = mapped_column(default=0)
    """The organization that it has come to; it goes by id."""
    done: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str] = mapped_column(String(500), default="")
    """Why it ended before its end, in a sentence."""
    dismissed_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_runs_actor_id_id", "actor_id", "id"),
        index_where("ended_at IS NULL", "ix_runs_open", "id"),
    )


class RunRefusal(Base):
    """An organization that a run could not do, and why."""

    __tablename__ = "run_refusals"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    org_id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    why: Mapped[str] = mapped_column(Text)


class MoveCount(Base):
    """How many moves were made in a week between two stages, by the rep who carried them.

    Rows add up: triggers add one for each move, cleanup merges equal ones.
    """

    __tablename__ = "move_counts"

    id: Mapped[int] = mapped_column(primary_key=True)
    week: Mapped[date]
    """Its Monday, in UTC."""
    from_stage: Mapped[Stage] = mapped_column(one_of(Stage, "from_stage"))
    to_stage: Mapped[Stage] = mapped_column(one_of(Stage, "to_stage"))
    rep_id: Mapped[int]
    """0 where nobody carried them."""
    number: Mapped[int]

    __table_args__ = (
        Index("ix_move_counts_week", "week", "rep_id", "from_stage", "to_stage", "number"),
    )


class StayCount(Base):
    """How many organizations left a stage in a week after so many working days in it."""

    __tablename__ = "stay_counts"

    id: Mapped[int] = mapped_column(primary_key=True)
    rep_id: Mapped[int]
    """0 where nobody carried them, -1 for those of everybody together."""
    week: Mapped[date]
    """The Monday of that in which the stage was left, in UTC."""
    stage: Mapped[Stage]
    days: Mapped[int]
    number: Mapped[int]

    __table_args__ = (Index("ix_stay_counts_rep_id", "rep_id", "week", "stage", "days", "number"),)


class StageCount(Base):
    """How many organizations stand in a stage, by the rep who carries them; not deleted ones.

    Rows add up, as those of `MoveCount` do.
    """

    __tablename__ = "stage_counts"

    id: Mapped[int] = mapped_column(primary_key=True)
    stage: Mapped[Stage]
    rep_id: Mapped[int]
    """0 where nobody carries them."""
    number: Mapped[int]

    __table_args__ = (Index("ix_stage_counts_stage", "stage", "rep_id", "number"),)
